//! `train systems`: the systems with their presets.

use runs::console::print;
use runs::failure::Failure;
use runs::systems::SYSTEMS;
use serde_json::{Value, json};

use crate::cli::files::SystemsArgs;

/// Prints the list.
///
/// # Errors
/// When standard output cannot be written.
pub(crate) fn run(args: &SystemsArgs) -> Result<(), Failure> {
    if args.json {
        return print(&format!("{:#}\n", as_json()));
    }
    let mut text = String::new();
    let names = SYSTEMS.iter().flat_map(|entry| entry.presets).map(|preset| preset.name.len());
    let width = names.max().unwrap_or(0);
    for entry in SYSTEMS.iter() {
        text += &format!("{:<12} {}\n", entry.name, entry.about);
        for (number, preset) in entry.presets.iter().enumerate() {
            let default = if number == 0 { " (default)" } else { "" };
            text += &format!("  --preset {:<width$} {}{default}\n", preset.name, preset.about);
        }
    }
    print(&text)
}

/// Every system with its presets, the default first.
fn as_json() -> Value {
    let preset =
        |preset: &runs::systems::Preset| json!({ "name": preset.name, "about": preset.about, "steps": preset.steps });
    Value::from_iter(SYSTEMS.iter().map(|entry| {
        let presets: Vec<Value> = entry.presets.iter().map(preset).collect();
        json!({ "name": entry.name, "about": entry.about, "presets": presets })
    }))
}

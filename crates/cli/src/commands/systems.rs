//! `train systems`: the systems with their presets.

use runs::console::print;
use runs::failure::Failure;
use runs::systems::SYSTEMS;

/// Prints the list.
///
/// # Errors
/// When standard output cannot be written.
pub(crate) fn run() -> Result<(), Failure> {
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

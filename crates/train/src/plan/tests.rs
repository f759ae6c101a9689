//! Forecasts of all presets, and what is refused.

use super::*;
use crate::config::Entry;
use crate::systems::SYSTEMS;

fn config(system: &str, settings: &[&str]) -> Config {
    let row = crate::systems::find(system).unwrap();
    let settings: Vec<String> = settings.iter().map(|text| (*text).to_owned()).collect();
    Config::resolve(row, &crate::config::read_settings(&settings).unwrap()).unwrap()
}

#[test]
#[ignore = "prints the forecasts of all presets"]
fn print_all() {
    for row in SYSTEMS {
        for preset in row.presets {
            let config = Config::resolve(row, &[Entry::option("--preset", "preset", preset.name)]).unwrap();
            let began = std::time::Instant::now();
            let needs = Needs::of(&config, 0).unwrap();
            println!("== {} {} in {:?}", row.name, preset.name, began.elapsed());
            println!("{}\n{}", needs.line(), needs.table());
        }
    }
}

#[test]
fn every_preset_has_a_forecast() {
    for row in SYSTEMS {
        for preset in row.presets {
            let config = Config::resolve(row, &[Entry::option("--preset", "preset", preset.name)]).unwrap();
            let needs = Needs::of(&config, 0).unwrap();
            assert!(needs.memory() > PROGRAM, "{} {}", row.name, preset.name);
        }
    }
}

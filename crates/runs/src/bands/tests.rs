use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use toml::Value;

use super::*;
use crate::config::{self, Assignment};
use crate::report::gathered::OF_FAKES;
use crate::systems;

fn config(system: &str, settings: &[&str]) -> Config {
    let settings: Vec<String> = settings.iter().map(|setting| (*setting).to_owned()).collect();
    let mut given = config::read_settings(&settings).unwrap();
    given.push(Assignment::option("--preset", "preset", PRESET));
    Config::resolve(&systems::find(system).unwrap(), &given).unwrap()
}

/// The value of a metric of the synthetic runs.
fn value(seed: u64, step: u64) -> f64 {
    let noise = ((seed * 1_000_003 + step).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64 / f64::from(1 << 24);
    1.0 / step as f64 + 0.1 * seed as f64 + noise
}

/// A run folder of quickdraw's preset with these settings and as many steps.
fn run(folder: &Path, settings: &[&str], steps: u64) -> PathBuf {
    let config = config("quickdraw", &[&["data='built-in'"], settings].concat());
    let run = folder.join(format!("run-{}", fs::read_dir(folder).unwrap().count()));
    fs::create_dir(&run).unwrap();
    fs::write(run.join("config.toml"), config.to_toml()).unwrap();
    let mut rows = String::from("step,d_loss,d_acc,g_loss,g_acc,d_real,d_fake,seconds\n");
    for step in 1..=steps {
        let loss = if step == 700 { 1e9 } else { value(config.seed(), step) };
        writeln!(rows, "{step},{loss},0.5,{step},NaN,1,1,0.01").unwrap();
    }
    fs::write(run.join("metrics.csv"), rows).unwrap();
    run
}

#[test]
fn at_least_nine_tenths_of_each_run_lie_in_its_band() {
    let folder = tempfile::tempdir().unwrap();
    let runs =
        [("seed=1", 1200), ("seed=2", 1500), ("seed=3", 1300)].map(|(seed, steps)| run(folder.path(), &[seed], steps));
    let written = make(&runs, folder.path()).unwrap();
    let bands: Bands = toml::from_str(&fs::read_to_string(written.path).unwrap()).unwrap();
    assert_eq!((bands.steps, &bands.seeds), (1200, &vec![1, 2, 3]));
    assert_eq!(bands.low.keys().collect::<Vec<_>>(), ["d_loss"], "the others are the same for all seeds");
    let Band { steps, low, high } = bands.band("d_loss").unwrap();
    assert_eq!((steps[0], steps[59], steps.len()), (1.0, 1200.0, 60));
    for seed in 1..=3 {
        for (interval, (low, high)) in low.iter().zip(&high).enumerate() {
            let (low, high) = (low.unwrap(), high.unwrap());
            let inside = (20 * interval as u64 + 1..=20 * (interval as u64 + 1))
                .filter(|step| (low * 0.99..=high * 1.01).contains(&value(seed, *step)))
                .count();
            assert!(inside >= 16, "seed {seed}, interval {interval}: {inside} of 20 in [{low}, {high}]");
            assert!(high < 2.0, "one peak is not the range: {high}");
        }
    }
    let sentence = Fitting { bands, has_other_data: false }.sentence();
    assert!(sentence.contains("of 3 runs") && sentence.ends_with("up to step 1,200."), "{sentence}");
}

#[test]
fn bands_are_made_of_equal_runs_only() {
    let folder = tempfile::tempdir().unwrap();
    let first = run(folder.path(), &["seed=1"], 100);
    let cases: [(&[&str], &str); 4] = [
        (&["seed=1"], "another of the runs has the seed 1"),
        (&["seed=2", "batch=7"], "`batch`"),
        (&["seed=2", "class='apple'"], "all built-in images"),
        (&["seed=2", "data='pictures'"], "all built-in images"),
    ];
    for (settings, words) in cases {
        let runs = [first.clone(), run(folder.path(), settings, 100)];
        let failure = make(&runs, folder.path()).unwrap_err().to_string();
        assert!(failure.contains(words), "{words}: {failure}");
    }
    assert!(make(&[], folder.path()).is_err());
}

#[test]
fn bands_apply_to_the_preset_and_say_why_not_to_others() {
    assert_eq!(misfit(&config("quickdraw", &["seed=7", "steps=9", "probe_every=0", "precision='bf16'"])), None);
    let other = misfit(&config("quickdraw", &["batch=7", "augment.flip=true"])).unwrap();
    assert!(other.contains("`batch`, `augment.flip`"), "{other}");
    let original = config("quickdraw", &[]).with_preset("original").unwrap();
    assert!(misfit(&original).is_some());
}

/// A preset may change. Then its runs have to be repeated.
#[test]
fn the_shipped_bands_are_of_the_presets_as_they_are_now() {
    let mut bytes = 0;
    for (name, text) in SHIPPED {
        let bands: Bands = toml::from_str(text).unwrap();
        let now = config(name, &[]);
        let again = format!(
            "train the preset again: `cargo run -p train -- {name} --preset {PRESET} --data {BUILT_IN} --seed 1 --out \
             bands/{name}-1`, the same with 2 and 3, and `cargo run -p backdraw-runs --example bands -- bands/{name}-*`"
        );
        assert!(bands.settings.contains_key(*name), "{name}: no settings to compare");
        // A setting that is newer than the bands has a default that changes nothing.
        for (table, settings) in &bands.settings {
            for (key, value) in settings.as_table().unwrap() {
                let tables = now.to_tables();
                let found = tables.get(table).and_then(Value::as_table).and_then(|settings| settings.get(key));
                assert_eq!(found, Some(value), "{name}: `{table}.{key}` has changed; {again}");
            }
        }
        let metrics = now.build().unwrap().metrics();
        for column in bands.low.keys() {
            let of_fakes = OF_FAKES.iter().any(|chart| column.starts_with(chart.column));
            assert!(of_fakes || metrics.iter().any(|metric| metric.name == column), "{name}: {column}; {again}");
        }
        assert_eq!(bands.seeds.len(), 3, "{name}");
        assert!(bands.steps > 0 && bands.steps <= now.steps(), "{name}: {} steps; {again}", bands.steps);
        assert!(bands.low.keys().eq(bands.high.keys()) && !bands.low.is_empty(), "{name}");
        bytes += text.len();
    }
    assert!(bytes < 150_000, "{bytes} bytes");
}

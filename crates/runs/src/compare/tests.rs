use super::*;
use crate::config::{Assignment, Source};
use crate::systems;
use crate::training::{TrainRequest, train};
use toml::Value;

/// A small run of mnist.
fn trained(folder: &Path, seed: i64, steps: i64, settings: &[(&str, f64)]) {
    let mut request = TrainRequest::of(systems::find("mnist").unwrap());
    (request.out, request.output) = (Some(folder.to_owned()), Output::Silent);
    let fixed: [(&str, i64); 6] =
        [("seed", seed), ("steps", steps), ("batch", 4), ("latent", 2), ("checkpoint_every", 2), ("sample_every", 2)];
    let data = ("data", Value::from("built-in"));
    let all = fixed.iter().map(|(key, value)| (*key, Value::from(*value))).chain([data]);
    let all = all.chain(settings.iter().map(|(key, value)| (*key, Value::from(*value))));
    let given = |(key, value): (&str, Value)| Assignment { key: key.into(), value, source: Source::Code(key.into()) };
    request.assignments = all.map(given).collect();
    train(&request).unwrap();
}

fn compared(runs: &[&PathBuf], out: Option<PathBuf>) -> Comparison {
    let runs = runs.iter().map(|run| (*run).clone()).collect();
    compare(&CompareRequest { runs, replay: 5, out, output: Output::Silent }).unwrap()
}

#[test]
fn the_first_differences_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let [a, same, seed, late] = ["a", "same", "seed", "late"].map(|name| folder.path().join(name));
    trained(&a, 1, 4, &[]);
    trained(&same, 1, 4, &[]);
    trained(&seed, 2, 4, &[]);
    // Noise that is 0 in the first step cannot be: here the rates differ from the first step on.
    trained(&late, 1, 4, &[("g_learning_rate", 1e-3)]);
    let sheets = folder.path().join("sheets.png");
    let comparison = compared(&[&a, &same, &seed, &late], Some(sheets.clone()));
    let [of_same, of_seed, of_late] = &comparison.pairs[..] else { panic!("{comparison}") };
    assert_eq!(of_same.metrics.as_ref().unwrap().step, None);
    assert!(of_same.replay.notes[0].contains("the same at step 4"), "{comparison}");
    assert_eq!((of_seed.replay.step, of_seed.metrics.as_ref().unwrap().step), (Some(0), Some(1)));
    assert_eq!(of_seed.replay.tensors[0].name, "discriminator.dense1.weight");
    // The discriminator is updated first, so only the generator differs after step 1.
    let metrics = of_late.metrics.as_ref().unwrap();
    assert_eq!((of_late.replay.from, of_late.replay.step, metrics.step), (Some(0), Some(1), Some(2)));
    assert_eq!(of_late.replay.tensors[0].name, "generator.dense1.weight");
    let first = &metrics.values[0];
    assert_eq!(first.difference, first.values[1] - first.values[0]);
    let keys: Vec<&str> = comparison.settings.iter().map(|setting| &*setting.key).collect();
    assert_eq!(keys, ["seed", "mnist.g_learning_rate"]);
    assert!(std::fs::metadata(sheets).unwrap().len() > 100);
    let text = comparison.to_string();
    for words in
        ["A and D", "differ first at step 2", "`generator.dense1.weight` differs first, after step 1", "d_loss"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn damaged_and_unfinished_runs_show_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b, empty] = ["a", "b", "empty"].map(|name| folder.path().join(name));
    trained(&a, 1, 2, &[]);
    trained(&b, 1, 2, &[]);
    std::fs::create_dir(&empty).unwrap();
    std::fs::write(b.join("config.toml"), "steps = [").unwrap();
    let metrics = std::fs::read_to_string(b.join("metrics.csv")).unwrap();
    std::fs::write(b.join("metrics.csv"), format!("{metrics}rubbish\n")).unwrap();
    for entry in std::fs::read_dir(b.join("checkpoints")).unwrap().flatten() {
        std::fs::write(entry.path(), "none").unwrap();
    }
    let text = compared(&[&a, &b, &empty], None).to_string();
    for words in [
        "B: configuration: the configuration file is not valid TOML",
        "B: checkpoint: ",
        "B: metrics.csv: 1 damaged lines, 2 rows",
        "C: metrics.csv: the file is missing",
        "metrics: the same in all 2 common steps",
        "metrics: none in common",
        "not replayed: a configuration cannot be read",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn steps_and_counts_are_written_with_commas() {
    let course = Course { count: 2000, last: (2000, 0.5), mean: 0.5, lowest: (1001, 0.25), highest: (1999, 0.75) };
    let metrics = FirstDifference { common_steps: 1800, step: Some(1700), values: Vec::new() };
    let text = Comparison {
        runs: vec![RunSummary { steps: Some(3000), done: Some(2000), ..RunSummary::default() }; 2],
        settings: Vec::new(),
        metrics: vec![MetricRow { name: "d_loss".into(), runs: vec![Some(course)] }],
        quality: Vec::new(),
        pairs: vec![Pair { run: 1, parent: None, metrics: Some(metrics), replay: Replayed::default() }],
        written: None,
    }
    .to_string();
    for words in ["2,000 of 3,000 steps", "at 2,000", "at 1,001", "at 1,999", "differ first at step 1,700"] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

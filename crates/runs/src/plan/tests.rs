//! Tests the forecasts for all presets, and which runs are rejected.

use std::path::PathBuf;

use super::*;
use crate::config::Assignment;
use crate::systems::{self, SYSTEMS};
use crate::training::TrainRequest;

const GIB: u64 = 1 << 30;

fn config(system: &str, settings: &[&str]) -> Config {
    let settings: Vec<String> = settings.iter().map(|text| (*text).to_owned()).collect();
    Config::resolve(&systems::find(system).unwrap(), &crate::config::read_settings(&settings).unwrap()).unwrap()
}

fn room(bytes: u64) -> Room {
    Room { bytes, own: 0, set_by: "a test".into() }
}

fn presets() -> impl Iterator<Item = Config> {
    SYSTEMS.iter().flat_map(|entry| {
        let resolved = |name| Config::resolve(entry, &[Assignment::option("--preset", "preset", name)]).unwrap();
        entry.presets.iter().map(move |preset| resolved(preset.name))
    })
}

/// Prints the plan of every preset: its memory, and the time of a step on this machine, to compare
/// with real runs.
#[test]
#[ignore = "prints the forecasts of all presets"]
fn print_all() {
    for config in presets() {
        let began = std::time::Instant::now();
        let needs = Needs::of(&config, 0).unwrap();
        println!("== {} {}, forecast in {:?}", config.entry.name, config.preset(), began.elapsed());
        println!("{}\n{}", needs.line(), needs.table());
    }
}

#[test]
fn every_preset_has_a_forecast_for_new_runs_and_for_those_that_go_on() {
    for config in presets() {
        let needs = Needs::of(&config, 0).unwrap();
        let case = format!("{} {}", config.entry.name, config.preset());
        assert!(needs.memory() > needs.forecast.state() + PROGRAM, "{case}");
        assert_eq!(needs.forecast.stages[0].steps.start, 0, "{case}");
        assert_eq!(needs.forecast.stages.last().unwrap().steps.end, config.steps(), "{case}");
        let system = tensor::meta::run(|| {
            let state = config.build().unwrap().state();
            state.tensors.values().map(|tensor| 4 * tensor.size() as u64).sum::<u64>()
        });
        assert_eq!(needs.forecast.state(), system, "{case}");
        assert!(Needs::of(&config, 1).unwrap().memory() > needs.forecast.state(), "{case}");
        assert!(Forecast::of_opened(&config).unwrap() > needs.forecast.state() / 2, "{case}");
    }
    let config = config("quickdraw", &["preset=cpu"]);
    let [new, resumed] = [0, 1000].map(|from| Needs::of(&config, from).unwrap());
    assert!(resumed.memory() > new.memory(), "the state is there twice");
}

#[test]
fn the_line_counts_steps_only_if_there_are_several() {
    let line = |steps: &str| Needs::of(&config("quickdraw", &["preset=cpu", steps]), 0).unwrap().line();
    let (one, two) = (line("steps=1"), line("steps=2"));
    assert!(one.contains("; a step about ") && !one.contains(", all "), "{one}");
    assert!(two.contains(", all 2 steps about ") && !two.contains(" 0 s"), "{two}");
}

#[test]
fn settings_that_no_system_takes_are_refused_as_ever() {
    let failure = Needs::of(&config("quickdraw", &["batch=100000"]), 0).unwrap_err();
    assert!(failure.code == Code::Config && failure.to_string().contains("batch = 100000"), "{failure}");
}

#[test]
fn the_largest_batch_that_fits_is_named() {
    let config = config("quickdraw", &["preset=cpu", "batch=4096"]);
    let room = room(GIB / 2);
    let failure = Needs::of(&config, 0).unwrap().check_within(&config, &room).unwrap_err();
    assert_eq!(failure.code, Code::Config);
    let text = failure.to_string();
    let batch: u64 = text.split("`--batch ").nth(1).unwrap().split('`').next().unwrap().parse().unwrap();
    let with = |batch: u64| {
        let mut config = config.clone();
        config.settings.insert("batch".into(), toml::Value::Integer(batch as i64));
        Needs::of(&config, 0).unwrap().check_within(&config, &room)
    };
    assert!(with(batch).is_ok() && with(2 * batch).is_err(), "{text}");
}

#[test]
fn each_rank_must_fit_into_its_part_of_the_memory() {
    let config = config("dcgan", &["preset=cpu", "batch=64", "shards=8"]);
    let alone = Needs::of(&config, 0).unwrap();
    let of_ranks = |ranks| {
        let set_by = format!("the machine's free memory, divided by {ranks} ranks on node07");
        let room = Room { bytes: 4 * alone.memory() / ranks as u64, own: 0, set_by };
        Needs::within(&Budget { room: Some(room), ranks }, &config, 0).unwrap()
    };
    assert_eq!(of_ranks(1).memory(), alone.memory());
    // The time of a step is that of a rank.
    assert_eq!([1, 3, 8].map(|ranks| of_ranks(ranks).forecast.sharers), [1, 1, 8]);
    // Each of two ranks has two copies of the gradients of an update in messages.
    assert_eq!(of_ranks(2).memory(), alone.memory() + 2 * alone.forecast.weights);
    assert!(of_ranks(2).check_memory(&config).is_ok());
    let failure = of_ranks(8).check_memory(&config).unwrap_err();
    let text = failure.to_string();
    assert!(text.contains("each rank needs about ") && text.contains("divided by 8 ranks on node07"), "{text}");
    assert!(of_ranks(8).table().contains("messages between ranks") && !alone.table().contains("messages between"));
}

/// All shards are in memory at once, but each rank has only its own.
#[test]
fn shards_of_synchronised_batch_norm_are_planned_for_each_rank() {
    let step = |settings: &[&str], ranks| {
        let config = config("dcgan", &[&["preset=cpu", "batch=64", "shards=8"], settings].concat());
        let needs = Needs::within(&Budget { room: None, ranks }, &config, 0).unwrap();
        assert_eq!((needs.forecast.batch, needs.forecast.shards), (64, 8));
        needs.forecast.stages[0].step
    };
    let [alone, of_four, of_eight] = [1, 4, 8].map(|ranks| step(&["batch_norm='sync'"], ranks));
    let one_by_one = step(&[], 1);
    assert!(
        alone > of_four && of_four > of_eight && alone > 2 * one_by_one,
        "{alone} {of_four} {of_eight} {one_by_one}"
    );
    assert_eq!(step(&["batch_norm='sync'"], 3), alone, "refused later");
}

/// `dcgan` refuses a whole batch of one image.
#[test]
fn a_rank_may_have_a_single_image_of_a_synchronised_batch() {
    let on_eight_ranks = |batch: &str| {
        let config = config("dcgan", &["preset=cpu", batch, "shards=8", "batch_norm='sync'"]);
        Needs::within(&Budget { room: None, ranks: 8 }, &config, 0)
    };
    let Needs { forecast, .. } = on_eight_ranks("batch=8").unwrap();
    assert_eq!((forecast.batch, forecast.stages[0].batch, forecast.shards), (8, 8, 8));
    let refused = on_eight_ranks("batch=8000").unwrap_err().to_string();
    assert!(refused.contains("batch = 8000"), "{refused}");
}

#[test]
fn a_later_stage_that_does_not_fit_is_named_at_the_start() {
    let config = config("progan", &["preset=original"]);
    let needs = Needs::of(&config, 0).unwrap();
    let (first, all) = (needs.memory_of(0), needs.memory());
    assert!(first < all / 2);
    let text = needs.check_within(&config, &room(all - 1)).unwrap_err().to_string();
    assert!(text.contains("the stage 1024x1024") && text.contains("`--batch "), "{text}");
}

#[test]
fn where_no_batch_helps_a_size_or_a_preset_does() {
    let config = config("stylegan2", &["preset=original"]);
    let text = |bytes| Needs::of(&config, 0).unwrap().check_within(&config, &room(bytes)).unwrap_err().to_string();
    assert!(text(4 * GIB).contains("`--set size="), "{}", text(4 * GIB));
    assert!(text(GIB / 4).contains("`--preset cpu`"), "{}", text(GIB / 4));
    assert!(text(1 << 20).contains("free some memory"), "{}", text(1 << 20));
}

#[test]
fn a_run_that_goes_on_keeps_its_batch() {
    let config = config("quickdraw", &["preset=cpu"]);
    let text = Needs::of(&config, 500).unwrap().check_within(&config, &room(20 << 20)).unwrap_err().to_string();
    assert!(text.contains("a machine with more memory") && !text.contains("--batch"), "{text}");
}

#[test]
fn a_disk_without_room_for_a_checkpoint_is_refused_and_one_that_may_fill_gives_a_warning() {
    let needs = Needs::of(&config("quickdraw", &["preset=cpu"]), 0).unwrap();
    let Written { checkpoint, .. } = needs.written;
    let failure = needs.check_room(Path::new("run"), checkpoint - 1).unwrap_err();
    assert_eq!(failure.code, Code::Storage);
    let warning = needs.check_room(Path::new("run"), 2 * checkpoint).unwrap().unwrap();
    assert!(warning.starts_with("warning ") && warning.contains("disk"), "{warning}");
    assert_eq!(needs.check_room(Path::new("run"), needs.written.most()).unwrap(), None);
}

#[test]
fn the_table_has_a_row_for_each_stage_and_its_parts_add_up() {
    let needs = Needs::of(&config("progan", &[]), 0).unwrap();
    let table = needs.table();
    assert!(table.contains("\n32x32, fading in") && table.contains("total memory"), "{table}");
    let forecast = &needs.forecast;
    assert!(forecast.stages.windows(2).all(|pair| pair[0].held <= pair[1].held), "buffers are kept");
    assert!(forecast.stages.iter().all(|stage| stage.work.most_live <= stage.held), "what lives is held");
}

/// The bytes of the files of the run folder whose names begin with one of `names`.
fn bytes_of(run: &Path, names: &[&str]) -> u64 {
    let files = ["", "report"].iter().flat_map(|folder| std::fs::read_dir(run.join(folder)).unwrap().flatten());
    let of = |path: PathBuf| {
        let name = path.strip_prefix(run).unwrap().to_string_lossy().into_owned();
        (path.is_file() && names.iter().any(|start| name.starts_with(start))).then(|| path.metadata().unwrap().len())
    };
    files.filter_map(|entry| of(entry.path())).sum()
}

#[test]
fn the_disk_space_of_probes_report_and_events_is_that_of_a_real_run() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let settings = ["steps=30", "batch=8", "data='built-in'", "probe_every=1", "sample_every=10"];
    let mut request = TrainRequest::of(systems::find("mnist").unwrap());
    request.assignments = crate::config::read_settings(&settings.map(str::to_owned)).unwrap();
    (request.out, request.output, request.tensorboard) = (Some(run.clone()), Output::Silent, true);
    crate::training::train(&request).unwrap();
    let Written { probes, report, events, .. } = Needs::of(&config("mnist", &settings), 0).unwrap().written;
    let found = [(probes, &["layers", "scores", "fakes"][..]), (report, &["report"]), (events, &["events"])];
    for (planned, names) in found {
        let written = bytes_of(&run, names);
        println!("{names:?}: planned {planned}, written {written}");
        assert!(written <= planned && planned < 5 * written, "{names:?}: planned {planned}, written {written}");
    }
}

#[test]
fn the_plan_counts_as_many_probes_as_there_are() {
    for (steps, every, most) in [(0, 250, 0), (3, 250, 3), (1000, 250, 36), (1000, 0, 0), (10, 1, 10)] {
        assert_eq!(probes_of(steps, every), most, "{steps} {every}");
    }
}

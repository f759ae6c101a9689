//! [`explain()`] records one training step and writes a page that explains it.
//!
//! It is a real step: the same networks, batch and bits as in training. The run itself is not
//! modified: its checkpoint is loaded, the next step is computed in memory, and only the page is
//! written.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::explain::document::Header;
use ::explain::presets::{PRESETS, Preset, Taught};
use ::explain::recorder::{Recorder, Recording};
use datasets::{advice, plural, quoted};
use indicatif::ProgressBar;

use crate::checkpoint::weights_hash;
use crate::config::{self, Assignment, Config};
use crate::console::Output;
use crate::data::{self, Dataset};
use crate::failure::{Code, Failure};
use crate::folder::resume::{self, Trained};
use crate::observers::progress;
use crate::plan;
use crate::sampling::Written;
use crate::storage::{self, RealDisk};
use crate::suggestion::suggestion;
use crate::systems::{SYSTEMS, Trainable};
use crate::training::train_loop;
use models::System;

/// The default path of the page.
const OUT: &str = "explain.html";

/// Which step to explain, and where the page goes.
#[derive(Clone, Debug, Default)]
pub struct ExplainRequest {
    /// The system whose first step is explained, or that the run must belong to. Without a system
    /// and without a run: `quickdraw`, or one of the teaching-size examples.
    pub system: Option<Arc<Trainable>>,
    /// A run folder, or one of its checkpoint files: its next step is explained. Nothing in the run
    /// is changed.
    pub run: Option<PathBuf>,
    /// Which checkpoint of the run.
    pub step: StepChoice,
    /// A preset of the system or, without a system, a teaching-size example.
    pub preset: Option<String>,
    /// The number of real images in the batch.
    pub batch: Option<i64>,
    /// A file or folder with the images; without it, the run's own or built-in ones.
    pub data: Option<String>,
    /// Only the images of this class.
    pub class: Option<String>,
    /// The random seed; by default 1.
    pub seed: Option<i64>,
    /// Other keys of the configuration, as `key=value`.
    pub settings: Vec<String>,
    /// The path of the page; by default `explain.html`.
    pub out: Option<PathBuf>,
    /// Where messages go.
    pub output: Output,
}

/// Selects a checkpoint of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StepChoice {
    /// The newest one.
    #[default]
    Last,
    /// The one of this step.
    Number(u64),
}

/// The result of [`explain()`].
#[derive(Clone, Debug)]
pub struct ExplainReport {
    /// The page, and what it contains.
    pub page: Written,
    /// The hash of the weights after the step.
    pub hash: String,
}

/// Writes the page.
///
/// # Errors
/// When the request is invalid, the images or the checkpoint cannot be used, a value is not finite,
/// or the page cannot be written.
pub fn explain(request: &ExplainRequest) -> Result<ExplainReport, Failure> {
    let opened = match (&request.run, example(request)) {
        (Some(run), _) => of_run(run, request)?,
        (None, Some(preset)) => of_example(preset, request)?,
        (None, None) => of_fresh(request)?,
    };
    let out = request.out.clone().unwrap_or_else(|| PathBuf::from(OUT));
    storage::make_folder_for(&out)?;
    let output = &request.output;
    output.say("explaining   the step is recorded; now every op is checked and its numbers are computed");
    let mut reporter = Reporter::new(output, QUIET);
    let explained =
        ::explain::explain_observed(&opened.recording, opened.header, &mut |progress| reporter.report(progress));
    reporter.end();
    for line in &explained.dropped {
        output.say(&format!("left out     {line}"));
    }
    let page = ::explain::page(&explained.document);
    storage::write_whole(&RealDisk, &out, page.as_bytes())?;
    let (nodes, checks) =
        (explained.document.nodes.len(), explained.document.nodes.iter().filter_map(|node| node.check.as_ref()));
    let (passed, all) = checks.fold((0, 0), |(passed, all), check| (passed + usize::from(check.pass), all + 1));
    let about = format!(
        "{:.1} MB, {nodes} {}, {passed} of {all} {} passed",
        page.len() as f64 / 1e6,
        plural(nodes, "node"),
        plural(all, "check")
    );
    Ok(ExplainReport { page: Written { path: out, about }, hash: explained.document.header.hash_after })
}

/// Without a terminal, nothing is reported until this much time has passed.
const QUIET: Duration = Duration::from_secs(5);

/// Reports the progress of the recording: with a bar on a terminal, otherwise with an occasional
/// line.
struct Reporter<'a> {
    output: &'a Output,
    bar: Option<ProgressBar>,
    quiet: Duration,
    last: Instant,
}

impl<'a> Reporter<'a> {
    fn new(output: &'a Output, quiet: Duration) -> Self {
        Self { output, bar: progress::bar(output, 0, 1), quiet, last: Instant::now() }
    }

    fn report(&mut self, now: ::explain::Progress) {
        let (what, done, all) = match now {
            ::explain::Progress::Checked(done, all) => ("checked", done, all),
            ::explain::Progress::WorkedOut(done, all) => ("computed", done, all),
            ::explain::Progress::Drawing => ("drawing the pictures", 0, 0),
        };
        if let Some(bar) = &self.bar {
            bar.set_message(what);
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        } else if self.last.elapsed() >= self.quiet {
            self.last = Instant::now();
            let count = if all == 0 { String::new() } else { format!(": {done} of {all} nodes") };
            self.output.say(&format!("explaining   {what}{count}"));
        }
    }

    fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A recorded step, with its description.
struct Opened {
    recording: Recording,
    header: Header,
}

/// The teaching-size example that the request selects.
fn example(request: &ExplainRequest) -> Option<&'static Preset> {
    if request.system.is_some() { None } else { Preset::find(request.preset.as_deref()?) }
}

fn of_example(preset: &'static Preset, request: &ExplainRequest) -> Result<Opened, Failure> {
    let idle = [
        ("--batch", request.batch.is_some()),
        ("--data", request.data.is_some()),
        ("--class", request.class.is_some()),
        ("--set", !request.settings.is_empty()),
        ("--step", matches!(request.step, StepChoice::Number(_))),
    ];
    if let Some((option, _)) = idle.iter().find(|(_, given)| *given) {
        return Err(Failure::new(Code::Usage, format!("{option} has no effect on the example `{}`", preset.name))
            .because("the example has fixed data")
            .help(advice!("example-brings-numbers", "leave out `{option}`")));
    }
    let seed = seed(request)?.unwrap_or(1);
    let Taught { recording, before, after } =
        preset.teach(seed).map_err(|error| train_loop::diverged(1, &error.to_string()))?;
    let header = Header {
        title: format!("One training step: {}", preset.about),
        system: "example".into(),
        preset: preset.name.into(),
        data: preset.data.into(),
        seed,
        step: 1,
        batch: preset.batch,
        hash_before: weights_hash(&before),
        hash_after: weights_hash(&after),
        ..header()
    };
    Ok(Opened { recording, header })
}

fn of_fresh(request: &ExplainRequest) -> Result<Opened, Failure> {
    if let StepChoice::Number(step) = request.step {
        return Err(Failure::new(Code::Usage, "--step needs a run")
            .at("option --step")
            .because("without --run, the first step of a new model is explained")
            .help(advice!(
                "step-of-which-run",
                "leave out `--step`, or name the run: `train explain --run RUN --step {step}`"
            )));
    }
    let entry = request.system.as_ref().unwrap_or(&SYSTEMS[0]);
    // Without a system, the preset may be the name of an example.
    if let (None, Some(name)) = (&request.system, request.preset.as_deref().filter(|name| entry.preset(name).is_none()))
    {
        let examples = PRESETS.iter().map(|preset| preset.name);
        let names: Vec<&str> = examples.chain(entry.presets.iter().map(|preset| preset.name)).collect();
        return Err(Failure::new(
            Code::Config,
            format!("`{name}` is neither an example nor a preset of `{}`", entry.name),
        )
        .at("option --preset")
        .help(advice!("no-such-example", "{}", suggestion(name, &names))));
    }
    let config = Config::resolve(entry, &assignments(entry, request)?)?;
    plan::can_record(&config)?;
    let mut system = config.build()?;
    let data = data::of(&config, &*system, 1, &request.output)?;
    data::fill_a_batch(&data, &config, &*system)?;
    record(&config, &mut *system, &data, 0)
}

fn of_run(run: &Path, request: &ExplainRequest) -> Result<Opened, Failure> {
    let idle = [
        ("--preset", request.preset.is_some()),
        ("--batch", request.batch.is_some()),
        ("--seed", request.seed.is_some()),
        ("--set", !request.settings.is_empty()),
        ("--class", request.class.is_some()),
    ];
    if let Some((option, _)) = idle.iter().find(|(_, given)| *given) {
        return Err(Failure::new(Code::Usage, format!("{option} cannot be used with --run"))
            .at(run.display())
            .because("the step of a run uses the run's own configuration")
            .help(advice!(
                "explained-run-is-fixed",
                "leave out `{option}`, or leave out `--run` to explain a new model"
            )));
    }
    let state = match request.step {
        StepChoice::Last => run.to_owned(),
        StepChoice::Number(step) => resume::checkpoint_at(run, step, "--step")?,
    };
    let Trained { mut config, mut system, found, .. } =
        resume::open_trained_showing(&state, request.system.as_ref(), &request.output)?;
    if let Some(entry) = request.system.as_ref().filter(|entry| entry.name != config.entry.name) {
        return Err(Failure::new(Code::Checkpoint, "this is a run of another system")
            .at(run.display())
            .because(format!("it trains `{}`, but the command names `{}`", config.entry.name, entry.name))
            .help(advice!(
                "explain-of-another-system",
                "`train explain {} --run {}`",
                config.entry.name,
                quoted(run)
            )));
    }
    plan::can_record(&config)?;
    if let Some(data) = &request.data {
        config.name_data(Some(data.clone()));
    }
    let data = data::of(&config, &*system, system.batch_size(), &request.output)?;
    resume::require_same_images(&data, &found.checkpoint.data, request.data.is_some())?;
    found.passed_over().iter().for_each(|line| request.output.say(line));
    record(&config, &mut *system, &data, found.checkpoint.step)
}

/// Runs training step `step` (from 0) with the recorder attached.
fn record(config: &Config, system: &mut dyn System, data: &Dataset, step: u64) -> Result<Opened, Failure> {
    let hash_before = weights_hash(&system.state());
    let reals = data.shown_at(step, &system.batch(step, &data.counts()))?;
    let (recording, result) = Recorder::record(|| system.step(step, &reals));
    result.map_err(|error| train_loop::failed(step + 1, &error))?;
    let header = Header {
        title: format!("Step {} of {}", step + 1, config.entry.name),
        system: config.entry.name.into(),
        preset: config.preset().into(),
        class: config.class().map(str::to_owned),
        data: images(config, data),
        seed: config.seed(),
        step: step + 1,
        batch: system.batch_size(),
        hash_before,
        hash_after: weights_hash(&system.state()),
        ..header()
    };
    Ok(Opened { recording, header })
}

fn header() -> Header {
    let tool = format!("backdraw {}", env!("CARGO_PKG_VERSION"));
    Header { dtype: "f32".into(), tool, ..Header::default() }
}

/// The name of the images, without their path.
fn images(config: &Config, data: &Dataset) -> String {
    if data.counts().is_empty() {
        return data.origin().into();
    }
    if data.lasting_name().is_some() {
        return "built-in drawings".into();
    }
    let path = config.data().unwrap_or_default();
    let name = Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "fetched images".into())
}

/// The configuration settings in the request.
fn assignments(entry: &Trainable, request: &ExplainRequest) -> Result<Vec<Assignment>, Failure> {
    let mut given = config::read_settings(&request.settings)?;
    let text = |name, key: &str, text: &Option<String>| text.clone().map(|text| Assignment::option(name, key, text));
    let number = |name, key: &str, number: Option<i64>| number.map(|number| Assignment::option(name, key, number));
    let named = [
        text("--preset", "preset", &request.preset),
        text("--data", "data", &request.data),
        text("--class", "class", &request.class),
        number("--batch", &format!("{}.batch", entry.name), request.batch),
        number("--seed", "seed", request.seed),
    ];
    given.extend(named.into_iter().flatten());
    if given.iter().all(|one| one.key != "data") {
        // Built-in images, so that the page is the same on every machine.
        given.push(Assignment::option("--data", "data", datasets::BUILT_IN));
    }
    Ok(given)
}

fn seed(request: &ExplainRequest) -> Result<Option<u64>, Failure> {
    let Some(seed) = request.seed else { return Ok(None) };
    u64::try_from(seed).map(Some).map_err(|_| {
        Failure::new(Code::Config, format!("`seed = {seed}` is not allowed"))
            .at("option --seed")
            .because("a seed must not be negative")
    })
}

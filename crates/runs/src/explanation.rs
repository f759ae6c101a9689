//! `train explain`: makes one training step while a recorder listens, and writes the page that tells how it came about.
//!
//! The step is the real one: the same networks, the same batch, the same bits as `train` would make. A run is only read: its
//! checkpoint is loaded, the next step is made in memory, and nothing of it is kept but the page.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use datasets::{advice, plural, quoted};
use explain::document::Header;
use explain::presets::{PRESETS, Preset, Taught};
use explain::recorder::{Recorder, Recording};
use indicatif::ProgressBar;

use crate::checkpoint::weights_hash;
use crate::config::{self, Config, Entry};
use crate::console::{Console, print};
use crate::data::{self, Dataset};
use crate::engine::System;
use crate::failure::{Code, Failure};
use crate::folder::resume::{self, Trained};
use crate::observers::progress;
use crate::options::{ExplainOptions, StepChoice};
use crate::plan;
use crate::storage::{self, RealDisk};
use crate::suggestion::suggestion;
use crate::systems::{self, Row, SYSTEMS};
use crate::training::{self, train_loop};

/// Where the page goes when nothing is said.
const OUT: &str = "explain.html";

/// The end of `train explain --help`.
pub fn help() -> String {
    let examples: Vec<String> = PRESETS.iter().map(|preset| format!("  {:<8} {}", preset.name, preset.about)).collect();
    format!("Teaching-size examples (--preset without SYSTEM):\n{}\n\n{EXAMPLES}", examples.join("\n"))
}

const EXAMPLES: &str = "Examples:
  train explain --preset scalar                a neuron with three weights: check every number with a pencil
  train explain --preset gan --out gan.html    a whole GAN step, small enough to see all of it
  train explain                                the first step of quickdraw, as it really is
  train explain mnist --batch 8                another system, with fewer images
  train explain --run runs/0001-quickdraw      the next step of a run
  train explain --run runs/0001-quickdraw --step 500";

/// Writes the page.
///
/// # Errors
/// When the options make no sense, the images or the checkpoint cannot be used, a number is not finite, or the page cannot be
/// written.
pub fn run(options: &ExplainOptions) -> Result<(), Failure> {
    let opened = match (&options.run, example(options)) {
        (Some(run), _) => of_run(run, options)?,
        (None, Some(preset)) => of_example(preset, options)?,
        (None, None) => of_fresh(options)?,
    };
    let out = options.out.clone().unwrap_or_else(|| PathBuf::from(OUT));
    storage::make_folder_for(&out)?;
    let console = Console::default();
    console.say("explaining   the step is made; now every op is checked and its numbers are worked out");
    let mut reporter = Reporter::new(&console, QUIET);
    let explained =
        explain::explain_observed(&opened.recording, opened.header, &mut |progress| reporter.report(progress));
    reporter.end();
    for line in &explained.dropped {
        console.say(&format!("left out     {line}"));
    }
    let page = explain::page(&explained.document);
    storage::write_whole(&RealDisk, &out, page.as_bytes())?;
    let (nodes, checks) =
        (explained.document.nodes.len(), explained.document.nodes.iter().filter_map(|node| node.check.as_ref()));
    let (passed, all) = checks.fold((0, 0), |(passed, all), check| (passed + usize::from(check.pass), all + 1));
    print(&format!(
        "{}: {:.1} MB, {nodes} {}, {passed} of {all} {} passed\nopen it in a browser; press ? there for the keys\nweights hash: {}\n",
        out.display(),
        page.len() as f64 / 1e6,
        plural(nodes, "node"),
        plural(all, "check"),
        explained.document.header.hash_after,
    ))
}

/// Off a terminal nothing is reported for so long.
const QUIET: Duration = Duration::from_secs(5);

/// Reports how far an explanation has come: a bar on a terminal, else a line now and then.
struct Reporter<'a> {
    console: &'a Console,
    bar: Option<ProgressBar>,
    quiet: Duration,
    last: Instant,
}

impl<'a> Reporter<'a> {
    fn new(console: &'a Console, quiet: Duration) -> Self {
        Self { console, bar: progress::bar(0, 1), quiet, last: Instant::now() }
    }

    fn report(&mut self, now: explain::Progress) {
        let (what, done, all) = match now {
            explain::Progress::Checked(done, all) => ("checked", done, all),
            explain::Progress::WorkedOut(done, all) => ("worked out", done, all),
            explain::Progress::Drawing => ("drawing the pictures", 0, 0),
        };
        if let Some(bar) = &self.bar {
            bar.set_message(what);
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        } else if self.last.elapsed() >= self.quiet {
            self.last = Instant::now();
            let count = if all == 0 { String::new() } else { format!(": {done} of {all} nodes") };
            self.console.say(&format!("explaining   {what}{count}"));
        }
    }

    fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A recorded step, and what it is.
struct Opened {
    recording: Recording,
    header: Header,
}

/// The system that is named.
fn named_system(options: &ExplainOptions) -> Option<&'static Row> {
    systems::find(options.system.as_deref()?)
}

/// The teaching-size example that the options mean.
fn example(options: &ExplainOptions) -> Option<&'static Preset> {
    if options.system.is_some() { None } else { Preset::find(options.preset.as_deref()?) }
}

fn of_example(preset: &'static Preset, options: &ExplainOptions) -> Result<Opened, Failure> {
    let idle = [
        ("--batch", options.batch.is_some()),
        ("--data", options.data.is_some()),
        ("--class", options.class.is_some()),
        ("--set", !options.settings.is_empty()),
        ("--step", matches!(options.step, StepChoice::Number(_))),
    ];
    if let Some((option, _)) = idle.iter().find(|(_, given)| *given) {
        return Err(Failure::new(Code::Usage, format!("{option} says nothing about the example `{}`", preset.name))
            .because("it brings its own few numbers")
            .help(advice!("example-brings-numbers", "leave out `{option}`")));
    }
    let seed = seed(options)?.unwrap_or(1);
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

fn of_fresh(options: &ExplainOptions) -> Result<Opened, Failure> {
    if let StepChoice::Number(step) = options.step {
        return Err(Failure::new(Code::Usage, "a step of which run?")
            .at("option --step")
            .because("without --run there is a fresh model, and its first step")
            .help(advice!(
                "step-of-which-run",
                "leave out `--step`, or name the run: `train explain --run RUN --step {step}`"
            )));
    }
    let row = named_system(options).unwrap_or(&SYSTEMS[0]);
    // Without a system a preset may be meant to be an example.
    if let (None, Some(name)) = (&options.system, options.preset.as_deref().filter(|name| row.preset(name).is_none())) {
        let examples = PRESETS.iter().map(|preset| preset.name);
        let names: Vec<&str> = examples.chain(row.presets.iter().map(|preset| preset.name)).collect();
        return Err(Failure::new(
            Code::Config,
            format!("there is no example and no preset of `{}` called `{name}`", row.name),
        )
        .at("option --preset")
        .help(advice!("no-such-example", "{}", suggestion(name, &names))));
    }
    let config = Config::resolve(row, &entries(row, options)?)?;
    plan::can_record(&config)?;
    let mut system = config.build()?;
    let data = data::of(&config, &*system, 1)?;
    data::fill_a_batch(&data, &config, &*system)?;
    record(&config, &mut *system, &data, 0)
}

fn of_run(run: &Path, options: &ExplainOptions) -> Result<Opened, Failure> {
    let idle = [
        ("--preset", options.preset.is_some()),
        ("--batch", options.batch.is_some()),
        ("--seed", options.seed.is_some()),
        ("--set", !options.settings.is_empty()),
        ("--class", options.class.is_some()),
    ];
    if let Some((option, _)) = idle.iter().find(|(_, given)| *given) {
        return Err(Failure::new(Code::Usage, format!("{option} does not go together with --run"))
            .at(run.display())
            .because("the step of a run is made with the run's own configuration")
            .help(advice!(
                "explained-run-is-fixed",
                "leave out `{option}`, or leave out `--run` to explain a fresh model"
            )));
    }
    let state = match options.step {
        StepChoice::Last => run.to_owned(),
        StepChoice::Number(step) => resume::checkpoint_at(run, step, "--step")?,
    };
    let Trained { mut config, mut system, found, .. } = resume::open_trained(&state)?;
    if let Some(row) = named_system(options).filter(|row| row.name != config.row.name) {
        return Err(Failure::new(Code::Checkpoint, "this run is of another system")
            .at(run.display())
            .because(format!("it trains `{}`, asked for is `{}`", config.row.name, row.name))
            .help(advice!("explain-of-another-system", "`train explain {} --run {}`", config.row.name, quoted(run))));
    }
    plan::can_record(&config)?;
    if let Some(data) = &options.data {
        config.name_data(Some(data.clone()));
    }
    let data = data::of(&config, &*system, system.batch_size())?;
    training::same_images(&data, &found.checkpoint.data, options.data.is_some())?;
    found.passed_over().iter().for_each(|line| Console::default().say(line));
    record(&config, &mut *system, &data, found.checkpoint.step)
}

/// Makes step number `step` (from 0) while a recorder listens.
fn record(config: &Config, system: &mut dyn System, data: &Dataset, step: u64) -> Result<Opened, Failure> {
    let hash_before = weights_hash(&system.state());
    let reals = data.shown_at(step, &system.batch(step, &data.counts()))?;
    let (recording, result) = Recorder::record(|| system.step(step, &reals));
    result.map_err(|error| train_loop::diverged(step + 1, &error.to_string()))?;
    let header = Header {
        title: format!("Step {} of {}", step + 1, config.row.name),
        system: config.row.name.into(),
        preset: config.preset.clone(),
        class: config.class.clone(),
        data: images(config, data),
        seed: config.seed,
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

/// What the images are called, without where they lie.
fn images(config: &Config, data: &Dataset) -> String {
    if data.counts().is_empty() {
        return data.origin().into();
    }
    if data.lasting_name().is_some() {
        return "built-in drawings".into();
    }
    let path = config.data.as_deref().unwrap_or_default();
    let name = Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "fetched images".into())
}

/// What the options say about the configuration.
fn entries(row: &'static Row, options: &ExplainOptions) -> Result<Vec<Entry>, Failure> {
    let mut entries = config::read_settings(&options.settings)?;
    let text = |name, key: &str, text: &Option<String>| text.clone().map(|text| Entry::option(name, key, text));
    let number = |name, key: &str, number: Option<i64>| number.map(|number| Entry::option(name, key, number));
    let named = [
        text("--preset", "preset", &options.preset),
        text("--data", "data", &options.data),
        text("--class", "class", &options.class),
        number("--batch", &format!("{}.batch", row.name), options.batch),
        number("--seed", "seed", options.seed),
    ];
    entries.extend(named.into_iter().flatten());
    if entries.iter().all(|entry| entry.key != "data") {
        // The drawings that are built in: the page is then the same on every machine.
        entries.push(Entry::option("--data", "data", datasets::BUILT_IN));
    }
    Ok(entries)
}

fn seed(options: &ExplainOptions) -> Result<Option<u64>, Failure> {
    let Some(seed) = options.seed else { return Ok(None) };
    u64::try_from(seed).map(Some).map_err(|_| {
        Failure::new(Code::Config, format!("`seed = {seed}` is not possible"))
            .at("option --seed")
            .because("a seed is not negative")
    })
}

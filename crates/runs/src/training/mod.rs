//! `train <system>`: puts a run together from the command line, trains, and tells what came of it. `again.rs` decides what becomes
//! of a run folder that is named a second time.

pub mod train_loop;

mod again;

use std::path::{Path, PathBuf};

use datasets::{Advice, advice, quoted};

use crate::checkpoint::{self, Found, weights_hash};
use crate::config::{self, Config, Entry};
use crate::console::{Console, typed};
use crate::data::{self, Dataset};
use crate::engine::{self, Sampler, System, Tensor};
use crate::failure::{Code, Failure};
use crate::folder::lock::Lock;
use crate::folder::resume::{self, SavedRun};
use crate::folder::{self, Claimed};
use crate::observers::Observer;
use crate::observers::checkpoints::Saving;
use crate::observers::curves::Curves;
use crate::observers::forgiving::{self, Forgiving};
use crate::observers::metrics_file::MetricsFile;
use crate::observers::notebook_log::SeedLog;
use crate::observers::progress::{self, Progress};
use crate::observers::quality::Quality;
use crate::observers::samples::{self, Samples};
use crate::observers::timings::StepTimings;
use crate::options::{LogStyle, TrainOptions};
use crate::plan::Needs;
use crate::sampling::pictures::{self, Arrangement};
use crate::sampling::plane;
use crate::signals;
use crate::storage::{self, RealDisk};
use crate::systems::Row;
use crate::training::train_loop::{Ending, train};

/// Trains a new run or goes on with an old one. `processor` is told.
///
/// # Errors
/// Everything that can go wrong, as the user is to see it.
pub fn run(row: &'static Row, options: &TrainOptions, processor: &str) -> Result<Ending, Failure> {
    // On one of the kernels' own threads: from another one every call of theirs would wait until one of them has woken up, which takes
    // longer than the work itself where networks are small.
    rayon::scope(|_| run_here(row, options, processor))
}

/// The same on the thread at hand.
fn run_here(row: &'static Row, options: &TrainOptions, processor: &str) -> Result<Ending, Failure> {
    // Everything that can be refused is refused before anything is written.
    let mut plan = match &options.resume {
        Some(path) => Plan::resumed(row, options, path)?,
        None => Plan::fresh(row, options)?,
    };
    // Too few images are another matter for a new run, which may take smaller batches, than for one that goes on.
    let batch = if plan.place.is_some() { plan.system.batch_size() } else { 1 };
    // A large folder is decoded when it is known that the run fits.
    let looked_at = data::look_at(&plan.config, &*plan.system, batch)?;
    data::fill_a_batch(&looked_at, &plan.config, &*plan.system)?;
    let mut needs = plan.needs.clone().on(&looked_at);
    let place = plan.place.as_ref().map(|(run, _)| run.as_path()).or(options.out.as_deref());
    let warning = needs.check(&plan.config, place.unwrap_or(Path::new("runs")), options.dry_run)?;
    if options.dry_run && plan.learned_from.is_none() {
        return Ok(Ending::Finished);
    }
    let data = data::of(&plan.config, &*plan.system, batch)?;
    plan.check_images(&data, options)?;
    if options.dry_run {
        return Ok(Ending::Finished);
    }
    // A file that appears later must not take the place of the built-in drawings when the run goes on.
    if let Some(name) = data.lasting_name() {
        plan.config.name_data(Some(name));
    }
    let (run, _lock) = match plan.place.take() {
        Some(place) => place,
        None => {
            let Claimed { run, lock, is_begun } = folder::claim(options.out.as_deref(), Path::new("runs"), row.name)?;
            if is_begun {
                plan = again::go_on(plan, &run)?;
                plan.check_images(&data, options)?;
                needs = plan.needs.clone().on(&looked_at);
            }
            (run, lock)
        }
    };
    folder::reopen(&run)?;
    plan.config.record_data(&run);
    storage::write_whole(&RealDisk, &run.join("config.toml"), plan.config.to_toml().as_bytes())?;
    let words: Vec<String> = [needs.line()].into_iter().chain(warning).collect();
    in_folder(plan, &data, &run, options, (processor, &words)).map_err(|failure| way_on(failure, row, &run))
}

/// Trains in the run folder, which holds the configuration: from here on the run can be resumed, whatever happens.
fn in_folder(
    plan: Plan,
    data: &Dataset,
    run: &Path,
    options: &TrainOptions,
    (processor, needs): (&str, &[String]),
) -> Result<Ending, Failure> {
    let row = plan.config.row;
    let mut console = Console::logging_to(run)?;
    introduce(&console, &plan, data, run, processor)?;
    needs.iter().for_each(|line| console.say(line));
    if let Err(failure) = show_data(data, run, &plan) {
        match failure.code {
            Code::Storage => console.say(&forgiving::warning(&failure)),
            _ => return Err(failure),
        }
    }
    let done = train_all(plan, data, run, options, &mut console)?;
    farewell(&console, row, run, &done)?;
    Ok(done.how)
}

/// Adds to a failure of the storage how the run goes on when that is mended.
fn way_on(failure: Failure, row: &Row, run: &Path) -> Failure {
    if failure.code != Code::Storage {
        return failure;
    }
    let first = failure.help.as_ref().map_or_else(String::new, |help| format!("{}\n", help.text()));
    let help = advice!("mended-storage", "{first}then go on with `train {} --resume {}`", row.name, quoted(run));
    failure.help(help)
}

/// Rows and columns of the sheet that shows the augmentation: an image as it is, then as it is shown.
const AUGMENTED: usize = 8;

/// How the training ended, and the hash of what it made.
struct Done {
    how: Ending,
    hash: String,
}

/// What is to be trained.
pub struct Plan {
    config: Config,
    system: Box<dyn System>,
    needs: Needs,
    /// Steps done before.
    from: u64,
    /// The run folder, if it exists already, and its lock.
    place: Option<(PathBuf, Lock)>,
    /// Fingerprint of the images that the run learned from so far.
    learned_from: Option<String>,
    /// Lines to tell about the checkpoint.
    notes: Vec<String>,
}

impl Plan {
    fn fresh(row: &'static Row, options: &TrainOptions) -> Result<Self, Failure> {
        let mut entries = match &options.config {
            Some(path) => config::read_file(path)?,
            None => Vec::new(),
        };
        entries.extend(overlay(row, options)?);
        let mut config = Config::resolve(row, &entries)?;
        if let Some(path) = &options.config {
            config.find_data(storage::folder_of(path));
        }
        let needs = Needs::that_fit(&config, 0, options.dry_run)?;
        let system = config.build()?;
        Ok(Self { config, system, needs, from: 0, place: None, learned_from: None, notes: Vec::new() })
    }

    fn resumed(row: &'static Row, options: &TrainOptions, path: &Path) -> Result<Self, Failure> {
        Needs::of_saved(path)?;
        let SavedRun { run, lock, config, found } = resume::open_run(path)?;
        if config.row.name != row.name {
            return Err(Failure::new(Code::Checkpoint, "this run is of another system")
                .at(run.display())
                .because(format!("it trains `{}`, asked for is `{}`", config.row.name, row.name))
                .help(advice!("run-of-another-system", "`train {} --resume {}`", config.row.name, quoted(path))));
        }
        let config = config.extended(&overlay(row, options)?, &run)?;
        let plan = match found {
            Some(found) => Self::from_saved(config, &found, &run, options.dry_run)?,
            None => {
                let needs = Needs::that_fit(&config, 0, options.dry_run)?;
                let system = config.build()?;
                let note = format!("resumed      {}, which has no checkpoint yet: at step 0", run.display());
                Self { config, system, needs, from: 0, place: None, learned_from: None, notes: vec![note] }
            }
        };
        Ok(Self { place: Some((run, lock)), ..plan })
    }

    /// Goes on from a checkpoint of the run in the folder `run`; `told` prints the table of what does not fit.
    fn from_saved(config: Config, found: &Found, run: &Path, told: bool) -> Result<Self, Failure> {
        let saved = &found.checkpoint;
        if config.steps < saved.step {
            return Err(Failure::new(Code::Usage, "the run is already longer than that")
                .at(found.path.display())
                .because(format!("steps done: {}, --steps (the new total): {}", saved.step, config.steps))
                .help(longer(run, saved.step, config.steps)));
        }
        let needs = Needs::that_fit(&config, saved.step, told)?;
        let mut system = config.build()?;
        saved.restore(&mut *system, &found.path)?;
        let mut notes = found.passed_over();
        notes.push(format!("resumed      {}, after step {}", found.path.display(), saved.step));
        let learned_from = Some(saved.data.clone());
        Ok(Self { config, system, needs, from: saved.step, place: None, learned_from, notes })
    }

    /// Refuses images other than those that the run has learned from so far.
    fn check_images(&self, data: &Dataset, options: &TrainOptions) -> Result<(), Failure> {
        self.learned_from.as_ref().map_or(Ok(()), |before| same_images(data, before, options.data.is_some()))
    }
}

/// What to do when a run of `done` steps is to go on to no more than `wanted`.
fn longer(run: &Path, done: u64, wanted: u64) -> Advice {
    match checkpoint::in_folder(run).unwrap_or_default().iter().find(|(step, _)| *step <= wanted) {
        Some((_, older)) => advice!(
            "run-is-longer",
            "ask for more steps in all, such as `--steps {}`, or go on from an older checkpoint, `--resume {}`",
            done + 1,
            quoted(older)
        ),
        None => advice!("run-is-longer-than-kept", "ask for more steps in all, such as `--steps {}`", done + 1),
    }
}

/// Refuses images other than those of the fingerprint `before`, which a run learned from; `named` if the command line names them.
pub fn same_images(data: &Dataset, before: &str, named: bool) -> Result<(), Failure> {
    let fingerprint = data.fingerprint()?;
    if before == fingerprint {
        return Ok(());
    }
    Err(Failure::new(Code::Checkpoint, "the run learned from other images")
        .at(data.origin())
        .because(format!("fingerprint of its images: {before}\nfingerprint of these:      {fingerprint}"))
        .help(match named {
            true => advice!("other-images-named", "leave out `--data`: the run knows its own images"),
            false => advice!("other-images", "give the run its own images, `--data PATH`, or start a new run"),
        }))
}

/// What the command line says, `--set` before the named options.
fn overlay(row: &Row, options: &TrainOptions) -> Result<Vec<Entry>, Failure> {
    let mut entries = config::read_settings(&options.settings)?;
    entries.extend(options.entries(row));
    Ok(entries)
}

/// The first lines: everything that decides the result, and everything that does not but is asked for.
fn introduce(console: &Console, plan: &Plan, data: &Dataset, run: &Path, processor: &str) -> Result<(), Failure> {
    let config = &plan.config;
    console.say(&format!("training     {}, preset {}: {}", config.row.name, config.preset, config.row.about));
    console.say(&format!("data         {}", data.origin()));
    for note in data.notes()? {
        console.say(&note);
    }
    for remark in plan.system.remarks() {
        let typed_as = |setting: &&str| match setting.strip_prefix("batch=") {
            Some(batch) => format!("{} {batch}", "--batch"),
            None => format!("{} {setting}", "--set"),
        };
        let remedies: Vec<String> = remark.remedies.iter().map(typed_as).collect();
        // What a run has begun with it keeps.
        console.say(&match (&plan.learned_from, &remedies[..]) {
            (None, [_, ..]) => typed(&advice!("remark", "warning      {}: `{}`", remark.text, remedies.join("` or `"))),
            _ => format!("warning      {}", remark.text),
        });
    }
    for (place, parts) in engine::wholes(&plan.system.networks()).iter().enumerate() {
        let label = if place == 0 { "networks" } else { "" };
        console.say(&format!("{label:<12} {}", engine::totals(parts)));
    }
    console.say(&format!("processor    {processor}"));
    let batch = config.settings.get("batch").map_or_else(String::new, |batch| format!(", batch {batch}"));
    console.say(&format!("steps        {}{batch}, seed {}", config.steps, config.seed));
    console.say(&format!("run folder   {}", run.display()));
    for note in &plan.notes {
        console.say(note);
    }
    Ok(())
}

/// Sheets of the images as they are, and of what the augmentation makes of some; or the picture of real points.
fn show_data(data: &Dataset, run: &Path, plan: &Plan) -> Result<(), Failure> {
    if let Sampler::Points(points) = plan.system.samples() {
        return plane::write_reals(&run.join("samples/reals.png"), points.mixture, plan.config.seed);
    }
    let Some(shape) = plan.system.image_shape() else { return Ok(()) };
    let write = |name: &str, domains: &[Tensor], arrangement: Arrangement| {
        let pixels: Vec<u8> = domains.iter().flat_map(pictures::bytes).collect();
        pictures::write_sheet(&RealDisk, &run.join("samples").join(name), &pixels, shape, arrangement)
    };
    write("reals.png", &data.some(samples::COUNT)?, Arrangement::default())?;
    match data.augmented(AUGMENTED, AUGMENTED)? {
        Some(domains) => write("augmented.png", &domains, Arrangement::in_columns(AUGMENTED)),
        None => Ok(()),
    }
}

/// Trains with everyone watching.
fn train_all(
    plan: Plan,
    data: &Dataset,
    run: &Path,
    options: &TrainOptions,
    console: &mut Console,
) -> Result<Done, Failure> {
    let Plan { config, mut system, from, .. } = plan;
    let total = config.steps;
    // The notebook's lines are for comparing with its log: nothing else is shown beside them.
    let bar = match options.log {
        LogStyle::Default => progress::bar(from, total),
        LogStyle::Seed => None,
    };
    if let Some(bar) = &bar {
        console.show(bar.clone());
    }
    let console = &*console;
    let title = format!("{}, seed {}", config.row.name, config.seed);
    let mut curves = Curves::new(run.to_owned(), config.sample_every, title.clone());
    // Points never run out.
    let pass = data.counts().first().map_or(u64::MAX, |count| count.div_ceil(system.batch_size()) as u64);
    let mut seed_log = SeedLog::new(console, config.row.seed_log, pass);
    let mut remember = |step: u64, values: &[f64]| {
        curves.remember(step, values);
        seed_log.remember(values);
    };
    let every = config.checkpoint_every;
    let (metrics, note) = MetricsFile::open(&RealDisk, run, system.metrics(), (from, every), &mut remember)?;
    note.iter().for_each(|note| console.say(note));
    let samples = Samples::new(console, run.to_owned(), config.sample_every, &*system, config.seed, data)?;
    let told: Box<dyn Observer + '_> = match options.log {
        LogStyle::Default => Box::new(Progress::new(console, bar.clone(), from, total)),
        LogStyle::Seed => Box::new(seed_log),
    };
    // The order matters: a checkpoint comes after everything that belongs to its step, so that a run that goes on from it
    // misses nothing.
    let mut observers: Vec<Box<dyn Observer + '_>> = vec![
        Box::new(metrics),
        told,
        Box::new(Forgiving::new(console, samples)),
        Box::new(Forgiving::new(console, curves)),
    ];
    if config.evaluate_every > 0 {
        let quality = Quality::new(console, run.to_owned(), title, config.evaluate_every, config.seed, data, from)?;
        observers.push(Box::new(Forgiving::new(console, quality)));
    }
    observers.push(Box::new(Saving {
        disk: &RealDisk,
        run: run.to_owned(),
        every: config.checkpoint_every,
        seed: config.seed,
        config: config.to_toml(),
        data: data.fingerprint()?,
        last: (from > 0).then_some(from),
    }));
    if options.timings {
        // Before the others: what they do is not part of a step.
        observers.insert(0, Box::new(StepTimings::new(console, run)));
    }
    signals::listen();
    let result = train(&mut *system, data, (from, total), &mut observers, &signals::asked);
    drop(observers);
    match result {
        Ok(how) => Ok(Done { how, hash: weights_hash(&system.state()) }),
        Err(failure) => {
            if let Some(bar) = &bar {
                bar.abandon();
            }
            let failure = with_last_good(failure, run);
            console.log(&format!("error: {failure}"));
            Err(failure)
        }
    }
}

/// Tells of the state that is left when a training diverged.
fn with_last_good(failure: Failure, run: &Path) -> Failure {
    if failure.code != Code::Diverged {
        return failure;
    }
    // What was saved before the first step is worth nothing.
    let failure = match checkpoint::in_folder(run).unwrap_or_default().first().filter(|(step, _)| *step > 0) {
        Some((_, path)) => {
            let why = failure.why.clone().map_or_else(String::new, |why| why + "\n");
            failure.because(format!("{why}the last good state is {}", path.display()))
        }
        None => failure,
    };
    failure.help(advice!("diverged", "train again with a smaller learning rate or another seed"))
}

/// The last lines: what was written, how to go on, the hash.
fn farewell(console: &Console, row: &Row, run: &Path, done: &Done) -> Result<(), Failure> {
    if let Ending::Stopped(step) = done.how {
        console.say(&typed(&advice!(
            "stopped",
            "stopped after step {step}; everything is saved. Go on with `train {} --resume {}`",
            row.name,
            quoted(run)
        )));
    }
    console.data("files written:")?;
    for line in folder::list(run) {
        console.data(&format!("  {line}"))?;
    }
    console.data(&format!("weights hash: {}", done.hash))?;
    console.check()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_divergence_tells_which_state_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().to_owned();
        folder::reopen(&run).unwrap();
        let diverged = || Failure::new(Code::Diverged, "diverged");
        assert!(!with_last_good(diverged(), &run).to_string().contains("last good state"));
        for step in [500, 1000] {
            std::fs::write(run.join("checkpoints").join(checkpoint::file_name(step)), "").unwrap();
        }
        let text = with_last_good(diverged(), &run).to_string();
        assert!(text.contains("step-001000.safetensors"), "{text}");
        let other = Failure::new(Code::Storage, "full").help(advice!("of-another-test", "free some space"));
        assert_eq!(with_last_good(other.clone(), &run), other);
    }
}

//! [`train`]: sets up a run, trains, and reports the result. `rerun.rs` handles a run folder that
//! is named a second time, `branch.rs` a run that starts from another run's weights.

pub(crate) mod train_loop;

mod branch;
mod rerun;
mod rollback;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datasets::{Advice, advice, quoted};
use models::{Sampler, Severity, System};
use nn::{totals, wholes};
use tensor::Tensor;

use crate::checkpoint::{self, LoadedCheckpoint, weights_hash};
use crate::config::{Assignment, Config};
use crate::console::{Console, Output};
use crate::data::{self, Dataset};
use crate::diagnosis::OnSick;
use crate::failure::{Code, Failure, typed};
use crate::folder::lock::Lock;
use crate::folder::resume::{self, SavedRun, require_same_images};
use crate::folder::{self, Claimed};
use crate::observers::diagnosis::{Alarm, Diagnosis};
use crate::observers::forgiving;
use crate::observers::probe::Prober;
use crate::observers::{self, LogStyle, TrainingContext, progress, samples};
use crate::plan::Needs;
use crate::processor;
use crate::sampling::pictures::{self, Arrangement};
use crate::sampling::plane;
use crate::signals;
use crate::storage::{self, RealDisk};
use crate::systems::Trainable;
use crate::training::branch::Parent;
pub use crate::training::train_loop::Ending;
use rollback::Return;

/// What to train, with which configuration, and where the run folder goes.
#[derive(Clone, Debug)]
pub struct TrainRequest {
    /// The system.
    pub system: Arc<Trainable>,
    /// Settings in ascending order of precedence; all of them override the file
    /// [`config`](Self::config).
    pub assignments: Vec<Assignment>,
    /// A file of settings, with the keys of a run's `config.toml`.
    pub config: Option<PathBuf>,
    /// The run folder. If it already holds a run with the same configuration, that run is resumed.
    /// By default, the next free `runs/NNNN-SYSTEM`.
    pub out: Option<PathBuf>,
    /// The run folder, or one of its checkpoint files, to resume from; `steps` may be raised.
    pub resume: Option<PathBuf>,
    /// The run folder, or one of its checkpoint files, whose weights a new run starts from. Its
    /// settings are those of that run, overridden by `config` and `assignments`; its steps count
    /// from 0.
    pub from: Option<PathBuf>,
    /// How progress is shown.
    pub log: LogStyle,
    /// Whether to measure where the time of a step goes, layer by layer.
    pub timings: bool,
    /// Whether to write an event file for TensorBoard. A run that has one goes on writing it.
    pub tensorboard: bool,
    /// Where messages go.
    pub output: Output,
}

impl TrainRequest {
    /// A new run of `system` with its default configuration, in a numbered folder.
    pub fn of(system: Arc<Trainable>) -> Self {
        let (log, output) = (LogStyle::default(), Output::default());
        let (config, out, resume, from) = (None, None, None, None);
        Self {
            system,
            assignments: Vec::new(),
            config,
            out,
            resume,
            from,
            log,
            timings: false,
            tensorboard: false,
            output,
        }
    }

    /// Whether the request itself names the images.
    fn names_data(&self) -> bool {
        self.assignments.iter().any(|one| one.key == "data")
    }
}

/// The result of a training run.
#[derive(Clone, Debug)]
pub struct TrainReport {
    /// Whether all steps are done.
    pub ending: Ending,
    /// The run folder.
    pub run: PathBuf,
    /// The hash of the system's state: weights, running statistics, optimisers.
    pub weights_hash: String,
}

/// Trains a new run, or resumes an existing one.
///
/// # Errors
/// Any problem with the request, the data, the run folder or the training; each error says what to
/// do about it.
pub fn train(request: &TrainRequest) -> Result<TrainReport, Failure> {
    // Runs on one of the kernels' own threads: from any other thread, each kernel call would wait
    // for a pool thread to wake up, which takes longer than the work itself when networks are
    // small.
    rayon::scope(|_| train_here(request))
}

/// The configuration of the new run that the request asks for.
pub(crate) fn configuration(request: &TrainRequest) -> Result<Config, Failure> {
    Ok(branch::configuration(request)?.0)
}

/// The system of the run in the folder `run` before its first step.
pub(crate) fn at_start(config: &Config, run: &Path) -> Result<Box<dyn System>, Failure> {
    Ok(Plan::at_start(config.clone(), Parent::recorded(config, run)?, Vec::new(), None)?.system)
}

/// Plans the training without running it: writes a table of the required memory, time and disk to
/// the output.
///
/// # Errors
/// As [`train`], where the problem can be detected before the first step.
pub fn dry_run(request: &TrainRequest) -> Result<(), Failure> {
    rayon::scope(|_| {
        let Prepared { plan, fewest, .. } = prepare(request, Some(&request.output))?;
        if plan.starts_from_parent() {
            let parent = plan.config.parent_line();
            parent.iter().chain(&plan.notes).for_each(|line| request.output.say(line));
        }
        if plan.learned_from.is_none() {
            return Ok(());
        }
        let data = data::of(&plan.config, &*plan.system, fewest, &request.output)?;
        plan.check_images(&data, request)
    })
}

/// A training run that has passed all checks that are possible before anything is written.
struct Prepared {
    plan: Plan,
    needs: Needs,
    /// The images, not decoded yet.
    looked_at: Dataset,
    /// The smallest sufficient number of images.
    fewest: usize,
    warning: Option<String>,
}

/// Checks everything that can be checked before training. The table of what the run needs is
/// written to `shown`.
fn prepare(request: &TrainRequest, shown: Option<&Output>) -> Result<Prepared, Failure> {
    let plan = match &request.resume {
        Some(path) => Plan::resumed(request, path, shown)?,
        None => Plan::fresh(request, shown)?,
    };
    // A new run can still use smaller batches if there are too few images, so it gets different
    // advice from a resumed one.
    let fewest = if plan.place.is_some() { plan.system.batch_size() } else { 1 };
    // A large folder is decoded only after it is known that the run fits.
    let looked_at = data::look_at(&plan.config, &*plan.system, fewest, &request.output)?;
    data::fill_a_batch(&looked_at, &plan.config, &*plan.system)?;
    let needs = plan.needs.clone().on(&looked_at);
    let place = plan.place.as_ref().map(|(run, _)| run.as_path()).or(request.out.as_deref());
    let warning = needs.check(&plan.config, place.unwrap_or(Path::new("runs")), shown)?;
    Ok(Prepared { plan, needs, looked_at, fewest, warning })
}

/// Trains on the current thread.
fn train_here(request: &TrainRequest) -> Result<TrainReport, Failure> {
    let Prepared { mut plan, mut needs, looked_at, fewest, warning } = prepare(request, None)?;
    let data = data::of(&plan.config, &*plan.system, fewest, &request.output)?;
    plan.check_images(&data, request)?;
    // A file that appears later must not replace the built-in drawings when the run is resumed.
    if let Some(name) = data.lasting_name() {
        plan.config.name_data(Some(name));
    }
    let (run, _lock) = match plan.place.take() {
        Some(place) => place,
        None => {
            let name = request.system.name;
            let Claimed { run, lock, is_begun } = folder::claim(request.out.as_deref(), Path::new("runs"), name)?;
            if is_begun {
                plan = rerun::resume_existing(plan, &run)?;
                plan.check_images(&data, request)?;
                needs = plan.needs.clone().on(&looked_at);
            }
            (run, lock)
        }
    };
    folder::reopen(&run)?;
    plan.config.record_data(&run);
    plan.config.record_parent(&run);
    // A run that is complete keeps the version that computed it.
    if plan.from < plan.config.steps() {
        plan.config.record_numerics();
    }
    storage::write_whole(&RealDisk, &run.join("config.toml"), plan.config.to_toml().as_bytes())?;
    let lines: Vec<String> = [needs.line()].into_iter().chain(warning).collect();
    in_folder(plan, &data, &run, request, &lines).map_err(|failure| add_resume_command(failure, &request.system, &run))
}

/// Trains in the run folder, which already holds the configuration: from here on the run can be
/// resumed, whatever happens.
fn in_folder(
    plan: Plan,
    data: &Dataset,
    run: &Path,
    request: &TrainRequest,
    needs: &[String],
) -> Result<TrainReport, Failure> {
    let mut console = Console::logging_to(run, &request.output)?;
    print_header(&console, &plan, data, run)?;
    needs.iter().for_each(|line| console.say(line));
    if let Err(failure) = show_data(data, run, &plan) {
        match failure.code {
            Code::Storage => console.say(&forgiving::warning(&failure)),
            _ => return Err(failure),
        }
    }
    let mut plan = plan;
    let Ended { report, last_words, sick } = loop {
        match train_all(plan, data, run, request, &mut console)? {
            Outcome::Ended(ended) => break *ended,
            Outcome::RolledBack(next) => plan = *next,
        }
    };
    print_summary(&console, &request.system, &report)?;
    last_words.iter().for_each(|line| console.say(&format!("warning      the run is sick: {line}")));
    console.check()?;
    match sick {
        Some(failure) => Err(failure),
        None => Ok(report),
    }
}

/// Adds to a storage failure how to resume the run once the cause is fixed.
fn add_resume_command(failure: Failure, entry: &Trainable, run: &Path) -> Failure {
    let system = entry.name;
    if failure.code != Code::Storage || entry.is_own() {
        return failure;
    }
    let first = failure.help.as_ref().map_or_else(String::new, |help| format!("{}\n", help.text()));
    let help = advice!("mended-storage", "{first}then continue with `train {system} --resume {}`", quoted(run));
    failure.help(help)
}

/// Rows and columns of the sheet that shows the augmentation: an unchanged image, then its
/// augmentations.
const AUGMENTED: usize = 8;

/// A training run that is about to start.
struct Plan {
    config: Config,
    system: Box<dyn System>,
    needs: Needs,
    /// The number of steps already done.
    from: u64,
    /// The run folder, if it exists already, and its lock.
    place: Option<(PathBuf, Lock)>,
    /// The fingerprint of the images that the run has learned from so far.
    learned_from: Option<String>,
    /// Messages about the checkpoint.
    notes: Vec<String>,
}

impl Plan {
    fn fresh(request: &TrainRequest, shown: Option<&Output>) -> Result<Self, Failure> {
        let (mut config, parent) = branch::configuration(request)?;
        config.drop_rollbacks();
        let mut notes: Vec<String> = config.numerics_changed().into_iter().collect();
        notes.extend(config.drop_earlier_precision());
        notes.extend(parent.iter().flat_map(|parent| parent.changes(&config)));
        Self::at_start(config, parent, notes, shown)
    }

    /// At step 0, with the weights of the parent if there is one.
    fn at_start(
        config: Config,
        parent: Option<Parent>,
        mut notes: Vec<String>,
        shown: Option<&Output>,
    ) -> Result<Self, Failure> {
        let needs = Needs::that_fit(&config, 0, shown)?;
        let mut system = config.build()?;
        if let Some(remark) = system.remarks().into_iter().find(|remark| remark.severity == Severity::Error) {
            return Err(Failure::new(Code::Config, format!("this system cannot train ({})", remark.id))
                .at(config.entry.name)
                .because(remark.text));
        }
        if let Some(parent) = parent {
            notes.extend(parent.pass_on(&config, &mut *system)?);
        }
        Ok(Self { config, system, needs, from: 0, place: None, learned_from: None, notes })
    }

    /// Whether no step is done and the weights are those of another run.
    fn starts_from_parent(&self) -> bool {
        self.from == 0 && self.config.parent_line().is_some()
    }

    fn resumed(request: &TrainRequest, path: &Path, shown: Option<&Output>) -> Result<Self, Failure> {
        let own = Some(&request.system);
        Needs::of_saved(path, own)?;
        let SavedRun { run, lock, config, found } = resume::open_run(path, own)?;
        let [trained, asked] = [config.entry.name, request.system.name];
        if trained != asked {
            return Err(Failure::new(Code::Checkpoint, "this is a run of another system")
                .at(run.display())
                .because(format!("it trains `{trained}`, but the command names `{asked}`"))
                .help(advice!("run-of-another-system", "`train {trained} --resume {}`", quoted(path))));
        }
        let before = config.precision().map(str::to_owned);
        let config = config.extended(&request.assignments, &run)?;
        let mut plan = match found {
            Some(found) => Self::from_saved(config, &found, &run, shown)?,
            None => {
                let note = format!("resumed      {}, which has no checkpoint yet: starts at step 0", run.display());
                let parent = Parent::recorded(&config, &run)?;
                Self::at_start(config, parent, vec![note], shown)?
            }
        };
        plan.notes.extend(plan.config.show_rollbacks());
        plan.notes.extend(plan.config.record_precision(before.as_deref(), plan.from));
        Ok(Self { place: Some((run, lock)), ..plan })
    }

    /// Resumes from a checkpoint of the run in the folder `run`. If the run does not fit into
    /// memory, the table is written to `shown`.
    fn from_saved(
        config: Config,
        found: &LoadedCheckpoint,
        run: &Path,
        shown: Option<&Output>,
    ) -> Result<Self, Failure> {
        let saved = &found.checkpoint;
        let steps = config.steps();
        if steps < saved.step {
            return Err(Failure::new(Code::Usage, "the run is already longer than that")
                .at(found.path.display())
                .because(format!("steps done: {}, new total: {steps}", saved.step))
                .help(if config.entry.is_own() {
                    advice!("own-run-is-longer", "ask for a total larger than the number of steps already done")
                } else {
                    run_is_longer(run, saved.step, steps)
                }));
        }
        let needs = Needs::that_fit(&config, saved.step, shown)?;
        let mut system = config.build()?;
        saved.restore(&mut *system, &found.path)?;
        let mut notes = found.passed_over();
        notes.push(format!("resumed      {}, after step {}", found.path.display(), saved.step));
        if saved.step < steps {
            notes.extend(resume::config_within(found, Some(&config.entry))?.numerics_change_at(saved.step));
        }
        let learned_from = Some(saved.data.clone());
        Ok(Self { config, system, needs, from: saved.step, place: None, learned_from, notes })
    }

    /// Rejects images other than those that the run has learned from so far.
    fn check_images(&self, data: &Dataset, request: &TrainRequest) -> Result<(), Failure> {
        let check = |before: &String| require_same_images(data, before, request.names_data());
        self.learned_from.as_ref().map_or(Ok(()), check)
    }
}

/// The advice when a run that has already done `done` steps is resumed with a smaller total,
/// `wanted`.
fn run_is_longer(run: &Path, done: u64, wanted: u64) -> Advice {
    match checkpoint::in_folder(run).unwrap_or_default().iter().find(|(step, _)| *step <= wanted) {
        Some((_, older)) => advice!(
            "run-is-longer",
            "ask for a larger total, such as `--steps {}`, or continue from an older checkpoint, `--resume {}`",
            done + 1,
            quoted(older)
        ),
        None => advice!("run-is-longer-than-kept", "ask for a larger total, such as `--steps {}`", done + 1),
    }
}

/// Prints the first lines: everything that determines the result, then other information, such as
/// the processor and the run folder.
fn print_header(console: &Console, plan: &Plan, data: &Dataset, run: &Path) -> Result<(), Failure> {
    let config = &plan.config;
    let about = if config.entry.about.is_empty() { String::new() } else { format!(": {}", config.entry.about) };
    console.say(&format!("training     {}, preset {}{about}", config.entry.name, config.preset()));
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
        let word = remark.severity.name();
        // A resumed run must keep its settings, so it gets no suggestion.
        console.say(&match (&plan.learned_from, &remedies[..]) {
            (None, [_, ..]) => {
                typed(&advice!("remark", "{word:<12} {} ({}): `{}`", remark.text, remark.id, remedies.join("` or `")))
            }
            _ => format!("{word:<12} {} ({})", remark.text, remark.id),
        });
    }
    for (place, parts) in wholes(&plan.system.networks()).iter().enumerate() {
        let label = if place == 0 { "networks" } else { "" };
        console.say(&format!("{label:<12} {}", totals(parts)));
    }
    console.say(&format!("processor    {}", processor::about()?));
    if let Some(precision) = config.precision().filter(|precision| *precision != "f32") {
        console.say(&format!("precision    {precision} products, f32 sums and weights"));
    }
    let batch = config.settings.get("batch").map_or_else(String::new, |batch| format!(", batch {batch}"));
    console.say(&format!("steps        {}{batch}, seed {}", config.steps(), config.seed()));
    console.say(&format!("run folder   {}", run.display()));
    if let Some(line) = config.parent_line() {
        console.say(&line);
    }
    for note in &plan.notes {
        console.say(note);
    }
    Ok(())
}

/// Writes sheets of the real images, unchanged and augmented; or the picture of real points.
fn show_data(data: &Dataset, run: &Path, plan: &Plan) -> Result<(), Failure> {
    if let Sampler::Points(points) = plan.system.samples() {
        return plane::write_reals(&run.join("samples/reals.png"), points.mixture, plan.config.seed());
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

/// How a run of the training loop has ended.
enum Outcome {
    /// The training is over.
    Ended(Box<Ended>),
    /// The run was sick; it continues with this plan from an earlier step.
    RolledBack(Box<Plan>),
}

/// The end of a training.
struct Ended {
    report: TrainReport,
    /// The signs of sickness that still show.
    last_words: Vec<String>,
    /// The failure to report, if it was stopped because it is sick.
    sick: Option<Failure>,
}

/// Runs the training loop with all observers attached.
fn train_all(
    plan: Plan,
    data: &Dataset,
    run: &Path,
    request: &TrainRequest,
    console: &mut Console,
) -> Result<Outcome, Failure> {
    let Plan { config, mut system, from, needs, .. } = plan;
    let TrainRequest { log, timings, tensorboard, .. } = *request;
    let total = config.steps();
    // The notebook's lines are for comparison with the original's log, so nothing else is shown.
    let bar = match log {
        LogStyle::Default => progress::bar(&request.output, from, total),
        LogStyle::Notebook => None,
    };
    if let Some(bar) = &bar {
        console.show(bar.clone());
    }
    let console = &*console;
    let alarm = Alarm::new(from);
    let training = TrainingContext {
        console,
        run,
        config: &config,
        data,
        from,
        log,
        bar: bar.clone(),
        timings,
        tensorboard,
        alarm: &alarm,
    };
    let mut observers = observers::all(&training, &*system)?;
    signals::listen();
    let prober = Prober::open(&training);
    let stop = || signals::asked() || alarm.is_raised();
    let result = train_loop::train(&mut *system, data, (from, total), prober, &mut observers, &stop);
    drop(observers);
    let last = alarm.last_step();
    let diverged = match &result {
        Err(failure) if failure.code == Code::Diverged => Some(failure),
        _ => None,
    };
    let diagnosis = match diverged {
        Some(failure) if config.on_sick() == OnSick::Rollback => {
            Some(Diagnosis::of_divergence(last + 1, failure, &config, &*system))
        }
        _ => alarm.take(),
    };
    let mut why = None;
    if let Some(diagnosis) = diagnosis.as_ref().filter(|_| config.on_sick() == OnSick::Rollback) {
        match rollback::roll_back(&config, run, diagnosis, last)? {
            Ok(Return { config, system, saved, note }) => {
                console.say(&note);
                let (from, learned_from, notes) = (saved.step, Some(saved.data), Vec::new());
                return Ok(Outcome::RolledBack(Box::new(Plan {
                    config,
                    system,
                    needs,
                    from,
                    place: None,
                    learned_from,
                    notes,
                })));
            }
            Err(reason) => why = Some(reason),
        }
    }
    match result {
        Ok(ending) => {
            let report = TrainReport { ending, run: run.to_owned(), weights_hash: weights_hash(&system.state()) };
            let sick = diagnosis.map(|diagnosis| stopped_sick(&diagnosis, (last, why), &config, run));
            Ok(Outcome::Ended(Box::new(Ended { report, last_words: alarm.last_words(), sick })))
        }
        Err(failure) => {
            if let Some(bar) = &bar {
                bar.abandon();
            }
            let failure = add_last_checkpoint(failure, run);
            console.log(&format!("error: {failure}"));
            Err(failure)
        }
    }
}

/// The failure of a run that was stopped after step `last` because of `diagnosis`; `why` is the
/// reason why it could not return to an earlier step, if it should have.
fn stopped_sick(diagnosis: &Diagnosis, (last, why): (u64, Option<String>), config: &Config, run: &Path) -> Failure {
    let reason = match why {
        Some(why) => format!("{}\nit does not return to an earlier step: {why}", diagnosis.line()),
        None => diagnosis.line(),
    };
    let failure = Failure::new(Code::Sick, format!("the run is sick: stopped after step {last}; everything is saved"))
        .at(run.display())
        .because(reason);
    let commands = diagnosis.commands(config, run);
    if commands.is_empty() || config.entry.is_own() {
        return failure;
    }
    failure.help(advice!("stopped-sick", "try `{}`", commands.join("` or `")))
}

/// Adds to a divergence failure which checkpoint is still usable.
fn add_last_checkpoint(failure: Failure, run: &Path) -> Failure {
    if failure.code != Code::Diverged {
        return failure;
    }
    // A checkpoint from before the first step is not useful.
    let failure = match checkpoint::in_folder(run).unwrap_or_default().first().filter(|(step, _)| *step > 0) {
        Some((_, path)) => {
            let why = failure.why.clone().map_or_else(String::new, |why| why + "\n");
            failure.because(format!("{why}the last good state is {}", path.display()))
        }
        None => failure,
    };
    failure.help(advice!("diverged", "train again with a smaller learning rate or another seed"))
}

/// Prints the last lines: what was written, how to resume, the hash.
fn print_summary(console: &Console, entry: &Trainable, done: &TrainReport) -> Result<(), Failure> {
    let (run, system) = (&done.run, entry.name);
    if let Ending::Stopped(step) = done.ending
        && !entry.is_own()
    {
        console.say(&typed(&advice!(
            "stopped",
            "stopped after step {step}; everything is saved. Continue with `train {system} --resume {}`",
            quoted(run)
        )));
    }
    console.data("files written:")?;
    for line in folder::list(run) {
        console.data(&format!("  {line}"))?;
    }
    console.data(&format!("weights hash: {}", done.weights_hash))?;
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
        assert!(!add_last_checkpoint(diverged(), &run).to_string().contains("last good state"));
        for step in [500, 1000] {
            std::fs::write(run.join("checkpoints").join(checkpoint::file_name(step)), "").unwrap();
        }
        let text = add_last_checkpoint(diverged(), &run).to_string();
        assert!(text.contains("step-001000.safetensors"), "{text}");
        let other = Failure::new(Code::Storage, "full").help(advice!("of-another-test", "free some space"));
        assert_eq!(add_last_checkpoint(other.clone(), &run), other);
    }
}

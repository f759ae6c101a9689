//! [`train`]: sets up a run, trains, and reports the result. `start.rs` has what a run starts from,
//! `branch.rs` a run that starts from another run's weights, `followers.rs` what the ranks other
//! than 0 do, `rerun.rs` handles a run folder that is named a second time, `rollback.rs` the return
//! of a sick run to an earlier step; `messages.rs` is what is printed.

pub(crate) mod train_loop;

mod branch;
mod followers;
mod messages;
mod rerun;
mod rollback;
mod start;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use models::{Sampler, System};
use serde_json::Value;
use tensor::Tensor;

use crate::checkpoint::weights_hash;
use crate::config::{Assignment, Config};
use crate::console::{Console, Output};
use crate::data::{self, Dataset};
use crate::diagnosis::OnSick;
use crate::failure::{Code, Failure};
use crate::folder::lock::Lock;
use crate::folder::{self, Claimed};
use crate::observers::diagnosis::{Alarm, Diagnosis};
use crate::observers::forgiving;
use crate::observers::probe::Prober;
use crate::observers::{self, LogStyle, TrainingContext, progress, samples, tensorboard};
use crate::plan::{Budget, Needs};
use crate::processor;
use crate::ranks::{Ranks, same_program, same_request};
use crate::sampling::pictures::{self, Arrangement};
use crate::sampling::plane;
use crate::signals;
use crate::storage::{self, RealDisk};
use crate::systems::Trainable;
use crate::training::branch::Parent;
pub use crate::training::train_loop::Ending;
use messages::{add_last_checkpoint, add_resume_command, print_header, print_summary, stopped_sick};
use rollback::Return;
use start::{Plan, Terms};

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
    /// The processes that train the run together; rank 0 writes the run folder and the messages.
    pub ranks: Ranks,
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
            ranks: Ranks::default(),
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

/// Trains a new run, or resumes an existing one. With several [ranks](TrainRequest::ranks), all of
/// them must call this.
///
/// # Errors
/// Any problem with the request, the data, the run folder or the training; each error says what to
/// do about it. All ranks return the same error.
pub fn train(request: &TrainRequest) -> Result<TrainReport, Failure> {
    processor::on_a_kernel_thread(|| request.ranks.agree(train_here(request)))
}

/// The configuration of the new run that the request asks for.
pub(crate) fn configuration(request: &TrainRequest) -> Result<Config, Failure> {
    Ok(branch::configuration(request)?.0)
}

/// The system of the run in the folder `run` before its first step.
pub(crate) fn at_start(config: &Config, run: &Path) -> Result<Box<dyn System>, Failure> {
    let terms = (&Budget::of_this_process(), None);
    Ok(Plan::at_start(config.clone(), Parent::recorded(config, run)?, Vec::new(), terms)?.system)
}

/// Plans the training without running it: writes a table of the required memory, time and disk to
/// the output. With several [ranks](TrainRequest::ranks), all of them must call this; only rank 0
/// makes the plan.
///
/// # Errors
/// As [`train`], where the problem can be detected before the first step.
pub fn dry_run(request: &TrainRequest) -> Result<(), Failure> {
    processor::on_a_kernel_thread(|| {
        let budget = budget_of(request)?;
        if request.ranks.rank() > 0 {
            return Ok(());
        }
        let Prepared { plan, fewest, .. } = prepare(request, (&budget, Some(&request.output)))?;
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

/// What a training run would need, as JSON: bytes of memory and of disk, and seconds. Checks what
/// [`dry_run`] checks before it loads images. The result is null on ranks other than 0.
///
/// # Errors
/// As [`dry_run`].
pub fn forecast(request: &TrainRequest) -> Result<Value, Failure> {
    processor::on_a_kernel_thread(|| {
        let budget = budget_of(request)?;
        if request.ranks.rank() > 0 { Ok(Value::Null) } else { Ok(prepare(request, (&budget, None))?.needs.json()) }
    })
}

/// The memory that the ranks may use.
fn budget_of(request: &TrainRequest) -> Result<Budget, Failure> {
    // As in `train_here`.
    request.ranks.agree(Ok(()))?;
    request.ranks.budget()
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
/// written to the output of `terms`.
fn prepare(request: &TrainRequest, terms: Terms<'_>) -> Result<Prepared, Failure> {
    let mut plan = match &request.resume {
        Some(path) => Plan::resumed(request, path, terms)?,
        None => Plan::fresh(request, terms)?,
    };
    // A new run can still use smaller batches if there are too few images, so it gets different
    // advice from a resumed one.
    let fewest = if plan.place.is_some() { plan.system.batch_size() } else { 1 };
    // A large folder is decoded only after it is known that the run fits.
    let looked_at = data::look_at(&plan.config, &*plan.system, fewest, &request.output)?;
    data::fill_a_batch(&looked_at, &plan.config, &*plan.system)?;
    let writes_events = request.tensorboard || plan.place.as_ref().is_some_and(|(run, _)| tensorboard::is_in(run));
    let needs = plan.needs.clone().on(&looked_at, writes_events);
    let place = plan.place.as_ref().map(|(run, _)| run.as_path()).or(request.out.as_deref());
    // Rejects a wrong number of ranks before images are read. `train_all` calls this again for the
    // system that it trains, which may be another one.
    request.ranks.share(&mut *plan.system)?;
    let warning = needs.check(&plan.config, place.unwrap_or(Path::new("runs")), terms.1)?;
    Ok(Prepared { plan, needs, looked_at, fewest, warning })
}

/// Trains on the current thread.
fn train_here(request: &TrainRequest) -> Result<TrainReport, Failure> {
    let ranks = &request.ranks;
    // A rank whose command line is wrong has failed by now.
    ranks.agree(Ok(()))?;
    same_program(ranks)?;
    same_request(request)?;
    let budget = ranks.budget()?;
    if ranks.rank() > 0 {
        return followers::follow(request);
    }
    let Prepared { plan, needs, looked_at, fewest, warning } = ranks.agree(prepare(request, (&budget, None)))?;
    followers::announce_images(ranks, &plan.config, fewest)?;
    let data = followers::load(ranks, || data::of(&plan.config, &*plan.system, fewest, &request.output))?;
    let opened = ranks.agree(open_folder(request, (plan, needs), (&data, &looked_at)))?;
    let Opened { plan, needs, run, _lock } = opened;
    followers::announce_start(ranks, &plan, &run)?;
    let lines: Vec<String> = [needs.line()].into_iter().chain(warning).collect();
    in_folder(plan, &data, &run, request, &lines).map_err(|failure| add_resume_command(failure, &request.system, &run))
}

/// A run whose folder is locked and has the configuration.
struct Opened {
    plan: Plan,
    needs: Needs,
    run: PathBuf,
    _lock: Lock,
}

/// Opens the folder of the run; the images are `data`, which were `looked_at`.
fn open_folder(
    request: &TrainRequest,
    (mut plan, mut needs): (Plan, Needs),
    (data, looked_at): (&Dataset, &Dataset),
) -> Result<Opened, Failure> {
    plan.check_images(data, request)?;
    // A file that appears later must not replace the built-in drawings when the run is resumed.
    if let Some(name) = data.lasting_name() {
        plan.config.name_data(Some(name));
    }
    let (run, lock) = match plan.place.take() {
        Some(place) => place,
        None => {
            let name = request.system.name;
            let Claimed { run, lock, is_begun } = folder::claim(request.out.as_deref(), Path::new("runs"), name)?;
            if is_begun {
                plan = rerun::resume_existing(plan, &run)?;
                plan.check_images(data, request)?;
                needs = plan.needs.clone().on(looked_at, request.tensorboard || tensorboard::is_in(&run));
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
    Ok(Opened { plan, needs, run, _lock: lock })
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
    last_words.iter().for_each(|line| console.say(&format!("warning      {line}")));
    console.check()?;
    match sick {
        Some(failure) => Err(failure),
        None => Ok(report),
    }
}

/// Rows and columns of the sheet that shows the augmentation: an unchanged image, then its
/// augmentations.
const AUGMENTED: usize = 8;

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
    let TrainRequest { log, timings, tensorboard, ref ranks, .. } = *request;
    followers::share(ranks, &mut *system, from)?;
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
    let result = train_loop::train_on(ranks, &mut *system, data, (from, total), (prober, &mut observers), &stop);
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
    // Other ranks wait for a return only after these results.
    let may_return = ranks.size() == 1 || followers::may_return(&config, &result);
    let returned = match diagnosis.as_ref().filter(|_| may_return && config.on_sick() == OnSick::Rollback) {
        Some(diagnosis) => rollback::roll_back(&config, run, diagnosis, last).map(Some),
        None => Ok(None),
    };
    match followers::announce_return(ranks, (&config, &result), returned)? {
        Some(Ok(Return { config, system, saved, note })) => {
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
        Some(Err(reason)) => why = Some(reason),
        None => {}
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

//! The plan of a training run: the memory, time and disk it will need, known before anything is
//! written.
//!
//! [`Forecast`] runs the training on shapes alone; [`limits`] finds the memory limit of this
//! process, [`disk`] the free disk space, and [`time`] the current speed of the machine; [`fit`]
//! finds a smaller configuration if a run does not fit. [`Needs`] combines them, prints a line or a
//! table, and rejects runs that cannot fit.

mod disk;
mod fit;
mod forecast;
pub(crate) mod limits;
mod table;
mod time;

use std::path::Path;
use std::sync::Arc;

use datasets::{Advice, advice};
use nn::Shards;

use crate::config::Config;
use crate::console::Output;
use crate::data::Dataset;
use crate::failure::{Code, Failure};
use crate::folder;
use crate::systems::Trainable;
pub(crate) use disk::free;
use disk::{Amounts, Written};
use fit::Remedy;
use forecast::Forecast;
pub(crate) use limits::Budget;
use limits::Room;
pub(crate) use table::size;

/// Memory of the program, its libraries, and everything too small to be counted.
const PROGRAM: u64 = 17 << 20;
/// Memory that each thread keeps for the kernels' blocks.
const THREAD: u64 = 3 << 20;
/// Memory for drawing a picture of the plane.
const PLANE: u64 = 16 << 20;
/// The number of images measured at a time with `--evaluate-every`, including their features.
const MEASURED: u64 = 12_000;

/// What a training run needs.
#[derive(Clone, Debug)]
pub(crate) struct Needs {
    forecast: Forecast,
    /// The number of steps already done.
    from: u64,
    threads: u64,
    budget: Budget,
    /// Bytes of the data set in memory.
    data: u64,
    /// Bytes of its disk cache that have yet to be written.
    cache: u64,
    /// Bytes of temporary memory outside of steps: assembling a checkpoint, sheets, evaluation.
    passing: u64,
    written: Written,
}

impl Needs {
    /// The needs of the steps from `from` to the last of `config` in this process alone, with the
    /// data not yet known.
    ///
    /// # Errors
    /// When [`Config::build`] rejects the settings.
    pub(crate) fn of(config: &Config, from: u64) -> Result<Self, Failure> {
        Self::within(&Budget::of_this_process(), config, from)
    }

    /// The needs of one rank of a run with this budget.
    fn within(budget: &Budget, config: &Config, from: u64) -> Result<Self, Failure> {
        let forecast = Forecast::of(config, from, budget.ranks)?;
        let (image, count) = forecast.sheet;
        let image = image.iter().product::<usize>() as u64;
        let sheet = image * count as u64;
        let sheets = config.steps().saturating_sub(from).div_ceil(config.sample_every().max(1));
        let state = forecast.state();
        // A sheet is in memory three times: as the bytes of its images, as its pixels and as an
        // encoded file; a checkpoint once, as an encoded file.
        let measured = if config.evaluate_every() > 0 { MEASURED * image } else { 0 };
        let drawn = if count == 0 { PLANE } else { 3 * sheet };
        let passing = state.max(drawn).max(measured);
        let steps = config.steps().saturating_sub(from);
        let written = Written::of(&Amounts {
            state,
            steps,
            metrics: forecast.metrics as u64,
            sheets: sheets.saturating_add(1),
            image: forecast.sheet.0.map(|size| size as u64),
            samples: count as u64,
            probes: probes_of(steps, config.probe_every()),
            layers: forecast.layers as u64,
            scores: forecast.scores as u64,
            domains: forecast.domains as u64,
        });
        let threads = rayon::current_num_threads() as u64;
        let budget = budget.clone();
        Ok(Self { forecast, from, threads, budget, data: 0, cache: 0, passing, written })
    }

    /// The budget that the run was planned with.
    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Adds the memory and disk for this data, and leaves out the events for TensorBoard unless
    /// they are written.
    pub(crate) fn on(self, data: &Dataset, writes_events: bool) -> Self {
        let events = if writes_events { self.written.events } else { 0 };
        Self { data: data.memory(), cache: data.cache(), written: Written { events, ..self.written }, ..self }
    }

    /// Peak memory of the process in bytes.
    pub(crate) fn memory(&self) -> u64 {
        [self.forecast.tensors, self.program(), self.data, self.passing, self.messages()]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    /// The memory for copies of gradients that are exchanged with other ranks. The gradients of an
    /// update take at most as much memory as all weights.
    fn messages(&self) -> u64 {
        let Forecast { shards, weights, .. } = self.forecast;
        weights * Shards::new(shards as usize).copies(self.budget.ranks) as u64
    }

    fn program(&self) -> u64 {
        PROGRAM + self.threads * THREAD
    }

    /// Peak memory until the end of the stage number `stage`.
    fn memory_of(&self, stage: usize) -> u64 {
        let stage = &self.forecast.stages[stage];
        [stage.held, stage.packed, self.program(), self.data, self.passing, self.messages()]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    /// Like [`of`](Self::of), but fails if the needs exceed the memory; called before the networks
    /// are built. In that case the table is written to `shown`.
    ///
    /// # Errors
    /// When [`Config::build`] rejects the settings, or there is not enough memory.
    pub(crate) fn that_fit(
        config: &Config,
        from: u64,
        (budget, shown): (&Budget, Option<&Output>),
    ) -> Result<Self, Failure> {
        let needs = Self::within(budget, config, from)?;
        match needs.check_memory(config) {
            Ok(()) => Ok(needs),
            Err(failure) => Err(shown.and_then(|output| needs.show(output).err()).unwrap_or(failure)),
        }
    }

    /// Rejects a saved run if even its last step needs more memory than there is; called before its
    /// checkpoint is read. A path that is not a run is accepted here.
    ///
    /// # Errors
    /// Names the memory needed and available.
    pub(crate) fn of_saved(path: &Path, own: Option<&Arc<Trainable>>, budget: &Budget) -> Result<(), Failure> {
        let run = folder::locate(path).ok().and_then(|located| located.run);
        let Some(config) = run.and_then(|run| Config::of_run(&run.join("config.toml"), own).ok()) else {
            return Ok(());
        };
        Self::within(budget, &config, config.steps().saturating_sub(1))
            .map_or(Ok(()), |needs| needs.check_memory(&config))
    }

    /// Checks memory, and disk space for the run folder, which is or will be at `place`; returns a
    /// warning if the disk may become full later. The table is written to `shown`.
    ///
    /// # Errors
    /// Names what is needed and available, and suggests a configuration that fits.
    pub(crate) fn check(
        &self,
        config: &Config,
        place: &Path,
        shown: Option<&Output>,
    ) -> Result<Option<String>, Failure> {
        shown.map_or(Ok(()), |output| self.show(output))?;
        self.check_memory(config)?;
        self.check_disk(place)
    }

    fn show(&self, output: &Output) -> Result<(), Failure> {
        output.data(self.table().trim_end())
    }

    fn check_memory(&self, config: &Config) -> Result<(), Failure> {
        self.budget.room.as_ref().map_or(Ok(()), |room| self.check_within(config, room))
    }

    fn check_within(&self, config: &Config, room: &Room) -> Result<(), Failure> {
        let needed = self.memory();
        if needed <= room.bytes {
            return Ok(());
        }
        let stages = &self.forecast.stages;
        let stage = (0..stages.len()).find(|stage| self.memory_of(*stage) > room.bytes).map(|stage| &stages[stage]);
        let place = match stage.filter(|_| stages.len() > 1) {
            Some(stage) => {
                format!("the stage {} from step {} on, batch {}", stage.name, stage.steps.start, stage.batch)
            }
            None => format!("{}, preset `{}`, batch {}", config.entry.name, config.preset(), self.forecast.batch),
        };
        let who = if self.budget.ranks > 1 { "each rank" } else { "it" };
        let why = format!(
            "{who} needs about {}, but only {} is available ({})",
            table::size(needed),
            table::size(room.bytes),
            room.set_by
        );
        let failure = Failure::new(Code::Config, "the training does not fit into memory").at(place).because(why);
        if self.from > 0 {
            return Err(failure.help(advice!(
                "resume-does-not-fit",
                "continue it on a machine with more memory: run folders can be moved"
            )));
        }
        Err(failure.help(match fit::remedy(config, within(room.bytes).saturating_sub(self.data), &self.budget) {
            Some(Remedy::Batch(batch)) => {
                advice!("batch-does-not-fit", "the largest batch that fits is `--batch {batch}`")
            }
            Some(Remedy::Size(size)) => advice!("size-does-not-fit", "smaller images fit: `--set size={size}`"),
            Some(Remedy::Preset(preset)) => {
                advice!("preset-does-not-fit", "a smaller preset fits: `--preset {preset}`")
            }
            None => advice!("nothing-fits", "free some memory, or train on a machine with more"),
        }))
    }

    fn check_disk(&self, run: &Path) -> Result<Option<String>, Failure> {
        disk::free(run).map_or(Ok(None), |free| self.check_room(run, free))
    }

    fn check_room(&self, run: &Path, free: u64) -> Result<Option<String>, Failure> {
        let Written { checkpoint, .. } = self.written;
        if free < checkpoint {
            return Err(Failure::new(Code::Storage, "there is not enough disk space for the run")
                .at(run.display())
                .because(format!(
                    "a checkpoint takes {}, but only {} is free",
                    table::size(checkpoint),
                    table::size(free)
                ))
                .help(advice!("no-room-for-the-run", "free some space, or choose a folder on another disk")));
        }
        let most = self.written.most();
        Ok((free < most).then(|| {
            format!(
                "warning      the run may fill the disk: it writes up to {}, but only {} is free",
                table::size(most),
                table::size(free)
            )
        }))
    }
}

/// At most so many of `steps` steps are probed: every `every`th, and a few of the first ones.
fn probes_of(steps: u64, every: u64) -> u64 {
    let first = u64::from(u64::BITS / 2);
    steps.checked_div(every).map_or(0, |regular| regular.saturating_add(first).min(steps))
}

/// The budget of a suggestion when `bytes` are available: it leaves a quarter free, because the
/// forecast is not exact and less memory may be free when the user tries it.
fn within(bytes: u64) -> u64 {
    bytes - bytes / 4
}

/// Rejects opening a run if its networks, or drawing with them, need more memory than there is;
/// called before they are built.
///
/// # Errors
/// Names the memory needed and available; also when [`Config::build`] rejects the settings.
pub(crate) fn can_open(config: &Config, run: &Path) -> Result<(), Failure> {
    can_have(Forecast::of_opened(config)?.saturating_add(PROGRAM), "the run's networks", run)
}

/// Rejects the translation of the picture `file` of (height, width) `own`, scaled to `size`, with a
/// run of `config`, if it needs more memory than there is. `padded` says at which size the network
/// gets a picture, and whether it is also translated back.
///
/// # Errors
/// Names the memory needed and available, and the largest picture of these proportions that fits;
/// also when [`Config::build`] rejects the settings.
pub(crate) fn can_translate(
    config: &Config,
    file: &Path,
    own: [usize; 2],
    size: [usize; 2],
    padded: impl Fn([usize; 2]) -> ([usize; 2], bool),
) -> Result<(), Failure> {
    let Some(room) = limits::room() else { return Ok(()) };
    let needed = |size: [usize; 2]| -> Result<u64, Failure> {
        let (padded, all_columns) = padded(size);
        let tensors = Forecast::of_translation(config, padded, all_columns)?;
        // The pixels of the picture and of its translation, and the encoded file.
        let translating = tensors.saturating_add(3 * 4 * padded.iter().product::<usize>() as u64);
        // Before that, the picture is decoded, and scaled: first its rows, to `f64`.
        let scaled = if size == own { 0 } else { 3 * 8 * own[0] * size[1] };
        let decoding = (3 * 2 * own.iter().product::<usize>() + scaled) as u64;
        let program = PROGRAM + rayon::current_num_threads() as u64 * THREAD;
        Ok(translating.max(decoding).saturating_add(program))
    };
    let all = needed(size)?;
    if all <= room.bytes {
        return Ok(());
    }
    let [height, width] = size;
    let failure =
        Failure::new(Code::Config, "the translation does not fit into memory").at(file.display()).because(format!(
            "{width} x {height} pixels need about {}, but only {} is available ({})",
            table::size(all),
            table::size(room.bytes),
            room.set_by
        ));
    let (mut side, mut too_long) = (0, height.max(width));
    while too_long - side > 1 {
        let middle = side.midpoint(too_long);
        let fits = needed(datasets::scaled_within(size, [middle; 2]))? <= within(room.bytes);
        (side, too_long) = if fits { (middle, too_long) } else { (side, middle) };
    }
    Err(failure.help(match side {
        0 => more_memory(),
        side => advice!(
            "picture-does-not-fit",
            "scale it down: `--max-side {side}` fits, or translate its centre at the size of the training images: `--fit crop`"
        ),
    }))
}

/// Rejects recording a step of `config` if there is not enough memory.
///
/// # Errors
/// Names the memory needed and available; also when [`Config::build`] rejects the settings.
#[cfg(feature = "explain")]
pub(crate) fn can_record(config: &Config) -> Result<(), Failure> {
    let needs = Needs::of(&config.clone().with_steps(1), 0)?;
    let bytes = needs.memory().saturating_add(needs.forecast.recorded());
    can_have(bytes, "the recorded values of a step", Path::new(config.entry.name))
}

fn can_have(bytes: u64, what: &str, place: &Path) -> Result<(), Failure> {
    let Some(room) = limits::room().filter(|room| room.bytes < bytes) else { return Ok(()) };
    let (needed, free) = (table::size(bytes), table::size(room.bytes));
    Err(Failure::new(Code::Config, format!("{what} do not fit into memory"))
        .at(place.display())
        .because(format!("they need about {needed}, but only {free} is available ({})", room.set_by))
        .help(more_memory()))
}

/// The advice when no smaller configuration would fit.
fn more_memory() -> Advice {
    advice!("no-memory-to-open", "free some memory, or use a machine with more")
}

/// Rejects `count` items of `each` bytes if they need more memory than there is.
///
/// # Errors
/// Names the memory needed and available, and the largest count that fits.
pub(crate) fn can_have_so_many(count: usize, each: usize) -> Result<(), Failure> {
    let Some(room) = limits::room() else { return Ok(()) };
    let (free, each) = (room.bytes.saturating_sub(room.own), each as u64);
    let bytes = each.saturating_mul(count as u64);
    if bytes <= free {
        return Ok(());
    }
    let (needed, most) = (table::size(bytes), within(free) / each.max(1));
    Err(Failure::new(Code::Config, format!("{count} do not fit into memory"))
        .at("option --count")
        .because(format!("they need about {needed}, but only {} is available ({})", table::size(free), room.set_by))
        .help(match most {
            0 => more_memory(),
            most => advice!("count-does-not-fit", "fewer fit: `--count {most}`"),
        }))
}

#[cfg(test)]
mod tests;

//! Looks for the signs of a sick run: reports each in the log, writes `diagnoses.csv`, and raises
//! the [`Alarm`] if the run is to stop.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use datasets::{advice, grouped, quoted};
use models::System;

use crate::config::Config;
use crate::console::Console;
use crate::diagnosis::{EXPLODING, Episode, Monitor, OnSick, Severity, Sign, Treatment, Vitals};
use crate::failure::{Failure, typed};
use crate::observers::forgiving::Forgiving;
use crate::observers::probe::Probe;
use crate::observers::{Observer, Opened, StepContext, StepRecord, TrainingContext};
use crate::storage::{self, RealDisk};

/// The file of the run folder.
const FILE: &str = "diagnoses.csv";
const HEADER: &str = "step,last_step,sign,severity,evidence,remedy,chapter";
/// Ends the evidence of an episode after which the run returned to an earlier step.
const ROLLED_BACK: &str = "; rolled back to step ";

/// How the observer tells the training loop about a sick run.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    /// The last step done.
    last_step: Cell<u64>,
    raised: RefCell<Option<Diagnosis>>,
    /// What is wrong at the end of the training, one line for each open episode.
    last_words: RefCell<Vec<String>>,
}

/// A sign that was reported, and what can be done about it.
#[derive(Clone, Debug)]
pub(crate) struct Diagnosis {
    pub(crate) sign: &'static Sign,
    /// The step at which it was reported.
    pub(crate) step: u64,
    /// The last step that shows nothing of it.
    pub(crate) before: u64,
    pub(crate) evidence: String,
    pub(crate) treatments: Vec<Treatment>,
}

impl Diagnosis {
    /// That of a step at which a number was not finite.
    pub(crate) fn of_divergence(step: u64, failure: &Failure, config: &Config, system: &dyn System) -> Self {
        let sign = &EXPLODING;
        let evidence = failure.why.clone().unwrap_or_default().replace([',', '\n'], ";");
        let before = step.saturating_sub(sign.patience + 1);
        Self { sign, step, before, evidence, treatments: sign.treatments(config, system) }
    }

    /// `step 640: the discriminator wins (d-dominates): d_loss 0.0002 ...`.
    pub(crate) fn line(&self) -> String {
        let Self { sign, step, evidence, .. } = self;
        format!("step {}: {} ({}): {evidence}", grouped(step), sign.title, sign.id)
    }

    /// The commands that start a new run with one of the remedies; for a system that the command
    /// line does not know, the settings.
    pub(crate) fn commands(&self, config: &Config, run: &Path) -> Vec<String> {
        let command = |treatment: &Treatment| {
            if config.entry.is_own() {
                return treatment.assignments().collect::<Vec<_>>().join(" ");
            }
            let settings = treatment.assignments().map(|one| format!(" --set {}", setting(&one)));
            let (system, settings) = (config.entry.name, settings.collect::<String>());
            match treatment.continues {
                true => format!("train {system} --from {}{settings}", quoted(run)),
                false => format!("train {system} --config {}{settings}", quoted(&run.join("config.toml"))),
            }
        };
        self.treatments.iter().map(command).collect()
    }
}

impl Alarm {
    /// The alarm of a training from step `from` on.
    pub(crate) fn new(from: u64) -> Self {
        Self { last_step: Cell::new(from), ..Self::default() }
    }

    /// The last step done.
    pub(crate) fn last_step(&self) -> u64 {
        self.last_step.get()
    }

    /// Whether the training is to stop.
    pub(crate) fn is_raised(&self) -> bool {
        self.raised.borrow().is_some()
    }

    /// Why the training was to stop; takes it.
    pub(crate) fn take(&self) -> Option<Diagnosis> {
        self.raised.borrow_mut().take()
    }

    /// What is wrong at the end of the training.
    pub(crate) fn last_words(&self) -> Vec<String> {
        self.last_words.borrow().clone()
    }
}

/// Evaluates the signs and writes what was found.
struct Watch<'a> {
    console: &'a Console,
    run: PathBuf,
    config: &'a Config,
    alarm: &'a Alarm,
    monitor: Monitor,
    /// The probes of earlier processes that are not yet part of the history, the oldest first.
    past: VecDeque<Vitals>,
    /// What can be done about each episode; those of earlier processes are not known before the
    /// start.
    diagnoses: Vec<Diagnosis>,
    /// The rows of episodes that a return to an earlier step has undone.
    undone: Vec<String>,
    /// Whether the file has all episodes.
    is_written: bool,
}

pub(super) fn open<'a>(training: &TrainingContext<'a>, system: &dyn System) -> Opened<'a> {
    let run = training.run.to_owned();
    let written = storage::read_text(&run.join(FILE))?.unwrap_or_default();
    let watch = Watch {
        console: training.console,
        config: training.config,
        alarm: training.alarm,
        monitor: Monitor::new(system.loss_scale(), system.metrics()),
        past: VecDeque::new(),
        diagnoses: Vec::new(),
        undone: written.lines().filter(|line| line.contains(ROLLED_BACK)).map(str::to_owned).collect(),
        is_written: true,
        run,
    };
    Ok(Some(Box::new(Forgiving::new(training.console, watch))))
}

impl Watch<'_> {
    /// Looks up what can be done about the episodes that have no diagnosis yet.
    fn diagnose(&mut self, system: &dyn System) {
        for episode in &self.monitor.episodes()[self.diagnoses.len()..] {
            let Episode { sign, step, ref evidence, .. } = *episode;
            let (before, evidence) = (Monitor::before(episode), evidence.clone());
            let treatments = sign.treatments(self.config, system);
            self.diagnoses.push(Diagnosis { sign, step, before, evidence, treatments });
        }
    }

    /// Reports a new diagnosis, and stops the training if it is to stop.
    fn report(&self, diagnosis: &Diagnosis) {
        self.console.say(&format!("warning      {}", diagnosis.line()));
        let commands = diagnosis.commands(self.config, &self.run);
        if !commands.is_empty() {
            let own = self.config.entry.is_own();
            let remedies = commands.join(if own { " or " } else { "` or `" });
            let line = if own {
                format!("try the settings {remedies}")
            } else {
                typed(&advice!("sick-run", "try `{remedies}`"))
            };
            self.console.say(&format!("             {line}"));
        }
        let acts = self.config.on_sick() != OnSick::Warn && diagnosis.sign.severity == Severity::Sick;
        if acts && !self.alarm.is_raised() {
            *self.alarm.raised.borrow_mut() = Some(diagnosis.clone());
        }
    }

    fn write(&mut self) -> Result<(), Failure> {
        let rows =
            self.monitor.episodes().iter().zip(&self.diagnoses).map(|(episode, diagnosis)| {
                row(diagnosis, episode.last_step, &diagnosis.evidence, self.config, &self.run)
            });
        let rows: Vec<String> = self.undone.iter().cloned().chain(rows).collect();
        self.is_written = true;
        let path = self.run.join(FILE);
        if rows.is_empty() && !path.exists() {
            return Ok(());
        }
        let text = format!("{HEADER}\n{}", rows.iter().map(|row| format!("{row}\n")).collect::<String>());
        Ok(storage::write_whole(&RealDisk, &path, text.as_bytes())?)
    }
}

/// A `key=value` as it must be typed in a shell. (Unlike for other words, an equals sign needs no
/// quotes here.)
fn setting(assignment: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "=._-+".contains(letter);
    if assignment.chars().all(is_plain) { assignment.to_owned() } else { quoted(assignment) }
}

/// A row of the file.
fn row(diagnosis: &Diagnosis, last_step: u64, evidence: &str, config: &Config, run: &Path) -> String {
    let Diagnosis { sign, step, .. } = diagnosis;
    let remedy = diagnosis.commands(config, run).join(" or ");
    let (severity, chapter) = (sign.severity.name(), sign.link());
    let words = [sign.id, severity, evidence, &remedy, &chapter].map(field);
    format!("{step},{last_step},{}", words.join(","))
}

/// A field of a CSV file (RFC 4180).
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// Adds to the file in the run folder that the run returned to step `step` because of `diagnosis`.
///
/// # Errors
/// When the file cannot be read or written.
pub(crate) fn record_rollback(
    diagnosis: &Diagnosis,
    (last_step, step): (u64, u64),
    config: &Config,
    run: &Path,
) -> Result<(), Failure> {
    let path = run.join(FILE);
    let text = storage::read_text(&path)?.unwrap_or_default();
    let undone = text.lines().filter(|line| line.contains(ROLLED_BACK)).map(str::to_owned);
    let evidence = format!("{}{ROLLED_BACK}{step}", diagnosis.evidence);
    let rows: Vec<String> = undone.chain([row(diagnosis, last_step, &evidence, config, run)]).collect();
    let text = format!("{HEADER}\n{}\n", rows.join("\n"));
    Ok(storage::write_whole(&RealDisk, &path, text.as_bytes())?)
}

impl Observer for Watch<'_> {
    fn past_probe(&mut self, probe: &Probe) {
        self.past.extend(Vitals::of(probe, self.config.probe_every()));
    }

    fn past_step(&mut self, step: u64, values: &[f64]) {
        while self.past.front().is_some_and(|probe| probe.step < step) {
            self.past.pop_front();
        }
        let is_of_step = self.past.front().is_some_and(|probe| probe.step == step);
        let probe = if is_of_step { self.past.pop_front() } else { None };
        self.monitor.step(step, values, probe);
    }

    fn start(&mut self, now: &StepContext<'_>) -> Result<(), Failure> {
        self.past.clear();
        self.diagnose(now.system);
        if self.monitor.episodes().is_empty() && self.undone.is_empty() { Ok(()) } else { self.write() }
    }

    fn step(&mut self, now: &StepContext<'_>, numbers: &StepRecord<'_>) -> Result<(), Failure> {
        self.alarm.last_step.set(now.step);
        let known = self.diagnoses.len();
        let probe = numbers.probe.and_then(|probe| Vitals::of(probe, self.config.probe_every()));
        let found = self.monitor.step(now.step, numbers.values, probe);
        let is_new = !found.is_empty();
        self.is_written &= self.monitor.open().next().is_none();
        if is_new {
            self.diagnose(now.system);
            self.diagnoses[known..].iter().for_each(|diagnosis| self.report(diagnosis));
        }
        let saves = now.step.is_multiple_of(self.config.checkpoint_every());
        if is_new || saves && !self.is_written { self.write() } else { Ok(()) }
    }

    fn end(&mut self, _now: &StepContext<'_>) -> Result<(), Failure> {
        let open = self.monitor.open().map(|episode| {
            let Episode { sign, evidence, .. } = episode;
            let [step, last_step] = [episode.step, episode.last_step].map(grouped);
            let whose = match sign.severity {
                Severity::Sick => "the run is sick",
                Severity::Flaw => "the samples have a flaw",
            };
            format!("{whose}: {} ({}) from step {step} to {last_step}: {evidence}", sign.title, sign.id)
        });
        *self.alarm.last_words.borrow_mut() = open.collect();
        if self.is_written { Ok(()) } else { self.write() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_log_writes_its_step_with_commas_and_a_row_of_the_file_without() {
        let evidence = "d_loss 0.5".to_owned();
        let diagnosis = Diagnosis { sign: &EXPLODING, step: 1230, before: 1200, evidence, treatments: Vec::new() };
        assert!(diagnosis.line().starts_with("step 1,230: losses or gradients explode"), "{}", diagnosis.line());
        let config = Config::resolve(&crate::systems::find("vanilla").unwrap(), &[]).unwrap();
        let row = row(&diagnosis, 1300, &diagnosis.evidence, &config, Path::new("run"));
        assert!(row.starts_with("1230,1300,exploding,"), "{row}");
    }
}

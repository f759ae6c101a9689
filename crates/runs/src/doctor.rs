//! [`examine`]: what this machine offers to a run, what is missing, and what to do about it.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use datasets::{Advice, advice, plural};
use serde_json::{Value, json};

use crate::console::{is_colored, is_lively};
use crate::data::CACHE;
use crate::failure::{Code, Failure, typed};
use crate::listing;
use crate::plan::{self, limits};
use crate::processor;
use crate::systems::SYSTEMS;

/// The memory of the smallest preset, roughly.
const LITTLE_MEMORY: u64 = 1 << 30;
/// The disk space of a few short runs.
const LITTLE_DISK: u64 = 1 << 30;

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing needs to be done.
    Fine,
    /// Runs work, but something could be better.
    Note,
    /// Runs will fail.
    Problem,
}

impl State {
    /// The name in tables and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Note => "note",
            Self::Problem => "PROBLEM",
        }
    }
}

/// One thing that was examined.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What was examined, in a word or two.
    pub what: &'static str,
    /// How serious it is.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do about it.
    pub help: Option<Advice>,
}

impl Finding {
    fn fine(what: &'static str, found: impl Into<String>) -> Self {
        Self { what, state: State::Fine, found: found.into(), help: None }
    }

    fn note(what: &'static str, found: impl Into<String>, help: Advice) -> Self {
        Self { what, state: State::Note, found: found.into(), help: Some(help) }
    }

    fn problem(what: &'static str, failure: &Failure) -> Self {
        let why = failure.why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
        Self { what, state: State::Problem, found: format!("{}{why}", failure.what), help: failure.help.clone() }
    }
}

/// Everything that was examined.
#[derive(Clone, Debug)]
pub struct Examination {
    /// The findings, in the order in which they are shown.
    pub findings: Vec<Finding>,
}

/// Examines the machine, the environment, and the working directory. Runs are looked for in `runs`,
/// and data sets where the systems look for them.
pub fn examine(version: &str) -> Examination {
    let mut findings = vec![
        Finding::fine("version", format!("{version}, numerics {}", kernels::NUMERICS)),
        Finding::fine("system", format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH)),
        Finding::fine("processor", processor_name()),
        instruction_set(),
        threads(),
        memory(),
        folder_for_runs(),
        disk(),
        runs(),
    ];
    findings.extend(data());
    findings.push(cache());
    findings.push(terminal());
    Examination { findings }
}

impl Examination {
    /// The problems as a failure, if there is one.
    ///
    /// # Errors
    /// When a run would fail.
    pub fn verdict(&self) -> Result<(), Failure> {
        let bad: Vec<&str> = self
            .findings
            .iter()
            .filter(|finding| finding.state == State::Problem)
            .map(|finding| finding.what)
            .collect();
        if bad.is_empty() {
            return Ok(());
        }
        let what = format!("{} {} would make runs fail", bad.len(), plural(bad.len(), "problem"));
        Err(Failure::new(Code::Config, what).because(bad.join(", ")))
    }

    /// The findings as JSON.
    pub fn json(&self) -> Value {
        let one = |finding: &Finding| {
            json!({
                "what": finding.what,
                "state": finding.state.name().to_lowercase(),
                "found": finding.found,
                "help": finding.help.as_ref().map(typed),
            })
        };
        json!({ "findings": self.findings.iter().map(one).collect::<Vec<_>>() })
    }
}

impl fmt::Display for Examination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{:<8} {:<16} {}", finding.state.name(), finding.what, finding.found)?;
            if let Some(help) = &finding.help {
                writeln!(f, "{:25} {}", "", typed(help))?;
            }
        }
        Ok(())
    }
}

/// The name of the processor, and how many there are.
fn processor_name() -> String {
    let count = available_parallelism().map_or(1, usize::from);
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let name = model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned());
    format!("{name}, {count} {} for this process", plural(count, "thread"))
}

fn instruction_set() -> Finding {
    if let Err(failure) = processor::instruction_set() {
        return Finding::problem("instruction set", &failure);
    }
    let (used, all) = (kernels::simd::current(), kernels::simd::available());
    let names = |sets: &[kernels::simd::Isa]| sets.iter().map(|isa| isa.name()).collect::<Vec<_>>().join(", ");
    let found = format!("{}, available: {}", used.name(), names(&all));
    match all.last() {
        Some(best) if *best != used => Finding::note(
            "instruction set",
            found,
            advice!("slower-isa", "unset the environment variable BACKDRAW_ISA to use the last of these"),
        ),
        _ => Finding::fine("instruction set", found),
    }
}

fn threads() -> Finding {
    let processors = available_parallelism().map_or(1, usize::from);
    match processor::threads_in_environment() {
        Err(failure) => Finding::problem("threads", &failure),
        Ok(Some(number)) if usize::from(number) > processors => Finding::note(
            "threads",
            format!("{number}, as RAYON_NUM_THREADS says"),
            advice!("more-threads-than-processors", "unset RAYON_NUM_THREADS: there are fewer processors"),
        ),
        Ok(Some(number)) => Finding::fine("threads", format!("{number}, as RAYON_NUM_THREADS says")),
        Ok(None) => Finding::fine("threads", format!("{processors}, one for each processor")),
    }
}

fn memory() -> Finding {
    let Some(room) = limits::room() else { return Finding::fine("memory", "unknown") };
    let found = format!("{} ({})", plan::size(room.bytes), room.set_by);
    if room.bytes >= LITTLE_MEMORY {
        return Finding::fine("memory", found);
    }
    let help = advice!("little-memory", "free some memory, or train the smallest presets");
    Finding::note("memory", found, help)
}

/// Whether a run can be written to the working directory.
fn folder_for_runs() -> Finding {
    let here = Path::new(".");
    let place = std::env::current_dir().unwrap_or_else(|_| here.to_owned());
    let probe = here.join(format!(".backdraw-{}", std::process::id()));
    let written = fs::create_dir(&probe).and_then(|()| fs::remove_dir(&probe));
    match written {
        Ok(()) => Finding::fine("folder for runs", place.join("runs").display().to_string()),
        Err(error) => {
            let failure = Failure::new(Code::Storage, format!("{} cannot be written", place.display()));
            Finding::problem(
                "folder for runs",
                &failure.because(error).help(advice!("doctor-unwritable", "change to a folder that you may write to")),
            )
        }
    }
}

fn disk() -> Finding {
    let Some(free) = plan::free(Path::new("runs")) else { return Finding::fine("disk", "unknown") };
    let found = format!("{} free for runs", plan::size(free));
    if free >= LITTLE_DISK {
        return Finding::fine("disk", found);
    }
    Finding::note("disk", found, advice!("little-disk", "remove old runs, or work on another disk"))
}

fn runs() -> Finding {
    match listing::list(Path::new("runs")) {
        Err(failure) => Finding::problem("runs", &failure),
        Ok(runs) => {
            let bytes = runs.iter().map(|run| run.bytes).sum();
            Finding::fine("runs", format!("{} in the folder runs, {}", runs.len(), plan::size(bytes)))
        }
    }
}

/// The data sets that systems look for, and which systems those are.
fn data() -> Vec<Finding> {
    let mut places: Vec<(PathBuf, Vec<&str>)> = Vec::new();
    for entry in SYSTEMS.iter() {
        let place = entry.load.default_path();
        match places.iter_mut().find(|(other, _)| other == place) {
            _ if place == Path::new("") => {}
            Some((_, systems)) => systems.push(entry.name),
            None => places.push((place.to_owned(), vec![entry.name])),
        }
    }
    let (there, missing): (Vec<_>, Vec<_>) = places.into_iter().partition(|(place, _)| place.exists());
    let words = |(place, systems): &(PathBuf, Vec<&str>)| format!("{} ({})", place.display(), systems.join(", "));
    let all = |places: &[(PathBuf, Vec<&str>)]| places.iter().map(words).collect::<Vec<_>>().join(", ");
    let mut findings = Vec::new();
    if !there.is_empty() {
        findings.push(Finding::fine("data found", all(&there)));
    }
    if !missing.is_empty() {
        let help =
            advice!("data-not-there", "runs use built-in pictures instead; `train fetch` lists what can be downloaded");
        findings.push(Finding::note("data not found", all(&missing), help));
    }
    findings
}

fn cache() -> Finding {
    let cache = Path::new(CACHE);
    let found = match listing::content(cache).0 {
        0 => "none".to_owned(),
        bytes => format!("{} in {}, which may be deleted while nothing runs", plan::size(bytes), cache.display()),
    };
    Finding::fine("cached pictures", found)
}

fn terminal() -> Finding {
    let found = match (is_lively(), is_colored()) {
        (true, true) => "progress bars, colours",
        (true, false) => "progress bars, no colours (NO_COLOR)",
        (false, _) => "none: progress is printed in lines",
    };
    Finding::fine("terminal", found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_examined() {
        let found = examine("1.2.3");
        let text = found.to_string();
        for what in ["version", "instruction set", "threads", "memory", "disk", "runs", "terminal"] {
            assert!(found.findings.iter().any(|finding| finding.what == what), "{what}: {text}");
        }
        assert!(text.contains("1.2.3") && text.contains(kernels::simd::current().name()), "{text}");
        let json = found.json();
        assert_eq!(json["findings"].as_array().unwrap().len(), found.findings.len());
        assert_eq!(json["findings"][0]["state"], "ok");
    }

    #[test]
    fn problems_are_a_failure_and_notes_are_none() {
        let note = Finding::note("disk", "full", advice!("of-a-test-of-the-doctor", "free some space"));
        assert!(Examination { findings: vec![note.clone()] }.verdict().is_ok());
        let problem = Finding::problem("threads", &Failure::new(Code::Config, "too many").because("0"));
        let failure = Examination { findings: vec![note, problem] }.verdict().unwrap_err();
        assert_eq!(failure.code, Code::Config);
        assert!(failure.to_string().contains("1 problem") && failure.to_string().contains("threads"), "{failure}");
    }
}

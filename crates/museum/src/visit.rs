//! [`visit`]: trains an exhibit and the healthy run beside it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use runs::failure::Code;
use runs::systems::Trainable;
use runs::{Failure, Output, Run};

use crate::gan::{Settings, trainable};
use crate::{Bug, Columns, Exhibit};

/// Which exhibit to train, and where its two run folders go.
pub struct Visit {
    /// The exhibit.
    pub exhibit: &'static Exhibit,
    /// The folder that gets the run folders `healthy` and `sick`.
    pub out: PathBuf,
    /// The seed of both runs.
    pub seed: u32,
    /// Where messages go.
    pub output: Output,
}

/// The results of a visit.
pub struct Seen {
    /// The run folder of the correct step.
    pub healthy: PathBuf,
    /// The run folder of the mistake.
    pub sick: PathBuf,
    /// The metrics of both, in the same order.
    pub columns: [Columns; 2],
    /// The error with which the sick run ended, if it diverged.
    pub diverged: Option<Failure>,
    /// The system of both runs, for requests about them.
    pub system: Arc<Trainable>,
    /// The rows of the sick run's `diagnoses.csv`: step, sign and evidence.
    pub diagnoses: Vec<[String; 3]>,
}

/// Trains both runs. A run that is complete already is not trained again.
///
/// # Errors
/// When a folder holds another run, or a file cannot be written.
pub fn visit(visit: &Visit) -> Result<Seen, Failure> {
    let [healthy, sick] = ["healthy", "sick"].map(|name| visit.out.join(name));
    let system = train(visit, Bug::None, &healthy)?;
    let diverged = match train(visit, visit.exhibit.bug, &sick) {
        Err(failure) if failure.code == Code::Diverged => Some(failure),
        other => other.map(|_| None)?,
    };
    let (columns, diagnoses) = ([&healthy, &sick].map(|run| Columns::of_run(run)), diagnoses(&sick));
    Ok(Seen { healthy, sick, columns, diverged, system, diagnoses })
}

fn train(visit: &Visit, bug: Bug, out: &Path) -> Result<Arc<Trainable>, Failure> {
    let Exhibit { steps, d_learning_rate, .. } = *visit.exhibit;
    let settings = Settings { bug, d_learning_rate, g_learning_rate: 1e-3 };
    let run = Run::of(trainable(settings)).data("built-in").steps(steps).seed(visit.seed).out(out);
    let run = run.sample_every((steps / 10).max(1)).set("probe_every", 50).output(visit.output.clone());
    run.train().map(|_| run.system())
}

fn diagnoses(run: &Path) -> Vec<[String; 3]> {
    let text = std::fs::read_to_string(run.join("diagnoses.csv")).unwrap_or_default();
    let row = |line: &str| {
        let mut cells = line.split(',').map(str::to_owned);
        Some([cells.next()?, cells.nth(1)?, cells.nth(1)?])
    };
    text.lines().skip(1).filter_map(row).collect()
}

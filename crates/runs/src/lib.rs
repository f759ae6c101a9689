//! What makes a run out of a system: its configuration, the plan of what it needs, the data, the run folder with its checkpoints, the
//! training loop and its observers; and what can be done with a trained run: sampling, translation, projection, evaluation,
//! explanation.
//!
//! Every problem is a [`failure::Failure`], with a fixed form and an exit code.

mod checkpoint;
pub mod config;
pub mod console;
pub mod data;
pub mod evaluation;
pub mod explanation;
pub mod failure;
#[cfg(test)]
mod fake;
pub mod fetch;
mod folder;
mod fonts;
pub mod observers;
mod plan;
pub mod processor;
pub mod sampling;
pub mod signals;
mod storage;
pub mod suggestion;
pub mod systems;
pub mod training;

pub use checkpoint::{Checkpoint, LoadedCheckpoint, weights_hash};
pub use folder::resume::{Trained, open_trained};

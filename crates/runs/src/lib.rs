//! What makes a run out of a system: its configuration, the plan of what it needs, the data, the run folder with its checkpoints, the
//! training loop and its observers; and what is done with a finished run: sampling, translation, projection, evaluation, explanation.
//!
//! Every problem is one [`failure::Failure`], with a fixed form and an exit code.

pub mod checkpoint;
pub mod config;
pub mod console;
pub mod data;
mod engine;
pub mod evaluation;
pub mod explanation;
pub mod failure;
#[cfg(test)]
mod fake;
pub mod fetch;
pub mod folder;
pub mod observers;
pub mod options;
pub mod plan;
pub mod processor;
pub mod sampling;
pub mod signals;
pub mod storage;
pub mod suggestion;
pub mod systems;
pub mod training;

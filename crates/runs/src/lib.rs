//! Training runs. For a system this crate provides the configuration, a forecast of memory, time
//! and disk, the data, the run folder with its checkpoints, and the training loop with its
//! observers; for a trained run: sampling, translation, projection, evaluation, comparison and
//! explanation.
//!
//! [`Run`] trains any [`models::System`], including your own, with all of this:
//!
//! ```
//! use models::quickdraw::{Quickdraw, Settings};
//! use runs::{Output, Run};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let out = folder.path().join("mine");
//! let settings = Settings { batch: 2, depth: 2, ..Settings::default() };
//! let run = Run::new(move |seed| Quickdraw::new(settings.clone(), seed).expect("valid settings"))
//!     .data("built-in")
//!     .out(&out)
//!     .output(Output::Silent);
//! let half = run.clone().steps(1).train()?;
//! // Resumes the run in the folder.
//! let whole = run.steps(2).train()?;
//! assert!(out.join("checkpoints/step-000002.safetensors").exists());
//! assert_ne!(half.weights_hash, whole.weights_hash);
//! # Ok(())
//! # }
//! ```
//!
//! The other modules have a request type for each operation: [`training::TrainRequest`],
//! [`sampling::SampleRequest`], [`evaluation::EvaluateRequest`] and so on. A request says where its
//! messages go ([`Output`]); results are returned. Every error is a [`Failure`]: it says what went
//! wrong, where, why, and what to do about it, and has an exit code.
//!
//! # Features
//!
//! All are on by default. `fetch`: the module [`fetch`], downloads with TLS. `explain`: the module
//! [`explanation`]. `curves`: the charts of a run; without it a run writes its metrics but draws no
//! charts.

#[doc(hidden)]
pub mod bands;
mod checkpoint;
pub mod compare;
pub mod config;
pub mod console;
pub mod data;
pub mod diagnosis;
pub mod doctor;
pub mod evaluation;
#[cfg(feature = "explain")]
pub mod explanation;
pub mod export;
pub mod failure;
#[cfg(test)]
mod fake;
#[cfg(feature = "fetch")]
pub mod fetch;
mod folder;
#[cfg(feature = "curves")]
mod fonts;
pub mod import;
pub mod inspection;
mod layouts;
pub mod listing;
pub mod observers;
mod plan;
pub mod processor;
mod protobuf;
pub mod ranks;
pub mod report;
mod run;
pub mod sampling;
pub mod signals;
mod storage;
pub mod suggestion;
pub mod systems;
pub mod training;

pub use checkpoint::{Checkpoint, LoadedCheckpoint, weights_hash};
pub use console::Output;
pub use failure::Failure;
pub use folder::resume::{Trained, open_trained};
pub use ranks::Ranks;
pub use run::Run;

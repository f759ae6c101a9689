//! The GANs: one module per system, which holds its networks and its training step and reads like the paper.
//!
//! [`System`] is what the trainer needs to know of any of them. [`evalnet`] is no GAN: a classifier to measure them with.

pub mod evalnet;
pub mod quickdraw;
mod system;

pub use system::{Direction, FromLatents, LatentKind, Sampler, Settings, SettingsError, System, Translate};
use system::{distinct_indices, in_range};

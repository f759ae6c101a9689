//! The GANs: one module per system, which holds its networks and its training step and reads like the paper.
//!
//! [`System`] is what the trainer needs to know of any of them. [`quickdraw`] spells its whole step out: read it first. The other
//! GANs with latents are tables of networks and rules for one [`GanTrainer`](trainer::gan::GanTrainer), with the field's advice as its switches
//! ([`TrainingOptions`](trainer::options::TrainingOptions)). [`evalnet`] is no GAN: a classifier to measure them with.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod catalogue;
pub mod evalnet;
pub mod growing;
mod mixture;
pub mod step_metrics;
mod strided;
pub mod style;
mod system;
pub mod systems;
pub mod trainer;

pub use catalogue::SystemEntry;
pub use mixture::Mixture;
pub use step_metrics::{MetricDescription, StepMetrics};
pub use style::projection::Projection;
pub use system::{
    Direction, FromLatents, LatentKind, Plane, Sampler, Settings, SettingsError, Styles, System, Translate,
};
use system::{distinct_indices, in_range};
pub use systems::{
    SYSTEMS, cifar, cyclegan, dcgan, faces, folder, mnist, progan, quickdraw, stylegan, stylegan2, vanilla, wgan_gp,
};
pub use trainer::lint::Remark;

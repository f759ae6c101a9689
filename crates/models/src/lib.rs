//! The GANs: one module per system, with its networks and its training step, written to be read
//! beside the paper.
//!
//! [`System`] is the interface that a training loop needs. Read [`quickdraw`] first: its module
//! contains its whole training step. Most other GANs with latents are networks and a specification
//! for the shared [`GanTrainer`](trainer::gan::GanTrainer), whose options are
//! [`TrainingOptions`](trainer::options::TrainingOptions). [`evalnet`] and
//! [`inception`] are not GANs but classifiers to evaluate them with.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

/// Defines [`System::parts`] and [`System::parts_mut`] in the implementation of a system: its parts
/// are these fields, in this order. Each is a [`Stateful`], or an array or an `Option` of them.
///
/// ```text
/// parts!(discriminator, generator, optimizers);
/// ```
#[macro_export]
macro_rules! parts {
    ($($field:ident),+ $(,)?) => {
        fn parts(&self) -> Vec<&dyn $crate::Stateful> {
            vec![$(&self.$field),+]
        }

        fn parts_mut(&mut self) -> Vec<&mut dyn $crate::Stateful> {
            vec![$(&mut self.$field),+]
        }
    };
}

pub mod catalogue;
pub mod evalnet;
pub mod growing;
pub mod inception;
mod loss_scale;
mod mixture;
pub mod step_metrics;
mod strided;
pub mod style;
mod system;
pub mod systems;
pub mod trainer;
mod weights_hash;

pub use catalogue::SystemEntry;
pub use loss_scale::{LossKind, LossScale};
pub use mixture::Mixture;
#[doc(no_inline)]
pub use nn::{Stateful, StepError};
pub use step_metrics::{MetricDescription, StepMetrics};
pub use style::projection::Projection;
pub use system::{
    Direction, FromLatents, LatentKind, Plane, Sampler, Settings, SettingsError, Sides, Styles, System, Translate,
};
use system::{distinct_indices, in_range};
pub use systems::*;
pub use trainer::batch_sampler::BatchSampler;
pub use trainer::lint::{Remark, Severity};
pub use weights_hash::weights_hash;

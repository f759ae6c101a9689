//! What networks are made of: layers, initialisers, losses and optimisers, over the [`tensor`] engine.
//!
//! * [`Network`]: named layers in a row, with their weights.
//! * [`ForwardContext`]: a walk through networks; it decides about training or inference, frozen or not.
//! * [`differentiate`]: a training pass and its gradients; [`Optimizer::step`] uses them.
//! * [`StepObserver`]: who [`listen`]s learns what the pass and the optimiser do.
//! * [`State`]: all of it by name, for checkpoints.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod context;
pub mod init;
pub mod layers;
pub mod losses;
mod network;
mod observer;
pub mod optim;
mod state;
mod summary;

pub use context::{ForwardContext, Fusion, Gradients, RngContext, differentiate};
pub use init::{Dialect, Fan, InitScheme, Initializer};
pub use network::{BuildContext, Kind, Layer, Network};
pub use observer::{ForwardCall, Passed, StepObserver, Updated, listen};
pub use optim::{Formulas, Optimizer, Rule};
pub use state::{MOST_COUNTED, State, StateError, Stateful};
pub use summary::{summary, totals, wholes};

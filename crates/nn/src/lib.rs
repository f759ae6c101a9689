//! What networks are made of: layers, initialisers, losses and optimisers, over the [`tensor`] engine.
//!
//! * [`Network`]: named layers in a row, with their weights.
//! * [`Pass`]: a walk through networks; it decides about training or inference, frozen or not.
//! * [`differentiate`]: a training pass and its gradients; [`Optimizer::step`] uses them.
//! * [`Audience`]: who [`listen`]s learns what the pass and the optimiser do.
//! * [`State`]: all of it by name, for checkpoints.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod audience;
pub mod init;
pub mod layers;
pub mod losses;
mod network;
pub mod optim;
mod pass;
mod state;
mod summary;

pub use audience::{Audience, Passed, Updated, Walk, listen};
pub use init::{Dialect, Fan, Init, Start};
pub use network::{Kind, Layer, Network, Site};
pub use optim::{Formulas, Optimizer, Rule};
pub use pass::{Draw, Follower, Gradients, Pass, differentiate};
pub use state::{MOST_COUNTED, State, StateError, Stateful};
pub use summary::{summary, totals, wholes};

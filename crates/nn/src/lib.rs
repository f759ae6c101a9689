//! Building blocks of networks, over the [`tensor`] engine: layers, initialisers, losses and
//! optimisers.
//!
//! * [`Network`]: a sequence of named layers with their weights.
//! * [`ForwardContext`]: the mode in which networks are applied: training or inference, frozen or
//!   not.
//! * [`differentiate`]: a forward pass and its gradients, which [`Optimizer::step`] applies.
//! * [`Shards`]: parts of a batch with a pass of their own, one after the other or shared by the
//!   ranks of a [`Communicator`].
//! * [`StepObserver`]: receives what happens in training steps, installed by [`observe`].
//! * [`trace`](trace()): what networks compute in inference, as a graph of layers.
//! * [`State`]: the weights and the optimisers' state by name, for checkpoints.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod collectives;
mod communicator;
mod context;
mod in_process;
pub mod init;
mod layer;
pub mod layers;
mod lockstep;
pub mod losses;
mod network;
mod observer;
pub mod optim;
mod overlap;
mod reduction;
mod shards;
mod spec;
mod state;
mod summary;
mod trace;

pub use communicator::{CommunicationError, Communicator};
pub use context::{ForwardContext, Fusion, Gradients, RngContext, differentiate};
pub use in_process::{InProcess, on_ranks};
pub use init::{Dialect, Fan, InitScheme, Initializer};
pub use kernels::optimizer::rules::*;
pub use layer::{BuildContext, Layer, TensorKind};
pub use network::Network;
pub use observer::{ActivationCall, ForwardCall, ParameterUpdate, StepObserver, StepResult, name_value, observe};
pub use optim::{Formulas, Optimizer, UpdateRule};
pub use shards::{Averaged, Part, Shard, Shards, StepError};
pub use spec::LayerSpec;
pub use state::{MOST_COUNTED, State, StateError, Stateful};
pub use summary::{summary, totals, wholes};
pub use trace::{Computation, Trace, TraceInput, TraceStep, ValueId, trace};

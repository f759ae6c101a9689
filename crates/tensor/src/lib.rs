//! The autodiff engine of Backdraw: tensors, a tape, and the reverse sweep.
//!
//! ```
//! use tensor::{Options, Tape, Tensor, grad};
//!
//! let tape = Tape::new();
//! let x = tape.variable("x", Tensor::new(&[2], vec![3.0, 4.0]));
//! let y = x.square().sum(); // 3 * 3 + 4 * 4
//! assert_eq!(y.item(), 25.0);
//! let gradients = grad(&y, &[x], Options::default());
//! assert_eq!(gradients[0].value().data(), [6.0, 8.0]); // 2 x
//! ```
//!
//! Read in this order: [`Tensor`] (numbers in a shape), [`Var`] (a tensor that may be recorded on a
//! tape), [`Tape`] (the record of a computation), [`ops`] (the operations, each with its gradient
//! rule), [`grad`](grad()) (the reverse sweep), and [`gradcheck`](gradcheck()) (the check of the
//! rules). A [`TapeObserver`] watches a computation, and a [`Probe`] examines one recorded op: its
//! derivatives, its sums, its arithmetic.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod arithmetic;
mod attributes;
mod buffer;
mod composed;
mod grad;
pub mod gradcheck;
pub mod meta;
mod observer;
mod op;
mod operators;
pub mod ops;
mod probe;
mod replay;
mod shape;
mod tape;
#[allow(clippy::module_inception, reason = "the crate is named for its central type")]
mod tensor;
mod var;

pub use attributes::Attributes;
pub use composed::DEMODULATION_EPSILON;
pub use grad::{Options, grad, vjp, vjp_with};
pub use gradcheck::{Check, gradcheck};
pub use observer::{FirstNonFinite, NonFinite, RecordedNode, SweptNode, TapeObserver};
pub use op::{Call, Op, Saves};
pub use ops::all_reduce::ShardGroup;
pub use ops::batch_norm::Statistics;
pub use probe::{NodeCheck, Probe, Term, Terms};
pub use replay::{Replay, Rows};
pub use shape::{MAX_AXES, Shape};
pub use tape::{NodeId, Tape};
pub use tensor::Tensor;
pub use var::Var;

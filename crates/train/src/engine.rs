//! What this program uses of the engine, in one place.

pub(crate) use crate::standin::quickdraw;
#[cfg(test)]
pub(crate) use crate::standin::{Network, NonFinite};
pub(crate) use crate::standin::{State, StateError, System, Tensor};

/// The instruction set that the kernels run on.
pub(crate) fn instruction_set() -> String {
    "portable".to_owned()
}

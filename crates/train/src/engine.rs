//! What this program uses of the engine and of the data sets, in one place.

pub(crate) use crate::standin::{State, StateError, System, Tensor};
pub(crate) use crate::standin::{datasets, quickdraw};

/// The instruction set that the kernels run on.
pub(crate) fn instruction_set() -> String {
    "portable".to_owned()
}

#[cfg(test)]
pub(crate) use crate::standin::{Network, NonFinite};

/// A value that is not finite, found by the op `bce_with_logits`.
#[cfg(test)]
pub(crate) fn not_finite() -> NonFinite {
    NonFinite("d_loss: op `bce_with_logits` gave NaN".into())
}

//! What this program uses of the engine and of the data sets, in one place.

pub(crate) use kernels::{Binary, ConvGeometry, Convolution, Element, Gemm, Key, allocations, timing};
pub(crate) use models::catalogue;
pub(crate) use models::evalnet::{self, Evalnet};
pub(crate) use models::step_metrics;
pub(crate) use models::style::mapping::truncated;
pub(crate) use models::trainer::switches;
pub(crate) use models::{
    Direction, FromLatents, LatentKind, MetricDescription, Mixture, Plane, Projection, Sampler, Styles, System,
    Translate,
};
pub(crate) use nn::init::truncated_normal;
pub(crate) use nn::{Network, State, StateError, totals, wholes};
pub(crate) use tensor::Tensor;
pub(crate) use tensor::meta;

/// The instruction set that the kernels run on.
///
/// # Errors
/// When the environment asks for one that is not there.
pub(crate) fn instruction_set() -> Result<String, String> {
    kernels::simd::from_environment().map(|_| kernels::simd::current().to_string())
}

#[cfg(test)]
pub(crate) use kernels::Padding;
#[cfg(test)]
pub(crate) use models::{Settings, quickdraw, wgan_gp};
#[cfg(test)]
pub(crate) use nn::{ForwardContext, Stateful};
#[cfg(test)]
pub(crate) use tensor::{NonFinite, Var};

/// A value that is not finite, found by the op `bce_with_logits`.
#[cfg(test)]
pub(crate) fn not_finite() -> NonFinite {
    let bad = Tensor::new(&[1], vec![f32::NAN]);
    NonFinite::in_tensor("bce_with_logits", "d_loss", &bad).expect("it is not finite")
}

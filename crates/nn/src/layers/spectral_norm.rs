//! [`SpectralNorm`]: weights divided by their largest singular value (Miyato, Kataoka, Koyama and
//! Yoshida, "Spectral normalization for generative adversarial networks", 2018).
//!
//! The weight, as a matrix W from inputs to outputs, is replaced by W / sigma, where sigma is its
//! largest singular value. Sigma is estimated by power iteration. As the weight changes little
//! between steps, one iteration per forward pass in training is enough:
//!
//! ```text
//! v = W u / |W u|;  u' = W^T v / |W^T v|;  sigma = v^T W u'
//! ```
//!
//! u and v are treated as constants in the backward pass, and the gradient of sigma flows through
//! W. u' is stored for the next step.

use kernels::Key;
use tensor::{Tensor, Var};

use crate::context::ForwardContext;
use crate::init::normal;
use crate::layer::{BuildContext, TensorKind};

/// The state of the power iteration of a layer: u, one number per output.
#[derive(Clone, Debug)]
pub struct SpectralNorm {
    u: Tensor,
}

const NAME: &str = "spectral_u";

impl SpectralNorm {
    /// A random direction for a layer of this many outputs; None if the network does not use
    /// spectral normalisation.
    pub(crate) fn of(ctx: &BuildContext, outputs: usize) -> Option<Self> {
        let key = Key::named(ctx.seed, &format!("{}.{NAME}", ctx.path));
        let u = || unit(&Var::constant(normal(&[outputs, 1], 0.0, 1.0, key)));
        ctx.spectral_norm.then(|| Self { u: u().into_value() })
    }

    /// The normalised weight. The last axis of `weight` is the layer's outputs.
    pub(crate) fn applied(this: Option<&Self>, ctx: &mut ForwardContext, weight: Var) -> Var {
        let Some(this) = this else { return weight };
        let u = Var::constant(ctx.updated(NAME).unwrap_or(&this.u).clone());
        let outputs = u.shape()[0];
        let matrix = weight.reshape([weight.value().size() / outputs, outputs]);
        let constant = matrix.detach();
        let v = unit(&constant.matmul(&u));
        let u = unit(&constant.matmul_transposed(&v, true, false));
        if ctx.is_training() {
            ctx.update(NAME, || u.value().clone());
        }
        let sigma = (&v * &matrix.matmul(&u)).sum();
        &weight / &sigma
    }

    pub(crate) fn tensor(&self) -> (&'static str, TensorKind, &Tensor) {
        (NAME, TensorKind::Internal, &self.u)
    }

    pub(crate) fn tensor_mut(&mut self) -> (&'static str, TensorKind, &mut Tensor) {
        (NAME, TensorKind::Internal, &mut self.u)
    }
}

/// x / |x|.
fn unit(x: &Var) -> Var {
    let length = x.square().sum().sqrt();
    x / &length.clamp(1e-12, f64::INFINITY)
}

//! [`SpectralNorm`]: weights that stretch no direction by more than 1 (Miyato, Kataoka, Koyama and Yoshida, "Spectral
//! normalization for generative adversarial networks", 2018).
//!
//! The weight is read as a matrix W from inputs to outputs and used as W / sigma, where sigma is its largest singular value. That value
//! is found by power iteration, one turn for each walk in training, as the weight hardly changes from step to step:
//!
//! ```text
//! v = W u / |W u|;  u' = W^T v / |W^T v|;  sigma = v^T W u'
//! ```
//!
//! u and v are constants to the gradient, which flows through W in sigma. u' is kept for the next step.

use kernels::Key;
use tensor::{Tensor, Var};

use crate::context::ForwardContext;
use crate::init::normal;
use crate::network::{BuildContext, Kind};

/// What a layer keeps for the spectral norm of its weight: u, one number for each output.
#[derive(Clone, Debug)]
pub struct SpectralNorm {
    u: Tensor,
}

const NAME: &str = "spectral_u";

impl SpectralNorm {
    /// The beginning, a random direction, for a layer of so many outputs; None if its network does not ask for it.
    pub(crate) fn of(site: &BuildContext, outputs: usize) -> Option<Self> {
        let key = Key::named(site.seed, &format!("{}.{NAME}", site.path));
        let u = || unit(&Var::constant(normal(&[outputs, 1], 0.0, 1.0, key)));
        site.spectral_norm.then(|| Self { u: u().into_value() })
    }

    /// The weight to use instead of `weight`, whose last axis is the layer's outputs.
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

    pub(crate) fn tensor(&self) -> (&'static str, Kind, &Tensor) {
        (NAME, Kind::Counter, &self.u)
    }

    pub(crate) fn tensor_mut(&mut self) -> (&'static str, Kind, &mut Tensor) {
        (NAME, Kind::Counter, &mut self.u)
    }
}

/// x / |x|.
fn unit(x: &Var) -> Var {
    let length = x.square().sum().sqrt();
    x / &length.clamp(1e-12, f64::INFINITY)
}

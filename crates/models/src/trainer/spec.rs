//! [`GanSpec`]: what distinguishes one system trained by a
//! [`GanTrainer`](crate::trainer::gan::GanTrainer) from another, apart from its networks.

use kernels::Key;
use tensor::{Tensor, Var};

use crate::Mixture;
use crate::trainer::batch_sampler::BatchSampler;
use crate::trainer::update::Update;

/// The parts that define a system.
#[derive(Debug)]
pub(crate) struct GanSpec {
    pub(crate) name: &'static str,
    /// Size of the latents.
    pub(crate) latent: usize,
    /// Reals per turn of the discriminator, and as many fakes.
    pub(crate) batch: usize,
    /// Fakes per turn of the generator; None for as many as reals.
    pub(crate) g_batch: Option<usize>,
    pub(crate) range: Range,
    pub(crate) sampler: BatchSampler,
    pub(crate) fakes: Fakes,
    pub(crate) update: Update,
    /// Whether the generator is updated before the discriminator.
    pub(crate) generator_first: bool,
}

impl GanSpec {
    /// The step of PyTorch's DCGAN example.
    pub(crate) fn example(name: &'static str, latent: usize, batch: usize, beta1: f64) -> Self {
        Self {
            name,
            latent,
            batch,
            g_batch: None,
            range: Range::Symmetric,
            sampler: BatchSampler::new(true, true),
            fakes: Fakes::Shared,
            update: Update::adam(beta1, 0.999),
            generator_first: false,
        }
    }

    /// The distribution of the reals, if they are points in the plane.
    pub(crate) fn mixture(&self) -> Option<Mixture> {
        if let Range::Points(mixture) = self.range { Some(mixture) } else { None }
    }
}

/// The range of the pixel values that the networks see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    /// From -1 to 1: the generator ends in a tanh.
    Symmetric,
    /// From -1 to 1, with uniform noise as large as one step of a byte (dequantisation), so that
    /// the critic cannot recognise reals by their 256 levels.
    Dequantised,
    /// From 0 to 1: the generator ends in a sigmoid.
    Unit,
    /// Reals from 0 to 1, though the generator ends in a tanh; its negative values are clamped to
    /// 0.
    Mismatched,
    /// Points in the plane, drawn from this mixture, unscaled.
    Points(Mixture),
}

impl Range {
    /// Real images in [0, 1], mapped to this range; `key` is the stream of the dequantisation
    /// noise.
    pub(crate) fn reals(self, images: &Tensor, key: Key) -> Tensor {
        match self {
            Range::Dequantised => {
                let noise = nn::init::uniform(images.shape(), 0.0, 1.0 / 128.0, key);
                let steps = Var::constant(images.clone()).affine(2.0 * 255.0 / 256.0, -1.0);
                (&steps + &Var::constant(noise)).into_value()
            }
            _ => self.inward(images),
        }
    }

    /// Images in [0, 1], mapped to this range.
    pub(crate) fn inward(self, images: &Tensor) -> Tensor {
        self.inward_var(&Var::constant(images.clone())).into_value()
    }

    /// The same, differentiable.
    pub(crate) fn inward_var(self, images: &Var) -> Var {
        match self {
            Range::Symmetric | Range::Dequantised => images.affine(2.0, -1.0),
            Range::Unit | Range::Mismatched | Range::Points(_) => images.clone(),
        }
    }

    /// The length of the range.
    pub(crate) fn span(self) -> f64 {
        match self {
            Range::Symmetric | Range::Dequantised => 2.0,
            Range::Unit | Range::Mismatched | Range::Points(_) => 1.0,
        }
    }

    /// Images of a generator without a final activation, clamped to this range and mapped to [0,
    /// 1].
    pub(crate) fn pictures(self, images: &Var) -> Tensor {
        self.pictures_var(images).into_value()
    }

    /// The same, differentiable.
    pub(crate) fn pictures_var(self, images: &Var) -> Var {
        let [low, high] = match self {
            Range::Symmetric | Range::Dequantised => [-1.0, 1.0],
            Range::Unit | Range::Mismatched | Range::Points(_) => [0.0, 1.0],
        };
        self.outward_var(images.clamp(low, high))
    }

    /// Images of this range, mapped to [0, 1].
    pub(crate) fn outward(self, images: Tensor) -> Tensor {
        self.outward_var(Var::constant(images)).into_value()
    }

    /// The same, differentiable.
    pub(crate) fn outward_var(self, images: Var) -> Var {
        match self {
            Range::Symmetric | Range::Dequantised => images.affine(0.5, 0.5),
            Range::Unit | Range::Points(_) => images,
            Range::Mismatched => images.clamp(0.0, 1.0),
        }
    }
}

/// How the generator makes the fakes for the discriminator's update, through which no gradient
/// flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fakes {
    /// In inference mode, as Keras' `predict` does.
    Inference,
    /// In training mode.
    Training,
    /// In training mode; the generator's first turn of the step then uses the same fakes.
    Shared,
}

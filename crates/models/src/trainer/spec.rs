//! [`GanSpec`]: what makes a game the system that it is. No user changes them but through a system's settings.

use kernels::Key;
use tensor::{Tensor, Var};

use crate::Mixture;
use crate::trainer::batch_sampler::BatchSampler;
use crate::trainer::update::Update;

/// What makes a game the system that it is.
#[derive(Debug)]
pub(crate) struct GanSpec {
    pub(crate) name: &'static str,
    /// Random numbers behind an image.
    pub(crate) latent: usize,
    /// Reals of a turn of the discriminator, and as many fakes.
    pub(crate) batch: usize,
    /// Fakes of a turn of the generator; None for as many as there are reals.
    pub(crate) g_batch: Option<usize>,
    pub(crate) range: Range,
    pub(crate) sampler: BatchSampler,
    pub(crate) fakes: Fakes,
    pub(crate) update: Update,
    /// Whether the generator has its turns before the discriminator.
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
            update: Update::Adam { beta1, beta2: 0.999, l2: 0.0 },
            generator_first: false,
        }
    }

    /// Where the reals are drawn from, if they are points of the plane.
    pub(crate) fn mixture(&self) -> Option<Mixture> {
        if let Range::Points(mixture) = self.range { Some(mixture) } else { None }
    }
}

/// The numbers that the networks know images as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    /// From -1 to 1: the generator ends in a tanh.
    Symmetric,
    /// From -1 to 1, and the 256 steps of a byte are filled by chance: the reals then have no gaps that a critic could go by.
    Dequantised,
    /// From 0 to 1: the generator ends in a sigmoid.
    Unit,
    /// Reals from 0 to 1, though the generator ends in a tanh; what it draws below 0 is cut off.
    Mismatched,
    /// No images, but points of the plane as they are, drawn from this mixture.
    Points(Mixture),
}

impl Range {
    /// Real images of [0, 1] as the networks know them; `key` is the stream of what chance adds.
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

    /// Images of [0, 1] as the networks know them.
    pub(crate) fn inward(self, images: &Tensor) -> Tensor {
        match self {
            Range::Symmetric | Range::Dequantised => Var::constant(images.clone()).affine(2.0, -1.0).into_value(),
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

    /// Pictures, in [0, 1], of the images of a network whose last layer does not keep to this range: what is beyond it is cut off.
    pub(crate) fn pictures(self, images: &Var) -> Tensor {
        let [low, high] = match self {
            Range::Symmetric | Range::Dequantised => [-1.0, 1.0],
            Range::Unit | Range::Mismatched | Range::Points(_) => [0.0, 1.0],
        };
        self.outward(images.clamp(low, high).into_value())
    }

    /// The networks' images in [0, 1].
    pub(crate) fn outward(self, images: Tensor) -> Tensor {
        match self {
            Range::Symmetric | Range::Dequantised => Var::constant(images).affine(0.5, 0.5).into_value(),
            Range::Unit | Range::Points(_) => images,
            Range::Mismatched => Var::constant(images).clamp(0.0, 1.0).into_value(),
        }
    }
}

/// How the generator makes the fakes that the discriminator is shown; no gradient flows to it then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fakes {
    /// In inference, as Keras' `predict` does.
    Inference,
    /// In training mode.
    Training,
    /// In training mode, and the same ones serve the generator's (first) turn of the step.
    Shared,
}

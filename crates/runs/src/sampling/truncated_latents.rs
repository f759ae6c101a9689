//! Samples from latents of which no number lies far out: less varied, mostly better (`--truncate`).
//! Styles have a truncation of their own (`--psi`), which works on what the latents are mapped to.

use std::path::Path;

use datasets::advice;

use crate::failure::{Code, Failure};
use kernels::Key;
use models::{FromLatents, LatentKind, Styles};
use nn::init::truncated_normal;
use tensor::Tensor;

/// Draws as `sampler` does, but its latents keep within a bound.
pub(super) struct TruncatedLatents<'a> {
    sampler: &'a dyn FromLatents,
    bound: f64,
}

impl<'a> TruncatedLatents<'a> {
    /// With every number of a latent from -`bound` to `bound`.
    ///
    /// # Errors
    /// When the latents of this run are not normal.
    pub(super) fn new(sampler: &'a dyn FromLatents, bound: f64, run: &Path) -> Result<Self, Failure> {
        if sampler.kind() == LatentKind::Normal {
            return Ok(Self { sampler, bound });
        }
        Err(Failure::new(Code::Usage, "--truncate needs normally distributed latents")
            .at(run.display())
            .because(format!("the latents of this run ({:?}) are bounded already", sampler.kind()))
            .help(advice!("truncate-normal-only", "leave out `--truncate`")))
    }
}

impl FromLatents for TruncatedLatents<'_> {
    fn kind(&self) -> LatentKind {
        self.sampler.kind()
    }
    /// The numbers that lie within the bound stay: sample 3 resembles sample 3.
    fn latents(&self, seed: u64, stream: &str, count: usize) -> Tensor {
        let shape = *self.sampler.latents(seed, stream, count).shape();
        truncated_normal(&shape, self.bound, Key::named(seed, stream))
    }
    fn draw(&self, latents: &Tensor) -> Tensor {
        self.sampler.draw(latents)
    }
    fn styles(&self) -> Option<&dyn Styles> {
        self.sampler.styles()
    }
}

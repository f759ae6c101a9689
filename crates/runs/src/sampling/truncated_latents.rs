//! Samples from truncated latents: less varied, usually better (`--truncate`). Systems with styles
//! have a second truncation (`--psi`), which works on the mapped styles.

use std::path::Path;

use datasets::advice;

use crate::failure::{Code, Failure};
use kernels::Key;
use models::{FromLatents, LatentKind, Styles};
use nn::init::truncated_normal;
use tensor::Tensor;

/// Draws like `sampler`, but from truncated latents.
pub(super) struct TruncatedLatents<'a> {
    sampler: &'a dyn FromLatents,
    bound: f64,
}

impl<'a> TruncatedLatents<'a> {
    /// Truncates every component of a latent to the interval from -`bound` to `bound`.
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
    /// Components within the bound are kept, so sample 3 still resembles the untruncated sample 3.
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

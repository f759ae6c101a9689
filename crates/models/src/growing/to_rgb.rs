//! The output layers of a growing generator: they turn the features of each level into an image,
//! and fade in the newest blocks.

use nn::layers::{Conv2d, Equalised};
use nn::{Dialect, ForwardContext, Network};
use tensor::Var;

use super::{Maps, Stage, lerp, resolution};

/// For each level a 1x1 convolution with a bias and no activation, from features to an image.
pub(crate) struct ToRgb(Vec<Network>);

impl ToRgb {
    /// New networks `NAME.rgb4x4`, `NAME.rgb8x8`, ... for the levels up to `last`, with weights
    /// drawn from `seed`.
    pub(crate) fn new(name: &str, maps: Maps, last: usize, seed: u64) -> Self {
        let network = |level| {
            let size = resolution(level);
            Network::new(&format!("{name}.rgb{size}x{size}"), &[size, size, maps.of(level)], Dialect::Torch, seed)
                .with("conv", Conv2d::new(maps.channels, 1).equalised(Equalised::LINEAR))
        };
        Self((0..=last).map(network).collect())
    }

    /// The image of a stage. `block` turns the features of the level below into those of a level;
    /// level 0 gets `start`.
    ///
    /// While the newest block is being faded in, the image is blended with the enlarged one of the
    /// level below.
    pub(crate) fn image(
        &self,
        ctx: &mut ForwardContext,
        stage: Stage,
        start: &Var,
        block: impl Fn(&mut ForwardContext, usize, &Var) -> Var,
    ) -> Var {
        let Stage { level, alpha } = stage;
        let before = (0..level).fold(start.clone(), |x, level| block(ctx, level, &x));
        let old = |ctx: &mut ForwardContext| self.0[level - 1].forward_part(ctx, &before).upsample([2, 2]);
        if level > 0 && alpha == 0.0 {
            return old(ctx);
        }
        let features = block(ctx, level, &before);
        let new = self.0[level].forward_part(ctx, &features);
        if level > 0 && stage.is_fading() { lerp(&old(ctx), &new, alpha) } else { new }
    }

    /// The networks.
    pub(crate) fn parts(&self) -> &[Network] {
        &self.0
    }

    /// The same networks, mutable.
    pub(crate) fn parts_mut(&mut self) -> &mut [Network] {
        &mut self.0
    }
}

//! [`MaxPool2d`], [`AveragePool2d`] and [`GlobalMean`]: one number for each channel of a block, or
//! of the whole image.

use tensor::Var;

use crate::context::ForwardContext;
use crate::layer::{BuildContext, Layer};
use crate::spec::LayerSpec;

/// The maximum of each channel over blocks of this height and width, which do not overlap: images
/// (h, w, c) become (h / height, w / width, c).
#[derive(Clone, Copy, Debug)]
pub struct MaxPool2d(pub [usize; 2]);

/// The mean of each channel over blocks of this height and width, which do not overlap.
#[derive(Clone, Copy, Debug)]
pub struct AveragePool2d(pub [usize; 2]);

/// The mean of each channel over all pixels: images (h, w, c) become (c).
#[derive(Clone, Copy, Debug)]
pub struct GlobalMean;

/// The output shape of pooling.
fn pooled(ctx: &BuildContext, [down, right]: [usize; 2]) -> Result<Vec<usize>, String> {
    let &[h, w, c] = ctx.input else { return Err("pooling needs images (h, w, c)".into()) };
    if down == 0 || right == 0 || h % down != 0 || w % right != 0 {
        return Err(format!("{h}x{w} pixels cannot be divided into blocks of {down}x{right}"));
    }
    Ok(vec![h / down, w / right, c])
}

impl Layer for AveragePool2d {
    fn describe(&self) -> String {
        format!("AveragePool2d {}x{}", self.0[0], self.0[1])
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        pooled(ctx, self.0)
    }

    fn spec(&self) -> Option<LayerSpec> {
        Some(LayerSpec::AveragePool2d(self.0))
    }

    fn forward(&self, _ctx: &mut ForwardContext, x: &Var) -> Var {
        x.average_pool(self.0)
    }
}

impl Layer for GlobalMean {
    fn describe(&self) -> String {
        "GlobalMean".into()
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        let &[_, _, c] = ctx.input else { return Err("a mean over pixels needs images (h, w, c)".into()) };
        Ok(vec![c])
    }

    fn spec(&self) -> Option<LayerSpec> {
        Some(LayerSpec::GlobalMean)
    }

    fn forward(&self, _ctx: &mut ForwardContext, x: &Var) -> Var {
        let (n, c) = (x.shape()[0], x.shape()[3]);
        x.mean_to([n, 1, 1, c]).reshape([n, c])
    }
}

impl Layer for MaxPool2d {
    fn describe(&self) -> String {
        format!("MaxPool2d {}x{}", self.0[0], self.0[1])
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        pooled(ctx, self.0)
    }

    fn spec(&self) -> Option<LayerSpec> {
        Some(LayerSpec::MaxPool2d(self.0))
    }

    fn forward(&self, _ctx: &mut ForwardContext, x: &Var) -> Var {
        x.max_pool(self.0)
    }
}

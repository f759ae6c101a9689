//! [`Blur`]: a fixed 3x3 low-pass filter.

use kernels::Fir;
use tensor::Var;

use crate::context::ForwardContext;
use crate::layer::{BuildContext, Layer};
use crate::spec::LayerSpec;

/// Filters each channel of images (h, w, c) by [1, 2, 1] / 4 vertically and horizontally, with zero
/// padding (Karras, Laine and Aila 2019). After nearest-neighbour up-sampling and before strided
/// layers it reduces aliasing.
#[derive(Clone, Copy, Debug)]
pub struct Blur;

impl Layer for Blur {
    fn describe(&self) -> String {
        "Blur 3x3".into()
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        let [_, _, _] = ctx.input else { return Err("a blur needs images (h, w, c)".into()) };
        Ok(ctx.input.to_vec())
    }

    fn spec(&self) -> Option<LayerSpec> {
        Some(LayerSpec::Filter(Fir::blur()))
    }

    fn forward(&self, _ctx: &mut ForwardContext, x: &Var) -> Var {
        x.fir(&Fir::blur())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dialect, Network};
    use tensor::Tensor;

    #[test]
    fn a_pixel_is_spread_over_its_neighbours() {
        let network = Network::new("blurred", &[4, 4, 1], Dialect::Torch, 1).with("blur", Blur);
        let dot = |at| Tensor::from_fn([1, 4, 4, 1], |i| if i == at { 16.0 } else { 0.0 });
        let spot = [1.0, 2.0, 1.0, 0.0, 2.0, 4.0, 2.0, 0.0, 1.0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(network.infer(&dot(5)).data(), spot);
        let corner = network.infer(&dot(15));
        assert_eq!(corner.data()[10..], [1.0, 2.0, 0.0, 0.0, 2.0, 4.0], "pixels outside of the image are dropped");
    }
}

//! [`Filter`]: a fixed filter with optional resampling.

use kernels::{Fir, FirGeometry};
use tensor::Var;

use crate::context::ForwardContext;
use crate::layer::{BuildContext, Layer};
use crate::spec::LayerSpec;

/// Filters each channel of images (h, w, c) by a [`Fir`], which can enlarge or shrink them. Before
/// strided layers and after up-sampling it reduces aliasing (Karras et al. 2020).
#[derive(Clone, Debug)]
pub struct Filter(pub Fir);

impl Layer for Filter {
    fn describe(&self) -> String {
        let Fir { taps, up, down, .. } = &self.0;
        let taps = taps.len();
        let factor =
            [("up", up), ("down", down)].map(|(way, by)| if *by > 1 { format!(" {way} {by}") } else { String::new() });
        format!("Filter {taps}x{taps}{}", factor.concat())
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        let &[h, w, c] = ctx.input else { return Err("a filter needs images (h, w, c)".into()) };
        Ok(FirGeometry::new([1, h, w, c], &self.0)?.y_shape()[1..].to_vec())
    }

    fn spec(&self) -> Option<LayerSpec> {
        Some(LayerSpec::Filter(self.0.clone()))
    }

    fn forward(&self, _ctx: &mut ForwardContext, x: &Var) -> Var {
        x.fir(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dialect, Network};
    use tensor::Tensor;

    #[test]
    fn it_resizes_and_keeps_the_mean() {
        let image = |filter| Network::new("net", &[8, 8, 2], Dialect::Torch, 1).with("filter", Filter(filter));
        for (filter, side, what) in [(Fir::down2(), 4, "Filter 4x4 down 2"), (Fir::up2(), 16, "Filter 4x4 up 2")] {
            assert_eq!(Filter(filter.clone()).describe(), what);
            let network = image(filter);
            assert_eq!(network.output_shape(), [side, side, 2]);
            let y = network.infer(&Tensor::full([1, 8, 8, 2], 3.0));
            assert_eq!(y.shape().to_vec(), [1, side, side, 2]);
            let middle = ((side / 2) * side + side / 2) * 2;
            assert!((y.data()[middle] - 3.0).abs() < 1e-6);
        }
    }
}

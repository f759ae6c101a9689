//! Which algorithm computes a convolution.
//!
//! The choice depends on the shape and the precision of the layer, and on whether its outputs or a
//! gradient are computed. It never depends on the number of images, on threads or on the
//! instruction set: these must not change a bit of a sample.
//!
//! Work is counted in multiply-adds. A map is transformed as a whole if that takes less than two
//! thirds of the direct products. Otherwise it is cut into tiles, if their products and transforms
//! cost less than three quarters of the direct products. The table shows the time of the direct
//! products divided by that of the transformed ones, for the outputs, the input gradient and the
//! weight gradient, on two threads of a busy machine with AVX-512:
//!
//! | layer | chosen | ratios |
//! |---|---|---|
//! | 256 to 256 channels, 5 x 5, 32 x 32, 20 images | 12 points | 2.8, 3.1, 3.2 |
//! | 256 to 256, 3 x 3, 64 x 64, 1 image | 10 points | 1.5, 1.5, 2.1 |
//! | 128 to 128, 3 x 3, 64 x 64, 1 image | 10 points | 1.8, 1.7, 1.3 |
//! | 64 to 64, 3 x 3, 32 x 32, 16 images | 10 points | 1.6, 1.6, 1.1 |
//! | 64 to 128, 4 x 4, stride 2, 32 x 32, 64 images | direct; F(3, 2): | 0.9, 1.1, 1.4 |
//! | 128 to 256, 4 x 4, stride 2, 16 x 16, 64 images | direct; F(3, 2): | 1.1, 1.1, 1.1 |

use super::fourier::{Fourier, LENGTHS, Winograd};
use super::{Convolution, thin_weight_grad};
use crate::arguments::Precision;
use crate::geometry::ConvGeometry;

/// An algorithm for one call.
pub(super) enum Algorithm {
    /// Products of packed pixels and packed weights.
    Direct,
    /// The weight gradient of a layer with few in-channels, without packing.
    Thin,
    /// Products of transformed tiles.
    Transformed(Fourier),
}

/// The least number of input and of output channels for which transforms pay off. With strides, the
/// input channels of each phase count separately.
const CHANNELS: usize = 64;
/// What one number of a plane of an image costs, in multiply-adds: its transform, and moving it.
/// Measured with 64 to 256 channels.
const FOURIER_COST: usize = 45;
/// The same for a transform that only adds.
const ADDITIVE_COST: usize = 30;
/// A number of a plane of the weights costs this many times less: the transform of a few taps is
/// cheap, and a batch shares it. (A batch of one image must not be slow either.)
const WEIGHTS: usize = 8;

/// The algorithm for a call of this shape.
pub(super) fn choose(call: Convolution, g: &ConvGeometry) -> Algorithm {
    match transformed(g) {
        Some(fourier) => Algorithm::Transformed(fourier),
        None if call == Convolution::WeightGrad && thin_weight_grad::is_thin(g) => Algorithm::Thin,
        None => Algorithm::Direct,
    }
}

fn transformed(g: &ConvGeometry) -> Option<Fourier> {
    if (g.in_channels * g.stride[0] * g.stride[1]).min(g.out_channels) < CHANNELS {
        return None;
    }
    let mut direct = g.useful_products() / g.batch.max(1);
    if g.precision == Precision::Bf16 {
        // Planes are multiplied in f32, which takes twice as long as products of pairs.
        direct /= 2;
    }
    if let Some(whole) = Fourier::whole(g).filter(|whole| 3 * whole.products() < 2 * direct) {
        return Some(whole);
    }
    let lengths = LENGTHS.into_iter().flat_map(|down| LENGTHS.map(|across| [down, across]));
    let fourier = lengths.filter_map(|points| Some((Fourier::tiled(g, points)?, FOURIER_COST)));
    let additive =
        Winograd::ALL.into_iter().filter_map(|winograd| Some((Fourier::additive(g, winograd)?, ADDITIVE_COST)));
    let costs = fourier.chain(additive).map(|(tiles, transform)| (cost(g, &tiles, transform), tiles));
    let (cost, tiles) = costs.min_by_key(|(cost, _)| *cost)?;
    (4 * cost < 3 * direct).then_some(tiles)
}

/// The estimated cost of an image, in multiply-adds.
fn cost(g: &ConvGeometry, tiles: &Fourier, transform: usize) -> usize {
    let [inputs, outputs] = [g.in_channels * g.stride[0] * g.stride[1], g.out_channels];
    let numbers = tiles.tiles(Convolution::Forward) * tiles.planes() * (inputs + outputs);
    tiles.products() + transform * (numbers + tiles.planes() * inputs * outputs / WEIGHTS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Padding;

    /// The number of planes of the layer, if it is transformed.
    fn planes(batch: usize, size: usize, kernel: usize, stride: usize, channels: [usize; 2]) -> Option<usize> {
        planes_in(Precision::F32, batch, size, kernel, stride, channels)
    }

    fn planes_in(
        precision: Precision,
        batch: usize,
        size: usize,
        kernel: usize,
        stride: usize,
        channels: [usize; 2],
    ) -> Option<usize> {
        let x = [batch, size, size, channels[0]];
        let g = ConvGeometry::new(x, [kernel; 2], channels[1], [stride; 2], Padding::Same).unwrap();
        let g = g.with_precision(precision);
        match choose(Convolution::Forward, &g) {
            Algorithm::Transformed(tiles) => Some(tiles.planes()),
            Algorithm::Direct | Algorithm::Thin => None,
        }
    }

    #[test]
    fn the_choice_suits_the_layer_and_is_the_same_for_any_batch() {
        for batch in [1, 20, 300] {
            assert_eq!(planes(batch, 4, 5, 1, [256, 512]), Some(52), "a whole map");
            assert_eq!(planes(batch, 32, 5, 1, [256, 256]), Some(214), "12 points");
            assert_eq!(planes(batch, 64, 3, 1, [256, 256]), Some(148), "10 points");
            assert_eq!(planes(batch, 64, 3, 1, [128, 128]), Some(148), "10 points");
            assert_eq!(planes(batch, 32, 3, 1, [64, 64]), Some(148), "10 points");
            assert_eq!(planes(batch, 64, 4, 2, [128, 256]), Some(16), "F(3, 2)");
            assert_eq!(planes(batch, 32, 4, 2, [64, 128]), None, "too few products saved");
            assert_eq!(planes(batch, 16, 4, 2, [128, 256]), None, "too many weights for the map");
            assert_eq!(planes(batch, 16, 3, 1, [64, 64]), None, "too many weights for the map");
            assert_eq!(planes(batch, 64, 3, 1, [32, 32]), None, "few channels");
            assert_eq!(planes(batch, 64, 7, 1, [64, 3]), None, "a thin layer");
            assert_eq!(planes(batch, 32, 1, 1, [256, 256]), None, "one tap");
            assert_eq!(planes(batch, 4, 1, 1, [256, 256]), None, "one tap on a small map");
            assert_eq!(planes(batch, 14, 5, 2, [16, 64]), Some(94), "the channels of four phases");
            assert_eq!(planes(batch, 14, 5, 2, [15, 64]), None, "too few channels of four phases");
        }
    }

    #[test]
    fn in_bf16_transforms_have_to_save_twice_as_much() {
        let planes =
            |size, stride| Precision::ALL.map(|precision| planes_in(precision, 20, size, 5, stride, [256, 512]));
        assert_eq!(planes(4, 1), [Some(52); 2], "52 products for 196");
        assert_eq!(planes(14, 2), [Some(94), None], "376 products for 1024");
    }
}

//! Which algorithm computes a convolution.
//!
//! The choice depends on the shape and the precision of the layer, and on whether its outputs or a
//! gradient are computed. It never depends on the number of images, on threads or on the
//! instruction set: these must not change a bit of a sample.
//!
//! Work is counted in multiply-adds. A map is cut into tiles, of Winograd or of frequencies, if
//! their products and transforms cost less than three quarters of the direct products. It is
//! transformed to frequencies as a whole if that takes less than two thirds of the direct products
//! and costs less than tiles of Winograd. The table shows the time of the direct products divided
//! by that of the transformed ones, for the outputs, the input gradient and the weight gradient, on
//! one thread with AVX-512:
//!
//! | layer | chosen | ratios |
//! |---|---|---|
//! | 256 to 256 channels, 5 x 5, 32 x 32, 20 images | 12 points | 2.8, 3.1, 3.2 |
//! | 256 to 256, 3 x 3, 64 x 64, 1 image | F(4, 3) | 2.9, 3.0, 2.8 |
//! | 256 to 256, 3 x 3, 16 x 16, 1 image | F(4, 3) | 1.7, 2.6, 2.0 |
//! | 128 to 128, 3 x 3, 16 x 16, 16 images | F(4, 3) | 3.3, 3.3, 2.5 |
//! | 64 to 64, 3 x 3, 32 x 32, 16 images | F(4, 3) | 3.1, 3.1, 2.4 |
//! | 64 to 128, 4 x 4, stride 2, 32 x 32, 64 images | F(4, 2) | 2.0, 1.6, 1.8 |
//! | 128 to 256, 4 x 4, stride 2, 16 x 16, 64 images | F(4, 2) | 1.6, 1.7, 1.8 |
//! | 256 to 512, 4 x 4, stride 2, 8 x 8, 64 images | F(4, 2) | 1.5, 1.5, 1.5 |
//! | 64 to 128, 4 x 4, stride 2, 128 x 128, 1 image | F(4, 2) | 2.0, 2.3, 1.8 |
//! | 32 to 32, 3 x 3, 32 x 32, 16 images | F(4, 3) | 2.6, 2.6, 2.0 |
//! | 128 to 256, 5 x 5, stride 2, 7 x 7, 128 images | whole map | 1.1, 1.2, 1.2 |
//! | 64 to 128, 5 x 5, stride 2, 14 x 14, 128 images | whole map | 1.5, 1.6, 1.4 |

use super::fourier::{Fourier, LENGTHS, Winograd};
use super::{Convolution, thin_weight_grad};
use crate::arguments::Precision;
use crate::geometry::ConvGeometry;

/// An algorithm for one call.
#[allow(
    clippy::large_enum_variant,
    reason = "one is made for each call, and never stored; on 64-bit targets it is large"
)]
pub(super) enum Algorithm {
    /// Products of packed pixels and packed weights.
    Direct,
    /// The weight gradient of a layer with few in-channels, without packing.
    Thin,
    /// Products of transformed tiles.
    Transformed(Fourier),
}

/// The least number of input and of output channels for which frequencies pay off, and for which
/// the transforms of Winograd may. With strides, the input channels of each phase count separately.
const CHANNELS: [usize; 2] = [64, 16];
/// What numbers of planes cost, in multiply-adds: their transform, and moving them.
#[derive(Clone, Copy)]
struct Cost {
    /// A number of a plane of an image. Measured with 64 to 256 channels.
    image: u64,
    /// A number of a plane of the weights, for [`IMAGES`] images that share it.
    weight: u64,
}

/// The images that share the weights. (Small maps with many channels may be slower than direct
/// products if there are only a few images.)
const IMAGES: u64 = 64;
const WINOGRAD: Cost = Cost { image: 20, weight: 20 };
const WHOLE: Cost = Cost { image: 45, weight: 20 };
/// Tiles of frequencies have so many planes that even single images must not be slow.
const TILES: Cost = Cost { image: 45, weight: 360 };

/// The algorithm for a call of this shape.
pub(super) fn choose(call: Convolution, g: &ConvGeometry) -> Algorithm {
    match transformed(g) {
        Some(fourier) => Algorithm::Transformed(fourier),
        None if call == Convolution::WeightGrad && thin_weight_grad::is_thin(g) => Algorithm::Thin,
        None => Algorithm::Direct,
    }
}

fn transformed(g: &ConvGeometry) -> Option<Fourier> {
    let channels = (g.in_channels * g.stride[0] * g.stride[1]).min(g.out_channels);
    let mut direct = g.useful_products() / g.batch.max(1) as u64;
    if g.precision == Precision::Bf16 {
        // Planes are multiplied in f32, which takes twice as long as products of pairs.
        direct /= 2;
    }
    let winograd = Winograd::ALL.into_iter().filter_map(|of| Some((Fourier::winograd(g, of)?, WINOGRAD)));
    let whole = Fourier::whole(g).filter(|whole| 3 * whole.products() < 2 * direct);
    let lengths = LENGTHS.into_iter().flat_map(|down| LENGTHS.map(|across| [down, across]));
    let tiled = lengths.filter_map(|points| Some((Fourier::tiled(g, points)?, TILES)));
    let tiles = winograd.filter(|_| channels >= CHANNELS[1]).chain(tiled.filter(|_| channels >= CHANNELS[0]));
    let costs = tiles.map(|(tiles, each)| (cost(g, &tiles, each), tiles));
    let best = costs.min_by_key(|(cost, _)| *cost).filter(|(cost, _)| 4 * cost < 3 * direct);
    match (whole.filter(|_| channels >= CHANNELS[0]), best) {
        (Some(whole), Some((least, tiles))) if tiles.is_winograd() => {
            Some(if cost(g, &whole, WHOLE) < least { whole } else { tiles })
        }
        (Some(whole), _) => Some(whole),
        (None, best) => best.map(|(_, tiles)| tiles),
    }
}

/// The estimated cost of an image, in multiply-adds: more than 2^32 for large layers, so it must
/// not depend on the width of `usize`.
fn cost(g: &ConvGeometry, tiles: &Fourier, each: Cost) -> u64 {
    let [inputs, outputs] = [g.in_channels * g.stride[0] * g.stride[1], g.out_channels];
    let planes = tiles.planes() as u64;
    let numbers = tiles.tiles(Convolution::Forward) as u64 * planes * (inputs + outputs) as u64;
    let weights = planes * (inputs * outputs) as u64;
    tiles.products() + each.image * numbers + each.weight * weights / IMAGES
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
        for batch in [1, 16, 20, 300] {
            assert_eq!(planes(batch, 4, 5, 1, [256, 512]), Some(52), "a whole map");
            assert_eq!(planes(batch, 32, 5, 1, [256, 256]), Some(214), "12 points");
            assert_eq!(planes(batch, 64, 3, 1, [256, 256]), Some(36), "F(4, 3)");
            assert_eq!(planes(batch, 64, 3, 1, [128, 128]), Some(36), "F(4, 3)");
            assert_eq!(planes(batch, 32, 3, 1, [64, 64]), Some(36), "F(4, 3)");
            assert_eq!(planes(batch, 4, 3, 1, [256, 256]), Some(36), "F(4, 3) rather than the whole map");
            assert_eq!(planes(batch, 32, 4, 2, [64, 128]), Some(25), "F(4, 2)");
            assert_eq!(planes(batch, 8, 4, 2, [256, 512]), Some(25), "F(4, 2) rather than the whole map");
            assert_eq!(planes(batch, 10, 4, 2, [128, 256]), Some(52), "not four tiles for 5 x 5 outputs");
            assert_eq!(planes(batch, 64, 3, 1, [32, 32]), Some(36), "F(4, 3)");
            assert_eq!(planes(batch, 64, 3, 1, [15, 32]), None, "few channels");
            assert_eq!(planes(batch, 7, 5, 2, [128, 256]), Some(37), "the whole map");
            assert_eq!(planes(batch, 64, 7, 1, [64, 3]), None, "a thin layer");
            assert_eq!(planes(batch, 8, 4, 1, [128, 256]), None, "too many weights for the map");
            assert_eq!(planes(batch, 32, 1, 1, [256, 256]), None, "one tap");
            assert_eq!(planes(batch, 4, 1, 1, [256, 256]), None, "one tap on a small map");
            assert_eq!(planes(batch, 14, 5, 2, [16, 64]), Some(94), "the channels of four phases");
            assert_eq!(planes(batch, 14, 5, 2, [3, 64]), None, "too few channels of four phases");
        }
    }

    #[test]
    fn in_bf16_transforms_have_to_save_twice_as_much() {
        let planes =
            |size, stride| Precision::ALL.map(|precision| planes_in(precision, 20, size, 5, stride, [64, 128]));
        assert_eq!(planes(4, 1), [Some(52); 2], "52 products for 196");
        assert_eq!(planes(14, 2), [Some(94), None], "376 products for 1024");
    }
}

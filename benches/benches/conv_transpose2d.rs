//! The generator's transposed convolutions at batch 128. The first two are measured twice: as the
//! library runs them, on the small images with merged taps, and as they would run on the up-sampled
//! images. A transposed convolution is the input gradient of a convolution, so its own input
//! gradient is that convolution.

use benches::{criterion, measure_convolutions};
use kernels::{ConvGeometry, TransposedPadding};

fn main() {
    let layer = |size: usize, from: usize, to: usize, stride: usize| {
        let g = ConvGeometry::transposed([128, size, size, from], [5, 5], to, [stride; 2], TransposedPadding::Same);
        (format!("{from}->{to} {size}x{size} s{stride} b128"), g.expect("a valid geometry"))
    };
    let merged = |size: usize, from: usize, to: usize| {
        let (name, g) = layer(size, from, to, 1);
        (format!("{name} of up-sampled"), g.of_small_images([2, 2]))
    };
    let layers = [
        merged(14, 64, 32),
        merged(28, 32, 16),
        layer(28, 16, 8, 1),
        layer(14, 64, 32, 1),
        layer(28, 32, 16, 1),
        layer(7, 64, 32, 2),
    ];
    let mut c = criterion();
    measure_convolutions(&mut c, "conv_transpose2d", &layers, ["input gradient", "forward", "weight gradient"]);
    c.final_summary();
}

//! The generator's transposed convolutions at batch 128. A transposed convolution is the input gradient of a convolution, so
//! its own input gradient is that convolution.

use benches::{criterion, measure_convolutions};
use kernels::{ConvGeometry, TransposedPadding};

fn main() {
    let layer = |size: usize, from: usize, to: usize, stride: usize| {
        let g = ConvGeometry::transposed([128, size, size, from], [5, 5], to, [stride; 2], TransposedPadding::Same);
        (format!("{from}->{to} {size}x{size} s{stride} b128"), g.expect("a valid geometry"))
    };
    let layers = [layer(14, 64, 32, 1), layer(28, 32, 16, 1), layer(28, 16, 8, 1), layer(7, 64, 32, 2)];
    let mut c = criterion();
    measure_convolutions(&mut c, "conv_transpose2d", &layers, ["input gradient", "forward", "weight gradient"]);
    c.final_summary();
}

//! The discriminator's convolutions at batch 256 and the generator's last convolution at batch 128:
//! forward, input gradient and weight gradient.

use benches::{criterion, measure_convolutions};
use kernels::{ConvGeometry, Padding};

fn main() {
    let conv = |batch: usize, size: usize, from: usize, to: usize, stride: usize| {
        let g = ConvGeometry::new([batch, size, size, from], [5, 5], to, [stride; 2], Padding::Same);
        (format!("{from}->{to} {size}x{size} s{stride} b{batch}"), g.expect("a valid geometry"))
    };
    let layers = [
        conv(256, 28, 1, 64, 2),
        conv(256, 14, 64, 128, 2),
        conv(256, 7, 128, 256, 2),
        conv(256, 4, 256, 512, 1),
        conv(128, 28, 8, 1, 1),
        conv(1, 14, 64, 128, 2),
    ];
    let mut c = criterion();
    measure_convolutions(&mut c, "conv2d", &layers, ["forward", "input gradient", "weight gradient"]);
    c.final_summary();
}

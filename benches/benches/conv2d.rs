//! Convolutions: forward, input gradient and weight gradient. The first layers are those of
//! quickdraw's discriminator at batch 256 and the last of its generator at batch 128; the others,
//! on larger maps, are layers of cifar, cyclegan, stylegan and dcgan.

use benches::{criterion, measure_convolutions};
use kernels::{ConvGeometry, Padding};

fn main() {
    let layer = |batch: usize, size: usize, from: usize, to: usize, k: usize, stride: usize| {
        let g = ConvGeometry::new([batch, size, size, from], [k, k], to, [stride; 2], Padding::Same);
        let g = g.expect("a valid geometry");
        let kernel = if k == 5 { String::new() } else { format!(" {k}x{k}") };
        (format!("{from}->{to} {size}x{size}{kernel} s{stride} b{batch}"), g)
    };
    let conv = |batch, size, from, to, stride| layer(batch, size, from, to, 5, stride);
    let layers = [
        conv(256, 28, 1, 64, 2),
        conv(256, 14, 64, 128, 2),
        conv(256, 7, 128, 256, 2),
        conv(256, 4, 256, 512, 1),
        conv(128, 28, 8, 1, 1),
        conv(1, 14, 64, 128, 2),
        conv(20, 32, 256, 256, 1),
        layer(1, 64, 256, 256, 3, 1),
        layer(1, 64, 128, 128, 3, 1),
        layer(16, 32, 64, 64, 3, 1),
        layer(64, 32, 64, 128, 4, 2),
        layer(64, 16, 128, 256, 4, 2),
    ];
    let mut c = criterion();
    measure_convolutions(&mut c, "conv2d", &layers, ["forward", "input gradient", "weight gradient"]);
    c.final_summary();
}

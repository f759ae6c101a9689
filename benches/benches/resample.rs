//! Enlarging and shrinking images, on the maps of a StyleGAN for 32 x 32 pixels: whole blocks of
//! pixels, and filters. The bytes are those of both images, read or written once.

use benches::bandwidth::compare;
use benches::numbers;
use criterion::{Criterion, criterion_group, criterion_main};
use kernels::{Element, Fir, FirGeometry, UpsampleGeometry};

fn resample(c: &mut Criterion) {
    let (large, small) = ([64, 32, 32, 64], [64, 16, 16, 64]);
    let [most, least] = [large, small].map(|shape| shape.iter().product::<usize>());
    let (x, mut y) = (numbers(1, most), vec![0.0; most]);
    let blocks = UpsampleGeometry { batch: 64, input: [16, 16], channels: 64, factor: [2, 2] };
    let filters = [
        ("blur", Fir::blur(), large),
        ("filter up", Fir::up2(), small),
        ("filter down", Fir::down2(), large),
        ("filter up, three channels", Fir::up2(), [64, 16, 16, 3]),
    ];
    compare(c, "resample 64x32x32x64", most, |yardstick| {
        yardstick.time("upsample", most + least, || f32::upsample(&blocks, &x[..least], &mut y));
        yardstick.time("downsample_sum", most + least, || f32::downsample_sum(&blocks, &x, &mut y[..least]));
        for (name, filter, shape) in &filters {
            let g = FirGeometry::new(*shape, filter).expect("a filter that fits");
            let [from, to]: [usize; 2] = [g.x_shape(), g.y_shape()].map(|shape| shape.iter().product());
            yardstick.time(name, from + to, || f32::fir(&g, &x[..from], &mut y[..to]));
        }
    });
}

criterion_group!(all, resample);
criterion_main!(all);

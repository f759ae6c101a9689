//! Batch normalisation in training mode, statistics included: on the generator's maps of 16 and 8
//! channels and on 256 rows of 3,136 features.
//!
//! Only the necessary memory traffic is counted: forward, x is read and y written; backward, x and
//! gy are read and gx written. The additional passes for mean, variance and sums are not counted,
//! so they lower the rate.

use benches::bandwidth::compare;
use benches::numbers;
use criterion::{Criterion, criterion_group, criterion_main};
use kernels::{Element, Norm};

fn batch_norm(c: &mut Criterion) {
    for (name, rows, channels) in [
        ("batch_norm 128x28x28x16", 128 * 28 * 28, 16),
        ("batch_norm 128x28x28x8", 128 * 28 * 28, 8),
        ("batch_norm 256x3136", 256, 3136),
    ] {
        let n = rows * channels;
        let (x, gy, mut y) = (numbers(1, n), numbers(2, n), vec![0.0; n]);
        let (gamma, beta) = (numbers(3, channels), numbers(4, channels));
        let [mut mean, mut variance, mut ggamma, mut gbeta] = [0; 4].map(|_| vec![0.0; channels]);
        let norm = Norm { epsilon: 1e-3, slope: None };
        compare(c, name, n, |yardstick| {
            yardstick.time("statistics", n, || f32::channel_statistics(&x, &mut mean, &mut variance));
            yardstick.time("normalise", 2 * n, || {
                f32::batch_norm(norm, &x, [&mean, &variance], [&gamma, &beta], &mut y);
            });
            for (name, norm) in [("backward", norm), ("backward with its relu", Norm { slope: Some(0.0), ..norm })] {
                yardstick.time(name, 3 * n, || {
                    let parameters = [&mut ggamma[..], &mut gbeta[..]];
                    f32::batch_norm_grad(norm, [&x, &gy], [&mean, &variance], [&gamma, &beta], &mut y, parameters);
                });
            }
        });
    }
}

criterion_group!(all, batch_norm);
criterion_main!(all);

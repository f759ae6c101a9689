//! LeakyReLU, forward and backward, on a discriminator's map: 256 x 14 x 14 x 64. Beside it the functions with an
//! exponential.

use benches::bandwidth::{group, numbers, time, time_copy};
use criterion::{Criterion, criterion_group, criterion_main};
use kernels::{Binary, Element, Unary};

fn leaky_relu(c: &mut Criterion) {
    let n = 256 * 14 * 14 * 64;
    let (x, g, mut y) = (numbers(n), numbers(n), vec![0.0; n]);
    let mut group = group(c, "leaky_relu 256x14x14x64");
    time_copy(&mut group, n);
    time(&mut group, "forward", 2 * n, || f32::unary(Unary::LeakyRelu { slope: 0.2 }, &x, &mut y));
    time(&mut group, "backward", 3 * n, || f32::binary(Binary::LeakyReluGrad { slope: 0.2 }, &x, &g, &mut y));
    time(&mut group, "exp", 2 * n, || f32::unary(Unary::Exp, &x, &mut y));
    time(&mut group, "tanh", 2 * n, || f32::unary(Unary::Tanh, &x, &mut y));
    time(&mut group, "softplus", 2 * n, || f32::unary(Unary::Softplus, &x, &mut y));
    time(&mut group, "bias", 2 * n, || f32::binary_rows(Binary::Add, &x, &g[..64], &mut y));
    time(&mut group, "bias gradient", n, || f32::sum_axis([1, n / 64, 64], &x, &mut y[..64]));
}

criterion_group!(all, leaky_relu);
criterion_main!(all);

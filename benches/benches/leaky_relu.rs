//! LeakyReLU, forward and backward, on a discriminator's map: 256 x 14 x 14 x 64. Also the
//! functions with an exponential, the bias and its gradient, the concatenation of two batches, and
//! the check for non-finite numbers.

use benches::bandwidth::compare;
use benches::numbers;
use criterion::{Criterion, criterion_group, criterion_main};
use kernels::{Binary, Element, Unary};
use tensor::Tensor;

fn leaky_relu(c: &mut Criterion) {
    let n = 256 * 14 * 14 * 64;
    let (x, g, mut y) = (numbers(1, n), numbers(2, n), vec![0.0; n]);
    let [head, tail] = [3, 4].map(|stream| Tensor::new(&[128, 14, 14, 64], numbers(stream, n / 2)));
    compare(c, "leaky_relu 256x14x14x64", n, |yardstick| {
        yardstick.time("forward", 2 * n, || f32::unary(Unary::LeakyRelu { slope: 0.2 }, &x, &mut y));
        yardstick.time("backward", 3 * n, || f32::binary(Binary::LeakyReluGrad { slope: 0.2 }, &x, &g, &mut y));
        yardstick.time("exp", 2 * n, || f32::unary(Unary::Exp, &x, &mut y));
        yardstick.time("tanh", 2 * n, || f32::unary(Unary::Tanh, &x, &mut y));
        yardstick.time("softplus", 2 * n, || f32::unary(Unary::Softplus, &x, &mut y));
        yardstick.time("bias", 2 * n, || f32::binary_repeated(Binary::Add, [1, n / 64, 64], &x, &g[..64], &mut y));
        yardstick.time("bias gradient", n, || f32::sum_axis([1, n / 64, 64], &x, &mut y[..64]));
        yardstick.time("concat", 2 * n, || drop(head.concat(&tail)));
        yardstick.time("count_non_finite", n, || assert_eq!(f32::count_non_finite(&x), 0));
    });
}

criterion_group!(all, leaky_relu);
criterion_main!(all);

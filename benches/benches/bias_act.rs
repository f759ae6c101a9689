//! The fused epilogue of a discriminator's convolution, 256 x 14 x 14 x 64: bias, ReLU and dropout
//! in one pass over memory; for comparison, the three separate kernels.
//!
//! Only the necessary memory traffic is counted: forward, x is read and written in place; backward,
//! y and gy are read and gx written.

use benches::bandwidth::compare;
use benches::numbers;
use criterion::{Criterion, criterion_group, criterion_main};
use kernels::{BiasActivation, Binary, Element, Key, Unary};

fn bias_act(c: &mut Criterion) {
    let (n, rate, key) = (256 * 14 * 14 * 64, 0.4, Key::named(1, "dropout"));
    let (mut x, gy, bias) = (numbers(1, n), numbers(2, n), numbers(3, 64));
    let (mut y, mut z, mut gbias) = (vec![0.0; n], vec![0.0; n], vec![0.0; 64]);
    let all = BiasActivation { slope: Some(0.0), dropout: Some((rate, key)) };
    let bent = BiasActivation { slope: Some(0.2), dropout: None };
    compare(c, "bias_act 256x14x14x64", n, |yardstick| {
        yardstick.time("bias, relu, dropout", 2 * n, || f32::bias_act(all, Some(&bias), &mut x));
        yardstick.time("its gradients", 3 * n, || f32::bias_act_grad(all, &x, &gy, &mut y, Some(&mut gbias)));
        yardstick.time("its gradient by x", 3 * n, || f32::bias_act_grad(all, &x, &gy, &mut y, None));
        yardstick.time("bias, leaky relu", 2 * n, || f32::bias_act(bent, Some(&bias), &mut x));
        yardstick.time("gradients of these", 3 * n, || f32::bias_act_grad(bent, &x, &gy, &mut y, Some(&mut gbias)));
        yardstick.time("apart", 2 * n, || {
            f32::binary_repeated(Binary::Add, [1, x.len() / bias.len(), bias.len()], &x, &bias, &mut y);
            f32::unary(Unary::LeakyRelu { slope: 0.0 }, &y, &mut z);
            f32::dropout(key, rate, &z, &mut y);
        });
        yardstick.time("gradients apart", 3 * n, || {
            f32::dropout(key, rate, &gy, &mut z);
            f32::binary(Binary::LeakyReluGrad { slope: 0.0 }, &x, &z, &mut y);
            f32::sum_axis([1, n / 64, 64], &y, &mut gbias);
        });
    });
}

criterion_group!(all, bias_act);
criterion_main!(all);

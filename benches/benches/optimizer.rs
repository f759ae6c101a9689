//! Optimiser updates of 4,311,553 parameters: the quickdraw discriminator's.

use benches::bandwidth::compare;
use benches::numbers;
use criterion::{Criterion, criterion_group, criterion_main};
use kernels::{Adam, Element, RmsProp, Sgd};

fn optimizer(c: &mut Criterion) {
    let n = 4_311_553;
    let (g, mut theta, mut m, mut v) = (numbers(1, n), numbers(2, n), vec![0.0; n], vec![0.0; n]);
    compare(c, "optimizer 4.31M", n, |yardstick| {
        let rms_prop = RmsProp { learning_rate: 8e-4, rho: 0.9, epsilon: 1e-7, clip: 1.0 };
        yardstick.time("rms_prop", 5 * n, || f32::rms_prop(rms_prop, &g, &mut v, &mut theta));
        let adam = Adam { learning_rate: 2e-4, beta1: 0.5, beta2: 0.999, epsilon: 1e-8, t: 1000 };
        yardstick.time("adam", 7 * n, || f32::adam(adam, &g, [&mut m, &mut v], &mut theta));
        let sgd = Sgd { learning_rate: 1e-3, momentum: 0.9, nesterov: false };
        yardstick.time("sgd", 5 * n, || f32::sgd(sgd, &g, &mut m, &mut theta));
    });
}

criterion_group!(all, optimizer);
criterion_main!(all);

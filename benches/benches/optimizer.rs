//! Optimiser updates of 4,311,553 parameters: the quickdraw discriminator's.

use benches::bandwidth::compare;
use benches::numbers;
use criterion::{Criterion, criterion_group, criterion_main};
use kernels::optimizer::{Adam, RmsProp, Sgd, Update, UpdateRule};

fn optimizer(c: &mut Criterion) {
    let n = 4_311_553;
    let (g, mut theta, mut m, mut v) = (numbers(1, n), numbers(2, n), vec![0.0; n], vec![0.0; n]);
    compare(c, "optimizer 4.31M", n, |yardstick| {
        let rms_prop = UpdateRule::from(RmsProp { rho: 0.9, epsilon: 1e-7 });
        let update = Update { clip: 1.0, ..Update::new(1000, 8e-4) };
        yardstick.time("rms_prop", 5 * n, || rms_prop.update(update, &g, &mut [&mut v], &mut theta));
        let adam = UpdateRule::from(Adam { beta1: 0.5, beta2: 0.999, epsilon: 1e-8 });
        let update = Update::new(1000, 2e-4);
        yardstick.time("adam", 7 * n, || adam.update(update, &g, &mut [&mut m, &mut v], &mut theta));
        let sgd = UpdateRule::from(Sgd { momentum: 0.9, nesterov: false });
        let update = Update::new(1000, 1e-3);
        yardstick.time("sgd", 5 * n, || sgd.update(update, &g, &mut [&mut m], &mut theta));
    });
}

criterion_group!(all, optimizer);
criterion_main!(all);

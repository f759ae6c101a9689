//! Dropout of a discriminator's map, 256 x 14 x 14 x 64, random bits included.

use benches::bandwidth::compare;
use benches::numbers;
use criterion::{Criterion, criterion_group, criterion_main};
use kernels::{Element, Key};

fn dropout(c: &mut Criterion) {
    let n = 256 * 14 * 14 * 64;
    let (x, mut y) = (numbers(1, n), vec![0.0; n]);
    compare(c, "dropout 256x14x14x64", n, |yardstick| {
        yardstick.time("dropout", 2 * n, || f32::dropout(Key::named(1, "dropout"), 0.4, &x, &mut y));
    });
}

criterion_group!(all, dropout);
criterion_main!(all);

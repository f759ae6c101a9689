//! Kernels that draw from a stream of random words: dropout and normal numbers.

use crate::random::{Key, words};
use crate::real::Real;
use crate::scalar;

/// Dropout drops an element if its random word is below this bound: rate * 2^32, rounded down.
pub(crate) fn drop_below(rate: f64) -> u32 {
    assert!((0.0..1.0).contains(&rate), "dropout: the rate {rate} is not in [0, 1)");
    (rate * f64::from(2u32.pow(16)) * f64::from(2u32.pow(16))) as u32
}

/// See [`Element::dropout`](crate::Element::dropout).
pub fn dropout<R: Real>(key: Key, rate: f64, x: &[R], y: &mut [R]) {
    assert_eq!(x.len(), y.len(), "dropout: lengths");
    let (bound, scale) = (drop_below(rate), R::from_f64(1.0 / (1.0 - rate)));
    for (block, (x, y)) in x.chunks(4).zip(y.chunks_mut(4)).enumerate() {
        for ((x, y), word) in x.iter().zip(y).zip(words(key, block as u32)) {
            *y = if word < bound { R::default() } else { *x * scale };
        }
    }
}

/// See [`Element::normal`](crate::Element::normal): the formula of Box and Muller, in `f64`. (u is
/// rounded to a float, which matters only where u is near 1 and the distance near 0.)
pub fn normal<R: Real>(key: Key, y: &mut [R]) {
    for (block, y) in y.chunks_mut(4).enumerate() {
        for (y, pair) in y.chunks_mut(2).zip(words(key, block as u32).chunks(2)) {
            let u = ((f64::from(pair[0]) + 0.5) / f64::from(1 << 16) / f64::from(1 << 16)) as f32;
            let distance = (-2.0 * scalar::ln(f64::from(u))).sqrt();
            let turn = (f64::from(pair[1] >> 9) + 0.5) / f64::from(1 << 23);
            let angle = core::f64::consts::TAU * turn;
            for (y, coordinate) in y.iter_mut().zip([scalar::cos(angle), scalar::sin(angle)]) {
                *y = R::from_f64(distance * coordinate);
            }
        }
    }
}

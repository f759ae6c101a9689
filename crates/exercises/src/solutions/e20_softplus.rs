//! The exponential only ever sees a number that is at most 0, so it is at most 1; and `ln_1p` keeps the digits when it is tiny.

pub fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

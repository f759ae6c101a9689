//! The argument of the exponential is at most 0, so its value is at most 1; `ln_1p` keeps the
//! precision if it is tiny.

pub fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

//! Exercise 20: a logarithm that does not overflow. (Guide: c09_activations_and_losses)
//!
//!     softplus(x) = ln(1 + exp(x))
//!
//! The losses of a GAN are built from this function. For x = 1000 it is 1000, and for x = -40 it is
//! 4.2e-18. But in 64 bits, exp(1000) is infinite, and 1 + exp(-40) is 1.
//!
//! Given:   x, any number.
//! Result:  softplus(x) to full precision.
//!
//! Repair the function. Two helpers: ln(1 + exp(x)) = x + ln(1 + exp(-x)), and `t.ln_1p()`, which
//! computes ln(1 + t) accurately for a small t.
//!
//!     cargo run -p exercises -- check 20

pub fn softplus(x: f64) -> f64 {
    (1.0 + x.exp()).ln()
}

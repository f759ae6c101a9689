//! Elementary functions of one `f64`, for checks, schedules and metrics. (Training uses the vectors
//! of [`math`](crate::math).)
//!
//! The methods of the standard library call the C library of the system, whose results differ in
//! the last bits between systems, and so would a learning rate or an average computed with them.
//! (Some are wrong: the `fma` of the windows-gnu target rounds twice.) The functions here are those
//! of the crate `libm`, Rust code that consists of correctly rounded operations, so their bits are
//! the same everywhere. Most have an error below one unit in the last place.

pub use libm::{cos, exp, fma as fused_multiply_add, log as ln, log1p as ln_1p, log10, pow, sin, tanh};

#[cfg(test)]
mod tests {
    use super::*;

    /// Both are close to the exact value, so they are close to each other. This would find a
    /// function under a wrong name.
    #[test]
    fn they_agree_with_the_standard_library() {
        for i in 1..2000 {
            let x = f64::from(i) * 0.013 - 13.001;
            let pairs = [
                (exp(x), x.exp()),
                (ln(x.abs()), x.abs().ln()),
                (ln_1p(x.abs()), x.abs().ln_1p()),
                (log10(x.abs()), x.abs().log10()),
                (tanh(x), x.tanh()),
                (sin(x), x.sin()),
                (cos(x), x.cos()),
                (pow(x.abs(), 0.3), x.abs().powf(0.3)),
            ];
            for (number, (ours, std)) in pairs.into_iter().enumerate() {
                assert!((ours - std).abs() <= 1e-15 * std.abs(), "function {number} at {x}: {ours:e}, not {std:e}");
            }
        }
    }

    /// One rounding: the result is the low half of the product, which two roundings would lose.
    #[test]
    fn the_multiply_add_is_fused() {
        let x = 1.0 + f64::EPSILON;
        assert_eq!(fused_multiply_add(x, x, -(1.0 + 2.0 * f64::EPSILON)), f64::EPSILON * f64::EPSILON);
        assert_eq!(fused_multiply_add(f64::MAX, 2.0, -f64::MAX), f64::MAX);
    }
}

//! Exercise 28: Adam. (Guide: c11_optimizers)
//!
//! Adam keeps two moving averages: of the gradient and of its square. Both start at 0 and are
//! therefore too small during the first steps. Two divisions correct them (t is the number of this
//! step: 1, 2, 3 ...):
//!
//!     mean        = beta1 * mean        + (1 - beta1) * gradient
//!     mean_square = beta2 * mean_square + (1 - beta2) * gradient^2
//!     mean_hat    = mean / (1 - beta1^t)    square_hat = mean_square / (1 - beta2^t)
//!     weight      = weight - rate * mean_hat / (sqrt(square_hat) + EPSILON)
//!
//! Given:   weights, mean, mean_square and gradient, all of the same length; t; rate; and [beta1,
//!          beta2].
//! Result:  mean, mean_square and weights, updated in place.
//!
//! Repair the function: a part of the formula is missing. (`beta1.powi(t)` is beta1^t.)
//!
//!     cargo run -p exercises -- check 28

const EPSILON: f64 = 1e-8;

pub fn adam_step(
    weights: &mut [f64],
    mean: &mut [f64],
    mean_square: &mut [f64],
    gradient: &[f64],
    t: i32,
    rate: f64,
    [beta1, beta2]: [f64; 2],
) {
    for i in 0..weights.len() {
        mean[i] = beta1 * mean[i] + (1.0 - beta1) * gradient[i];
        mean_square[i] = beta2 * mean_square[i] + (1.0 - beta2) * gradient[i] * gradient[i];
        weights[i] -= rate * mean[i] / (mean_square[i].sqrt() + EPSILON);
    }
}

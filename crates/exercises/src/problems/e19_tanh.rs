//! Exercise 19: the hyperbolic tangent. (Guide: c09_activations_and_losses)
//!
//!     y[i] = tanh(x[i]) = (exp(x[i]) - exp(-x[i])) / (exp(x[i]) + exp(-x[i]))
//!
//! Given:   y, the value of the tangent (not x), and gy, the gradient of the loss by y.
//! Wanted:  gx, the gradient of the loss by x.
//!
//! Write the function. Formula to find: the slope of tanh, written in y. (Differentiate the quotient, and look for y.)
//!
//!     cargo run -p exercises -- check 19

pub fn tanh_gradient(y: &[f64], gy: &[f64]) -> Vec<f64> {
    let mut gx = vec![0.0; y.len()];
    for i in 0..y.len() {
        // Your line: gx[i] = ...
    }
    gx
}

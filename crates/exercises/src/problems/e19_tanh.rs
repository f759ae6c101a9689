//! Exercise 19: the hyperbolic tangent. (Guide: c09_activations_and_losses)
//!
//!     y[i] = tanh(x[i]) = (exp(x[i]) - exp(-x[i])) / (exp(x[i]) + exp(-x[i]))
//!
//! Given:   y, the output of the function (not x), and gy, the gradient of the loss with respect to
//!          y.
//! Result:  gx, the gradient of the loss with respect to x.
//!
//! Write the function. Find the formula: the derivative of tanh in terms of y. (Differentiate the
//! quotient, and look for y.)
//!
//!     cargo run -p exercises -- check 19

pub fn tanh_gradient(y: &[f64], gy: &[f64]) -> Vec<f64> {
    let mut gx = vec![0.0; y.len()];
    for i in 0..y.len() {
        // Your line: gx[i] = ...
    }
    gx
}

//! Exercise 18: the sigmoid. (Guide: c09_activations_and_losses)
//!
//!     y[i] = 1 / (1 + exp(-x[i]))        its derivative is  y * (1 - y)
//!
//! The derivative can be computed from y alone, so the tape stores y and does not need x.
//!
//! Given:   y, the output of the sigmoid, and gy, the gradient of the loss with respect to y.
//! Result:  gx, the gradient of the loss with respect to x.
//!
//! Repair the function. Look closely at its arguments.
//!
//!     cargo run -p exercises -- check 18

pub fn sigmoid_gradient(y: &[f64], gy: &[f64]) -> Vec<f64> {
    let mut gx = vec![0.0; y.len()];
    for i in 0..y.len() {
        let s = 1.0 / (1.0 + (-y[i]).exp());
        gx[i] = gy[i] * s * (1.0 - s);
    }
    gx
}

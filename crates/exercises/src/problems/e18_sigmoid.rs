//! Exercise 18: the sigmoid. (Guide: c09_activations_and_losses)
//!
//!     y[i] = 1 / (1 + exp(-x[i]))        its slope is  y * (1 - y)
//!
//! The slope can be had from y alone, so the tape keeps y, and x can be forgotten.
//!
//! Given:   y, the value of the sigmoid, and gy, the gradient of the loss by y.
//! Wanted:  gx, the gradient of the loss by x.
//!
//! Repair the function. Look closely at what it was given.
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

//! Exercise 7: the rule of an element-wise op. (Guide: c05_tensors)
//!
//!     y[i] = x[i] * x[i]
//!
//! Given:   x, and gy, the gradient of the loss with respect to y, of the same length. gy[i] says
//!          how the loss changes when y[i] changes.
//! Result:  gx, the gradient of the loss with respect to x.
//!
//! Repair the function: it returns the slope of y, but not how the loss changes.
//!
//!     cargo run -p exercises -- check 7

pub fn square_gradient(x: &[f64], gy: &[f64]) -> Vec<f64> {
    let mut gx = vec![0.0; x.len()];
    for i in 0..x.len() {
        gx[i] = 2.0 * x[i];
    }
    gx
}

//! Exercise 8: an op with two inputs. (Guide: c05_tensors)
//!
//!     y[i] = a[i] / b[i]
//!
//! Given:   a, b, and gy, the gradient of the loss with respect to y, all of the same length.
//! Result:  (ga, gb), the gradients of the loss with respect to a and b.
//!
//! Write the function. Find the formulas: the derivatives of a / b with respect to a (with b
//! constant) and with respect to b (with a constant).
//!
//!     cargo run -p exercises -- check 8

pub fn quotient_gradients(a: &[f64], b: &[f64], gy: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let mut ga = vec![0.0; a.len()];
    let mut gb = vec![0.0; b.len()];
    for i in 0..gy.len() {
        // Your two lines: ga[i] = ... and gb[i] = ...
    }
    (ga, gb)
}

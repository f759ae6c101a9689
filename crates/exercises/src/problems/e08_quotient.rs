//! Exercise 8: an op with two inputs. (Guide: c05_tensors)
//!
//!     y[i] = a[i] / b[i]
//!
//! Given:   a, b, and gy, the gradient of the loss by y; all of the same length.
//! Wanted:  (ga, gb), the gradients of the loss by a and by b.
//!
//! Write the function. Formula to find: the slope of a / b by a, with b held fixed, and by b, with a held fixed.
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

//! Exercise 7: the rule of an elementwise op. (Guide: c05_tensors)
//!
//!     y[i] = x[i] * x[i]
//!
//! Given:   x, and gy, the gradient of the loss by y, of the same length: gy[i] says how the loss moves when y[i] moves.
//! Wanted:  gx, the gradient of the loss by x.
//!
//! Repair the function: it gives the slope of y, but it was asked how the loss moves.
//!
//!     cargo run -p exercises -- check 7

pub fn square_gradient(x: &[f64], gy: &[f64]) -> Vec<f64> {
    let mut gx = vec![0.0; x.len()];
    for i in 0..x.len() {
        gx[i] = 2.0 * x[i];
    }
    gx
}

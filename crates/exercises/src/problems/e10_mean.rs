//! Exercise 10: the gradient of a mean. (Guide: c06_broadcasting)
//!
//! The mean over the rows of x, which has shape (rows, columns) and is stored row by row:
//!
//!     y(c) = (x(0, c) + x(1, c) + ... + x(rows - 1, c)) / rows
//!
//! Given:   gy, the gradient of the loss with respect to y, of shape (columns).
//! Result:  gx, the gradient of the loss with respect to x, of shape (rows, columns).
//!
//! Repair the function. The shape of its result is right already.
//!
//!     cargo run -p exercises -- check 10

pub fn mean_gradient(gy: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    let mut gx = vec![0.0; rows * columns];
    for r in 0..rows {
        for c in 0..columns {
            gx[r * columns + c] = gy[c];
        }
    }
    gx
}

//! Exercise 10: a mean, backwards. (Guide: c06_broadcasting)
//!
//! The mean over the rows of x, shape (rows, columns), stored row by row:
//!
//!     y(c) = (x(0, c) + x(1, c) + ... + x(rows - 1, c)) / rows
//!
//! Given:   gy, the gradient of the loss by y, shape (columns).
//! Wanted:  gx, the gradient of the loss by x, shape (rows, columns).
//!
//! Repair the function. The shape is right already.
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

//! Exercise 9: broadcasting forward is summing backward. (Guide: c06_broadcasting)
//!
//! A bias of shape (columns) is added to every row of x, shape (rows, columns):
//!
//!     y(r, c) = x(r, c) + bias(c)
//!
//! Tables are stored row by row: element (r, c) stands at [r * columns + c].
//!
//! Given:   gy, the gradient of the loss by y, shape (rows, columns).
//! Wanted:  the gradient of the loss by the bias, shape (columns).
//!
//! Repair the function. How many elements of y does bias(c) move?
//!
//!     cargo run -p exercises -- check 9

pub fn bias_gradient(gy: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    gy.to_vec()
}

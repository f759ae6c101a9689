//! Exercise 9: broadcasting forward is summing backward. (Guide: c06_broadcasting)
//!
//! A bias of shape (columns) is added to every row of x, which has shape (rows, columns):
//!
//!     y(r, c) = x(r, c) + bias(c)
//!
//! Tables are stored row by row: element (r, c) is at index r * columns + c.
//!
//! Given:   gy, the gradient of the loss with respect to y, of shape (rows, columns).
//! Result:  the gradient of the loss with respect to the bias, of shape (columns).
//!
//! Repair the function. How many elements of y depend on bias(c)?
//!
//!     cargo run -p exercises -- check 9

pub fn bias_gradient(gy: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    gy.to_vec()
}

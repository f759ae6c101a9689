//! Exercise 12: the right factor of a matrix product. (Guide: c07_matmul)
//!
//!     y = a b      y(i, j) = sum over p of a(i, p) * b(p, j)
//!
//! a has shape (m, k), b (k, n) and y (m, n). All are stored row by row: element (i, j) of a matrix
//! with n columns is at index i * n + j. In a dense layer, a has one row for each image of the
//! batch, and b is the weight.
//!
//! Given:   a, and gy, the gradient of the loss with respect to y, of shape (m, n).
//! Result:  gb, the gradient of the loss with respect to b, of shape (k, n).
//!
//! Write the function. Exercise 11 shows how to write the loops. Which index is summed over here?
//!
//!     cargo run -p exercises -- check 12

pub fn right_gradient(a: &[f64], gy: &[f64], [m, k, n]: [usize; 3]) -> Vec<f64> {
    let mut gb = vec![0.0; k * n];
    // Your loops.
    gb
}

//! Exercise 12: a matrix product, by its right factor. (Guide: c07_matmul)
//!
//!     y = a b      y(i, j) = sum over p of a(i, p) * b(p, j)
//!
//! a has shape (m, k), b (k, n) and y (m, n), all stored row by row: element (i, j) of a matrix with n columns stands
//! at [i * n + j]. In a dense layer, a holds a row for each image of the batch and b is the weight.
//!
//! Given:   a, and gy, the gradient of the loss by y, shape (m, n).
//! Wanted:  gb, the gradient of the loss by b, shape (k, n).
//!
//! Write the function. Exercise 11 shows the form of the loops; what is summed over now?
//!
//!     cargo run -p exercises -- check 12

pub fn right_gradient(a: &[f64], gy: &[f64], [m, k, n]: [usize; 3]) -> Vec<f64> {
    let mut gb = vec![0.0; k * n];
    // Your loops.
    gb
}

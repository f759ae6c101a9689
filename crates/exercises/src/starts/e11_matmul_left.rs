//! Exercise 11: the left factor of a matrix product. (Guide: c07_matmul)
//!
//!     y = a b      y(i, j) = sum over p of a(i, p) * b(p, j)
//!
//! a has shape (m, k), b (k, n) and y (m, n). All are stored row by row: element (i, j) of a matrix
//! with n columns is at index i * n + j.
//!
//! Given:   gy, the gradient of the loss with respect to y, of shape (m, n), and b.
//! Result:  ga, the gradient of the loss with respect to a, of shape (m, k).
//!
//! Repair the function. Find the formula: which elements of y depend on a(i, p), and with which
//! slope?
//!
//!     cargo run -p exercises -- check 11

pub fn left_gradient(gy: &[f64], b: &[f64], [m, k, n]: [usize; 3]) -> Vec<f64> {
    let mut ga = vec![0.0; m * k];
    for i in 0..m {
        for p in 0..k {
            for j in 0..n {
                ga[i * k + p] += gy[i * n + j] * b[j * k + p];
            }
        }
    }
    ga
}

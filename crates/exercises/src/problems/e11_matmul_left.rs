//! Exercise 11: a matrix product, by its left factor. (Guide: c07_matmul)
//!
//!     y = a b      y(i, j) = sum over p of a(i, p) * b(p, j)
//!
//! a has shape (m, k), b (k, n) and y (m, n), all stored row by row: element (i, j) of a matrix with n columns stands
//! at [i * n + j].
//!
//! Given:   gy, the gradient of the loss by y, shape (m, n), and b.
//! Wanted:  ga, the gradient of the loss by a, shape (m, k).
//!
//! Repair the function. Formula to find: which elements of y does a(i, p) move, and with which slope?
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

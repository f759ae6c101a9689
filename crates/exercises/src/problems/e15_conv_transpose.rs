//! Exercise 15: the transposed convolution. (Guide: c08_convolution)
//!
//! What a convolution does on its way back, as a layer: each number of a small image puts a copy of the kernel, times
//! itself, into a large image. Here the kernel is 3x3, and the stride is 2: copies of neighbours lie 2 places apart, and
//! overlap in 1.
//!
//!     y(2 r + p, 2 c + q)  gets  x(r, c) * kernel(p, q)      for all r, c and all p, q in 0..3
//!
//! Given:   x, shape (height, width), and kernel, 9 weights; all row by row.
//! Wanted:  y, shape (2 height + 1, 2 width + 1).
//!
//! Write the loops. What about places that get something from several copies?
//!
//!     cargo run -p exercises -- check 15

pub fn conv_transpose(x: &[f64], kernel: &[f64], height: usize, width: usize) -> Vec<f64> {
    let (out_height, out_width) = (2 * height + 1, 2 * width + 1);
    let mut y = vec![0.0; out_height * out_width];
    // Your loops.
    y
}

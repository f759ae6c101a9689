//! Exercise 15: the transposed convolution. (Guide: c08_convolution)
//!
//! The backward pass of a convolution, used as a layer: each number of a small image adds a copy of
//! the kernel, multiplied by that number, to a large image. Here the kernel is 3x3 and the stride
//! is 2, so neighbouring copies are 2 apart and overlap by 1.
//!
//!     y(2 r + p, 2 c + q)  receives  x(r, c) * kernel(p, q)      for all r, c and all p, q in 0..3
//!
//! Given:   x, of shape (height, width), and kernel, 9 weights; both row by row.
//! Result:  y, of shape (2 height + 1, 2 width + 1).
//!
//! Write the loops. What happens where several copies overlap?
//!
//!     cargo run -p exercises -- check 15

pub fn conv_transpose(x: &[f64], kernel: &[f64], height: usize, width: usize) -> Vec<f64> {
    let (out_height, out_width) = (2 * height + 1, 2 * width + 1);
    let mut y = vec![0.0; out_height * out_width];
    // Your loops.
    y
}

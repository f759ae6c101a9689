//! Exercise 16: max pooling. (Guide: c08_convolution)
//!
//! Max pooling keeps the largest number of each 2x2 block:
//!
//!     y(r, c) = max of x(2 r, 2 c), x(2 r, 2 c + 1), x(2 r + 1, 2 c), x(2 r + 1, 2 c + 1)
//!
//! Given:   x, of shape (2 height, 2 width), and gy, the gradient of the loss with respect to y, of
//!          shape (height, width); both row by row.
//! Result:  gx, the gradient of the loss with respect to x, with the shape of x. (No block has two
//!          equal numbers.)
//!
//! Repair the function. Which of the four numbers changes the maximum when it changes a little?
//!
//!     cargo run -p exercises -- check 16

pub fn max_pool_gradient(x: &[f64], gy: &[f64], height: usize, width: usize) -> Vec<f64> {
    let mut gx = vec![0.0; x.len()];
    for r in 0..height {
        for c in 0..width {
            let corner = 2 * r * 2 * width + 2 * c;
            let block = [corner, corner + 1, corner + 2 * width, corner + 2 * width + 1];
            for place in block {
                gx[place] = gy[r * width + c];
            }
        }
    }
    gx
}

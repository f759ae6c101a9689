//! Exercise 13: the image of a convolution. (Guide: c08_convolution)
//!
//! A kernel of 3x3 weights slides over an image with one channel. Outside the image there are
//! zeros:
//!
//!     y(r, c) = sum over p, q in 0..3 of x(r + p - 1, c + q - 1) * kernel(p, q)
//!
//! x and y have shape (height, width) and are stored row by row.
//!
//! Given:   kernel, 9 weights row by row, and gy, the gradient of the loss with respect to y.
//! Result:  gx, the gradient of the loss with respect to the image.
//!
//! Repair the function: it visits the outputs and sends each gradient back along the taps, but it
//! does not visit all of them.
//!
//!     cargo run -p exercises -- check 13

pub fn image_gradient(kernel: &[f64], gy: &[f64], height: usize, width: usize) -> Vec<f64> {
    let mut gx = vec![0.0; height * width];
    for r in 1..height - 1 {
        for c in 1..width - 1 {
            for p in 0..3 {
                for q in 0..3 {
                    // The position that this tap reads, plus (1, 1), so that it is not negative.
                    let (y, x) = (r + p, c + q);
                    if (1..=height).contains(&y) && (1..=width).contains(&x) {
                        gx[(y - 1) * width + (x - 1)] += gy[r * width + c] * kernel[p * 3 + q];
                    }
                }
            }
        }
    }
    gx
}

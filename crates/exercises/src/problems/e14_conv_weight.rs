//! Exercise 14: the weights of a convolution. (Guide: c08_convolution)
//!
//! The convolution of exercise 13, for a batch of images of shape (images, height, width):
//!
//!     y(n, r, c) = sum over p, q in 0..3 of x(n, r + p - 1, c + q - 1) * kernel(p, q)
//!
//! Outside the images there are zeros.
//!
//! Given:   x and gy, the gradient of the loss with respect to y, both of shape (images, height,
//!          width).
//! Result:  the gradient of the loss with respect to the kernel, 9 numbers row by row.
//!
//! Repair the function. The kernel is used at every position of every image.
//!
//!     cargo run -p exercises -- check 14

pub fn kernel_gradient(x: &[f64], gy: &[f64], [images, height, width]: [usize; 3]) -> Vec<f64> {
    let mut gradient = vec![0.0; 9];
    for n in 0..images {
        let start = n * height * width;
        for p in 0..3 {
            for q in 0..3 {
                let mut sum = 0.0;
                for r in 0..height {
                    for c in 0..width {
                        // The position that this tap reads, plus (1, 1), so that it is not
                        // negative.
                        let (row, column) = (r + p, c + q);
                        if (1..=height).contains(&row) && (1..=width).contains(&column) {
                            sum += x[start + (row - 1) * width + (column - 1)] * gy[start + r * width + c];
                        }
                    }
                }
                gradient[p * 3 + q] = sum;
            }
        }
    }
    gradient
}

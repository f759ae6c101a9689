//! The loops of a convolution's backward pass: each number is sent along the taps, and overlapping
//! copies are added. It is the gradient of a convolution with stride 2 with respect to its image.

pub fn conv_transpose(x: &[f64], kernel: &[f64], height: usize, width: usize) -> Vec<f64> {
    let (out_height, out_width) = (2 * height + 1, 2 * width + 1);
    let mut y = vec![0.0; out_height * out_width];
    for r in 0..height {
        for c in 0..width {
            for p in 0..3 {
                for q in 0..3 {
                    y[(2 * r + p) * out_width + 2 * c + q] += x[r * width + c] * kernel[p * 3 + q];
                }
            }
        }
    }
    y
}

//! Every output has taps in the image, even at the border. Only taps outside the image are skipped.

pub fn image_gradient(kernel: &[f64], gy: &[f64], height: usize, width: usize) -> Vec<f64> {
    let mut gx = vec![0.0; height * width];
    for r in 0..height {
        for c in 0..width {
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

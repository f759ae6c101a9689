//! All positions and all images share the kernel, so all of their contributions are added to its
//! gradient.

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
                gradient[p * 3 + q] += sum;
            }
        }
    }
    gradient
}

//! The elements of one image are normalised together, so the formula is applied to each image
//! separately.

pub fn instance_norm_gradient(x: &[f64], gy: &[f64], [images, pixels]: [usize; 2], epsilon: f64) -> Vec<f64> {
    let of_image = |(x, gy)| normalisation_gradient(x, gy, epsilon);
    x.chunks(pixels).zip(gy.chunks(pixels)).flat_map(of_image).collect()
}

/// The formula for numbers that are normalised together. There is nothing to repair here.
fn normalisation_gradient(x: &[f64], gy: &[f64], epsilon: f64) -> Vec<f64> {
    let mean = |terms: &[f64]| terms.iter().sum::<f64>() / terms.len() as f64;
    let mu = mean(x);
    let s = (mean(&x.iter().map(|x| (x - mu).powi(2)).collect::<Vec<_>>()) + epsilon).sqrt();
    let y: Vec<f64> = x.iter().map(|x| (x - mu) / s).collect();
    let mean_gy = mean(gy);
    let mean_gy_y = mean(&gy.iter().zip(&y).map(|(gy, y)| gy * y).collect::<Vec<_>>());
    gy.iter().zip(&y).map(|(gy, y)| (gy - mean_gy - y * mean_gy_y) / s).collect()
}

//! Exercise 24: instance normalisation. (Guide: c10_normalisation)
//!
//! Each image of the batch is normalised with its own mean and variance. With one channel, x has
//! shape (images, pixels):
//!
//!     mu(n) = mean of x(n, .)    s(n) = sqrt(mean of (x(n, .) - mu(n))^2 + epsilon)
//!     y(n, i) = (x(n, i) - mu(n)) / s(n)
//!
//! Given:   x and gy, the gradient of the loss with respect to y, both of shape (images, pixels),
//!          row by row; and epsilon.
//! Result:  gx, the gradient of the loss with respect to x:
//!
//!     gx = (gy - mean(gy) - y * mean(gy * y)) / s
//!
//! Repair the function: its formula is right, but its means are those of batch normalisation.
//!
//!     cargo run -p exercises -- check 24

pub fn instance_norm_gradient(x: &[f64], gy: &[f64], [images, pixels]: [usize; 2], epsilon: f64) -> Vec<f64> {
    normalisation_gradient(x, gy, epsilon)
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

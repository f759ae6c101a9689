//! Exercise 23: batch normalisation. (Guide: c10_normalisation)
//!
//! One channel at n positions of a batch:
//!
//!     mu = mean(x)    v = mean((x - mu)^2)    s = sqrt(v + epsilon)
//!     xh[i] = (x[i] - mu) / s    y[i] = gamma * xh[i] + beta
//!
//! Given:   x, gamma, epsilon, and gy, the gradient of the loss with respect to y.
//! Result:  gx, the gradient of the loss with respect to x.
//!
//! Repair the function: it treats mu and s as constants. But x[i] also changes every y through the
//! mean, and through the variance. Each of these two paths adds a term.
//!
//!     cargo run -p exercises -- check 23

pub fn batch_norm_gradient(x: &[f64], gamma: f64, epsilon: f64, gy: &[f64]) -> Vec<f64> {
    let n = x.len() as f64;
    let mu = x.iter().sum::<f64>() / n;
    let v = x.iter().map(|x| (x - mu) * (x - mu)).sum::<f64>() / n;
    let s = (v + epsilon).sqrt();

    let mut gx = vec![0.0; x.len()];
    for i in 0..x.len() {
        gx[i] = gamma / s * gy[i];
    }
    gx
}

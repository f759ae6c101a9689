//! Three paths lead from x[i] to the loss: the direct one; the one through the mean, which
//! subtracts the mean of gy; and the one through the variance, which removes the part of gy that
//! would only scale y. Shifting or scaling all x changes nothing, so gx has no such part.

pub fn batch_norm_gradient(x: &[f64], gamma: f64, epsilon: f64, gy: &[f64]) -> Vec<f64> {
    let n = x.len() as f64;
    let mu = x.iter().sum::<f64>() / n;
    let v = x.iter().map(|x| (x - mu) * (x - mu)).sum::<f64>() / n;
    let s = (v + epsilon).sqrt();

    let mean_gy = gy.iter().sum::<f64>() / n;
    let mean_gy_xh = (0..x.len()).map(|i| gy[i] * (x[i] - mu) / s).sum::<f64>() / n;
    let mut gx = vec![0.0; x.len()];
    for i in 0..x.len() {
        let xh = (x[i] - mu) / s;
        gx[i] = gamma / s * (gy[i] - mean_gy - xh * mean_gy_xh);
    }
    gx
}

//! The chain rule: how the loss moves with y, times how y moves with x.

pub fn square_gradient(x: &[f64], gy: &[f64]) -> Vec<f64> {
    let mut gx = vec![0.0; x.len()];
    for i in 0..x.len() {
        gx[i] = gy[i] * 2.0 * x[i];
    }
    gx
}

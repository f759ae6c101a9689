//! y is the sigmoid already. Applying it again would give the sigmoid of a sigmoid.

pub fn sigmoid_gradient(y: &[f64], gy: &[f64]) -> Vec<f64> {
    let mut gx = vec![0.0; y.len()];
    for i in 0..y.len() {
        gx[i] = gy[i] * y[i] * (1.0 - y[i]);
    }
    gx
}

//! With e = exp(x) and f = exp(-x), y = (e - f) / (e + f). By the quotient rule, the derivative is
//! ((e + f)^2 - (e - f)^2) / (e + f)^2 = 1 - y^2.

pub fn tanh_gradient(y: &[f64], gy: &[f64]) -> Vec<f64> {
    let mut gx = vec![0.0; y.len()];
    for i in 0..y.len() {
        gx[i] = gy[i] * (1.0 - y[i] * y[i]);
    }
    gx
}

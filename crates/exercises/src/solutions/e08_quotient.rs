//! a / b is linear in a, with the slope 1 / b. As a function of b it is a * b^-1, and the power
//! rule gives -a * b^-2.

pub fn quotient_gradients(a: &[f64], b: &[f64], gy: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let mut ga = vec![0.0; a.len()];
    let mut gb = vec![0.0; b.len()];
    for i in 0..gy.len() {
        ga[i] = gy[i] / b[i];
        gb[i] = -gy[i] * a[i] / (b[i] * b[i]);
    }
    (ga, gb)
}

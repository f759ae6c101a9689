//! The chain rule: the derivative of the loss with respect to y, times the derivative of y with
//! respect to x.

pub fn square_gradient(x: &[f64], gy: &[f64]) -> Vec<f64> {
    let mut gx = vec![0.0; x.len()];
    for i in 0..x.len() {
        gx[i] = gy[i] * 2.0 * x[i];
    }
    gx
}

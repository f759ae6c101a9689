//! The function consists of two straight lines: the slope is 1 on the right, and `slope` on the
//! left, where the gradient leaks through.

pub fn leaky_relu_gradient(x: &[f64], gy: &[f64], slope: f64) -> Vec<f64> {
    let mut gx = vec![0.0; x.len()];
    for i in 0..x.len() {
        gx[i] = if x[i] > 0.0 { gy[i] } else { slope * gy[i] };
    }
    gx
}

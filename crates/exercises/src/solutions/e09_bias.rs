//! y(r, c) depends on bias(c) in every row r, with the slope 1. The bias is used `rows` times, and
//! its gradients are summed.

pub fn bias_gradient(gy: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    let mut gradient = vec![0.0; columns];
    for r in 0..rows {
        for c in 0..columns {
            gradient[c] += gy[r * columns + c];
        }
    }
    gradient
}

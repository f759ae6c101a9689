//! Only y(c) depends on x(r, c), with the slope 1 / rows. A sum in the forward pass is a repetition
//! in the backward pass: the opposite of the bias.

pub fn mean_gradient(gy: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    let mut gx = vec![0.0; rows * columns];
    for r in 0..rows {
        for c in 0..columns {
            gx[r * columns + c] = gy[c] / rows as f64;
        }
    }
    gx
}

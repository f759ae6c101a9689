//! x(r, c) moves y(c) only, with the slope 1 / rows. Forward a sum, backward a repetition: the mirror image of the bias.

pub fn mean_gradient(gy: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    let mut gx = vec![0.0; rows * columns];
    for r in 0..rows {
        for c in 0..columns {
            gx[r * columns + c] = gy[c] / rows as f64;
        }
    }
    gx
}

//! For a given mask, y is linear in each x, with the slope 1 / (1 - rate) or 0. The backward pass
//! drops the same elements.

pub fn dropout_gradient(gy: &[f64], kept: &[bool], rate: f64) -> Vec<f64> {
    let mut gx = vec![0.0; gy.len()];
    for i in 0..gy.len() {
        if kept[i] {
            gx[i] = gy[i] / (1.0 - rate);
        }
    }
    gx
}

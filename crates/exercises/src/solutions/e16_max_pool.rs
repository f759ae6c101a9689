//! A small change of the largest number changes the maximum by the same amount; a small change of
//! any other number does nothing. So the whole gradient goes to the winner.

pub fn max_pool_gradient(x: &[f64], gy: &[f64], height: usize, width: usize) -> Vec<f64> {
    let mut gx = vec![0.0; x.len()];
    for r in 0..height {
        for c in 0..width {
            let corner = 2 * r * 2 * width + 2 * c;
            let block = [corner, corner + 1, corner + 2 * width, corner + 2 * width + 1];
            let mut winner = block[0];
            for place in block {
                if x[place] > x[winner] {
                    winner = place;
                }
            }
            gx[winner] = gy[r * width + c];
        }
    }
    gx
}

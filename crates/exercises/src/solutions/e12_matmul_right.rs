//! y(i, j) depends on b(p, j) for every i, with the slope a(i, p). So gb(p, j) = sum over i of a(i,
//! p) gy(i, j): a transposed times gy. The sum over i runs over the batch, because every image uses
//! the weight.

pub fn right_gradient(a: &[f64], gy: &[f64], [m, k, n]: [usize; 3]) -> Vec<f64> {
    let mut gb = vec![0.0; k * n];
    for i in 0..m {
        for p in 0..k {
            for j in 0..n {
                gb[p * n + j] += a[i * k + p] * gy[i * n + j];
            }
        }
    }
    gb
}

//! y(i, j) depends on a(i, p) for every j, with the slope b(p, j). So ga(i, p) = sum over j of
//! gy(i, j) b(p, j): gy times b transposed.

pub fn left_gradient(gy: &[f64], b: &[f64], [m, k, n]: [usize; 3]) -> Vec<f64> {
    let mut ga = vec![0.0; m * k];
    for i in 0..m {
        for p in 0..k {
            for j in 0..n {
                ga[i * k + p] += gy[i * n + j] * b[p * n + j];
            }
        }
    }
    ga
}

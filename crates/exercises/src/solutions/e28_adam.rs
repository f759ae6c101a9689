//! The averages start at 0. After t steps, the weights of the gradients in them sum to 1 - beta^t
//! instead of 1, and the division corrects that. The first step is rate * gradient / |gradient|.

const EPSILON: f64 = 1e-8;

pub fn adam_step(
    weights: &mut [f64],
    mean: &mut [f64],
    mean_square: &mut [f64],
    gradient: &[f64],
    t: i32,
    rate: f64,
    [beta1, beta2]: [f64; 2],
) {
    for i in 0..weights.len() {
        mean[i] = beta1 * mean[i] + (1.0 - beta1) * gradient[i];
        mean_square[i] = beta2 * mean_square[i] + (1.0 - beta2) * gradient[i] * gradient[i];
        let mean_hat = mean[i] / (1.0 - beta1.powi(t));
        let square_hat = mean_square[i] / (1.0 - beta2.powi(t));
        weights[i] -= rate * mean_hat / (square_hat.sqrt() + EPSILON);
    }
}

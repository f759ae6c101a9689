//! Without the average, each step would be rate * gradient / |gradient|: the sign of the gradient,
//! whatever its magnitude.

pub fn rms_prop_step(
    weights: &mut [f64],
    mean_square: &mut [f64],
    gradient: &[f64],
    rate: f64,
    rho: f64,
    epsilon: f64,
) {
    for i in 0..weights.len() {
        mean_square[i] = rho * mean_square[i] + (1.0 - rho) * gradient[i] * gradient[i];
        weights[i] -= rate * gradient[i] / (mean_square[i].sqrt() + epsilon);
    }
}

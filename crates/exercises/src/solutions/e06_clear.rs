//! Within a step, the examples are summed; at the beginning of a step, the buffer is set to 0. An
//! engine that returns its gradients, such as Backdraw's, has no buffer to clear.

pub fn gradient_of_step(weights: &[f64], examples: &[(Vec<f64>, f64)], gradient: &mut [f64]) {
    gradient.fill(0.0);
    for (x, target) in examples {
        let guess: f64 = weights.iter().zip(x).map(|(w, x)| w * x).sum();
        for i in 0..weights.len() {
            gradient[i] += (guess - target) * x[i];
        }
    }
}

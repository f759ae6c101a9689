//! Within a step the examples add up; between two steps the buffer starts from 0. An engine that returns its gradients, as that of
//! Backdraw does, has no buffer to forget about.

pub fn gradient_of_step(weights: &[f64], examples: &[(Vec<f64>, f64)], gradient: &mut [f64]) {
    gradient.fill(0.0);
    for (x, target) in examples {
        let guess: f64 = weights.iter().zip(x).map(|(w, x)| w * x).sum();
        for i in 0..weights.len() {
            gradient[i] += (guess - target) * x[i];
        }
    }
}

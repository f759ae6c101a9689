//! Exercise 6: a gradient for this step only. (Guide: c04_reverse_sweep)
//!
//! A linear unit predicts a target: prediction = weights . x. The loss is the sum of (prediction -
//! target)^2 / 2 over the examples, so each example adds (prediction - target) * x to the gradient
//! with respect to the weights.
//!
//! Given:   weights; examples: pairs of an x, as long as the weights, and a target.
//!          gradient: a buffer that is reused at every step. It still contains the gradient of the
//!          previous step.
//! Result:  gradient contains the gradient of this step, summed over the examples.
//!
//! Repair the function: its first step is right, its second step is not.
//!
//!     cargo run -p exercises -- check 6

pub fn gradient_of_step(weights: &[f64], examples: &[(Vec<f64>, f64)], gradient: &mut [f64]) {
    for (x, target) in examples {
        let guess: f64 = weights.iter().zip(x).map(|(w, x)| w * x).sum();
        for i in 0..weights.len() {
            gradient[i] += (guess - target) * x[i];
        }
    }
}

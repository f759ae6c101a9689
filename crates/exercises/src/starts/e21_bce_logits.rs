//! Exercise 21: the loss from logits. (Guide: c09_activations_and_losses)
//!
//! The last layer of the discriminator outputs a logit z. The probability that the image is real is
//! p = 1 / (1 + exp(-z)). For a label t (1 real, 0 fake):
//!
//!     loss = mean over the images of  - t ln(p) - (1 - t) ln(1 - p)
//!
//! Given:   logits z and labels t, of the same length.
//! Result:  (the loss, its gradient with respect to the logits).
//!
//! Repair the function: for z = 800, p is 1 in 64 bits, and ln(1 - p) is infinite. Insert p into
//! the formula on paper and simplify: the loss of an image becomes  softplus(z) - t z  (exercise
//! 20), and the gradient becomes very short.
//!
//!     cargo run -p exercises -- check 21

pub fn bce_with_logits(logits: &[f64], labels: &[f64]) -> (f64, Vec<f64>) {
    let n = logits.len() as f64;
    let mut loss = 0.0;
    let mut gradient = vec![0.0; logits.len()];
    for i in 0..logits.len() {
        let (z, t) = (logits[i], labels[i]);
        let p = 1.0 / (1.0 + (-z).exp());
        loss += (-t * p.ln() - (1.0 - t) * (1.0 - p).ln()) / n;
        gradient[i] = ((1.0 - t) / (1.0 - p) - t / p) * p * (1.0 - p) / n;
    }
    (loss, gradient)
}

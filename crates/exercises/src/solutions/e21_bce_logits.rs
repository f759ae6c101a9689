//! ln(p) = -softplus(-z) and ln(1 - p) = -softplus(z), and softplus(z) - softplus(-z) = z. So the
//! loss of an image is softplus(z) - t z. The derivative of softplus is p, which leaves p - t: the
//! error of the discriminator.

pub fn bce_with_logits(logits: &[f64], labels: &[f64]) -> (f64, Vec<f64>) {
    let n = logits.len() as f64;
    let mut loss = 0.0;
    let mut gradient = vec![0.0; logits.len()];
    for i in 0..logits.len() {
        let (z, t) = (logits[i], labels[i]);
        let small = (-z.abs()).exp();
        loss += (z.max(0.0) + small.ln_1p() - t * z) / n;
        let p = if z > 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) };
        gradient[i] = (p - t) / n;
    }
    (loss, gradient)
}

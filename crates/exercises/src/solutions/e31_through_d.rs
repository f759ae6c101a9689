//! Every line is a local slope times the incoming gradient. Every latent uses w and b, so their
//! gradients are summed.

pub fn generator_gradients(latents: &[f64], [w, b]: [f64; 2], d: f64) -> [f64; 2] {
    let n = latents.len() as f64;
    let (mut by_w, mut by_b) = (0.0, 0.0);
    for z in latents {
        let fake = w * z + b;
        let logit = d * fake * fake;
        let by_logit = -1.0 / (1.0 + logit.exp()) / n;
        let by_fake = by_logit * d * 2.0 * fake;
        by_w += by_fake * z;
        by_b += by_fake;
    }
    [by_w, by_b]
}

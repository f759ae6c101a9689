//! Exercise 31: the generator learns through the discriminator. (Guide: c12_two_players)
//!
//! The smallest GAN, by hand. For each latent z:
//!
//!     fake = w * z + b                              (the generator, with the weights w and b)
//!     logit = d * fake * fake                       (the discriminator, with the frozen weight d)
//!     loss = mean over the latents of ln(1 + exp(-logit))
//!
//! Given:   latents; [w, b]; d.
//! Result:  [the derivative of the loss with respect to w, the derivative with respect to b].
//!
//! Write the function: go from the loss back to the logit, through the discriminator to the fake,
//! and on to w and b. (The derivative of ln(1 + exp(-logit)) with respect to the logit is -1 / (1 +
//! exp(logit)).)
//!
//!     cargo run -p exercises -- check 31

pub fn generator_gradients(latents: &[f64], [w, b]: [f64; 2], d: f64) -> [f64; 2] {
    let n = latents.len() as f64;
    let (mut by_w, mut by_b) = (0.0, 0.0);
    for z in latents {
        let fake = w * z + b;
        let logit = d * fake * fake;
        // Your lines.
    }
    [by_w, by_b]
}

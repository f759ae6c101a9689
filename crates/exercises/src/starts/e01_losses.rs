//! Exercise 1: the two losses of a GAN. (Guide: c01_gan)
//!
//! The discriminator gives each image a probability that it is real. It learns to say 1 to reals and 0 to fakes;
//! the generator learns to make it say 1 to fakes. Both make a loss small:
//!
//!     loss of the discriminator = - mean of ln(p) over the reals  - mean of ln(1 - p) over the fakes
//!     loss of the generator     = - mean of ln(p) over the fakes
//!
//! Given:   real, fake: the probabilities of some real and of some fake images.
//! Wanted:  (loss of the discriminator, loss of the generator).
//!
//! Repair the function: something small is wrong with it. (The logarithm of a probability is negative.)
//!
//!     cargo run -p exercises -- check 1

pub fn losses(real: &[f64], fake: &[f64]) -> (f64, f64) {
    let mean = |terms: Vec<f64>| terms.iter().sum::<f64>() / terms.len() as f64;

    let found_reals = mean(real.iter().map(|p| p.ln()).collect());
    let found_fakes = mean(fake.iter().map(|p| (1.0 - p).ln()).collect());
    let fooled = mean(fake.iter().map(|p| p.ln()).collect());

    (found_reals + found_fakes, fooled)
}

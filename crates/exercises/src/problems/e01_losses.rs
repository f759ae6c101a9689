//! Exercise 1: the two losses of a GAN. (Guide: c01_gan)
//!
//! For each image, the discriminator outputs the probability that it is real. It is trained to
//! output 1 for real images and 0 for fakes. The generator is trained so that the discriminator
//! outputs 1 for its fakes. Both minimise a loss:
//!
//!     discriminator's loss = - mean of ln(p) over the reals - mean of ln(1 - p) over the fakes
//!     generator's loss     = - mean of ln(p) over the fakes
//!
//! Given:   real, fake: the probabilities for some real images and for some fakes.
//! Result:  (loss of the discriminator, loss of the generator).
//!
//! Repair the function: there is a small mistake in it. (The logarithm of a probability is
//! negative.)
//!
//!     cargo run -p exercises -- check 1

pub fn losses(real: &[f64], fake: &[f64]) -> (f64, f64) {
    let mean = |terms: Vec<f64>| terms.iter().sum::<f64>() / terms.len() as f64;

    let found_reals = mean(real.iter().map(|p| p.ln()).collect());
    let found_fakes = mean(fake.iter().map(|p| (1.0 - p).ln()).collect());
    let fooled = mean(fake.iter().map(|p| p.ln()).collect());

    (found_reals + found_fakes, fooled)
}

//! A probability is at most 1, so its logarithm is at most 0. With the minus, the loss is at least
//! 0.

pub fn losses(real: &[f64], fake: &[f64]) -> (f64, f64) {
    let mean = |terms: Vec<f64>| terms.iter().sum::<f64>() / terms.len() as f64;

    let found_reals = mean(real.iter().map(|p| p.ln()).collect());
    let found_fakes = mean(fake.iter().map(|p| (1.0 - p).ln()).collect());
    let fooled = mean(fake.iter().map(|p| p.ln()).collect());

    (-found_reals - found_fakes, -fooled)
}

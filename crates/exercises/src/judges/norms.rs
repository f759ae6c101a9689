//! Exercises 23 to 25: normalisation.

use tensor::{Tensor, Var};

use crate::Mistake::{Axis, Border, Factor, Formula, Overwritten, Transposed, Unwritten};
use crate::guard::ask;
use crate::question::numbers;
use crate::{Question, Verdict};

const EPSILON: f64 = 0.1;

fn mean(terms: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = terms.len() as f64;
    terms.sum::<f64>() / n
}

/// The three parts of the gradient of numbers that are normalised together, and their standard
/// deviation s. The variance is divided by their number minus `less`.
fn paths(x: &[f64], gy: &[f64], less: f64) -> ([Vec<f64>; 3], f64) {
    let mu = mean(x.iter().copied());
    let s = (x.iter().map(|x| (x - mu).powi(2)).sum::<f64>() / (x.len() as f64 - less) + EPSILON).sqrt();
    let y: Vec<_> = x.iter().map(|x| (x - mu) / s).collect();
    let (mean_gy, mean_gy_y) = (mean(gy.iter().copied()), mean(gy.iter().zip(&y).map(|(gy, y)| gy * y)));
    let direct = gy.iter().map(|gy| gy / s).collect();
    let through_mean = vec![-mean_gy / s; x.len()];
    let through_variance = y.iter().map(|y| -y * mean_gy_y / s).collect();
    ([direct, through_mean, through_variance], s)
}

/// Element i of the sum of the parts.
fn sum(parts: &[Vec<f64>; 3], i: usize) -> f64 {
    parts.iter().map(|part| part[i]).sum()
}

const PATHS: [&str; 3] = ["the direct path", "the path through the mean", "the path through the variance"];

/// Exercise 23: batch normalisation of one channel.
pub fn batch_norm(attempt: &dyn Fn(&[f64], f64, f64, &[f64]) -> Vec<f64>) -> Verdict {
    const GAMMA: f64 = 1.7;
    let (x, gy) = (numbers(1, &[8]), numbers(2, &[8]));
    let affine = [GAMMA, 0.3].map(|number| Var::constant(Tensor::full([1], number)));
    let (parts, s) = paths(x.data(), gy.data(), 0.0);
    let parts = parts.map(|part| part.iter().map(|x| GAMMA * x).collect::<Vec<_>>());
    let unbiased = paths(x.data(), gy.data(), 1.0).0;
    let unbiased = (0..x.size()).map(|i| GAMMA * sum(&unbiased, i)).collect();
    let forward = |x: &Var<f64>| x.reshape([8, 1]).batch_norm(&affine[0], &affine[1], EPSILON).0.reshape([8]);
    Verdict::of([Question::rule("gx, the gradient with respect to x", &x, &gy, forward, |gy| {
        attempt(x.data(), GAMMA, EPSILON, gy)
    })
    .suspect(Factor, "The variance divides by n, not by n - 1.", unbiased)
    .parts(Formula, PATHS.into_iter().zip(parts))
    .factor("1 / gamma: gamma is missing", 1.0 / GAMMA)
    .factor("gamma: it occurs twice", GAMMA)
    .factor("s: the division by s is missing", s)
    .factor("1 / s: there is one division by s too many", 1.0 / s)])
}

/// Exercise 24: instance normalisation.
pub fn instance_norm(attempt: &dyn Fn(&[f64], &[f64], [usize; 2], f64) -> Vec<f64>) -> Verdict {
    let [images, pixels] = [3, 6];
    let (x, gy) = (numbers(1, &[images, pixels]), numbers(2, &[images, pixels]));
    let of_image = |n: usize| paths(&x.data()[n * pixels..][..pixels], &gy.data()[n * pixels..][..pixels], 0.0).0;
    let parts = [0, 1, 2].map(|part| (0..images).flat_map(|n| of_image(n)[part].clone()).collect::<Vec<_>>());
    let together = paths(x.data(), gy.data(), 0.0).0;
    let batch = (0..x.size()).map(|i| sum(&together, i)).collect();
    let column = |of: &Tensor<f64>, i: usize| (0..images).map(|n| of.data()[n * pixels + i]).collect::<Vec<_>>();
    let of_pixel = |i: usize| paths(&column(&x, i), &column(&gy, i), 0.0).0;
    let pixelwise = (0..x.size()).map(|i| sum(&of_pixel(i % pixels), i / pixels)).collect();
    let forward =
        |x: &Var<f64>| x.reshape([images, pixels, 1, 1]).instance_norm(EPSILON, None).reshape([images, pixels]);
    let later = (0..x.size()).map(|i| i >= pixels).collect();
    let attempt = |gy: &[f64]| attempt(x.data(), gy, [images, pixels], EPSILON);
    Verdict::of([Question::rule("gx, the gradient with respect to x", &x, &gy, forward, attempt)
        .suspect(Axis, "The means are over the whole batch, but each image has its own.", batch)
        .suspect(Axis, "The means are over the images for each pixel, but they should be over the pixels.", pixelwise)
        .parts(Formula, PATHS.into_iter().zip(parts))
        .region(Border, "from the second image on: check where image n begins", later)])
}

/// Exercise 25: running statistics.
pub fn running(attempt: &dyn Fn(&mut [f64], &[f64], f64)) -> Verdict {
    const KEEP: f64 = 0.9;
    let [old, batch] = [1, 2].map(|seed| numbers(seed, &[6]));
    let mix = |a: f64, b: f64| old.data().iter().zip(batch.data()).map(|(old, batch)| a * old + b * batch).collect();
    let answer = ask(|| {
        let mut running = old.data().to_vec();
        attempt(&mut running, batch.data(), KEEP);
        running
    });
    Verdict::of([Question::new("running, after the update", &[6], mix(KEEP, 1.0 - KEEP), answer)
        .suspect(Unwritten, "running has not changed.", mix(1.0, 0.0))
        .suspect(Overwritten, "The old average is forgotten.", mix(0.0, 1.0 - KEEP))
        .suspect(Overwritten, "The batch replaces the average.", mix(0.0, 1.0))
        .suspect(Transposed, "keep and 1 - keep are swapped.", mix(1.0 - KEEP, KEEP))
        .parts(Formula, [("keep * running", mix(KEEP, 0.0)), ("(1 - keep) * batch", mix(0.0, 1.0 - KEEP))])])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paths computed by the judges add up to the engine's own gradient.
    #[test]
    fn the_paths_add_up_to_the_gradient() {
        let (x, gy) = (numbers(1, &[1, 7, 1, 1]), numbers(2, &[1, 7, 1, 1]));
        let gradient = crate::question::slopes(&x, &gy, |x| x.instance_norm(EPSILON, None));
        let (parts, _) = paths(x.data(), gy.data(), 0.0);
        assert!(gradient.iter().enumerate().all(|(i, expected)| (sum(&parts, i) - expected).abs() < 1e-8));
    }
}

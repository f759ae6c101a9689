//! Wrong answers to exercises 23 to 25.

use exercises::Mistake::*;
use exercises::judges;

use crate::Mutant;

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// The gradient of numbers that are normalised together, with given weights for the three paths and
/// a given divisor of the variance.
fn gradient(x: &[f64], gy: &[f64], epsilon: f64, [direct, by_mean, by_variance]: [f64; 3], less: f64) -> Vec<f64> {
    let (n, mu) = (x.len() as f64, mean(x));
    let s = (x.iter().map(|x| (x - mu).powi(2)).sum::<f64>() / (n - less) + epsilon).sqrt();
    let y: Vec<_> = x.iter().map(|x| (x - mu) / s).collect();
    let gy_y = mean(&y.iter().zip(gy).map(|(y, gy)| y * gy).collect::<Vec<_>>());
    (0..x.len()).map(|i| (direct * gy[i] - by_mean * mean(gy) - by_variance * y[i] * gy_y) / s).collect()
}

pub(crate) fn mutants() -> Vec<Mutant> {
    let scaled = |by: f64, all: Vec<f64>| all.into_iter().map(|x| by * x).collect::<Vec<_>>();
    let batch = |name, made, paths: [f64; 3], gamma_too: bool| {
        let attempt = |x: &[f64], gamma: f64, epsilon: f64, gy: &[f64]| {
            scaled(if gamma_too { gamma } else { 1.0 }, gradient(x, gy, epsilon, paths, 0.0))
        };
        Mutant(23, name, made, judges::batch_norm(&attempt))
    };
    let instance = |name, made, f: &dyn Fn(&[f64], &[f64], f64) -> Vec<f64>| {
        let attempt = |x: &[f64], gy: &[f64], [_, pixels]: [usize; 2], epsilon: f64| {
            x.chunks(pixels).zip(gy.chunks(pixels)).flat_map(|(x, gy)| f(x, gy, epsilon)).collect()
        };
        Mutant(24, name, made, judges::instance_norm(&attempt))
    };
    let running = |name, made, f: fn(f64, f64, f64) -> f64| {
        let attempt = |running: &mut [f64], batch: &[f64], keep: f64| {
            running.iter_mut().zip(batch).for_each(|(r, b)| *r = f(*r, *b, keep));
        };
        Mutant(25, name, made, judges::running(&attempt))
    };
    vec![
        batch("the direct path only", Formula, [1.0, 0.0, 0.0], true),
        batch("without the mean", Formula, [1.0, 0.0, 1.0], true),
        batch("without the variance", Formula, [1.0, 1.0, 0.0], true),
        batch("gamma forgotten", Factor, [1.0, 1.0, 1.0], false),
        batch("the path through the variance added", Sign, [1.0, 1.0, -1.0], true),
        batch("sums instead of means", Factor, [1.0, 8.0, 8.0], true),
        Mutant(23, "the division by s forgotten", Factor, {
            judges::batch_norm(&|x, gamma, epsilon, gy| {
                let mu = mean(x);
                let s = (x.iter().map(|x| (x - mu).powi(2)).sum::<f64>() / x.len() as f64 + epsilon).sqrt();
                scaled(gamma * s, gradient(x, gy, epsilon, [1.0; 3], 0.0))
            })
        }),
        Mutant(23, "the second xh not divided by s", Factor, {
            judges::batch_norm(&|x, gamma, epsilon, gy| {
                let (n, mu) = (x.len() as f64, mean(x));
                let s = (x.iter().map(|x| (x - mu).powi(2)).sum::<f64>() / n + epsilon).sqrt();
                let gy_xh = x.iter().zip(gy).map(|(x, gy)| (x - mu) / s * gy).sum::<f64>() / n;
                x.iter().zip(gy).map(|(x, g)| gamma / s * (g - mean(gy) - (x - mu) * gy_xh)).collect()
            })
        }),
        Mutant(23, "gy ignored", UpstreamIgnored, {
            judges::batch_norm(&|x, gamma, epsilon, _| {
                let one: Vec<_> = (0..x.len()).map(|i| i as f64).collect();
                scaled(gamma, gradient(x, &one, epsilon, [1.0; 3], 0.0))
            })
        }),
        Mutant(23, "the unbiased variance", Factor, {
            judges::batch_norm(&|x, gamma, epsilon, gy| scaled(gamma, gradient(x, gy, epsilon, [1.0; 3], 1.0)))
        }),
        instance("the direct path only", Formula, &|x, gy, e| gradient(x, gy, e, [1.0, 0.0, 0.0], 0.0)),
        instance("without the mean", Formula, &|x, gy, e| gradient(x, gy, e, [1.0, 0.0, 1.0], 0.0)),
        instance("minus", Sign, &|x, gy, e| scaled(-1.0, gradient(x, gy, e, [1.0; 3], 0.0))),
        instance("the path through the mean added", Sign, &|x, gy, e| gradient(x, gy, e, [1.0, -1.0, 1.0], 0.0)),
        Mutant(24, "the means of the whole batch", Axis, {
            judges::instance_norm(&|x, gy, _, epsilon| gradient(x, gy, epsilon, [1.0; 3], 0.0))
        }),
        Mutant(24, "the means over the images, by pixel", Axis, {
            judges::instance_norm(&|x, gy, [images, pixels], epsilon| {
                let column = |of: &[f64], i: usize| (0..images).map(|n| of[n * pixels + i]).collect::<Vec<_>>();
                let of_pixel = |i: usize| gradient(&column(x, i), &column(gy, i), epsilon, [1.0; 3], 0.0);
                (0..x.len()).map(|i| of_pixel(i % pixels)[i / pixels]).collect()
            })
        }),
        Mutant(24, "image n begins at n", Border, {
            judges::instance_norm(&|x, gy, [images, pixels], epsilon| {
                let of_image = |n: usize| gradient(&x[n..n + pixels], &gy[n..n + pixels], epsilon, [1.0; 3], 0.0);
                (0..images).flat_map(of_image).collect()
            })
        }),
        Mutant(24, "the first image only", Shape, {
            judges::instance_norm(&|x, gy, [_, n], epsilon| gradient(&x[..n], &gy[..n], epsilon, [1.0; 3], 0.0))
        }),
        running("the old average forgotten", Overwritten, |_, b, keep| (1.0 - keep) * b),
        running("the batch itself", Overwritten, |_, b, _| b),
        running("exchanged", Transposed, |r, b, keep| (1.0 - keep) * r + keep * b),
        running("not updated", Unwritten, |r, _, _| r),
        running("no decay", Factor, |r, b, keep| r + (1.0 - keep) * b),
        running("the batch subtracted", Sign, |r, b, keep| keep * r - (1.0 - keep) * b),
        running("the new one forgotten", Formula, |r, _, keep| keep * r),
    ]
}

//! Wrong answers to exercises 26 to 28.

use exercises::Mistake::*;
use exercises::judges;

use crate::Mutant;

pub(crate) fn mutants() -> Vec<Mutant> {
    // The new velocity from (velocity, gradient, momentum), and the step from (velocity, old
    // velocity, gradient, rate).
    let momentum = |name, made, velocity: fn(f64, f64, f64) -> f64, step: fn(f64, f64, f64, f64) -> f64| {
        let attempt = |w: &mut [f64], v: &mut [f64], g: &[f64], rate: f64, momentum: f64| {
            for i in 0..w.len() {
                let old = v[i];
                v[i] = velocity(old, g[i], momentum);
                w[i] += step(v[i], old, g[i], rate);
            }
        };
        Mutant(26, name, made, judges::momentum(&attempt))
    };
    // The new mean square from (mean square, gradient, rho), and the step without the rate from
    // (mean square, old mean square, gradient, epsilon).
    let rms = |name, made, average: fn(f64, f64, f64) -> f64, step: fn(f64, f64, f64, f64) -> f64| {
        let attempt = |w: &mut [f64], m: &mut [f64], g: &[f64], rate: f64, rho: f64, epsilon: f64| {
            for i in 0..w.len() {
                let old = m[i];
                m[i] = average(old, g[i], rho);
                w[i] += rate * step(m[i], old, g[i], epsilon);
            }
        };
        Mutant(27, name, made, judges::rms_prop(&attempt))
    };
    // The two averages, and the step without the rate from (mean, mean square, gradient, betas, t).
    type Average = fn(f64, f64, f64) -> f64;
    let adam = |name, made, averages: [Average; 2], step: fn([f64; 3], [f64; 2], i32) -> f64| {
        #[allow(clippy::too_many_arguments, reason = "the exercise's own")]
        let attempt = |w: &mut [f64], m: &mut [f64], v: &mut [f64], g: &[f64], t: i32, rate: f64, betas: [f64; 2]| {
            for i in 0..w.len() {
                m[i] = averages[0](m[i], g[i], betas[0]);
                v[i] = averages[1](v[i], g[i], betas[1]);
                w[i] += rate * step([m[i], v[i], g[i]], betas, t);
            }
        };
        Mutant(28, name, made, judges::adam(&attempt))
    };
    let velocity: fn(f64, f64, f64) -> f64 = |v, g, momentum| momentum * v + g;
    let downhill: fn(f64, f64, f64, f64) -> f64 = |v, _, _, rate| -rate * v;
    let square: fn(f64, f64, f64) -> f64 = |m, g, rho| rho * m + (1.0 - rho) * g * g;
    let divide: fn(f64, f64, f64, f64) -> f64 = |m, _, g, epsilon| -g / (m.sqrt() + epsilon);
    let mean: Average = |m, g, beta| beta * m + (1.0 - beta) * g;
    let whole: fn([f64; 3], [f64; 2], i32) -> f64 =
        |[m, v, _], [b1, b2], t| -m / (1.0 - b1.powi(t)) / ((v / (1.0 - b2.powi(t))).sqrt() + 1e-8);
    vec![
        momentum("uphill", Sign, velocity, |v, _, _, rate| rate * v),
        momentum("the old velocity forgotten", Overwritten, |_, g, _| g, downhill),
        momentum("no decay", Factor, |v, g, _| v + g, downhill),
        momentum("the rate forgotten", Factor, velocity, |v, _, _, _| -v),
        momentum("along the gradient", Formula, velocity, |_, _, g, rate| -rate * g),
        momentum("along the old velocity", Formula, velocity, |_, old, _, rate| -rate * old),
        momentum("the gradient subtracted", Sign, |v, g, momentum| momentum * v - g, downhill),
        momentum("the shares of an average", Factor, |v, g, momentum| momentum * v + (1.0 - momentum) * g, downhill),
        Mutant(26, "the step replaces the weights", Overwritten, {
            judges::momentum(&|w, v, g, rate, momentum| {
                for i in 0..w.len() {
                    v[i] = momentum * v[i] + g[i];
                    w[i] = -rate * v[i];
                }
            })
        }),
        momentum("no step", Unwritten, velocity, |_, _, _, _| 0.0),
        rms("the last square only", Overwritten, |_, g, _| g * g, divide),
        rms("the old average forgotten", Overwritten, |_, g, rho| (1.0 - rho) * g * g, divide),
        rms("the gradient not squared", Formula, |m, g, rho| rho * m + (1.0 - rho) * g, divide),
        rms("rho exchanged", Transposed, |m, g, rho| (1.0 - rho) * m + rho * g * g, divide),
        rms("epsilon inside the root", Formula, square, |m, _, g, epsilon| -g / (m + epsilon).sqrt()),
        rms("no epsilon", Formula, square, |m, _, g, _| -g / m.sqrt()),
        rms("epsilon subtracted", Formula, square, |m, _, g, epsilon| -g / (m.sqrt() - epsilon)),
        rms("no root", Formula, square, |m, _, g, epsilon| -g / (m + epsilon)),
        rms("uphill", Sign, square, |m, _, g, epsilon| g / (m.sqrt() + epsilon)),
        rms("the old average divides", Formula, square, |_, old, g, epsilon| -g / (old.sqrt() + epsilon)),
        rms("no division", Formula, square, |_, _, g, _| -g),
        adam("epsilon inside the root", Formula, [mean, square], |[m, v, _], [b1, b2], t| {
            -m / (1.0 - b1.powi(t)) / (v / (1.0 - b2.powi(t)) + 1e-8).sqrt()
        }),
        adam("epsilon inside the root, uncorrected", Formula, [mean, square], |[m, v, _], [b1, b2], t| {
            -m / (1.0 - b1.powi(t)) / ((v + 1e-8) / (1.0 - b2.powi(t))).sqrt()
        }),
        adam("no epsilon", Formula, [mean, square], |[m, v, _], [b1, b2], t| {
            -m / (1.0 - b1.powi(t)) / (v / (1.0 - b2.powi(t))).sqrt()
        }),
        adam("TensorFlow's epsilon", Formula, [mean, square], |[m, v, _], [b1, b2], t| {
            -m / (1.0 - b1.powi(t)) * (1.0 - b2.powi(t)).sqrt() / (v.sqrt() + 1e-8)
        }),
        adam("no corrections", Formula, [mean, square], |[m, v, _], _, _| -m / (v.sqrt() + 1e-8)),
        adam("only the mean corrected", Formula, [mean, square], |[m, v, _], [b1, _], t| {
            -m / (1.0 - b1.powi(t)) / (v.sqrt() + 1e-8)
        }),
        adam("t from 0", Formula, [mean, square], |[m, v, _], [b1, b2], t| {
            -m / (1.0 - b1.powi(t - 1)) / ((v / (1.0 - b2.powi(t - 1))).sqrt() + 1e-8)
        }),
        adam("beta instead of beta^t", Formula, [mean, square], |[m, v, _], [b1, b2], _| {
            -m / (1.0 - b1) / ((v / (1.0 - b2)).sqrt() + 1e-8)
        }),
        Mutant(28, "the corrected mean is kept", Factor, {
            #[allow(clippy::too_many_arguments, reason = "the exercise's own")]
            let attempt =
                |w: &mut [f64], m: &mut [f64], v: &mut [f64], g: &[f64], t: i32, rate: f64, [b1, b2]: [f64; 2]| {
                    for i in 0..w.len() {
                        m[i] = mean(m[i], g[i], b1) / (1.0 - b1.powi(t));
                        v[i] = square(v[i], g[i], b2) / (1.0 - b2.powi(t));
                        w[i] -= rate * m[i] / (v[i].sqrt() + 1e-8);
                    }
                };
            judges::adam(&attempt)
        }),
        adam("the mean forgets", Overwritten, [|_, g, beta| (1.0 - beta) * g, square], whole),
        adam("the square is no average", Overwritten, [mean, |_, g, _| g * g], whole),
        adam("the mean's shares exchanged", Transposed, [|m, g, beta| (1.0 - beta) * m + beta * g, square], whole),
        adam("the gradient not squared", Formula, [mean, |v, g, beta| beta * v + (1.0 - beta) * g.abs()], whole),
        adam("uphill", Sign, [mean, square], |[m, v, _], [b1, b2], t| {
            m / (1.0 - b1.powi(t)) / ((v / (1.0 - b2.powi(t))).sqrt() + 1e-8)
        }),
        adam("the gradient instead of the mean", Formula, [mean, square], |[_, v, g], [b1, b2], t| {
            -g / (1.0 - b1.powi(t)) / ((v / (1.0 - b2.powi(t))).sqrt() + 1e-8)
        }),
    ]
}

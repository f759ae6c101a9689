//! Exercises 26 to 28: optimisers. The questions are about their state and their step.

use crate::Mistake::{Formula, Overwritten, Transposed, Unwritten};
use crate::guard::ask;
use crate::question::numbers;
use crate::{Question, Verdict};

const N: usize = 6;
const RATE: f64 = 0.03;

/// The values of `f` at all indices.
fn each(f: impl Fn(usize) -> f64) -> Vec<f64> {
    (0..N).map(f).collect()
}

/// The question about a moving average: `old` decays by `keep`, and `new` is weighted by `rest`.
fn average(what: &str, answer: Result<Vec<f64>, String>, [old, new]: [&[f64]; 2], [keep, rest]: [f64; 2]) -> Question {
    let mix = |keep: f64, rest: f64| each(|i| keep * old[i] + rest * new[i]);
    Question::new(what, &[N], mix(keep, rest), answer)
        .suspect(Unwritten, "It has not changed.", mix(1.0, 0.0))
        .suspect(Overwritten, "The previous value is forgotten.", mix(0.0, rest))
        .suspect(Overwritten, "The previous value is forgotten.", mix(0.0, 1.0))
        .suspect(Transposed, "The weights of the old and the new value are swapped.", mix(rest, keep))
        .parts(Formula, [("the decayed old value", mix(keep, 0.0)), ("the new value", mix(0.0, rest))])
}

/// The question about the step of the weights.
fn step(weights: &[f64], answer: Result<Vec<f64>, String>, expected: Vec<f64>) -> Question {
    let less = |of: &[f64]| of.iter().zip(weights).map(|(of, before)| of - before).collect::<Vec<_>>();
    let (made, replaced) = (answer.map(|after| less(&after)), less(&expected));
    Question::new("the step: the new weights minus the old weights", &[N], expected, made)
        .suspect(Overwritten, "The step replaces the weights, but it must be added to them.", replaced)
        .factor("1 / rate: the step size is missing", 1.0 / RATE)
        .factor("rate: it occurs twice", RATE)
}

/// Exercise 26: momentum.
pub fn momentum(attempt: &dyn Fn(&mut [f64], &mut [f64], &[f64], f64, f64)) -> Verdict {
    const MOMENTUM: f64 = 0.8;
    let [weights, old, gradient] = [1, 2, 3].map(|seed| numbers(seed, &[N]).data().to_vec());
    let answer = ask(|| {
        let (mut weights, mut velocity) = (weights.clone(), old.clone());
        attempt(&mut weights, &mut velocity, &gradient, RATE, MOMENTUM);
        (weights, velocity)
    });
    let velocity = each(|i| MOMENTUM * old[i] + gradient[i]);
    Verdict::of([
        average("the velocity", answer.clone().map(|a| a.1), [&old, &gradient], [MOMENTUM, 1.0]),
        step(&weights, answer.map(|a| a.0), each(|i| -RATE * velocity[i]))
            .suspect(
                Formula,
                "The step uses the gradient, but it must use the velocity.",
                each(|i| -RATE * gradient[i]),
            )
            .suspect(Formula, "The step uses the old velocity: update it first.", each(|i| -RATE * old[i])),
    ])
}

/// Exercise 27: RMSprop.
pub fn rms_prop(attempt: &dyn Fn(&mut [f64], &mut [f64], &[f64], f64, f64, f64)) -> Verdict {
    const RHO: f64 = 0.9;
    const EPSILON: f64 = 0.05; // large, so that it shows where it stands
    let [weights, gradient] = [1, 2].map(|seed| numbers(seed, &[N]).data().to_vec());
    let old = each(|i| 0.3 + 0.1 * i as f64);
    let answer = ask(|| {
        let (mut weights, mut mean_square) = (weights.clone(), old.clone());
        attempt(&mut weights, &mut mean_square, &gradient, RATE, RHO, EPSILON);
        (weights, mean_square)
    });
    let square = each(|i| gradient[i] * gradient[i]);
    let now = each(|i| RHO * old[i] + (1.0 - RHO) * square[i]);
    let over = |under: fn(f64) -> f64| each(|i| -RATE * gradient[i] / under(now[i]));
    let unsquared = each(|i| RHO * old[i] + (1.0 - RHO) * gradient[i]);
    Verdict::of([
        average("mean_square", answer.clone().map(|a| a.1), [&old, &square], [RHO, 1.0 - RHO]).suspect(
            Formula,
            "The gradient is not squared.",
            unsquared,
        ),
        step(&weights, answer.map(|a| a.0), over(|m| m.sqrt() + EPSILON))
            .suspect(Formula, "epsilon is inside the root.", over(|m| (m + EPSILON).sqrt()))
            .suspect(Formula, "epsilon is missing.", over(f64::sqrt))
            .suspect(Formula, "epsilon is subtracted.", over(|m| m.sqrt() - EPSILON))
            .suspect(Formula, "The root is missing.", over(|m| m + EPSILON))
            .suspect(Formula, "The division is missing.", over(|_| 1.0))
            .suspect(
                Formula,
                "The step uses the old mean_square: update it first.",
                each(|i| -RATE * gradient[i] / (old[i].sqrt() + EPSILON)),
            ),
    ])
}

/// The arguments of Adam: weights, mean, mean square, gradient, t, rate, betas.
type AdamCall<'a> = (&'a mut [f64], &'a mut [f64], &'a mut [f64], &'a [f64], i32, f64, [f64; 2]);

const BETAS: [f64; 2] = [0.8, 0.95];
const T: i32 = 3;
const EPSILON: f64 = 1e-8; // as in the exercise

/// Exercise 28: Adam.
pub fn adam(attempt: &dyn Fn(&mut [f64], &mut [f64], &mut [f64], &[f64], i32, f64, [f64; 2])) -> Verdict {
    let attempt = |(w, m, v, g, t, rate, betas): AdamCall| attempt(w, m, v, g, t, rate, betas);
    let [weights, gradient, old_mean] = [1, 2, 3].map(|seed| numbers(seed, &[N]).data().to_vec());
    let old_square = each(|i| 0.3 + 0.1 * i as f64);
    let answer = ask(|| {
        let (mut weights, mut mean, mut mean_square) = (weights.clone(), old_mean.clone(), old_square.clone());
        attempt((&mut weights, &mut mean, &mut mean_square, &gradient, T, RATE, BETAS));
        (weights, mean, mean_square)
    });
    let square = each(|i| gradient[i] * gradient[i]);
    let [b1, b2] = BETAS;
    let mean = each(|i| b1 * old_mean[i] + (1.0 - b1) * gradient[i]);
    let mean_square = each(|i| b2 * old_square[i] + (1.0 - b2) * square[i]);
    let correct = |beta: f64, t: i32| 1.0 - beta.powi(t);
    let corrected = |c1: f64, c2: f64| each(|i| -RATE * mean[i] / c1 / ((mean_square[i] / c2).sqrt() + EPSILON));
    let (c1, c2) = (correct(b1, T), correct(b2, T));
    let stored = "the correction: it applies to this step only, and must not change the average itself";
    Verdict::of([
        average("the mean", answer.clone().map(|a| a.1), [&old_mean, &gradient], [b1, 1.0 - b1])
            .factor(stored, 1.0 / c1),
        average("mean_square", answer.clone().map(|a| a.2), [&old_square, &square], [b2, 1.0 - b2])
            .factor(stored, 1.0 / c2)
            .suspect(Formula, "The gradient is not squared.", each(|i| b2 * old_square[i] + (1.0 - b2) * gradient[i])),
        step(&weights, answer.map(|a| a.0), corrected(c1, c2))
            .suspect(Formula, "Both bias corrections are missing.", corrected(1.0, 1.0))
            .suspect(Formula, "The correction of the mean is missing.", corrected(1.0, c2))
            .suspect(Formula, "The correction of mean_square is missing.", corrected(c1, 1.0))
            .suspect(Formula, "The corrections do not depend on t.", corrected(1.0 - b1, 1.0 - b2))
            .suspect(
                Formula,
                "t is one too small: it is counted from 1 already.",
                corrected(correct(b1, T - 1), correct(b2, T - 1)),
            )
            .suspect(
                Formula,
                "t is one too large: it is counted from 1 already.",
                corrected(correct(b1, T + 1), correct(b2, T + 1)),
            )
            .suspect(Transposed, "beta1 and beta2 are swapped in the corrections.", corrected(c2, c1))
            .suspect(Formula, "The step uses the gradient, but it must use the mean.", {
                each(|i| -RATE * gradient[i] / ((mean_square[i] / c2).sqrt() + EPSILON))
            })
            .suspect(Formula, "The root is missing.", each(|i| -RATE * mean[i] / c1 / (mean_square[i] / c2 + EPSILON))),
        adam_of_tiny_gradients(&attempt),
    ])
}

/// The step for gradients as small as epsilon, so that the position of epsilon matters.
fn adam_of_tiny_gradients(attempt: &dyn Fn(AdamCall<'_>)) -> Question {
    const TINY: f64 = EPSILON;
    let [weights, gradient, old_mean] = [1, 2, 3].map(|seed| numbers(seed, &[N]).data().to_vec());
    let [gradient, old_mean] = [gradient, old_mean].map(|x| x.iter().map(|x| TINY * x).collect::<Vec<_>>());
    let old_square = each(|i| TINY * TINY * (0.3 + 0.1 * i as f64));
    let answer = ask(|| {
        let (mut weights, mut mean, mut mean_square) = (weights.clone(), old_mean.clone(), old_square.clone());
        attempt((&mut weights, &mut mean, &mut mean_square, &gradient, T, RATE, BETAS));
        weights
    });
    let [b1, b2] = BETAS;
    let [c1, c2] = BETAS.map(|beta| 1.0 - beta.powi(T));
    let over = |under: &dyn Fn(f64) -> f64| {
        each(|i| {
            let mean = b1 * old_mean[i] + (1.0 - b1) * gradient[i];
            -RATE * mean / c1 / under(b2 * old_square[i] + (1.0 - b2) * gradient[i] * gradient[i])
        })
    };
    let what = "the step for gradients as small as EPSILON: the new weights minus the old weights";
    Question { what: what.into(), ..step(&weights, answer, over(&|square| (square / c2).sqrt() + EPSILON)) }
        .suspect(Formula, "epsilon is inside the root.", over(&|square| (square / c2 + EPSILON).sqrt()))
        .suspect(
            Formula,
            "epsilon is inside the root, and added before the correction.",
            over(&|square| ((square + EPSILON) / c2).sqrt()),
        )
        .suspect(Formula, "epsilon is missing.", over(&|square| (square / c2).sqrt()))
        .suspect(
            Formula,
            "epsilon is added to the root of mean_square, but it belongs to the root of square_hat.",
            over(&|square| (square.sqrt() + EPSILON) / c2.sqrt()),
        )
        .suspect(Formula, "epsilon is subtracted.", over(&|square| (square / c2).sqrt() - EPSILON))
}

//! Exercises 32 and 33: recognising a sick run, and checking a derivative.

use crate::Mistake::{Axis, Formula};
use crate::guard::ask;
use crate::question::numbers;
use crate::{Question, Verdict};

/// Exercise 32: the share of dead units.
pub fn dead_units(attempt: &dyn Fn(&[f64], usize, usize) -> f64) -> Verdict {
    const IMAGES: usize = 3;
    const UNITS: usize = 7;
    // Values after a ReLU. The first units of a batch are dead, and in two of the batches the last
    // image is 0 for all units.
    let batch = |dead: usize, empty: bool| {
        let drawn = numbers(dead as u32, &[IMAGES, UNITS]);
        let value = |(i, x): (usize, &f64)| if i % UNITS < dead || empty && i / UNITS == 2 { 0.0 } else { x.max(0.0) };
        drawn.data().iter().enumerate().map(value).collect::<Vec<_>>()
    };
    let batches = [batch(1, false), batch(3, true), batch(2, true), batch(5, false)];
    let each = |f: &dyn Fn(&[f64]) -> f64| batches.iter().map(|batch| f(batch)).collect::<Vec<_>>();
    let zero = |batch: &[f64], image: usize, unit: usize| batch[image * UNITS + unit] == 0.0;
    let count = |n: usize, which: &dyn Fn(usize) -> bool| (0..n).filter(|i| which(*i)).count() as f64;
    let dead = |batch: &[f64]| count(UNITS, &|unit| (0..IMAGES).all(|image| zero(batch, image, unit)));
    let some = |batch: &[f64]| count(UNITS, &|unit| (0..IMAGES).any(|image| zero(batch, image, unit)));
    let empty = |batch: &[f64]| count(IMAGES, &|image| (0..UNITS).all(|unit| zero(batch, image, unit)));
    let zeros = |batch: &[f64]| batch.iter().filter(|a| **a == 0.0).count() as f64;
    let units = UNITS as f64;
    let answer = ask(|| each(&|batch| attempt(batch, IMAGES, UNITS)));
    Verdict::of([Question::new("the share of dead units for four batches", &[4], each(&|b| dead(b) / units), answer)
        .suspect(Axis, "That is the share of all zeros.", each(&|b| zeros(b) / batches[0].len() as f64))
        .suspect(Axis, "That is the share of images for which no unit is active.", each(&|b| empty(b) / IMAGES as f64))
        .suspect(
            Formula,
            "Units that are 0 for some images were counted too; a dead unit is 0 for all of them.",
            each(&|b| some(b) / units),
        )
        .suspect(Formula, "That is the share of units that are not dead.", each(&|b| 1.0 - dead(b) / units))
        .factor("the number of units: return a share, not a count", units)
        .factor("units / images: divide by the number of units", units / IMAGES as f64)
        .factor("1 / images: each dead unit counts once, not once per image", 1.0 / IMAGES as f64)])
}

/// Exercise 33: the central difference.
pub fn central_difference(attempt: &dyn Fn(&dyn Fn(f64) -> f64, f64, f64) -> f64) -> Verdict {
    const H: f64 = 0.1; // large, so that its error shows
    let f = |x: f64| (1.3 * x).sin() + 0.2 * x * x * x;
    let points = [-1.7, -0.6, 0.3, 0.9, 1.8];
    let each = |slope: &dyn Fn(f64) -> f64| points.iter().map(|x| slope(*x)).collect::<Vec<_>>();
    let one_side = "It uses one side only: move x by h and by -h.";
    Verdict::of([Question::new(
        "the central difference with h = 0.1, at five points x",
        &[5],
        each(&|x| (f(x + H) - f(x - H)) / (2.0 * H)),
        ask(|| each(&|x| attempt(&f, x, H))),
    )
    .suspect(Formula, one_side, each(&|x| (f(x + H) - f(x)) / H))
    .suspect(Formula, one_side, each(&|x| (f(x) - f(x - H)) / H))
    .suspect(Formula, "The division is missing.", each(&|x| f(x + H) - f(x - H)))
    .suspect(Formula, "The two values must be subtracted.", each(&|x| (f(x + H) + f(x - H)) / (2.0 * H)))
    .suspect(
        Formula,
        "x must move by h to each side, not by h / 2.",
        each(&|x| (f(x + H / 2.0) - f(x - H / 2.0)) / H),
    )])
}

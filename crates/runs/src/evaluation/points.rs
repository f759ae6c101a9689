//! Metrics for points in the plane: how much of the target mixture the generator covers.

use metrics::modes::{Modes, modes};
use metrics::suite::{Measured, Number};

use super::{Measurement, Setup};
use crate::failure::Failure;
use crate::sampling::pictures;
use crate::sampling::plane;
use kernels::Key;
use models::{Mixture, Plane};
use tensor::Tensor;

/// A point farther than this from every centre belongs to no mode: seven standard deviations of the
/// ring's modes, nearly six of the grid's.
const REACH: f64 = 0.1;

/// Each metric, with its meaning.
pub const NUMBERS: [(&str, &str); 4] = [
    (
        "modes",
        "number of covered modes: those with at least 5 % (gauss8) or 1 % (gauss25) of all points within 0.1 of the centre",
    ),
    ("near", "share of points within 0.1 of a centre"),
    ("least", "share of all points in the mode with the fewest; ideally 12.5 % (gauss8) or 4 % (gauss25)"),
    ("most", "share of all points in the mode with the most"),
];

/// The share of all points that counts as covering a mode: two fifths (ring) or a quarter (grid) of
/// the mode's expected share.
fn enough(mixture: Mixture) -> f64 {
    match mixture {
        Mixture::Ring8 => 0.05,
        Mixture::Grid25 => 0.01,
    }
}

/// Measures generated points, and equally many real ones for comparison.
///
/// # Errors
/// When a coordinate is not finite.
pub(super) fn measure(plane: Plane<'_>, setup: &Setup) -> Result<Vec<Measurement>, Failure> {
    let count = setup.count;
    let latents = plane.sampler.latents(setup.seed, "evaluation", count);
    let drawn = pictures::finite(plane::in_parts(&latents, |part| plane.sampler.draw(part)))?;
    let reals = plane.mixture.points(count, Key::named(setup.seed, "evaluation reals"));
    let values = [drawn, reals].map(|points| numbers(plane.mixture, &points));
    let row = |(at, (name, _)): (usize, &(&'static str, &str))| {
        let number = Number { name, value: values[0][at], deviation: None };
        let baseline = Some((values[1][at], count));
        Measurement { direction: None, measured: Measured { number, extractor: None, count, pairs: None, baseline } }
    };
    Ok(NUMBERS.iter().enumerate().map(row).collect())
}

/// The values of [`NUMBERS`] for a set of points.
fn numbers(mixture: Mixture, points: &Tensor) -> [f64; 4] {
    let Modes { covered, near, least, most } = modes(points.data(), &mixture.centres(), REACH, enough(mixture));
    [covered as f64, near, least, most]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reals_cover_all_and_lie_near() {
        for (mixture, clouds) in [(Mixture::Ring8, 8.0), (Mixture::Grid25, 25.0)] {
            let [covered, near, least, most] = numbers(mixture, &mixture.points(5000, Key::named(1, "points")));
            assert_eq!((covered, near), (clouds, 1.0));
            assert!((0.8..1.0).contains(&(least * clouds)) && (1.0..1.2).contains(&(most * clouds)), "{least} {most}");
        }
    }
}

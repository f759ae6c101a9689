//! The exponential moving average of weights.

use crate::pieces::{GRAIN, Pieces, for_each_piece};
use crate::simd::{Kernel, LANES, Simd, dispatch};
use crate::timing::{Category, Work, time};

/// average <- decay * average + (1 - decay) * x, element by element, computed so that the average
/// of a constant converges to it.
///
/// In f64 the factors add up to 1. In f32 they would not: with a decay of 0.99999, their rounding
/// alone would put the average of a constant 0.14% too low. The only error left is the rounding of
/// the result to f32. It would stop the average as soon as its step, (1 - decay) times the
/// difference, is less than half a unit in the last place: up to 0.6% away from its limit at
/// 0.99999. So where the average would not move although it differs from `x`, it moves by one unit
/// in the last place.
///
/// # Panics
/// When the lengths differ.
pub fn moving_average(decay: f64, x: &[f32], average: &mut [f32]) {
    assert_eq!(x.len(), average.len(), "moving_average: lengths of x and the average");
    let pieces = (Pieces::new(x, GRAIN), Pieces::new(&mut *average, GRAIN));
    time(Category::Optimizer, "moving_average", Work::Floats(3 * x.len()), || {
        for_each_piece(pieces, |_, (x, average)| dispatch(Piece { decay, x, average }));
    });
}

/// One element: the new average.
#[inline(always)]
fn next(decay: f64, x: f32, average: f32) -> f32 {
    let next = weighted(decay, x, average);
    if next != average || average == x || decay == 1.0 {
        return next;
    }
    if x > average { average.next_up() } else { average.next_down() }
}

#[inline(always)]
fn weighted(decay: f64, x: f32, average: f32) -> f32 {
    (decay * f64::from(average) + (1.0 - decay) * f64::from(x)) as f32
}

struct Piece<'a> {
    decay: f64,
    x: &'a [f32],
    average: &'a mut [f32],
}

impl Kernel for Piece<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let decay = self.decay;
        let (x, x_rest) = self.x.as_chunks::<LANES>();
        let (average, average_rest) = self.average.as_chunks_mut::<LANES>();
        for (x, average) in x.iter().zip(average) {
            let mut moved = [0.0; LANES];
            let mut stays = false;
            for i in 0..LANES {
                moved[i] = weighted(decay, x[i], average[i]);
                stays |= moved[i] == average[i] && average[i] != x[i];
            }
            if stays {
                for i in 0..LANES {
                    moved[i] = next(decay, x[i], average[i]);
                }
            }
            *average = moved;
        }
        for (x, average) in x_rest.iter().zip(average_rest) {
            *average = next(decay, *x, *average);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{SIZES, assert_same_bits, same_bits_everywhere, wild_numbers};

    fn after(steps: usize, average: f32, decay: f64, x: impl Fn(usize) -> f32) -> f32 {
        (0..steps).fold(average, |average, step| next(decay, x(step), average))
    }

    /// A million steps towards a constant, from above, from below and from the other side of 0.
    #[test]
    fn the_average_of_constant_weights_converges_to_them() {
        for decay in [0.9, 0.999, 0.9999, 0.99999] {
            for x in [1.0, -0.037_1, 1e-3, 700.1_f32] {
                assert_eq!(after(1000, x, decay, |_| x), x, "an average at its limit stays, {decay}");
                for start in [0.0, 0.99 * x, 1.5 * x, -x] {
                    assert_eq!(after(1_000_000, start, decay, |_| x), x, "{x} from {start} at {decay}");
                }
            }
        }
        assert_eq!(next(0.0, 1e-8, 3.0), 1e-8, "with decay 0 it is a copy");
        assert_eq!(next(1.0, 1e-8, 3.0), 3.0, "with decay 1 it stays");
    }

    /// Weights that oscillate, by much or so little that no single step moves an f32 by half a
    /// unit.
    #[test]
    fn the_average_of_oscillating_weights_is_their_mean() {
        for (swing, off) in [(0.1, 2e-4), (1e-3, 2e-5), (1e-5, 4e-6)] {
            for decay in [0.9999, 0.99999] {
                let x = |step: usize| 0.7 + swing * [1.0, -0.5, -1.0, 0.5][step % 4] as f32;
                let found = f64::from(after(1_000_000, 0.7, decay, x));
                assert!((found / f64::from(0.7_f32) - 1.0).abs() < off, "{swing} at {decay}: {found}");
            }
        }
    }

    /// Weights near the average, of which some would not move it.
    #[test]
    fn vectors_have_the_bits_of_single_numbers() {
        for len in SIZES {
            for decay in [0.0, 0.5, 0.999, 0.999_999, 1.0] {
                let start = wild_numbers(len, 1);
                let near = |(i, x): (usize, &f32)| f32::from_bits(x.to_bits() ^ (i % 3) as u32);
                let near: Vec<f32> = start.iter().enumerate().map(near).collect();
                for x in [wild_numbers(len, 2), near] {
                    let got = same_bits_everywhere("moving_average", || {
                        let mut average = start.clone();
                        moving_average(decay, &x, &mut average);
                        average
                    });
                    let wanted: Vec<f32> = x.iter().zip(&start).map(|(x, start)| next(decay, *x, *start)).collect();
                    assert_same_bits(&got, &wanted, &format!("{len} numbers, decay {decay}"));
                }
            }
        }
    }
}

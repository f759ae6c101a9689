//! Kernel inception distance: the squared maximum mean discrepancy under k(a, b) = (a b / d + 1)^3,
//! by its unbiased estimate
//!
//! ```text
//!   [sum over i != j of k(x_i, x_j) + the same of y] / (m (m - 1))
//! - 2 [sum over i, j of k(x_i, y_j)] / m^2
//! ```
//!
//! on subsets of m images; the result is the mean and the standard deviation over the subsets.
//! Source: Binkowski et al. 2018 ("Demystifying MMD GANs"); 100 subsets of 1,000 as in
//! torch-fidelity.
//!
//! **Pitfalls.** The estimate is unbiased, which suits small sets, and so it may be slightly
//! negative. The subsets overlap: their standard deviation is not an error bar of the mean.

use crate::metric::{FEWEST, Metric, Number, Of};
use kernels::Key;
use rayon::prelude::*;

use crate::finite::assert_finite;
use crate::matrix::{Matrix, map_products};

/// The entry in the suite.
pub const METRIC: Metric = Metric {
    name: "kid",
    alias: None,
    about: "kernel distance, unbiased even for few images; about 0 means identical",
    of: Of::Features,
    fewest: FEWEST,
    most: usize::MAX,
    quick: true,
    measure: |real, fake| {
        let found = kid(&real.features, &fake.features, Subsets::default());
        let deviation = Some(found.deviation).filter(|deviation| *deviation > 0.0);
        vec![Number { name: "kid", value: found.mean, deviation }]
    },
};

/// The most pairs of images of which all kernels are kept, 400 MB. Computing all of them once is
/// less work than computing those of 100 overlapping subsets.
const MOST_KNOWN: usize = 50_000_000;

/// The subsets that the estimate is averaged over.
#[derive(Clone, Copy, Debug)]
pub struct Subsets {
    /// Their number.
    pub count: usize,
    /// The number of images of each set in a subset; smaller sets are used completely.
    pub size: usize,
    /// The seed of the random choice.
    pub seed: u64,
}

impl Default for Subsets {
    fn default() -> Self {
        Self { count: 100, size: 1000, seed: 1 }
    }
}

/// Mean and standard deviation over the subsets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kid {
    /// The estimate.
    pub mean: f64,
    /// The standard deviation over the subsets; 0 if there is only one.
    pub deviation: f64,
}

/// The distance between the features `a` and `b`, a row per image.
///
/// # Panics
/// When one of them has fewer than two rows or a number that is not finite, or their numbers of
/// columns differ.
#[track_caller]
pub fn kid(a: &Matrix, b: &Matrix, subsets: Subsets) -> Kid {
    let size = subsets.size.min(a.rows()).min(b.rows());
    assert!(size >= 2, "kid: two images at least are needed, not {} and {}", a.rows(), b.rows());
    assert_finite("kid", &[a, b]);
    // If a subset contains all images, it is always the same.
    let whole = size == a.rows() && size == b.rows();
    let count = if whole { 1 } else { subsets.count.max(1) };
    let mut draws = Key::named(subsets.seed, "kid subsets").draws();
    let mut choose = |of: &Matrix| match size == of.rows() {
        true => (0..size).collect(),
        false => rand::seq::index::sample(&mut draws, of.rows(), size).into_vec(),
    };
    let pairs = a.rows() * a.rows() + b.rows() * b.rows() + a.rows() * b.rows();
    let known = (pairs <= MOST_KNOWN && pairs < 3 * count * size * size).then(|| Kernels::new(a, b));
    let estimates: Vec<f64> = (0..count)
        .map(|_| {
            let chosen: [Vec<usize>; 2] = [choose(a), choose(b)];
            match &known {
                Some(known) => known.discrepancy(&chosen),
                None => discrepancy(&a.select(&chosen[0]), &b.select(&chosen[1])),
            }
        })
        .collect();
    let mean = estimates.iter().sum::<f64>() / count as f64;
    let variance = estimates.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count as f64;
    Kid { mean, deviation: variance.sqrt() }
}

/// The unbiased estimate from equally many reals and fakes.
fn discrepancy(x: &Matrix, y: &Matrix) -> f64 {
    estimate(x.rows(), [kernel_sum(x, x, true), kernel_sum(y, y, true), kernel_sum(x, y, false)])
}

/// The estimate from the sums of the kernel over different pairs of x, of y, and over all pairs of
/// both.
fn estimate(m: usize, [x, y, both]: [f64; 3]) -> f64 {
    let m = m as f64;
    (x + y) / (m * (m - 1.0)) - 2.0 * both / (m * m)
}

/// The kernels of all pairs of two sets, which many subsets share.
struct Kernels {
    /// Those of the first set, of the second, and of both.
    pairs: [Matrix; 3],
}

impl Kernels {
    fn new(a: &Matrix, b: &Matrix) -> Self {
        let of = |x: &Matrix, y: &Matrix| {
            let rows = map_products(x, y, |_, row| row.iter().map(|product| kernel(*product, x)).collect::<Vec<_>>());
            Matrix::new(x.rows(), y.rows(), rows.concat())
        };
        Self { pairs: [of(a, a), of(b, b), of(a, b)] }
    }

    /// The estimate from these reals and fakes. The sums have the order of [`kernel_sum`].
    fn discrepancy(&self, [a, b]: &[Vec<usize>; 2]) -> f64 {
        let sum = |pairs: &Matrix, rows: &[usize], columns: &[usize], without_itself: bool| {
            let line = |(i, row): (usize, &usize)| {
                let row = pairs.row(*row);
                let term = |(j, column): (usize, &usize)| if without_itself && i == j { 0.0 } else { row[*column] };
                columns.iter().enumerate().map(term).sum::<f64>()
            };
            let lines: Vec<f64> = rows.par_iter().enumerate().map(line).collect();
            lines.into_iter().sum::<f64>()
        };
        let [of_a, of_b, both] = &self.pairs;
        estimate(a.len(), [sum(of_a, a, a, true), sum(of_b, b, b, true), sum(both, a, b, false)])
    }
}

/// k(a, b) of two rows of `x` and another matrix, from their product.
fn kernel(product: f64, x: &Matrix) -> f64 {
    let base = product / x.columns() as f64 + 1.0;
    base * base * base
}

/// The sum of the kernel over all pairs, optionally without the pairs of an image with itself.
fn kernel_sum(x: &Matrix, y: &Matrix, without_itself: bool) -> f64 {
    let rows = map_products(x, y, |i, row| {
        row.iter_mut().for_each(|product| *product = kernel(*product, x));
        if without_itself {
            row[i] = 0.0;
        }
        row.iter().sum::<f64>()
    });
    rows.into_iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::testing::{at_any_thread_count, random};

    #[test]
    fn the_known_example() {
        let x = Matrix::new(3, 2, vec![1.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
        let y = Matrix::new(3, 2, vec![0.0, 0.0, 2.0, 1.0, 1.0, 2.0]);
        let found = kid(&x, &y, Subsets::default());
        assert!((found.mean + 0.416_666_667).abs() < 1e-9 && found.deviation == 0.0, "{found:?}");
    }

    #[test]
    fn a_set_against_itself_is_slightly_below_zero() {
        let a = random(60, 5, 1);
        let found = kid(&a, &a, Subsets::default()).mean;
        assert!(found < 0.0 && found > -0.1, "{found}");
    }

    #[test]
    fn subsets_are_unbiased_and_feel_a_shift() {
        let (a, mut b) = (random(400, 6, 1), random(300, 6, 2));
        let subsets = Subsets { count: 20, size: 100, seed: 5 };
        let near = at_any_thread_count(|| kid(&a, &b, subsets));
        let whole = kid(&a, &b, Subsets { count: 1, size: 300, seed: 5 });
        assert!((near.mean - whole.mean).abs() < 3.0 * near.deviation, "{near:?} and {whole:?}");
        assert_ne!(near, kid(&a, &b, Subsets { seed: 6, ..subsets }));
        b.data_mut().iter_mut().for_each(|x| *x += 0.5);
        assert!(kid(&a, &b, subsets).mean > 10.0 * near.mean.abs());
    }

    /// Keeping the kernels of all pairs changes no bit.
    #[test]
    fn shared_kernels_give_the_same_bits() {
        let (a, b) = (random(90, 5, 1), random(70, 5, 2));
        let chosen = [(0..40).map(|i| i * 7 % 90).collect(), (0..40).map(|i| i * 3 % 70).collect()];
        let shared = Kernels::new(&a, &b).discrepancy(&chosen);
        assert_eq!(shared.to_bits(), discrepancy(&a.select(&chosen[0]), &b.select(&chosen[1])).to_bits());
    }

    #[test]
    fn the_deviation_of_two_subsets_is_half_their_difference() {
        let (a, b) = (random(40, 3, 1), random(40, 3, 2));
        let of = |count: usize| kid(&a, &b, Subsets { count, size: 10, seed: 1 });
        let (first, both) = (of(1).mean, of(2));
        assert!((both.deviation - (both.mean - first).abs()).abs() < 1e-12 && both.deviation > 0.0, "{both:?}");
    }
}

//! [`Mixture`]: toy data, points in the plane from a mixture of Gaussians with known centres. The
//! modes that a generator has learned can be counted and plotted.
//!
//! These are the two mixtures of Gulrajani et al. 2017, scaled to a variance near 1. Nothing is
//! read from files: points are drawn on demand.

use kernels::Key;
use kernels::random::{index, words};
use tensor::Tensor;

/// A mixture of equally likely Gaussians.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mixture {
    /// Eight modes on a circle of radius 2 / 1.414, with standard deviation 0.02 / 1.414.
    Ring8,
    /// Twenty-five modes on a grid from -4 to 4 in steps of 2, with standard deviation 0.05;
    /// everything is divided by 2.828.
    Grid25,
}

impl Mixture {
    /// The centres of the Gaussians.
    pub fn centres(self) -> Vec<[f64; 2]> {
        match self {
            Self::Ring8 => {
                let (radius, diagonal) = (2.0 / 1.414, core::f64::consts::FRAC_1_SQRT_2);
                let directions = [(1.0, 0.0), (diagonal, diagonal), (0.0, 1.0), (-diagonal, diagonal)];
                let there = directions.map(|(x, y)| [radius * x, radius * y]);
                there.into_iter().chain(there.map(|[x, y]| [-x, -y])).collect()
            }
            Self::Grid25 => {
                let at = |place: usize| 2.0 * (place as f64 - 2.0) / 2.828;
                (0..25).map(|cloud| [at(cloud / 5), at(cloud % 5)]).collect()
            }
        }
    }

    /// The standard deviation of each Gaussian, in each direction.
    pub fn deviation(self) -> f64 {
        match self {
            Self::Ring8 => 0.02 / 1.414,
            Self::Grid25 => 0.05 / 2.828,
        }
    }

    /// `count` points from the stream `key` and the one after it, shape (count, 2). The first `n`
    /// points do not depend on `count`.
    pub fn points(self, count: usize, key: Key) -> Tensor {
        let (centres, mut points) = (self.centres(), nn::init::normal(&[count, 2], 0.0, self.deviation(), key));
        let choice = Key { stream: key.stream.wrapping_add(1), ..key };
        for (number, point) in points.data_mut().chunks_exact_mut(2).enumerate() {
            let [word, ..] = words(choice, number as u32);
            let centre = centres[index(word, centres.len())];
            point.iter_mut().zip(centre).for_each(|(x, middle)| *x += middle as f32);
        }
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The index of the nearest centre, and the distance in each direction.
    fn nearest(point: &[f32], centres: &[[f64; 2]]) -> (usize, [f64; 2]) {
        let away = |centre: &[f64; 2]| [0, 1].map(|axis| f64::from(point[axis]) - centre[axis]);
        let all = centres.iter().map(away).enumerate();
        let square = |[x, y]: [f64; 2]| x * x + y * y;
        all.min_by(|a, b| square(a.1).total_cmp(&square(b.1))).expect("there are middles")
    }

    #[test]
    fn the_clouds_are_where_they_should_be_as_wide_and_as_likely() {
        let variance = |centres: &[[f64; 2]]| centres.iter().map(|[x, _]| x * x).sum::<f64>() / centres.len() as f64;
        for (mixture, count, spread) in [(Mixture::Ring8, 8, 1.0), (Mixture::Grid25, 25, 1.0)] {
            let centres = mixture.centres();
            assert_eq!(centres.len(), count);
            assert!((variance(&centres) - spread).abs() < 1e-3, "{mixture:?}: {}", variance(&centres));
            let points = mixture.points(20_000, Key::named(1, "points"));
            let mut shares = vec![0; count];
            let mut sums = [[0.0; 2]; 2];
            for point in points.data().chunks(2) {
                let (cloud, away) = nearest(point, &centres);
                shares[cloud] += 1;
                for (axis, x) in away.into_iter().enumerate() {
                    sums[axis][0] += x;
                    sums[axis][1] += x * x;
                }
            }
            let fair = 20_000.0 / count as f64;
            assert!(shares.iter().all(|share| (f64::from(*share) - fair).abs() < 5.0 * fair.sqrt()), "{shares:?}");
            for [sum, squares] in sums {
                let (mean, deviation) = (sum / 20_000.0, (squares / 20_000.0).sqrt());
                assert!(mean.abs() < 5.0 * mixture.deviation() / 20_000_f64.sqrt(), "{mean}");
                assert!((deviation / mixture.deviation() - 1.0).abs() < 0.02, "{deviation}");
            }
        }
        assert_eq!(Mixture::Ring8.centres()[5], [-1.0, -1.0].map(|x| x * 2.0 / 1.414 * 0.5_f64.sqrt()));
        assert_eq!(Mixture::Grid25.centres()[1], [-4.0 / 2.828, -2.0 / 2.828]);
    }

    #[test]
    fn a_point_stays_the_same_however_many_are_drawn() {
        let key = Key::named(3, "points").at(7);
        let many = Mixture::Grid25.points(50, key);
        assert_eq!(Mixture::Grid25.points(11, key).data(), &many.data()[..22]);
        assert_ne!(Mixture::Grid25.points(11, key.at(8)).data(), &many.data()[..22]);
    }
}

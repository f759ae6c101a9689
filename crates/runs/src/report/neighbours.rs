//! [`Finder`]: the training images that are nearest to some samples.

use metrics::Matrix;
use metrics::distances::{nearest_others, nearest_rows};
use tensor::Tensor;

use super::pictures::small;
use crate::data::Dataset;
use crate::failure::Failure;
use crate::observers::probe::{images_of, lower, spread};
use crate::observers::samples;

/// The longest side for comparing images.
const SIDE: usize = 32;
/// The number of training images among which the nearest is searched.
const SEARCHED: usize = 512;
/// Parts of the training images whose own nearest neighbours give the typical distance.
const TYPICAL: usize = 4;

/// A sample's nearest training image: its number in the data, and the distance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Nearest {
    pub(super) number: usize,
    pub(super) distance: f64,
}

/// Finds neighbours among the images of one domain. They are read again for each search, a few at a
/// time, because their rows would take more memory than a small network.
pub(super) struct Finder<'a> {
    data: &'a Dataset,
    domain: usize,
    /// The images that are searched; the first ones are spread over the whole set, too.
    numbers: Vec<usize>,
    /// The median distance between training images and their nearest neighbours.
    pub(super) typical: f64,
}

impl<'a> Finder<'a> {
    pub(super) fn new(data: &'a Dataset, domain: usize) -> Result<Self, Failure> {
        let numbers = spread(data.counts()[domain], SEARCHED);
        let mut finder = Self { data, domain, numbers, typical: 0.0 };
        finder.typical = finder.typical_distance()?;
        Ok(finder)
    }

    /// The number of images that are searched.
    pub(super) fn searched(&self) -> usize {
        self.numbers.len()
    }

    /// The images with these numbers.
    pub(super) fn images(&self, numbers: &[usize]) -> Result<Tensor, Failure> {
        images_of(self.data, self.domain, numbers)
    }

    /// The nearest training image of each of `images`, the first of several. The distance is
    /// infinite if an image is not finite.
    pub(super) fn nearest(&self, images: &Tensor) -> Result<Vec<Nearest>, Failure> {
        let wanted = rows(images);
        let mut found = vec![Nearest { number: 0, distance: f64::INFINITY }; wanted.rows()];
        self.for_each_part(|_, numbers, part| {
            for (best, (at, distance)) in found.iter_mut().zip(nearest_rows(&wanted, part)) {
                if distance < best.distance {
                    *best = Nearest { number: numbers[at], distance };
                }
            }
        })?;
        Ok(found)
    }

    fn for_each_part(&self, mut visit: impl FnMut(usize, &[usize], &Matrix)) -> Result<(), Failure> {
        for (part, numbers) in self.numbers.chunks(samples::COUNT).enumerate() {
            visit(part, numbers, &rows(&self.images(numbers)?));
        }
        Ok(())
    }

    /// The median distance between some of the images and the nearest of all others.
    fn typical_distance(&self) -> Result<f64, Failure> {
        let some = self.numbers.chunks(samples::COUNT).take(TYPICAL);
        let some = some.map(|numbers| Ok(rows(&self.images(numbers)?))).collect::<Result<Vec<_>, Failure>>()?;
        let mut distances: Vec<Vec<f64>> = some.iter().map(nearest_others).collect();
        self.for_each_part(|part, _, others| {
            let other_parts = some.iter().zip(&mut distances).enumerate().filter(|(at, _)| *at != part);
            other_parts.for_each(|(_, (rows, nearest))| lower(nearest, rows, others));
        })?;
        let mut distances = distances.concat();
        distances.sort_unstable_by(f64::total_cmp);
        let typical = distances.get(distances.len() / 2).copied().unwrap_or_default();
        Ok(if typical.is_finite() { typical } else { 0.0 })
    }
}

fn rows(images: &Tensor) -> Matrix {
    Matrix::from_tensor(&small(images, SIDE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::dataset;

    #[test]
    fn the_nearest_images_are_those_of_a_search_among_all() {
        let data = dataset(70);
        let finder = Finder::new(&data, 0).unwrap();
        let all: Vec<usize> = (0..70).collect();
        let whole = rows(&finder.images(&all).unwrap());
        let samples = finder.images(&[3, 41, 69]).unwrap();
        let found: Vec<usize> = finder.nearest(&samples).unwrap().iter().map(|nearest| nearest.number).collect();
        let expected: Vec<usize> = nearest_rows(&rows(&samples), &whole).into_iter().map(|(at, _)| at).collect();
        assert_eq!(found, expected);
        let others = nearest_others(&whole);
        let mut some: Vec<f64> =
            finder.numbers[..TYPICAL * samples::COUNT].iter().map(|number| others[*number]).collect();
        some.sort_unstable_by(f64::total_cmp);
        assert_eq!(finder.typical, some[32]);
    }
}

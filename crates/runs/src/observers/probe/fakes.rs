//! [`FixedFakes`]: statistics of the fakes of fixed latents (or of the translations of fixed
//! images), beside those of reals.

use kernels::Key;
use metrics::Matrix;
use metrics::distances::{mean_distance, nearest_others, nearest_rows};
use metrics::modes::modes;
use models::{Direction, Mixture, Sampler, System};
use rayon::prelude::*;
use tensor::Tensor;

use super::{Fakes, Pair};
use crate::data::Dataset;
use crate::failure::Failure;
use crate::observers::samples;
use crate::sampling::plane;

/// The number of fakes of a system that draws from latents, and of reals beside them.
const COUNT: usize = 64;
/// The number of translations in each direction; each costs about as much as a twentieth of a step.
const TRANSLATED: usize = 8;
/// The number of training images among which nearest neighbours are searched.
pub(crate) const SEARCHED: usize = 256;
/// Images are reduced to at most this many rows and columns before distances are measured.
pub(crate) const SIDE: usize = 32;
/// The random stream of the latents.
const STREAM: &str = "probe";

/// The inputs of the fakes, and the reals that they are compared with.
pub(super) struct FixedFakes {
    subjects: Subjects,
    /// For each domain of the data.
    reals: Vec<Reals>,
}

enum Subjects {
    Latents(Tensor),
    /// Images of the two domains.
    Images(Vec<Tensor>),
}

/// The reals of a domain.
struct Reals {
    statistics: Statistics,
    searched: Searched,
    /// The median distance of these to the nearest other one.
    nearest: f64,
}

/// The reals among which neighbours are searched.
enum Searched {
    Points(Matrix),
    /// The numbers of images of a domain. They are read again at each probe, because their rows
    /// would take more memory than a small network.
    Images {
        domain: usize,
        numbers: Vec<usize>,
    },
}

/// Statistics of a set of images or points.
struct Statistics {
    distance: f64,
    minimum: f64,
    maximum: f64,
    nyquist: Option<f64>,
    modes: Option<f64>,
}

impl FixedFakes {
    pub(super) fn new(seed: u64, data: &Dataset, system: &dyn System) -> Result<Self, Failure> {
        let subjects = match system.samples() {
            Sampler::Latents(sampler) => Subjects::Latents(sampler.latents(seed, STREAM, COUNT)),
            Sampler::Points(plane) => Subjects::Latents(plane.sampler.latents(seed, STREAM, COUNT)),
            Sampler::Images(_) => Subjects::Images(data.some(TRANSLATED)?),
        };
        if let Sampler::Points(plane) = system.samples() {
            let points = plane.mixture.points(SEARCHED, Key::named(seed, "reals of the probe"));
            let statistics = of_points(&points.rows(0..COUNT), plane.mixture);
            let points = Matrix::from_tensor(&points);
            let nearest = median(nearest_others(&points));
            return Ok(Self {
                subjects,
                reals: vec![Reals { statistics, searched: Searched::Points(points), nearest }],
            });
        }
        let domains = 0..data.counts().len();
        let reals = domains.map(|domain| Reals::read(data, domain)).collect::<Result<_, _>>()?;
        Ok(Self { subjects, reals })
    }

    /// The statistics of the fakes that `system` makes now.
    ///
    /// # Errors
    /// When an image of the data cannot be read.
    pub(super) fn statistics(&self, system: &dyn System, data: &Dataset) -> Result<Vec<Fakes>, Failure> {
        match (system.samples(), &self.subjects) {
            (Sampler::Latents(sampler), Subjects::Latents(latents)) => {
                let mut parts = Parts::of(COUNT);
                for from in (0..COUNT).step_by(samples::COUNT) {
                    let drawn = sampler.draw(&latents.rows(from..from + samples::COUNT));
                    parts.add(&drawn, &reduced(&drawn));
                }
                let (statistics, rows) = parts.finish();
                Ok(vec![self.reals[0].compare("fakes", statistics, &rows, data)?])
            }
            (Sampler::Points(plane), Subjects::Latents(latents)) => {
                let points = plane::in_parts(latents, |part| plane.sampler.draw(part));
                let statistics = of_points(&points, plane.mixture);
                Ok(vec![self.reals[0].compare("fakes", statistics, &Matrix::from_tensor(&points), data)?])
            }
            (Sampler::Images(sampler), Subjects::Images(images)) => {
                let ways = [(Direction::AToB, "A to B", 0, 1), (Direction::BToA, "B to A", 1, 0)];
                let of = ways.into_iter().map(|(direction, name, from, to)| {
                    let count = images[from].shape()[0];
                    let mut parts = Parts::of(count);
                    for at in 0..count {
                        let translated = sampler.translate(direction, &images[from].rows(at..at + 1));
                        parts.add(&translated, &reduced(&translated));
                    }
                    let (statistics, rows) = parts.finish();
                    self.reals[to].compare(name, statistics, &rows, data)
                });
                of.collect()
            }
            _ => unreachable!("a system keeps its way of drawing"),
        }
    }
}

/// `count` of the numbers below `all`, or all of them, in an order in which the first ones are
/// spread over the whole range as well.
pub(crate) fn spread(all: usize, count: usize) -> Vec<usize> {
    let count = count.min(all);
    let strides = count.div_ceil(samples::COUNT);
    let order = (0..strides).flat_map(|first| (first..count).step_by(strides.max(1)));
    order.map(|number| number * all / count).collect()
}

/// The images of a domain of the data that have these numbers in it, of shape (n, height, width,
/// channels).
///
/// # Errors
/// When an image cannot be read.
pub(crate) fn images_of(data: &Dataset, domain: usize, numbers: &[usize]) -> Result<Tensor, Failure> {
    let mut indices = vec![Vec::new(); data.counts().len()];
    indices[domain] = numbers.to_vec();
    Ok(data.batch(&indices)?.swap_remove(domain))
}

impl Reals {
    /// Those of the domain `domain` of the data.
    fn read(data: &Dataset, domain: usize) -> Result<Self, Failure> {
        // The first images of a spread over the whole set are spread, too.
        let numbers = spread(data.counts()[domain], SEARCHED);
        let mut parts = Parts::of(COUNT.min(numbers.len()));
        let mut rows = Vec::new();
        let searched = Searched::Images { domain, numbers };
        searched.for_each_image_part(data, |images, part| {
            if parts.count < COUNT {
                parts.add(images, &part);
            }
            rows.push(part);
        })?;
        Ok(Self { statistics: parts.finish().0, searched, nearest: median(nearest_among(&rows)) })
    }

    /// The statistics of `fakes`, whose rows are `rows`, beside those of the reals.
    fn compare(&self, of: &str, fakes: Statistics, rows: &Matrix, data: &Dataset) -> Result<Fakes, Failure> {
        let reals = &self.statistics;
        let pair = |of: fn(&Statistics) -> f64| Pair { fakes: of(&fakes), reals: of(reals) };
        let nearest = match self.searched.count() {
            0 | 1 => None,
            _ if !fakes.distance.is_finite() => Some(f64::NAN),
            _ => Some(median(self.searched.nearest(rows, data)?)),
        };
        Ok(Fakes {
            of: of.into(),
            count: rows.rows(),
            distance: pair(|of| of.distance),
            minimum: pair(|of| of.minimum),
            maximum: pair(|of| of.maximum),
            nyquist: fakes.nyquist.zip(reals.nyquist).map(|(fakes, reals)| Pair { fakes, reals }),
            modes: fakes.modes.zip(reals.modes).map(|(fakes, reals)| Pair { fakes, reals }),
            nearest: nearest.map(|fakes| Pair { fakes, reals: self.nearest }),
        })
    }
}

impl Searched {
    fn count(&self) -> usize {
        match self {
            Self::Points(points) => points.rows(),
            Self::Images { numbers, .. } => numbers.len(),
        }
    }

    /// Reads the images, a few at a time, and passes them to `visit` with their rows.
    fn for_each_image_part(&self, data: &Dataset, mut visit: impl FnMut(&Tensor, Matrix)) -> Result<(), Failure> {
        let Self::Images { domain, numbers } = self else { return Ok(()) };
        for part in numbers.chunks(samples::COUNT) {
            let images = images_of(data, *domain, part)?;
            visit(&images, reduced(&images));
        }
        Ok(())
    }

    /// The distance of each of these rows to the nearest real.
    fn nearest(&self, rows: &Matrix, data: &Dataset) -> Result<Vec<f64>, Failure> {
        let mut nearest = vec![f64::INFINITY; rows.rows()];
        match self {
            Self::Points(points) => lower(&mut nearest, rows, points),
            Self::Images { .. } => self.for_each_image_part(data, |_, part| lower(&mut nearest, rows, &part))?,
        }
        Ok(nearest)
    }
}

/// Lowers the distance of each of `rows` to that of the nearest of `others`, if that is nearer.
pub(crate) fn lower(nearest: &mut [f64], rows: &Matrix, others: &Matrix) {
    for (nearest, (_, distance)) in nearest.iter_mut().zip(nearest_rows(rows, others)) {
        *nearest = nearest.min(distance);
    }
}

/// The distance of each row of all `parts` to the nearest other row.
fn nearest_among(parts: &[Matrix]) -> Vec<f64> {
    let of_part = |(at, part): (usize, &Matrix)| {
        let mut nearest = nearest_others(part);
        let others = parts.iter().enumerate().filter(|(other, _)| *other != at);
        others.for_each(|(_, other)| lower(&mut nearest, part, other));
        nearest
    };
    let nearest: Vec<Vec<f64>> = parts.par_iter().enumerate().map(of_part).collect();
    nearest.concat()
}

/// The middle value, or the mean of the two middle ones.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if !odd.is_multiple_of(2) => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}

impl Statistics {
    fn of(rows: &Matrix, range: Range, nyquist: Option<f64>) -> Self {
        if !range.is_finite {
            let nyquist = nyquist.map(|_| f64::NAN);
            return Self { distance: f64::NAN, minimum: f64::NAN, maximum: f64::NAN, nyquist, modes: None };
        }
        let distance = if rows.rows() > 1 { mean_distance(rows) } else { 0.0 };
        Self { distance, minimum: range.low, maximum: range.high, nyquist, modes: None }
    }
}

/// A mode is covered if it is the nearest one of at least so many of all points.
const COVERED: f64 = 2.0 / COUNT as f64;

fn of_points(points: &Tensor, mixture: Mixture) -> Statistics {
    let mut range = Range::default();
    points.data().iter().for_each(|x| range.add(f64::from(*x)));
    // Points that are still far from their modes belong to the nearest ones.
    let covered = || modes(points.data(), &mixture.centres(), f64::INFINITY, COVERED).covered as f64;
    let modes = Some(if range.is_finite { covered() } else { f64::NAN });
    Statistics { modes, ..Statistics::of(&Matrix::from_tensor(points), range, None) }
}

/// The smallest and the largest of some values, and whether all of them are finite.
#[derive(Clone, Copy)]
struct Range {
    low: f64,
    high: f64,
    is_finite: bool,
}

impl Default for Range {
    fn default() -> Self {
        Self { low: f64::INFINITY, high: f64::NEG_INFINITY, is_finite: true }
    }
}

impl Range {
    fn add(&mut self, x: f64) {
        (self.low, self.high) = (self.low.min(x), self.high.max(x));
        self.is_finite &= x.is_finite();
    }
}

/// Collects statistics of images that come in parts.
struct Parts {
    /// The number of images that will come.
    expected: usize,
    count: usize,
    rows: Vec<f64>,
    range: Range,
    nyquist: f64,
}

impl Parts {
    fn of(expected: usize) -> Self {
        Self { expected, count: 0, rows: Vec::new(), range: Range::default(), nyquist: 0.0 }
    }

    /// Adds images of shape (n, height, width, channels), whose rows are `rows`.
    fn add(&mut self, images: &Tensor, rows: &Matrix) {
        let &[_, height, width, channels] = &**images.shape() else { unreachable!("images are (n, h, w, c)") };
        for image in images.data().chunks_exact((height * width * channels).max(1)) {
            self.nyquist += nyquist(image, [height, width, channels]);
            image.iter().for_each(|x| self.range.add(f64::from(*x)));
        }
        if self.count == 0 {
            self.rows.reserve_exact(self.expected * rows.columns());
        }
        self.rows.extend_from_slice(rows.data());
        self.count += rows.rows();
    }

    /// The statistics of the images, and their rows.
    fn finish(self) -> (Statistics, Matrix) {
        let rows = Matrix::new(self.count, self.rows.len() / self.count.max(1), self.rows);
        (Statistics::of(&rows, self.range, Some(self.nyquist / self.count as f64)), rows)
    }
}

/// A row for each of the images, of shape (n, height, width, channels).
fn reduced(images: &Tensor) -> Matrix {
    let &[n, height, width, channels] = &**images.shape() else { unreachable!("images are (n, h, w, c)") };
    let block = block_of([height, width]);
    let columns = height.div_ceil(block) * width.div_ceil(block) * channels;
    let mut rows = Vec::with_capacity(n * columns);
    for image in images.data().chunks_exact((height * width * channels).max(1)) {
        reduce(image, [height, width, channels], &mut rows);
    }
    Matrix::new(n, columns, rows)
}

/// The side of the square blocks of which an image is reduced to the means.
fn block_of([height, width]: [usize; 2]) -> usize {
    height.max(width).div_ceil(SIDE).max(1)
}

/// Appends the image, reduced to at most [`SIDE`] rows and columns: the means of square blocks.
fn reduce(image: &[f32], [height, width, channels]: [usize; 3], row: &mut Vec<f64>) {
    let block = block_of([height, width]);
    if block == 1 {
        return row.extend(image.iter().map(|x| f64::from(*x)));
    }
    for top in (0..height).step_by(block) {
        for left in (0..width).step_by(block) {
            let (bottom, right) = (height.min(top + block), width.min(left + block));
            let pixels = ((bottom - top) * (right - left)) as f64;
            for channel in 0..channels {
                let line =
                    |y: usize| (left..right).map(move |x| f64::from(image[(y * width + x) * channels + channel]));
                row.push((top..bottom).flat_map(line).sum::<f64>() / pixels);
            }
        }
    }
}

/// The mean power at the highest frequency, of rows and of columns: where every second row (or
/// column) is brighter than its neighbours. A last odd row or column is ignored.
///
/// With v(x) = mean over y of (-1)^y p(y, x), Parseval's theorem gives the power of all frequencies
/// (ky = height / 2, kx) as the mean square of v.
fn nyquist(image: &[f32], [height, width, channels]: [usize; 3]) -> f64 {
    let (even_height, even_width) = (height / 2 * 2, width / 2 * 2);
    let pixel = |y: usize, x: usize, channel: usize| f64::from(image[(y * width + x) * channels + channel]);
    let sign = |i: usize| if i.is_multiple_of(2) { 1.0 } else { -1.0 };
    let mut power = 0.0;
    for channel in 0..channels {
        let mut of_columns = vec![0.0; even_width];
        let mut square_of_rows = 0.0;
        for y in 0..even_height {
            let mut of_row = 0.0;
            for (x, of_column) in of_columns.iter_mut().enumerate() {
                let value = pixel(y, x, channel);
                *of_column += sign(y) * value;
                of_row += sign(x) * value;
            }
            square_of_rows += of_row * of_row;
        }
        let square_of_columns: f64 = of_columns.iter().map(|v| v * v).sum();
        let mean = |sum: f64, over: usize, along: usize| {
            if over * along == 0 { 0.0 } else { sum / (over * along * along) as f64 }
        };
        power += mean(square_of_columns, even_width, even_height) + mean(square_of_rows, even_height, even_width);
    }
    power / channels.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkerboard_has_its_power_at_the_highest_frequency() {
        let board = |y: usize, x: usize| if (x + y).is_multiple_of(2) { 1.0 } else { 0.0 };
        let stripes = |y: usize, _: usize| if y.is_multiple_of(2) { 1.0 } else { 0.0 };
        let ramp = |y: usize, x: usize| (x + y) as f32 / 16.0;
        let power = |of: &dyn Fn(usize, usize) -> f32, [h, w]: [usize; 2]| {
            let image: Vec<f32> = (0..h * w).map(|i| of(i / w, i % w)).collect();
            nyquist(&image, [h, w, 1])
        };
        // Each column of the board alternates by +-1/2: v = +-1/2, in rows and in columns.
        assert!((power(&board, [8, 8]) - 0.5).abs() < 1e-12);
        assert!((power(&stripes, [8, 6]) - 0.25).abs() < 1e-12, "rows alternate, columns do not");
        assert!(power(&ramp, [8, 8]) < 0.01);
        assert_eq!(power(&board, [9, 8]), power(&board, [8, 8]), "the odd row is ignored");
        assert_eq!(power(&board, [1, 1]), 0.0);
    }

    #[test]
    fn large_images_are_reduced_to_means() {
        let image: Vec<f32> = (0..66 * 40 * 2).map(|i| (i % 2) as f32).collect();
        let mut row = Vec::new();
        reduce(&image, [66, 40, 2], &mut row);
        assert_eq!(row.len(), 22 * 14 * 2, "blocks of 3x3, the last ones are smaller");
        assert!(row.chunks(2).all(|pixel| pixel == [0.0, 1.0]));
    }

    #[test]
    fn the_first_of_a_spread_are_spread() {
        let order = spread(1000, 256);
        assert_eq!(order.len(), 256);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), 256);
        assert!(order[..16].windows(2).all(|pair| pair[1] - pair[0] > 50), "{:?}", &order[..16]);
        assert_eq!(spread(3, 256), [0, 1, 2]);
        assert!(spread(0, 256).is_empty());
    }

    #[test]
    fn neighbours_in_parts_are_those_of_the_whole() {
        let data = crate::fake::dataset(40);
        let images = data.batch(&[spread(40, SEARCHED)]).unwrap().remove(0);
        let (all, reals) = (reduced(&images), Reals::read(&data, 0).unwrap());
        assert_eq!(reals.nearest, median(nearest_others(&all)));
        assert!(matches!(&reals.searched, Searched::Images { numbers, .. } if numbers.len() == 40));
        let rows = reduced(&Tensor::from_fn([3, 28, 28, 1], |i| (i % 7) as f32 / 7.0));
        let nearest: Vec<f64> = nearest_rows(&rows, &all).into_iter().map(|(_, distance)| distance).collect();
        assert_eq!(reals.searched.nearest(&rows, &data).unwrap(), nearest);
        assert_eq!(reals.statistics.distance, mean_distance(&all));
    }

    #[test]
    fn a_fake_that_is_not_finite_leaves_no_number() {
        let images = Tensor::new(&[2, 1, 1, 1], vec![0.5, f32::NAN]);
        let mut parts = Parts::of(2);
        parts.add(&images, &reduced(&images));
        let (found, _) = parts.finish();
        assert!([found.distance, found.minimum, found.maximum, found.nyquist.unwrap()].iter().all(|x| x.is_nan()));
    }
}

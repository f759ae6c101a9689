//! [`FixedFakes`]: statistics of the fakes of fixed latents (or of the translations of fixed
//! images), beside those of reals.

use kernels::Key;
use metrics::Matrix;
use metrics::distances::{mean_distance, nearest_others, nearest_rows};
use models::{Direction, Sampler, System};
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
    /// The images among which neighbours are searched.
    searched: Matrix,
    /// Their median distance to the nearest other one.
    nearest: f64,
}

/// Statistics of a set of images or points.
struct Statistics {
    /// A row for each, reduced.
    rows: Matrix,
    distance: f64,
    minimum: f64,
    maximum: f64,
    nyquist: Option<f64>,
}

impl FixedFakes {
    pub(super) fn new(seed: u64, data: &Dataset, system: &dyn System) -> Result<Self, Failure> {
        let subjects = match system.samples() {
            Sampler::Latents(sampler) => Subjects::Latents(sampler.latents(seed, STREAM, COUNT)),
            Sampler::Points(plane) => Subjects::Latents(plane.sampler.latents(seed, STREAM, COUNT)),
            Sampler::Images(_) => Subjects::Images(data.some(TRANSLATED)?),
        };
        if let Sampler::Points(plane) = system.samples() {
            let points = Matrix::from_tensor(&plane.mixture.points(SEARCHED, Key::named(seed, "reals of the probe")));
            let statistics = of_points(points.part(0..COUNT));
            return Ok(Self { subjects, reals: vec![Reals::new(statistics, points)] });
        }
        let mut reals = Vec::new();
        for domain in 0..data.counts().len() {
            let mut parts = Parts::default();
            let mut statistics = None;
            // The first images of a spread over the whole set are spread, too.
            let searched = spread(data.counts()[domain], SEARCHED);
            let count = COUNT.min(searched.len());
            for part in searched.chunks(samples::COUNT) {
                let mut indices = vec![Vec::new(); data.counts().len()];
                indices[domain] = part.to_vec();
                parts.add(&data.batch(&indices)?[domain]);
                if parts.count >= count && statistics.is_none() {
                    statistics = Some(parts.statistics());
                }
            }
            let statistics = statistics.unwrap_or_else(|| parts.statistics());
            reals.push(Reals::new(statistics, parts.into_rows()));
        }
        Ok(Self { subjects, reals })
    }

    /// The statistics of the fakes that `system` makes now.
    pub(super) fn statistics(&self, system: &dyn System) -> Vec<Fakes> {
        match (system.samples(), &self.subjects) {
            (Sampler::Latents(sampler), Subjects::Latents(latents)) => {
                let mut parts = Parts::default();
                for from in (0..COUNT).step_by(samples::COUNT) {
                    parts.add(&sampler.draw(&latents.rows(from..from + samples::COUNT)));
                }
                vec![self.reals[0].compare("fakes", parts.statistics())]
            }
            (Sampler::Points(plane), Subjects::Latents(latents)) => {
                let points = Matrix::from_tensor(&plane::in_parts(latents, |part| plane.sampler.draw(part)));
                vec![self.reals[0].compare("fakes", of_points(points))]
            }
            (Sampler::Images(sampler), Subjects::Images(images)) => {
                let ways = [(Direction::AToB, "A to B", 0, 1), (Direction::BToA, "B to A", 1, 0)];
                let of = ways.into_iter().map(|(direction, name, from, to)| {
                    let mut parts = Parts::default();
                    let count = images[from].shape()[0];
                    (0..count).for_each(|at| parts.add(&sampler.translate(direction, &images[from].rows(at..at + 1))));
                    self.reals[to].compare(name, parts.statistics())
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

impl Reals {
    fn new(statistics: Statistics, searched: Matrix) -> Self {
        let nearest = median(nearest_others(&searched));
        Self { statistics, searched, nearest }
    }

    fn compare(&self, of: &str, fakes: Statistics) -> Fakes {
        let reals = &self.statistics;
        let pair = |of: fn(&Statistics) -> f64| Pair { fakes: of(&fakes), reals: of(reals) };
        let is_finite = fakes.distance.is_finite();
        let nearest = || {
            if is_finite {
                median(nearest_rows(&fakes.rows, &self.searched).into_iter().map(|(_, distance)| distance).collect())
            } else {
                f64::NAN
            }
        };
        Fakes {
            of: of.into(),
            count: fakes.rows.rows(),
            distance: pair(|of| of.distance),
            minimum: pair(|of| of.minimum),
            maximum: pair(|of| of.maximum),
            nyquist: fakes.nyquist.zip(reals.nyquist).map(|(fakes, reals)| Pair { fakes, reals }),
            nearest: (self.searched.rows() > 1).then(|| Pair { fakes: nearest(), reals: self.nearest }),
        }
    }
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
    fn of(rows: Matrix, range: Range, nyquist: Option<f64>) -> Self {
        if !range.is_finite {
            let nyquist = nyquist.map(|_| f64::NAN);
            return Self { rows, distance: f64::NAN, minimum: f64::NAN, maximum: f64::NAN, nyquist };
        }
        let distance = if rows.rows() > 1 { mean_distance(&rows) } else { 0.0 };
        Self { rows, distance, minimum: range.low, maximum: range.high, nyquist }
    }
}

fn of_points(points: Matrix) -> Statistics {
    let mut range = Range::default();
    points.data().iter().for_each(|x| range.add(*x));
    Statistics::of(points, range, None)
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
#[derive(Default)]
struct Parts {
    count: usize,
    columns: usize,
    rows: Vec<f64>,
    range: Range,
    nyquist: f64,
}

impl Parts {
    /// Adds images of shape (n, height, width, channels).
    fn add(&mut self, images: &Tensor) {
        let &[n, height, width, channels] = &**images.shape() else { unreachable!("images are (n, h, w, c)") };
        for image in images.data().chunks_exact((height * width * channels).max(1)) {
            let before = self.rows.len();
            reduce(image, [height, width, channels], &mut self.rows);
            self.columns = self.rows.len() - before;
            self.nyquist += nyquist(image, [height, width, channels]);
            image.iter().for_each(|x| self.range.add(f64::from(*x)));
        }
        self.count += n;
    }

    /// The statistics of the images so far.
    fn statistics(&self) -> Statistics {
        let rows = Matrix::new(self.count, self.columns, self.rows.clone());
        Statistics::of(rows, self.range, Some(self.nyquist / self.count as f64))
    }

    fn into_rows(self) -> Matrix {
        Matrix::new(self.count, self.columns, self.rows)
    }
}

/// Appends the image, reduced to at most [`SIDE`] rows and columns: the means of square blocks.
fn reduce(image: &[f32], [height, width, channels]: [usize; 3], row: &mut Vec<f64>) {
    let block = height.max(width).div_ceil(SIDE).max(1);
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
    fn a_fake_that_is_not_finite_leaves_no_number() {
        let mut parts = Parts::default();
        parts.add(&Tensor::new(&[2, 1, 1, 1], vec![0.5, f32::NAN]));
        let found = parts.statistics();
        assert!([found.distance, found.minimum, found.maximum, found.nyquist.unwrap()].iter().all(|x| x.is_nan()));
    }
}

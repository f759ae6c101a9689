//! The drawings are the same everywhere, and their statistics are like those of the real ones.

use super::*;
use rayon::ThreadPoolBuilder;

/// Measured on the first 2,500 apples of the Quick, Draw! bitmaps (Google, CC BY 4.0); grey values
/// from 0 to 255.
mod real {
    /// The mean of all grey values.
    pub(super) const INK: f64 = 37.79;
    /// The standard deviation of the drawings' means.
    pub(super) const INK_SPREAD: f64 = 5.91;
    /// The variance of all grey values.
    pub(super) const VARIANCE: f64 = 6192.0;
    /// The fraction of pixels with any ink.
    pub(super) const TOUCHED: f64 = 0.2594;
    /// The fraction of those pixels with a value from each of these up to the next.
    pub(super) const STEPS: [u8; 7] = [1, 32, 64, 128, 192, 240, 254];
    pub(super) const SHARES: [f64; 7] = [0.162, 0.097, 0.180, 0.155, 0.150, 0.091, 0.165];
    /// The mean width and height of the inked part, in pixels.
    pub(super) const EXTENT: (f64, f64) = (22.54, 25.15);
    /// The mean centre of the ink, in pixels from the left and the top.
    pub(super) const CENTRE: (f64, f64) = (13.61, 14.00);
    /// The mean grey value of each row, and of each column.
    pub(super) const ROWS: [u8; SIDE] =
        [0, 5, 23, 28, 32, 37, 46, 57, 65, 67, 62, 54, 44, 38, 35, 32, 31, 31, 31, 31, 33, 37, 44, 53, 65, 65, 13, 0];
    pub(super) const COLUMNS: [u8; SIDE] =
        [0, 4, 24, 35, 43, 47, 45, 41, 38, 37, 40, 46, 54, 61, 61, 55, 50, 46, 44, 43, 45, 47, 47, 43, 35, 24, 4, 0];
    use super::SIDE;
}

fn with_threads(threads: usize, seed: u64) -> Images {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap()
        .install(|| apples(500, seed).load_into_memory(u64::MAX).unwrap())
}

#[test]
fn threads_do_not_change_the_drawings() {
    assert_eq!(with_threads(1, 5).fingerprint().unwrap(), with_threads(4, 5).fingerprint().unwrap());
    assert!(with_threads(1, 5).fingerprint().unwrap() != with_threads(1, 6).fingerprint().unwrap());
}

#[test]
fn more_drawings_begin_with_the_same_ones() {
    let (few, many) = (apples(10, 1), apples(300, 1));
    assert!((0..10).all(|index| few.image(index).unwrap() == many.image(index).unwrap()));
    assert_eq!(apples(0, 1).count(), 0);
}

#[test]
fn no_drawing_is_blank_or_drawn_twice() {
    let suspects = apples(5000, 2).suspects().unwrap();
    assert_eq!((suspects.blank, suspects.copies), (0, 0));
}

/// Asserts that `found` differs from `real` by at most the fraction `share`.
#[track_caller]
fn near(name: &str, found: f64, real: f64, share: f64) {
    assert!((found - real).abs() <= share * real, "{name}: {found:.4}, real {real:.4}");
}

#[test]
fn ink_is_laid_as_in_the_real_set() {
    let images = apples(2500, 0);
    let drawings: Vec<_> = (0..images.count()).map(|index| images.image(index).unwrap()).collect();
    let pixels = (drawings.len() * SIDE * SIDE) as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let spread = |values: &[f64]| {
        let centre = mean(values);
        (values.iter().map(|value| (value - centre) * (value - centre)).sum::<f64>() / values.len() as f64).sqrt()
    };

    let all: Vec<f64> = drawings.iter().flat_map(|drawing| drawing.iter().map(|&grey| f64::from(grey))).collect();
    let means: Vec<f64> = all.chunks_exact(SIDE * SIDE).map(mean).collect();
    near("ink", mean(&all), real::INK, 0.05);
    near("spread of the ink", spread(&means), real::INK_SPREAD, 0.3);
    near("variance", spread(&all).powi(2), real::VARIANCE, 0.05);

    let touched = all.iter().filter(|&&grey| grey > 0.0).count() as f64;
    near("pixels with ink", touched / pixels, real::TOUCHED, 0.05);
    for (index, (&from, share)) in real::STEPS.iter().zip(real::SHARES).enumerate() {
        let below = real::STEPS.get(index + 1).map_or(256.0, |&next| f64::from(next));
        let count = all.iter().filter(|&&grey| grey >= f64::from(from) && grey < below).count();
        near(&format!("grey values from {from}"), count as f64 / touched, share, 0.1);
    }
}

#[test]
fn drawings_fill_the_paper_as_in_the_real_set() {
    let images = apples(2500, 0);
    let count = images.count() as f64;
    let (mut rows, mut columns) = ([0.0; SIDE], [0.0; SIDE]);
    let (mut centre, mut extent) = ((0.0, 0.0), (0.0, 0.0));
    for index in 0..images.count() {
        let drawing = images.image(index).unwrap();
        let row: Vec<f64> = (0..SIDE).map(|y| (0..SIDE).map(|x| f64::from(drawing[y * SIDE + x])).sum()).collect();
        let column: Vec<f64> = (0..SIDE).map(|x| (0..SIDE).map(|y| f64::from(drawing[y * SIDE + x])).sum()).collect();
        let ink: f64 = row.iter().sum();
        let middle = |line: &[f64]| line.iter().enumerate().map(|(place, sum)| place as f64 * sum).sum::<f64>() / ink;
        let reach = |line: &[f64]| {
            let inked = |sum: &f64| *sum > 0.0;
            (line.iter().rposition(inked).unwrap() - line.iter().position(inked).unwrap() + 1) as f64
        };
        centre = (centre.0 + middle(&column) / count, centre.1 + middle(&row) / count);
        extent = (extent.0 + reach(&column) / count, extent.1 + reach(&row) / count);
        for place in 0..SIDE {
            rows[place] += row[place] / (count * SIDE as f64);
            columns[place] += column[place] / (count * SIDE as f64);
        }
    }
    near("centre from the left", centre.0, real::CENTRE.0, 0.02);
    near("centre from the top", centre.1, real::CENTRE.1, 0.03);
    near("width", extent.0, real::EXTENT.0, 0.04);
    near("height", extent.1, real::EXTENT.1, 0.02);
    for place in 0..SIDE {
        let (row, column) = (f64::from(real::ROWS[place]), f64::from(real::COLUMNS[place]));
        assert!((rows[place] - row).abs() < 12.0, "row {place}: {:.1}, real {row}", rows[place]);
        assert!((columns[place] - column).abs() < 12.0, "column {place}: {:.1}, real {column}", columns[place]);
    }
}

//! Resamples pictures of bytes: nearest, area, bilinear and bicubic.
//!
//! An output pixel is a weighted mean of input pixels. When a picture is shrunk, the filter is
//! stretched by the scale factor so that every input pixel counts, as in Pillow; otherwise thin
//! lines would vanish. The filter is separable: columns are scaled first, then rows. Only sums,
//! products and quotients of `f64` are used, so the bytes are the same on every machine. Halves are
//! rounded up.

use serde::{Deserialize, Serialize};

/// A resampling filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// The mean of the area that the output pixel covers; best for shrinking.
    #[default]
    Area,
    /// The nearest input pixel.
    Nearest,
    /// Linear weights (a triangle).
    Bilinear,
    /// Keys' cubic with a = -1/2: sharper, with a slight overshoot.
    Bicubic,
}

impl Filter {
    /// The radius of the filter in input pixels, without shrinking.
    fn reach(self) -> f64 {
        match self {
            Self::Area | Self::Nearest => 0.5,
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    /// The weight at the distance `x` from the centre.
    fn weight(self, x: f64) -> f64 {
        let x = x.abs();
        match self {
            Self::Area | Self::Nearest => f64::from(u8::from(x <= 0.5)),
            Self::Bilinear => (1.0 - x).max(0.0),
            Self::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => ((2.5 - 0.5 * x) * x - 4.0) * x + 2.0,
            Self::Bicubic => 0.0,
        }
    }
}

/// The input pixels of one output pixel: the first, and the weight of each. The weights sum to 1.
struct Taps {
    first: usize,
    weights: Vec<f64>,
}

/// The taps of every output pixel of a line that is scaled from `from` pixels to `to`.
fn taps(from: usize, to: usize, filter: Filter) -> Vec<Taps> {
    let step = from as f64 / to as f64;
    let at = |pixel: usize| {
        let middle = (pixel as f64 + 0.5) * step;
        if filter == Filter::Nearest {
            return Taps { first: (middle as usize).min(from - 1), weights: vec![1.0] };
        }
        if filter == Filter::Area && step > 1.0 {
            return covered(pixel as f64 * step, (pixel + 1) as f64 * step, from);
        }
        let stretch = step.max(1.0);
        let reach = filter.reach() * stretch;
        let first = (middle - reach + 0.5).max(0.0) as usize;
        let end = ((middle + reach + 0.5) as usize).clamp(first + 1, from.max(first + 1));
        let first = first.min(from - 1);
        let weights = (first..end.min(from)).map(|old| filter.weight((old as f64 + 0.5 - middle) / stretch)).collect();
        Taps { first, weights }.even()
    };
    (0..to).map(at).collect()
}

/// The part of each input pixel between `low` and `high`.
fn covered(low: f64, high: f64, from: usize) -> Taps {
    let first = (low as usize).min(from - 1);
    let end = (high.ceil() as usize).clamp(first + 1, from);
    let weights = (first..end).map(|old| (high.min(old as f64 + 1.0) - low.max(old as f64)).max(0.0)).collect();
    Taps { first, weights }.even()
}

impl Taps {
    /// Scales the weights so that they sum to 1.
    fn even(mut self) -> Self {
        let sum: f64 = self.weights.iter().sum();
        self.weights.iter_mut().for_each(|weight| *weight /= sum);
        self
    }
}

/// Resamples a picture of `from` (height, width, channels) to `to` (height, width).
///
/// # Panics
/// If a side is 0.
pub(crate) fn resample(picture: &[u8], from: [usize; 3], to: [usize; 2], filter: Filter) -> Vec<u8> {
    let [height, width, channels] = from;
    assert!(height * width * channels > 0 && to[0] * to[1] > 0, "resample: {from:?} to {to:?}");
    if [height, width] == to {
        return picture.to_vec();
    }
    let columns = taps(width, to[1], filter);
    let mut narrow = Vec::with_capacity(height * to[1] * channels);
    for row in picture.chunks_exact(width * channels) {
        for taps in &columns {
            for channel in 0..channels {
                let old = row[taps.first * channels + channel..].iter().step_by(channels);
                narrow
                    .push(taps.weights.iter().zip(old).map(|(weight, &value)| weight * f64::from(value)).sum::<f64>());
            }
        }
    }
    let length = to[1] * channels;
    let mut scaled = Vec::with_capacity(to[0] * length);
    for taps in taps(height, to[0], filter) {
        for at in 0..length {
            let old = narrow[taps.first * length + at..].iter().step_by(length);
            let value: f64 = taps.weights.iter().zip(old).map(|(weight, value)| weight * value).sum();
            scaled.push((value + 0.5).clamp(0.0, 255.0) as u8);
        }
    }
    scaled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(height: usize, width: usize) -> Vec<u8> {
        (0..height * width).map(|at| (at / width * 37 + at % width * 53 + at % 7 * 11) as u8).collect()
    }

    #[test]
    fn a_flat_picture_stays_flat_at_every_size() {
        for filter in [Filter::Area, Filter::Nearest, Filter::Bilinear, Filter::Bicubic] {
            for to in [[1, 1], [3, 11], [7, 5], [20, 2], [14, 10]] {
                assert_eq!(
                    resample(&[77; 7 * 5 * 3], [7, 5, 3], to, filter),
                    vec![77; to[0] * to[1] * 3],
                    "{filter:?} {to:?}"
                );
            }
        }
    }

    #[test]
    fn areas_are_means_and_nearest_picks() {
        let picture = [0, 10, 20, 30, 40, 50, 60, 70];
        assert_eq!(resample(&picture, [2, 4, 1], [1, 2], Filter::Area), [25, 45]);
        assert_eq!(resample(&picture, [2, 4, 1], [1, 1], Filter::Area), [35]);
        assert_eq!(resample(&[0, 90, 180], [1, 3, 1], [1, 2], Filter::Area), [30, 150]);
        assert_eq!(resample(&picture, [2, 4, 1], [2, 2], Filter::Nearest), [10, 30, 50, 70]);
        assert_eq!(resample(&[1, 2], [1, 2, 1], [1, 4], Filter::Area), [1, 1, 2, 2]);
    }

    /// The result of Pillow 11 (`Image.resize` with BILINEAR and BICUBIC), which rounds once more
    /// between rows and columns.
    #[test]
    fn agrees_with_pillow() {
        let picture = ramp(9, 8);
        for (filter, to, wanted) in PILLOW {
            let found = resample(&picture, [9, 8, 1], *to, *filter);
            let near = found.iter().zip(*wanted).all(|(&found, &wanted)| found.abs_diff(wanted) <= 1);
            assert!(near && found.len() == wanted.len(), "{filter:?} {to:?}: {found:?}");
        }
    }

    #[rustfmt::skip]
    const PILLOW: &[(Filter, [usize; 2], &[u8])] = &[
        (Filter::Bilinear, [4, 3], &[107, 116, 116, 123, 94, 133, 82, 118, 117, 87, 122, 107]),
        (Filter::Bilinear, [12, 5], &[26, 123, 96, 69, 120, 56, 153, 126, 87, 131, 92, 171, 117, 99, 155, 128, 160, 71, 106, 172, 164, 90, 74, 132, 95, 134, 57, 82, 166, 112, 131, 47, 103, 177, 109, 144, 54, 136, 153, 79, 44, 75, 163, 83, 115, 28, 108, 125, 72, 122, 47, 144, 117, 83, 129, 77, 174, 147, 100, 140]),
        (Filter::Bilinear, [3, 11], &[60, 98, 134, 156, 156, 103, 60, 93, 119, 135, 143, 164, 113, 74, 67, 75, 101, 130, 150, 156, 126, 79, 52, 60, 82, 122, 168, 135, 87, 87, 96, 114, 135]),
        (Filter::Bicubic, [4, 3], &[106, 118, 113, 129, 88, 139, 74, 120, 117, 86, 127, 104]),
        (Filter::Bicubic, [12, 5], &[18, 129, 93, 62, 123, 47, 162, 134, 78, 130, 89, 188, 121, 92, 162, 130, 172, 58, 105, 181, 174, 88, 63, 139, 89, 134, 46, 72, 182, 113, 134, 32, 100, 195, 110, 154, 40, 144, 160, 69, 35, 67, 182, 72, 115, 14, 112, 126, 58, 126, 42, 157, 112, 76, 133, 75, 186, 153, 92, 143]),
        (Filter::Bicubic, [3, 11], &[51, 94, 142, 163, 164, 96, 45, 89, 123, 142, 147, 177, 120, 67, 60, 65, 98, 137, 155, 164, 123, 69, 47, 51, 76, 124, 185, 145, 83, 84, 89, 115, 141]),
    ];
}

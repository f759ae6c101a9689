//! A histogram of the values in a set of images. It shows images that are nearly black because
//! their values fill a small part of their range, and images with only two values.

use crate::advice::Advice;
use crate::error::DataError;
use crate::images::Images;
use crate::value_range::{ValueScale, ValueStats};

/// The most images that are counted, spread evenly over the set.
const SAMPLE: usize = 1000;
/// At each end of the range, one in this many values may be an outlier.
const OUTLIER_SHARE: u64 = 10_000;
/// Images whose values span fewer than this many of 255 steps have lost most of their shades.
const MIN_SPAN: u8 = 64;

/// How often each value occurs in a sample of the images.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: [u64; 256],
    /// Whether the images have three equal channels.
    grey: bool,
}

impl Histogram {
    /// Counts the values in some of the images.
    ///
    /// # Errors
    /// If an image cannot be read.
    pub fn of(images: &Images) -> Result<Self, DataError> {
        let mut histogram = Self { counts: [0; 256], grey: images.channels() == 3 };
        for index in (0..images.count()).step_by(images.count().div_ceil(SAMPLE).max(1)) {
            let image = images.image(index)?;
            for &byte in &*image {
                histogram.counts[usize::from(byte)] += 1;
            }
            histogram.grey &= image.as_chunks().0.iter().all(|[red, green, blue]| red == green && green == blue);
        }
        Ok(histogram)
    }

    /// Whether the images have three equal channels.
    pub fn is_grey(&self) -> bool {
        self.grey
    }

    /// The smallest and the largest value, without outliers.
    fn extent(&self) -> [u8; 2] {
        let all: u64 = self.counts.iter().sum();
        // The first value that exceeds the share of outliers.
        let first = |counts: &mut dyn Iterator<Item = u64>| {
            let mut seen = 0;
            let is_outlier = |count: u64| {
                seen += count;
                seen * OUTLIER_SHARE <= all
            };
            counts.map(is_outlier).take_while(|is_outlier| *is_outlier).count()
        };
        let (low, beyond) = (first(&mut self.counts.into_iter()), first(&mut self.counts.into_iter().rev()));
        [low.min(255) as u8, 255_usize.saturating_sub(beyond) as u8]
    }

    /// A warning if the images have lost most of their shades or, unless the augmentation
    /// interpolates them (`softened`), have only two values; with the setting that helps. `scale`
    /// is called only if it is needed.
    pub fn warning(&self, scale: impl FnOnce() -> ValueScale, softened: bool) -> Option<Advice> {
        let [low, high] = self.extent();
        if high < low || high - low >= MIN_SPAN {
            return if softened { None } else { self.two_values() };
        }
        if high == low {
            return None;
        }
        let kind = match (low, high) {
            (_, ..64) => "nearly black",
            (192.., _) => "nearly white",
            _ => "almost uniform",
        };
        let (from, to, white) = match scale() {
            // If a few values are outliers, the bytes are more accurate.
            ValueScale::Stats(stats) if stats.max - stats.min < stats.white / 4.0 => {
                (stats.min, stats.max, stats.white)
            }
            ValueScale::Stats(ValueStats { white, .. }) => {
                let number = |value: u8| white * f64::from(value) / 255.0;
                (number(low), number(high), white)
            }
            ValueScale::Range(range) => (range.value(low), range.value(high), range.white()),
        };
        let (black, bright) = stretched(from, to);
        Some(advice!(
            "range-of-the-numbers",
            "the pictures are {kind}: their values range from {} to {}, and white is {}; use the full range with `--set images.range={}..{}`",
            number(from),
            number(to),
            number(white),
            number(black),
            number(bright)
        ))
    }

    fn two_values(&self) -> Option<Advice> {
        let values: Vec<usize> = (0..256).filter(|&value| self.counts[value] > 0).collect();
        let &[low, high] = &values[..] else { return None };
        Some(advice!(
            "two-values",
            "every value in the pictures is {low} or {high}, so the discriminator can tell fakes by their greys; `--set augment.rotation=3` gives lines soft edges"
        ))
    }
}

/// The value of all pixels of all images, if there is only one.
///
/// # Errors
/// If an image cannot be read.
pub fn constant_value(images: &Images) -> Result<Option<u8>, DataError> {
    let mut only = None;
    for index in 0..images.count() {
        for &value in &*images.image(index)? {
            if *only.get_or_insert(value) != value {
                return Ok(None);
            }
        }
    }
    Ok(only)
}

/// The range to suggest for values from `min` to `max`: from 0 if that is close, up to the maximum
/// of a common bit depth.
fn stretched(low: f64, high: f64) -> (f64, f64) {
    let black = if low >= 0.0 && low <= high / 4.0 { 0.0 } else { low };
    let bits = [1023.0, 4095.0, 16_383.0].into_iter().find(|&most| most >= high && most < 2.0 * high && high > 255.0);
    (black, bits.unwrap_or(high))
}

/// A number with its significant digits.
fn number(value: f64) -> String {
    match value.abs() {
        size if size < 1e15 && value == value.trunc() => format!("{value}"),
        0.01..1e15 => format!("{value:.3}"),
        _ => format!("{value:.2e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ValueRange;

    fn histogram(values: &[u8]) -> Histogram {
        Histogram::of(&Images::new(values.to_vec(), [1, 2, 1], "a test".into())).unwrap()
    }

    #[test]
    fn a_small_part_of_the_range_is_reported_with_the_setting_that_helps() {
        let many: Vec<u8> = (0..16).cycle().take(1000).collect();
        let camera = ValueScale::Stats(ValueStats { white: 65_535.0, min: 3.0, max: 4012.0, colour: false });
        let message = histogram(&many).warning(|| camera, false).unwrap();
        assert!(
            message.text().contains("nearly black") && message.text().contains("from 3 to 4012, and white is 65535"),
            "{message}"
        );
        assert!(message.text().contains("`--set images.range=0..4095`"), "{message}");
        let hot = ValueScale::Stats(ValueStats { white: 65_535.0, min: 0.0, max: 65_535.0, colour: false });
        assert!(histogram(&many).warning(|| hot, false).unwrap().text().contains("images.range=0..4095`"));
        let masks = histogram(&[0, 1, 1, 0])
            .warning(|| ValueScale::Range(ValueRange::new(0.0, 255.0).unwrap()), false)
            .unwrap();
        assert!(masks.text().contains("images.range=0..1`"), "{masks}");
        let pale: Vec<u8> = many.iter().map(|value| value + 235).collect();
        let message =
            histogram(&pale).warning(|| ValueScale::Range(ValueRange::new(0.0, 1.0).unwrap()), false).unwrap();
        assert!(
            message.text().contains("nearly white") && message.text().contains("images.range=0.922..0.980`"),
            "{message}"
        );
        let flat = histogram(&many.iter().map(|value| value + 100).collect::<Vec<_>>());
        assert!(
            flat.warning(|| ValueScale::Range(ValueRange::new(0.0, 255.0).unwrap()), false)
                .unwrap()
                .text()
                .contains("almost uniform")
        );
    }

    #[test]
    fn usual_pictures_and_a_few_faults_are_not_talked_about() {
        let bytes = ValueScale::Range(ValueRange::new(0.0, 255.0).unwrap());
        let usual: Vec<u8> = (0..=255).collect();
        assert_eq!(histogram(&usual).warning(|| bytes, false), None);
        assert_eq!(histogram(&[7; 10]).warning(|| bytes, false), None, "blank images have a warning of their own");
        let mut dark = vec![0; 100_000];
        dark.iter_mut().step_by(3).for_each(|value| *value = 9);
        dark[17] = 255;
        assert!(histogram(&dark).warning(|| bytes, false).unwrap().text().contains("images.range=0..9`"));
        assert!(
            histogram(&[0, 255, 255, 0])
                .warning(|| bytes, false)
                .unwrap()
                .text()
                .contains("every value in the pictures is 0 or 255")
        );
    }

    #[test]
    fn a_set_of_one_value_and_grey_in_three_channels_are_known() {
        let images = |bytes: &[u8], size| Images::new(bytes.to_vec(), size, "a test".into());
        assert_eq!(constant_value(&images(&[9; 8], [1, 2, 1])).unwrap(), Some(9));
        assert_eq!(constant_value(&images(&[9, 9, 9, 8], [1, 2, 1])).unwrap(), None);
        assert!(Histogram::of(&images(&[1, 1, 1, 7, 7, 7], [1, 1, 3])).unwrap().is_grey());
        assert!(!Histogram::of(&images(&[1, 1, 1, 7, 7, 8], [1, 1, 3])).unwrap().is_grey());
        assert!(!Histogram::of(&images(&[1, 2], [1, 1, 1])).unwrap().is_grey());
    }
}

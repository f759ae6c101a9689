//! What the numbers in a set of images say before anything is learned from them: pictures that are nearly black because their
//! numbers fill a small part of their range, pictures of two values, pictures with nothing in them.

use crate::advice::Advice;
use crate::error::DataError;
use crate::folder::Depth;
use crate::images::Images;
use crate::range::Range;

/// So many images of a set are looked at, spread over it.
const MOST: usize = 1000;
/// Of the darkest and of the brightest values one in so many may be a fault of the camera.
const FAULTS: u64 = 10_000;
/// Pictures whose values lie within fewer steps of 255 than this have lost most of their shades.
const FEW: u8 = 64;

/// How often each value is there in some of the images.
#[derive(Clone, Debug)]
pub struct Look {
    counts: [u64; 256],
    /// Whether all images are grey, though they have three channels.
    grey: bool,
}

/// Which numbers the values stand for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Numbers {
    /// Those of an array, from black to white.
    Of(Range),
    /// Those in files of pictures.
    In(Depth),
}

impl Look {
    /// Looks at some of `images`.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn at(images: &Images) -> Result<Self, DataError> {
        let mut look = Self { counts: [0; 256], grey: images.channels() == 3 };
        for index in (0..images.count()).step_by(images.count().div_ceil(MOST).max(1)) {
            let image = images.image(index)?;
            for &byte in &*image {
                look.counts[usize::from(byte)] += 1;
            }
            look.grey &= image.as_chunks().0.iter().all(|[red, green, blue]| red == green && green == blue);
        }
        Ok(look)
    }

    /// Whether all images have three channels that are equal.
    pub fn is_grey(&self) -> bool {
        self.grey
    }

    /// The values that are there, the smallest and the largest, but for a few.
    fn extent(&self) -> [u8; 2] {
        let all: u64 = self.counts.iter().sum();
        // The first value by which more are seen than may be faults.
        let first = |counts: &mut dyn Iterator<Item = u64>| {
            let mut seen = 0;
            let is_fault = |count: u64| {
                seen += count;
                seen * FAULTS <= all
            };
            counts.map(is_fault).take_while(|is_fault| *is_fault).count()
        };
        let (low, beyond) = (first(&mut self.counts.into_iter()), first(&mut self.counts.into_iter().rev()));
        [low.min(255) as u8, 255_usize.saturating_sub(beyond) as u8]
    }

    /// One line if the images have lost most of their shades, or, unless they are `softened` whenever they are shown, never had any;
    /// with what helps. `numbers` is asked only if it matters.
    pub fn remark(&self, numbers: impl FnOnce() -> Numbers, softened: bool) -> Option<Advice> {
        let [low, high] = self.extent();
        if high < low || high - low >= FEW {
            return if softened { None } else { self.two_values() };
        }
        if high == low {
            return None;
        }
        let kind = match (low, high) {
            (_, ..64) => "nearly black",
            (192.., _) => "nearly white",
            _ => "almost without contrast",
        };
        let (from, to, white) = match numbers() {
            // The values tell it better if a few numbers lie far from the others.
            Numbers::In(depth) if depth.high - depth.low < depth.white / 4.0 => (depth.low, depth.high, depth.white),
            Numbers::In(Depth { white, .. }) => {
                let number = |value: u8| white * f64::from(value) / 255.0;
                (number(low), number(high), white)
            }
            Numbers::Of(range) => (range.value(low), range.value(high), range.white()),
        };
        let (black, bright) = stretched(from, to);
        Some(advice!(
            "range-of-the-numbers",
            "the pictures are {kind}: their numbers go from {} to {}, white is {}; `--set images.range={}..{}` makes use of all shades",
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
            "every number in the pictures is {low} or {high}, none lies between: greys give a fake away; `--set augment.rotation=3` gives lines soft edges"
        ))
    }
}

/// The value that every number of every image has, if there is one: nothing is drawn in such a set.
///
/// # Errors
/// When an image cannot be read.
pub fn only_value(images: &Images) -> Result<Option<u8>, DataError> {
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

/// The range to ask for if the numbers go from `low` to `high`: from 0, if that is near, to what a camera's bits can say.
fn stretched(low: f64, high: f64) -> (f64, f64) {
    let black = if low >= 0.0 && low <= high / 4.0 { 0.0 } else { low };
    let bits = [1023.0, 4095.0, 16_383.0].into_iter().find(|&most| most >= high && most < 2.0 * high && high > 255.0);
    (black, bits.unwrap_or(high))
}

/// A number with as many digits as matter.
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

    fn look(values: &[u8]) -> Look {
        Look::at(&Images::new(values.to_vec(), [1, 2, 1], "a test".into())).unwrap()
    }

    #[test]
    fn a_small_part_of_the_range_is_told_with_the_setting_that_helps() {
        let many: Vec<u8> = (0..16).cycle().take(1000).collect();
        let camera = Numbers::In(Depth { white: 65_535.0, low: 3.0, high: 4012.0, colour: false });
        let told = look(&many).remark(|| camera, false).unwrap();
        assert!(
            told.text().contains("nearly black") && told.text().contains("from 3 to 4012, white is 65535"),
            "{told}"
        );
        assert!(told.text().contains("`--set images.range=0..4095`"), "{told}");
        let hot = Numbers::In(Depth { white: 65_535.0, low: 0.0, high: 65_535.0, colour: false });
        assert!(look(&many).remark(|| hot, false).unwrap().text().contains("images.range=0..4095`"));
        let masks = look(&[0, 1, 1, 0]).remark(|| Numbers::Of(Range::new(0.0, 255.0).unwrap()), false).unwrap();
        assert!(masks.text().contains("images.range=0..1`"), "{masks}");
        let pale: Vec<u8> = many.iter().map(|value| value + 235).collect();
        let told = look(&pale).remark(|| Numbers::Of(Range::new(0.0, 1.0).unwrap()), false).unwrap();
        assert!(told.text().contains("nearly white") && told.text().contains("images.range=0.922..0.980`"), "{told}");
        let flat = look(&many.iter().map(|value| value + 100).collect::<Vec<_>>());
        assert!(
            flat.remark(|| Numbers::Of(Range::new(0.0, 255.0).unwrap()), false)
                .unwrap()
                .text()
                .contains("without contrast")
        );
    }

    #[test]
    fn usual_pictures_and_a_few_faults_are_not_talked_about() {
        let bytes = Numbers::Of(Range::new(0.0, 255.0).unwrap());
        let usual: Vec<u8> = (0..=255).collect();
        assert_eq!(look(&usual).remark(|| bytes, false), None);
        assert_eq!(look(&[7; 10]).remark(|| bytes, false), None, "blank images have a warning of their own");
        let mut dark = vec![0; 100_000];
        dark.iter_mut().step_by(3).for_each(|value| *value = 9);
        dark[17] = 255;
        assert!(look(&dark).remark(|| bytes, false).unwrap().text().contains("images.range=0..9`"));
        assert!(
            look(&[0, 255, 255, 0])
                .remark(|| bytes, false)
                .unwrap()
                .text()
                .contains("every number in the pictures is 0 or 255")
        );
    }

    #[test]
    fn a_set_of_one_value_and_grey_in_three_channels_are_known() {
        let images = |bytes: &[u8], size| Images::new(bytes.to_vec(), size, "a test".into());
        assert_eq!(only_value(&images(&[9; 8], [1, 2, 1])).unwrap(), Some(9));
        assert_eq!(only_value(&images(&[9, 9, 9, 8], [1, 2, 1])).unwrap(), None);
        assert!(Look::at(&images(&[1, 1, 1, 7, 7, 7], [1, 1, 3])).unwrap().is_grey());
        assert!(!Look::at(&images(&[1, 1, 1, 7, 7, 8], [1, 1, 3])).unwrap().is_grey());
        assert!(!Look::at(&images(&[1, 2], [1, 1, 1])).unwrap().is_grey());
    }
}

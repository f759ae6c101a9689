//! Converts pictures of any size to the size and channels that a network needs.

mod resample;

pub use resample::Filter;

use crate::value_range::{self, ValueRange};
use resample::resample;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// How each image is converted: its values become bytes, transparent pixels are blended with the
/// background, then it is cropped and scaled. Images with an alpha channel keep it, and their
/// colours are multiplied by it (premultiplied): a pixel that cannot be seen is then black whatever
/// colour it was saved with, and sums of pixels, such as those of scaling and of convolutions,
/// weigh each colour by its opacity. The table `[images]` of a run's configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fitting {
    /// Which part of the picture is used: `none` (all of it), `content` (the bounding box of
    /// everything that is not background), `crop108` or `crop128` (for CelebA's aligned faces), or
    /// `centre-N`, the central N x N pixels.
    pub crop: Crop,
    /// What happens to pictures with another aspect ratio: `stretch`, `crop` or `pad`.
    pub aspect: Aspect,
    /// The resampling filter: `area`, `nearest`, `bilinear` or `bicubic`.
    pub filter: Filter,
    /// The colour behind transparent pixels and beside padded pictures: `white`, `black`, `grey` or
    /// `#rrggbb`. Images with an alpha channel are padded with transparency instead.
    pub background: Background,
    /// Which values become black and white: `auto`, by their type, or `LOW..HIGH`, such as
    /// `0..4095` for 12-bit pictures.
    #[serde(with = "value_range")]
    pub range: Option<ValueRange>,
}

/// What happens to a picture with another aspect ratio.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Aspect {
    /// Stretch it.
    Stretch,
    /// Use the largest central part with the right aspect ratio.
    #[default]
    Crop,
    /// Scale it to fit, and fill the rest with the background.
    Pad,
}

/// A part of a picture. A square that does not fit is replaced by the largest one that does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Crop {
    /// The whole picture.
    #[default]
    None,
    /// The bounding box of everything that is not background.
    Content,
    /// The central 108x108 pixels.
    Crop108,
    /// 128x128 pixels with the centre 12 pixels below the middle: x 89 and y 121 in CelebA's
    /// 178x218.
    Crop128,
    /// The central square with this side.
    Centre(u32),
}

impl From<Crop> for String {
    fn from(crop: Crop) -> Self {
        match crop {
            Crop::None => "none".into(),
            Crop::Content => "content".into(),
            Crop::Crop108 => "crop108".into(),
            Crop::Crop128 => "crop128".into(),
            Crop::Centre(side) => format!("centre-{side}"),
        }
    }
}

impl TryFrom<String> for Crop {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let side = |text: &str| text.strip_prefix("centre-")?.parse().ok().filter(|&side| side > 0);
        match text.as_str() {
            "none" => Ok(Self::None),
            "content" => Ok(Self::Content),
            "crop108" => Ok(Self::Crop108),
            "crop128" => Ok(Self::Crop128),
            other => side(other).map(Self::Centre).ok_or_else(|| {
                let all = r#""none", "content", "crop108", "crop128" and "centre-N" with N above 0"#;
                format!("unknown crop {text:?}; there are {all}")
            }),
        }
    }
}

impl Crop {
    /// (top, left, height, width) of the part of a picture of this size.
    fn part(self, [height, width]: [usize; 2]) -> [usize; 4] {
        let (side, down) = match self {
            Self::None | Self::Content => return [0, 0, height, width],
            Self::Crop108 => (108, 0),
            Self::Crop128 => (128, 12),
            Self::Centre(side) => (side as usize, 0),
        };
        let side = side.min(height).min(width);
        [((height - side) / 2 + down).min(height - side), (width - side) / 2, side, side]
    }
}

/// A background colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Background(pub [u8; 3]);

impl Default for Background {
    fn default() -> Self {
        Self([255; 3])
    }
}

impl From<Background> for String {
    fn from(Background([red, green, blue]): Background) -> Self {
        match [red, green, blue] {
            [255, 255, 255] => "white".into(),
            [0, 0, 0] => "black".into(),
            [128, 128, 128] => "grey".into(),
            _ => format!("#{red:02x}{green:02x}{blue:02x}"),
        }
    }
}

impl TryFrom<String> for Background {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii());
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        match (text.as_str(), number) {
            ("white", _) => Ok(Self([255; 3])),
            ("black", _) => Ok(Self([0; 3])),
            ("grey", _) => Ok(Self([128; 3])),
            (_, Some(number)) => Ok(Self([(number >> 16) as u8, (number >> 8) as u8, number as u8])),
            _ => Err(format!("unknown colour {text:?}; there are \"white\", \"black\", \"grey\" and \"#rrggbb\"")),
        }
    }
}

/// The luma of a colour (ITU-R BT.601), in integers.
pub(crate) fn grey([red, green, blue]: [u8; 3]) -> u8 {
    ((u32::from(red) * 19595 + u32::from(green) * 38470 + u32::from(blue) * 7471 + 0x8000) >> 16) as u8
}

/// Blends a colour that has an alpha channel with a background.
pub(crate) fn blend([red, green, blue, alpha]: [u8; 4], Background(below): Background) -> [u8; 3] {
    let over = |value: u8, below: u8| {
        let (alpha, value, below) = (u32::from(alpha), u32::from(value), u32::from(below));
        ((value * alpha + below * (255 - alpha) + 127) / 255) as u8
    };
    [over(red, below[0]), over(green, below[1]), over(blue, below[2])]
}

/// A colour multiplied by its alpha channel, with that.
pub(crate) fn premultiplied(pixel @ [.., alpha]: [u8; 4]) -> [u8; 4] {
    let [red, green, blue] = blend(pixel, Background([0; 3]));
    [red, green, blue, alpha]
}

impl Fitting {
    /// Converts an image of bytes from size `from` to size `to` (height, width, channels): grey (1
    /// channel), colour (3), or colour with alpha (4), which is straight in the input and
    /// premultiplied in the result. An image of the right size is not resampled, unless a crop is
    /// set.
    ///
    /// # Panics
    /// If there is another number of channels.
    pub(crate) fn convert(&self, image: &[u8], from: [usize; 3], to: [usize; 3]) -> Vec<u8> {
        let colour;
        let (image, channels) = match from[2] {
            4 if to[2] == 4 => {
                colour = image.as_chunks().0.iter().flat_map(|&pixel| premultiplied(pixel)).collect::<Vec<u8>>();
                (&colour[..], 4)
            }
            4 => {
                let over = |pixel: &[u8; 4]| blend(*pixel, self.background);
                colour = image.as_chunks().0.iter().flat_map(over).collect::<Vec<u8>>();
                (&colour[..], 3)
            }
            channels => (image, channels),
        };
        let sides = [from[0], from[1]];
        let scaled = if sides == [to[0], to[1]] && self.crop == Crop::None {
            image.to_vec()
        } else {
            self.fit(image, sides, channels, [to[0], to[1]])
        };
        match (channels, to[2]) {
            (3, 1) => scaled.as_chunks().0.iter().map(|&pixel| grey(pixel)).collect(),
            (1, 3) => scaled.iter().flat_map(|&value| [value; 3]).collect(),
            (1, 4) => scaled.iter().flat_map(|&value| [value, value, value, 255]).collect(),
            (3, 4) => scaled.as_chunks().0.iter().flat_map(|&[red, green, blue]| [red, green, blue, 255]).collect(),
            (before, channels) => {
                assert_eq!(before, channels, "Fitting::convert: channels");
                scaled
            }
        }
    }

    /// Crops and scales a picture of (height, width) `from`, with `channels` bytes per pixel, to
    /// `to`: 1 for grey, 3 for colour, 4 for colour multiplied by its alpha.
    ///
    /// # Panics
    /// If a side is 0, or there are too few bytes.
    pub fn fit(&self, picture: &[u8], from: [usize; 2], channels: usize, to: [usize; 2]) -> Vec<u8> {
        let part = self.crop.part(from);
        let (picture, from) = (cut(picture, from, channels, part), [part[2], part[3]]);
        let paper = match channels {
            1 => vec![grey(self.background.0)],
            4 => vec![0; 4],
            _ => self.background.0.to_vec(),
        };
        let (picture, from) = match self.crop {
            Crop::Content => {
                let part = content(&picture, from, &paper);
                (Cow::Owned(cut(&picture, from, channels, part).into_owned()), [part[2], part[3]])
            }
            _ => (picture, from),
        };
        let sized = |[height, width]: [usize; 2]| [height, width, channels];
        match self.aspect {
            Aspect::Stretch => resample(&picture, sized(from), to, self.filter),
            Aspect::Crop => {
                let inner = scaled_within(to, from);
                let part = [(from[0] - inner[0]) / 2, (from[1] - inner[1]) / 2, inner[0], inner[1]];
                resample(&cut(&picture, from, channels, part), sized(inner), to, self.filter)
            }
            Aspect::Pad => {
                let inner = scaled_within(from, to);
                let small = resample(&picture, sized(from), inner, self.filter);
                let mut padded = paper.repeat(to[0] * to[1]);
                let (top, left) = ((to[0] - inner[0]) / 2, (to[1] - inner[1]) / 2);
                for (row, pixels) in small.chunks_exact(inner[1] * channels).enumerate() {
                    let start = ((top + row) * to[1] + left) * channels;
                    padded[start..start + pixels.len()].copy_from_slice(pixels);
                }
                padded
            }
        }
    }

    /// How images of (height, width) `from` lose a part or their proportions when they are
    /// converted to `to`, in words that follow "are", such as "cropped to 480x480". None if they
    /// lose neither, or if the crop depends on the content.
    pub fn loss(&self, from: [usize; 2], to: [usize; 2]) -> Option<String> {
        let [.., height, width] = self.crop.part(from);
        let inner = if self.aspect == Aspect::Crop { scaled_within(to, [height, width]) } else { [height, width] };
        match self.crop {
            Crop::Content => None,
            _ if inner != from => Some(format!("cropped to {}x{}", inner[0], inner[1])),
            _ if self.aspect == Aspect::Stretch && scaled_within(to, from) != from => {
                Some(format!("stretched to {}x{}", to[0], to[1]))
            }
            _ => None,
        }
    }
}

/// The bounding box (top, left, height, width) of all pixels that differ from `paper`; all of a
/// blank picture.
fn content(picture: &[u8], [height, width]: [usize; 2], paper: &[u8]) -> [usize; 4] {
    let inked = |row: usize, column: usize| &picture[(row * width + column) * paper.len()..][..paper.len()] != paper;
    let row_is = |row: &usize| (0..width).any(|column| inked(*row, column));
    let column_is = |column: &usize| (0..height).any(|row| inked(row, *column));
    let (top, bottom) = ((0..height).find(row_is), (0..height).rfind(row_is));
    let (left, right) = ((0..width).find(column_is), (0..width).rfind(column_is));
    match (top, bottom, left, right) {
        (Some(top), Some(bottom), Some(left), Some(right)) => [top, left, bottom - top + 1, right - left + 1],
        _ => [0, 0, height, width],
    }
}

/// The largest (height, width) with the aspect ratio of `shape` that fits in `frame`; at least one
/// pixel.
pub fn scaled_within(shape: [usize; 2], frame: [usize; 2]) -> [usize; 2] {
    // Rounded to the nearest pixel in integers.
    let scaled = |length: usize, by: usize, of: usize| ((2 * length * by + of) / (2 * of)).max(1);
    if shape[0] * frame[1] >= shape[1] * frame[0] {
        [frame[0], scaled(shape[1], frame[0], shape[0]).min(frame[1])]
    } else {
        [scaled(shape[0], frame[1], shape[1]).min(frame[0]), frame[1]]
    }
}

/// Copies the part (top, left, height, width) of a picture of (height, width) `from`.
fn cut(picture: &[u8], from: [usize; 2], channels: usize, [top, left, height, width]: [usize; 4]) -> Cow<'_, [u8]> {
    // Full rows are contiguous and need no copy.
    if width == from[1] {
        return Cow::Borrowed(&picture[top * width * channels..(top + height) * width * channels]);
    }
    let rows = picture.chunks_exact(from[1] * channels).skip(top).take(height);
    rows.flat_map(|row| &row[left * channels..(left + width) * channels]).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(aspect: Aspect, to: [usize; 2]) -> Vec<u8> {
        let fitting = Fitting { aspect, filter: Filter::Nearest, background: Background([9; 3]), ..Fitting::default() };
        fitting.fit(&[1, 2, 3, 4, 5, 6, 7, 8], [2, 4], 1, to)
    }

    #[test]
    fn other_proportions_are_stretched_cropped_or_padded() {
        assert_eq!(fitted(Aspect::Stretch, [2, 2]), [2, 4, 6, 8]);
        assert_eq!(fitted(Aspect::Crop, [2, 2]), [2, 3, 6, 7]);
        assert_eq!(fitted(Aspect::Pad, [4, 4]), [9, 9, 9, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9]);
        assert_eq!(fitted(Aspect::Pad, [3, 1]), [9, 7, 9]);
    }

    #[test]
    fn the_crops_of_aligned_faces_are_the_known_ones() {
        assert_eq!(Crop::Crop108.part([218, 178]), [55, 35, 108, 108]);
        assert_eq!(Crop::Crop128.part([218, 178]), [57, 25, 128, 128]);
        assert_eq!(Crop::Centre(130).part([250, 250]), [60, 60, 130, 130]);
        assert_eq!(Crop::Crop128.part([100, 90]), [10, 0, 90, 90]);
        assert_eq!(Crop::None.part([5, 6]), [0, 0, 5, 6]);
    }

    #[test]
    fn losses_are_named_and_only_losses() {
        let loss = |fitting: &Fitting, from| fitting.loss(from, [64, 64]);
        let [crop, stretch, pad] =
            [Aspect::Crop, Aspect::Stretch, Aspect::Pad].map(|aspect| Fitting { aspect, ..Fitting::default() });
        assert_eq!(loss(&crop, [480, 640]).unwrap(), "cropped to 480x480");
        assert_eq!(loss(&stretch, [480, 640]).unwrap(), "stretched to 64x64");
        assert_eq!(loss(&pad, [480, 640]), None);
        assert_eq!([&crop, &stretch, &pad].map(|fitting| loss(fitting, [300, 300])), [None, None, None]);
        let face = Fitting { crop: Crop::Crop108, ..Fitting::default() };
        assert_eq!(loss(&face, [218, 178]).unwrap(), "cropped to 108x108");
    }

    #[test]
    fn alpha_is_premultiplied_and_padding_transparent() {
        let fitting = Fitting { aspect: Aspect::Pad, filter: Filter::Nearest, ..Fitting::default() };
        // A red pixel that is half transparent, and a green one that cannot be seen.
        let picture = [255, 0, 0, 128, 0, 255, 0, 0];
        let seen = [128, 0, 0, 128, 0, 0, 0, 0];
        assert_eq!(fitting.convert(&picture, [1, 2, 4], [1, 2, 4]), seen);
        assert_eq!(fitting.convert(&picture, [1, 2, 4], [3, 2, 4]), [&[0; 8][..], &seen, &[0; 8]].concat());
        assert_eq!(fitting.convert(&[7], [1, 1, 1], [1, 1, 4]), [7, 7, 7, 255]);
        assert_eq!(fitting.convert(&[1, 2, 3], [1, 1, 3], [1, 1, 4]), [1, 2, 3, 255]);
        // The mean of a visible and an invisible pixel has the colour of the visible one.
        let area = Fitting { aspect: Aspect::Stretch, ..Fitting::default() };
        let [red, green, _, alpha] = area.convert(&picture, [1, 2, 4], [1, 1, 4])[..] else { panic!("one pixel") };
        assert!(red == alpha && green == 0, "{red} {alpha}");
    }

    #[test]
    fn content_is_what_is_not_background() {
        let fitting = Fitting { crop: Crop::Content, background: Background([0; 3]), ..Fitting::default() };
        let picture = [0, 0, 0, 0, 0, 7, 8, 0, 0, 9, 0, 0];
        assert_eq!(fitting.fit(&picture, [3, 4], 1, [2, 2]), [7, 8, 9, 0]);
        assert_eq!(fitting.fit(&[0; 12], [3, 4], 1, [3, 4]), [0; 12]);
    }

    #[test]
    fn words_read_back_as_they_are_written() {
        for text in ["none", "content", "crop108", "crop128", "centre-130"] {
            assert_eq!(String::from(Crop::try_from(text.to_owned()).unwrap()), text);
        }
        for text in ["white", "black", "grey", "#0a0b0c"] {
            assert_eq!(String::from(Background::try_from(text.to_owned()).unwrap()), text);
        }
        for text in ["centre-0", "centre--3", "crop", ""] {
            assert!(Crop::try_from(text.to_owned()).unwrap_err().contains("centre-N"));
        }
        assert!(Background::try_from("#12345é".to_owned()).is_err());
        assert_eq!((grey([255; 3]), grey([255, 0, 0]), grey([0; 3])), (255, 76, 0));
    }
}

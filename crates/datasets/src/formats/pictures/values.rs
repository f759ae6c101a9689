//! Measures the values in files of pictures.

use super::decode::{opened, size_of};
use super::in_flight::InFlight;
use super::pixels::{for_each_pixel, white};
use super::source::Source;
use crate::value_range::ValueStats;
use image::DynamicImage;

/// Statistics of the values in the pictures `files`; `None` if none can be read, or their depths
/// differ.
pub(in crate::formats) fn stats_of(files: &[Source]) -> Option<ValueStats> {
    let mut all: Option<ValueStats> = None;
    for file in files {
        let Ok(one) = opened(file, 4, &InFlight::new(u64::MAX), |image| stats(&image)) else { continue };
        all = match all {
            Some(all) if all.white != one.white => return None,
            Some(all) => Some(ValueStats {
                min: all.min.min(one.min),
                max: all.max.max(one.max),
                colour: all.colour || one.colour,
                ..all
            }),
            None => Some(one),
        };
    }
    all
}

/// Whether a pixel of the pictures `files` is transparent.
pub(in crate::formats) fn are_transparent(files: &[Source]) -> bool {
    let see = |image: DynamicImage| {
        let mut found = false;
        let opaque = white(&image);
        if image.color().has_alpha() {
            for_each_pixel(&image, |[.., alpha]| found |= alpha < opaque);
        }
        found
    };
    files.iter().any(|file| opened(file, 4, &InFlight::new(u64::MAX), see).unwrap_or(false))
}

/// The sizes (height, width) of the pictures `files` that can be read.
pub(in crate::formats) fn sizes_of(files: &[Source]) -> Vec<[usize; 2]> {
    files.iter().filter_map(|file| size_of(file).ok()).collect()
}

/// Statistics of the colours of one picture.
fn stats(image: &DynamicImage) -> ValueStats {
    let mut stats = ValueStats { white: white(image), min: f64::INFINITY, max: f64::NEG_INFINITY, colour: false };
    for_each_pixel(image, |[red, green, blue, _]| {
        stats.colour |= red != green || green != blue;
        for value in [red, green, blue] {
            stats.min = stats.min.min(value);
            stats.max = stats.max.max(value);
        }
    });
    stats
}

//! Measures the values in files of pictures.

use super::decode::opened;
use super::in_flight::InFlight;
use super::pixels::{for_each_pixel, white};
use crate::value_range::ValueStats;
use image::DynamicImage;
use std::path::PathBuf;

/// Statistics of the values in the pictures `files`; `None` if none can be read, or their depths differ.
pub(in crate::formats) fn stats_of(files: &[PathBuf]) -> Option<ValueStats> {
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

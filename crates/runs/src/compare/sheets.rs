//! The sheets of samples of several runs side by side, in one picture.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use datasets::grouped;

use crate::failure::Failure;
use crate::observers::samples::sheets;
use crate::sampling::Written;
use crate::sampling::pictures::encode;
use crate::storage::{RealDisk, StorageError, make_folder_for, write_whole};

/// Pixels between two sheets.
const GAP: usize = 8;
/// The largest picture that is read.
const LARGEST: usize = 1 << 28;

/// Writes the sheets of these runs to the PNG file `out`: those of the last step of which all have
/// one, or else the last one of each.
///
/// # Errors
/// When `out` cannot be written.
pub(super) fn write(runs: &[&Path], out: &Path) -> Result<Written, Failure> {
    let files: Vec<BTreeMap<u64, PathBuf>> = runs.iter().map(|run| sheets(run)).collect();
    let common = files[0].keys().rev().find(|step| files.iter().all(|files| files.contains_key(step)));
    let chosen: Vec<Option<(u64, Picture)>> = files
        .iter()
        .map(|files| {
            let (step, file) = match common {
                Some(step) => files.get_key_value(step)?,
                None => files.last_key_value()?,
            };
            Some((*step, Picture::read(file)?))
        })
        .collect();
    let at = |(step, _): &(u64, Picture)| format!("step {}", grouped(step));
    let steps = |of: &Option<(u64, Picture)>| of.as_ref().map_or("none".to_owned(), at);
    let about = format!("sheets of {}", chosen.iter().map(steps).collect::<Vec<_>>().join(", "));
    let pictures: Vec<Picture> = chosen.into_iter().flatten().map(|(_, picture)| picture).collect();
    let drawn = side_by_side(&pictures);
    make_folder_for(out)?;
    let bytes = encode(&drawn.pixels, drawn.width, drawn.height, png::ColorType::Rgb)
        .map_err(|why| StorageError::drawing(out, why))?;
    write_whole(&RealDisk, out, &bytes)?;
    Ok(Written { path: out.to_owned(), about })
}

/// Pixels in red, green and blue.
struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Picture {
    /// Reads a PNG file; None if it is none.
    fn read(path: &Path) -> Option<Self> {
        let mut decoder = png::Decoder::new(BufReader::new(File::open(path).ok()?));
        decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
        let mut reader = decoder.read_info().ok()?;
        let mut bytes = vec![0; reader.output_buffer_size().filter(|size| *size <= LARGEST)?];
        let info = reader.next_frame(&mut bytes).ok()?;
        bytes.truncate(info.buffer_size());
        let samples = info.color_type.samples();
        // Transparent pixels are shown on the white between the sheets.
        let on_white = |value: u8, alpha: u8| {
            ((u32::from(value) * u32::from(alpha) + 255 * (255 - u32::from(alpha)) + 127) / 255) as u8
        };
        let rgb = |pixel: &[u8]| match *pixel {
            [red, green, blue] => [red, green, blue],
            [red, green, blue, alpha] => [red, green, blue].map(|value| on_white(value, alpha)),
            [grey, ..] => [grey; 3],
            [] => [0; 3],
        };
        let pixels = bytes.chunks_exact(samples).flat_map(rgb).collect();
        Some(Self { width: info.width as usize, height: info.height as usize, pixels })
    }
}

/// The pictures in a row on white, aligned at the top.
fn side_by_side(pictures: &[Picture]) -> Picture {
    let height = pictures.iter().map(|picture| picture.height).max().unwrap_or(1);
    let width = pictures.iter().map(|picture| picture.width + GAP).sum::<usize>().saturating_sub(GAP).max(1);
    let mut pixels = vec![255; 3 * width * height];
    let mut left = 0;
    for picture in pictures {
        for (row, line) in picture.pixels.chunks_exact(3 * picture.width).enumerate() {
            pixels[3 * (row * width + left)..][..line.len()].copy_from_slice(line);
        }
        left += picture.width + GAP;
    }
    Picture { width, height, pixels }
}

//! Finds which values of an array are black and white.

use super::Failure;
use super::fault::{self, Fault};
use super::layout::{Dtype, Extent, NumberKind};
use crate::value_range::{ValueRange, written};
use std::io::{self, Read, Seek, SeekFrom};

/// Bytes that are read at a time.
pub(super) const BLOCK: usize = 1 << 20;

/// The range of an array and, if its values were measured, the smallest and the largest of them.
pub(super) type MeasuredRange = (ValueRange, Option<[f64; 2]>);

/// The range of the `length` bytes of values at `offset`: the requested one, or the usual one for the
/// dtype and, where that leaves a choice, for the values. Floats are always measured, as an image
/// cannot hold values that are not finite.
pub(super) fn range_of(
    file: &mut (impl Read + Seek),
    offset: u64,
    length: u64,
    dtype: Dtype,
    requested: Option<ValueRange>,
) -> Result<MeasuredRange, Failure> {
    let usual = match (dtype.kind, dtype.bytes) {
        (NumberKind::Bool, _) => Some((0.0, 1.0)),
        (NumberKind::Unsigned, 1) => Some((0.0, 255.0)),
        _ => None,
    };
    let known = requested.or(usual.and_then(|(black, white)| ValueRange::new(black, white)));
    if let Some(range) = known.filter(|_| dtype.kind != NumberKind::Float) {
        return Ok((range, None));
    }
    let extent = measure(file, offset, length, dtype)?;
    if let Some((index, value)) = extent.not_finite {
        return Err(fault::not_finite(index, &written(value)).into());
    }
    let (min, max) = (extent.min, extent.max);
    let range = known.or_else(|| usual_range(dtype, min, max));
    Ok((range.ok_or_else(|| no_range(dtype, min, max))?, Some([min, max])))
}

/// The fault of an array whose values are in no usual range.
fn no_range(dtype: Dtype, min: f64, max: f64) -> Fault {
    // With the digits of the file's own type.
    let text = |value: f64| if dtype.bytes < 8 { written(value as f32) } else { written(value) };
    // A range has two different ends.
    let max = if max > min { max } else { min + 1.0 };
    let (low, high) = (text(min), text(max));
    fault::range(&dtype.to_string(), &low, &high, low == high)
}

/// The first usual range that has all values from `min` to `max`. Floats may exceed it a little, as
/// pictures that were scaled with a sharp filter do.
fn usual_range(dtype: Dtype, min: f64, max: f64) -> Option<ValueRange> {
    /// Black, white, and by how much floats may exceed them.
    const RANGES: [(f64, f64, f64); 4] = [(0.0, 1.0, 0.01), (-1.0, 1.0, 0.02), (0.0, 255.0, 0.5), (0.0, 65_535.0, 0.5)];
    let is_float = dtype.kind == NumberKind::Float;
    if (dtype.kind, dtype.bytes) == (NumberKind::Signed, 1) && min < 0.0 {
        return ValueRange::new(-128.0, 127.0);
    }
    let holds = |&&(black, white, excess): &&(f64, f64, f64)| {
        // Little compared with the values, too: values from -0.4 to 3 are not in 0 to 255.
        let excess = if is_float { excess.min((max - min) * 0.02) } else { 0.0 };
        // Negative integers are not shades of grey between -1 and 1.
        min >= black - excess && max <= white + excess && (black == 0.0 || is_float)
    };
    RANGES.iter().find(holds).and_then(|&(black, white, _)| ValueRange::new(black, white))
}

/// The extent of the values in `length` bytes at `offset`.
fn measure(file: &mut (impl Read + Seek), offset: u64, length: u64, dtype: Dtype) -> io::Result<Extent> {
    file.seek(SeekFrom::Start(offset))?;
    let mut extent = Extent::EMPTY;
    let mut block = vec![0; BLOCK.min(usize::try_from(length).unwrap_or(BLOCK))];
    let mut left = length;
    while left > 0 {
        let now = left.min(block.len() as u64) as usize;
        file.read_exact(&mut block[..now])?;
        extent.include(dtype, &block[..now]);
        left -= now as u64;
    }
    Ok(extent)
}

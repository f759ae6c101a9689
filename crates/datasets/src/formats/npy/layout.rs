//! How images are stored in an array file, and how values become bytes.
//!
//! A [`Layout`] contains what the header says: the offsets of the images, the dtype, and which
//! values are black and white. It reads nothing itself; it converts the bytes of one record to the
//! bytes of one image.

use crate::value_range::ValueRange;
use std::fmt;

/// A kind of number in a dtype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberKind {
    /// 0 or 1.
    Bool,
    /// Integers from 0 up.
    Unsigned,
    /// Signed integers.
    Signed,
    /// IEEE 754 floating point.
    Float,
}

/// The dtype of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dtype {
    /// The kind of number.
    pub kind: NumberKind,
    /// The size in bytes: 1, 2, 4 or 8.
    pub bytes: usize,
    /// Whether the most significant byte comes first.
    pub big_endian: bool,
}

impl Dtype {
    /// `uint8`: the bytes are the pixels.
    pub(crate) const BYTE: Self = Self { kind: NumberKind::Unsigned, bytes: 1, big_endian: false };

    /// The value of `raw`, which has the size of the dtype. 64-bit integers are rounded to 53 bits.
    pub fn value(self, raw: &[u8]) -> f64 {
        let mut word = [0; 8];
        for (to, from) in word.iter_mut().zip(raw) {
            *to = *from;
        }
        if self.big_endian {
            word[..self.bytes].reverse();
        }
        let bits = u64::from_le_bytes(word);
        match (self.kind, self.bytes) {
            (NumberKind::Bool, _) => f64::from(bits != 0),
            (NumberKind::Unsigned, _) => bits as f64,
            (NumberKind::Signed, bytes) => {
                let unused = 64 - 8 * bytes as u32;
                (((bits << unused) as i64) >> unused) as f64
            }
            (NumberKind::Float, 2) => half(bits as u16),
            (NumberKind::Float, 4) => f64::from(f32::from_bits(bits as u32)),
            (NumberKind::Float, _) => f64::from_bits(bits),
        }
    }
}

impl fmt::Display for Dtype {
    /// NumPy's name of the dtype.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.kind {
            NumberKind::Bool => return f.write_str("bool"),
            NumberKind::Unsigned => "uint",
            NumberKind::Signed => "int",
            NumberKind::Float => "float",
        };
        write!(f, "{name}{}", 8 * self.bytes)
    }
}

/// IEEE 754's binary16.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    // Exact powers of two from their bits, without a library call.
    let power = |exponent: i32| f64::from_bits(((exponent + 1023) as u64) << 52);
    sign * match exponent {
        0 => fraction * power(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * power(exponent - 25),
    }
}

/// Where the images are in a file, and how they become bytes.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// The number of images.
    pub(crate) count: usize,
    /// (height, width, channels).
    pub(crate) size: [usize; 3],
    /// The offset of the first image.
    pub(crate) first: u64,
    /// Bytes from the beginning of one image to the next.
    pub(crate) stride: u64,
    /// The dtype of the values.
    pub(crate) dtype: Dtype,
    /// Whether an image has the shape (channels, height, width) instead of (height, width,
    /// channels).
    pub(crate) planes: bool,
    /// The values that become 0 and 255.
    pub(crate) range: ValueRange,
}

impl Layout {
    /// Values in an image.
    pub(crate) fn image_len(&self) -> usize {
        self.size.iter().product()
    }

    /// Bytes of an image in the file.
    pub(crate) fn record_len(&self) -> usize {
        self.image_len() * self.dtype.bytes
    }

    /// The offset of image `index`.
    pub(crate) fn offset(&self, index: usize) -> u64 {
        self.first + index as u64 * self.stride
    }

    /// Whether the bytes in the file are the pixels.
    pub(crate) fn is_plain(&self) -> bool {
        self.dtype == Dtype::BYTE && !self.planes && self.range == ValueRange::BYTES
    }

    /// Converts the bytes of a record to an image, channels last, 0 to 255.
    ///
    /// # Panics
    /// If one of the lengths is wrong.
    #[track_caller]
    pub(crate) fn decode(&self, record: &[u8], image: &mut [u8]) {
        assert!(record.len() == self.record_len() && image.len() == self.image_len(), "Layout::decode: lengths");
        if self.is_plain() {
            image.copy_from_slice(record);
            return;
        }
        let [height, width, channels] = self.size;
        for (at, raw) in record.chunks_exact(self.dtype.bytes).enumerate() {
            let place = if self.planes { at % (height * width) * channels + at / (height * width) } else { at };
            image[place] = self.byte(raw);
        }
    }

    /// Converts one value to a byte.
    pub(crate) fn byte(&self, raw: &[u8]) -> u8 {
        self.range.byte(self.dtype.value(raw))
    }
}

/// The smallest and the largest of some values, and the first that is not finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Extent {
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// The index and value of the first value that is not finite.
    pub(crate) not_finite: Option<(u64, f64)>,
    /// How many values were included.
    count: u64,
}

impl Extent {
    pub(crate) const EMPTY: Self = Self { min: f64::INFINITY, max: f64::NEG_INFINITY, not_finite: None, count: 0 };

    /// Includes more values.
    pub(crate) fn include(&mut self, dtype: Dtype, bytes: &[u8]) {
        for raw in bytes.chunks_exact(dtype.bytes) {
            let value = dtype.value(raw);
            if value.is_finite() {
                self.min = self.min.min(value);
                self.max = self.max.max(value);
            } else if self.not_finite.is_none() {
                self.not_finite = Some((self.count, value));
            }
            self.count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dtype(kind: NumberKind, bytes: usize, big_endian: bool) -> Dtype {
        Dtype { kind, bytes, big_endian }
    }

    #[test]
    fn numbers_of_every_type_and_order_are_read() {
        use NumberKind::{Bool, Float, Signed, Unsigned};
        let value = |number, bytes, raw: &[u8]| {
            let mut turned = raw.to_vec();
            turned.reverse();
            let little = dtype(number, bytes, false).value(raw);
            assert_eq!(little.to_bits(), dtype(number, bytes, true).value(&turned).to_bits());
            little
        };
        assert_eq!(value(Bool, 1, &[2]), 1.0);
        assert_eq!(value(Unsigned, 1, &[200]), 200.0);
        assert_eq!(value(Signed, 1, &[200]), -56.0);
        assert_eq!(value(Unsigned, 2, &4095_u16.to_le_bytes()), 4095.0);
        assert_eq!(value(Signed, 4, &(-7_i32).to_le_bytes()), -7.0);
        assert_eq!(value(Signed, 8, &(-7_i64).to_le_bytes()), -7.0);
        assert_eq!(value(Unsigned, 8, &7_u64.to_le_bytes()), 7.0);
        assert_eq!(value(Float, 4, &(-0.25_f32).to_le_bytes()), -0.25);
        assert_eq!(value(Float, 8, &0.1_f64.to_le_bytes()), 0.1);
        // 1.0, -2.0, the smallest, the largest, infinity.
        let halves = [0x3C00_u16, 0xC000, 0x0001, 0x7BFF, 0x7C00].map(|bits| value(Float, 2, &bits.to_le_bytes()));
        assert_eq!(halves, [1.0, -2.0, f64::from(1.0_f32 / 16_777_216.0), 65504.0, f64::INFINITY]);
        assert!(value(Float, 2, &0x7E00_u16.to_le_bytes()).is_nan());
    }

    #[test]
    fn planes_become_pixels_and_numbers_bytes() {
        let mut layout = Layout {
            count: 1,
            size: [1, 2, 3],
            first: 0,
            stride: 6,
            dtype: Dtype::BYTE,
            planes: false,
            range: ValueRange::BYTES,
        };
        let decoded = |layout: &Layout, record: &[u8]| {
            let mut image = [0; 6];
            layout.decode(record, &mut image);
            image
        };
        assert_eq!(decoded(&layout, &[1, 2, 3, 4, 5, 6]), [1, 2, 3, 4, 5, 6]);
        layout.planes = true;
        assert_eq!(decoded(&layout, &[1, 2, 3, 4, 5, 6]), [1, 3, 5, 2, 4, 6]);
        layout.range = ValueRange::new(1.0, 6.0).unwrap();
        assert_eq!(decoded(&layout, &[1, 2, 3, 4, 5, 9]), [0, 102, 204, 51, 153, 255]);
    }

    #[test]
    fn the_extent_tells_where_the_first_number_is_that_is_none() {
        let mut extent = Extent::EMPTY;
        let float = dtype(NumberKind::Float, 4, false);
        for part in [[1.0_f32, -3.0], [f32::NAN, 2.0], [f32::INFINITY, 5.0]] {
            extent.include(float, &part.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>());
        }
        assert_eq!((extent.min, extent.max), (-3.0, 5.0));
        assert_eq!(extent.not_finite.map(|(at, value)| (at, value.is_nan())), Some((2, true)));
    }
}

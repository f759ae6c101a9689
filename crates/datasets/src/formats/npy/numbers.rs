//! Arrays of plain numbers: latents, styles, directions.

use super::{Failure, check_length, fault, read_header};
use crate::error::DataError;
use crate::file::open;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// The most values of an array that are read.
const MAX_VALUES: u64 = 1 << 28;

/// An array of numbers in C order.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers {
    /// The lengths of the axes.
    pub shape: Vec<usize>,
    /// The elements; the last axis varies fastest. All are finite.
    pub values: Vec<f32>,
}

/// Loads a `.npy` file of any shape. Values are booleans, integers or floats of any width, such as
/// `float32` and `float64`, in either byte order, in C or Fortran order; they are rounded to `f32`.
///
/// # Errors
/// [`DataError`] if there is no such file, it has another content, or a value is not finite.
pub fn load_numbers(path: &Path) -> Result<Numbers, DataError> {
    let mut file = open(path)?;
    let length = file.metadata().map_err(|error| DataError::unreadable(path, error))?.len();
    read_numbers(&mut file, length).map_err(|failure| failure.in_file(path))
}

fn read_numbers(file: &mut (impl Read + Seek), length: u64) -> Result<Numbers, Failure> {
    let (header, first) = read_header(file, length)?;
    // The product fits in 64 bits: the header was checked.
    let count = header.shape.iter().product::<u64>();
    let claimed = count * header.dtype.bytes as u64;
    check_length(claimed, length.saturating_sub(first))?;
    if count > MAX_VALUES {
        return Err(fault::too_many_numbers(count, MAX_VALUES).into());
    }
    let mut bytes = vec![0; claimed as usize];
    file.seek(SeekFrom::Start(first))?;
    file.read_exact(&mut bytes)?;
    let mut values = Vec::with_capacity(count as usize);
    for (index, raw) in bytes.chunks_exact(header.dtype.bytes).enumerate() {
        let value = header.dtype.value(raw);
        let narrow = value as f32;
        if !narrow.is_finite() {
            return Err(fault::no_number(index as u64, value).into());
        }
        values.push(narrow);
    }
    // Each length fits, because the file has that many values, unless there are none.
    let shape: Vec<usize> = header.shape.iter().map(|length| *length as usize).collect();
    let values = if header.fortran { in_c_order(&values, &shape) } else { values };
    Ok(Numbers { shape, values })
}

/// Reorders values whose first index varies fastest.
fn in_c_order(values: &[f32], shape: &[usize]) -> Vec<f32> {
    let strides: Vec<usize> =
        shape.iter().scan(1, |stride, length| Some(std::mem::replace(stride, *stride * length))).collect();
    let place = |mut at: usize| {
        let mut place = 0;
        for (length, stride) in shape.iter().zip(&strides).rev() {
            place += at % length * stride;
            at /= length;
        }
        place
    };
    (0..values.len()).map(|at| values[place(at)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn file(descr: &str, fortran: bool, shape: &str, values: &[u8]) -> Vec<u8> {
        let order = if fortran { "True" } else { "False" };
        let text = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
        let length = (text.len() as u16).to_le_bytes();
        [b"\x93NUMPY\x01\x00", &length[..], text.as_bytes(), values].concat()
    }

    fn read(bytes: &[u8]) -> Result<Numbers, String> {
        read_numbers(&mut Cursor::new(bytes), bytes.len() as u64).map_err(|failure| {
            let error = failure.in_file(Path::new("z.npy"));
            format!("{} {}", error.what(), error.why())
        })
    }

    #[test]
    fn floats_of_every_width_and_order_are_read() {
        let values = [0.5_f32, -1.0, 3.25, 0.0, 1e-20, 7.0];
        let single: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        let wanted = Numbers { shape: vec![2, 3], values: values.to_vec() };
        assert_eq!(read(&file("<f4", false, "(2, 3)", &single)), Ok(wanted.clone()));
        let double: Vec<u8> = values.iter().flat_map(|x| f64::from(*x).to_be_bytes()).collect();
        assert_eq!(read(&file(">f8", false, "(2, 3)", &double)), Ok(wanted));
        // (2, 3) in Fortran order: the first column, then the second.
        let columns = read(&file("<f4", true, "(2, 3)", &single)).unwrap();
        assert_eq!(columns.values, [0.5, 3.25, 1e-20, -1.0, 0.0, 7.0]);
        let cube: Vec<u8> = (0..24).collect();
        let turned = read(&file("|u1", true, "(2, 3, 4)", &cube)).unwrap().values;
        let at = |i: usize, j: usize, k: usize| (i + 2 * j + 6 * k) as f32;
        let wanted: Vec<f32> = (0..24).map(|n| at(n / 12, n / 4 % 3, n % 4)).collect();
        assert_eq!(turned, wanted);
        assert_eq!(read(&file("<f4", false, "()", &single[..4])).unwrap().values, [0.5]);
        assert_eq!(read(&file("<f4", false, "(0, 5)", &[])).unwrap().shape, [0, 5]);
    }

    #[test]
    fn what_is_not_finite_or_not_whole_is_refused() {
        for (value, words) in [(f64::NAN, "NaN"), (f64::NEG_INFINITY, "-inf"), (1e300, "too large for float32")] {
            let error = read(&file("<f8", false, "(2,)", &[[0; 8], value.to_le_bytes()].concat())).unwrap_err();
            assert!(error.contains(words) && error.contains("element 1"), "{error}");
        }
        assert!(read(&file("<f4", false, "(3,)", &[0; 8])).unwrap_err().contains("12 bytes of values, 8 are there"));
        assert!(read(&file("<f4", false, "(1,)", &[0; 8])).unwrap_err().contains("4 extra bytes"));
        assert!(read(b"").unwrap_err().contains("empty"));
        assert!(read(b"PK\x03\x04 and so on").is_err());
    }
}

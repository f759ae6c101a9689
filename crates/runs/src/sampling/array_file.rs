//! Writes arrays as `.npy` files, incrementally.
//!
//! `ndarray-npy` needs the whole array in memory; this writes the same file (version 1.0 of the
//! format, as described in NumPy's `numpy.lib.format`) batch by batch. The elements follow the
//! header.

use tensor::Tensor;

/// The format's type code for bytes.
pub(crate) const BYTES: &str = "|u1";
/// The type code for 32-bit little-endian floats.
const FLOATS: &str = "<f4";

/// A file with an array of [`FLOATS`].
pub(crate) fn of_numbers(tensor: &Tensor) -> Vec<u8> {
    let bytes = tensor.data().iter().flat_map(|number| number.to_le_bytes());
    header(FLOATS, tensor.shape()).into_iter().chain(bytes).collect()
}

/// A shape as Python writes it.
pub(crate) fn tuple(shape: &[usize]) -> String {
    match shape {
        [only] => format!("({only},)"),
        _ => format!("({})", shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// The header of a file with an array of type `numbers` and shape `shape`, in C order.
pub(crate) fn header(numbers: &str, shape: &[usize]) -> Vec<u8> {
    let mut text = format!("{{'descr': '{numbers}', 'fortran_order': False, 'shape': {}, }}", tuple(shape));
    // The length of the ten bytes before the text, the text and its newline is a multiple of 64.
    while (10 + text.len() + 1) % 64 != 0 {
        text.push(' ');
    }
    text.push('\n');
    let length = u16::try_from(text.len()).expect("a shape of a few axes is a short text");
    [b"\x93NUMPY\x01\x00", &length.to_le_bytes()[..], text.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    use ndarray::{ArrayD, IxDyn};
    use ndarray_npy::ReadNpyExt;

    #[test]
    fn the_header_is_numpys() {
        let text = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3, 4), }";
        let wanted = format!("\u{1}\0v\0{text:<117}\n");
        assert_eq!(header(BYTES, &[2, 3, 4]), [b"\x93NUMPY", wanted.as_bytes()].concat());
    }

    #[test]
    fn a_library_reads_the_file() {
        for shape in [&[24][..], &[4, 6], &[2, 3, 4], &[1, 2, 3, 4]] {
            let numbers: Vec<u8> = (0..24).collect();
            let file = [header(BYTES, shape), numbers.clone()].concat();
            assert_eq!((file.len() - 24) % 64, 0);
            let array = ArrayD::<u8>::read_npy(&file[..]).unwrap();
            assert_eq!(array, ArrayD::from_shape_vec(IxDyn(shape), numbers).unwrap());
        }
    }

    #[test]
    fn a_library_reads_numbers() {
        let numbers = Tensor::new(&[2, 3], vec![0.5, -1.0, 3.25, 0.0, 1e-20, 7.0]);
        let array = ArrayD::<f32>::read_npy(&of_numbers(&numbers)[..]).unwrap();
        assert_eq!(array, ArrayD::from_shape_vec(IxDyn(&[2, 3]), numbers.data().to_vec()).unwrap());
    }
}

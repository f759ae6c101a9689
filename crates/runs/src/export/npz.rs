//! `.npz`: named arrays in one file, for NumPy and everything that reads its format.
//!
//! An `.npz` is a zip archive of `.npy` files, here without compression. Every entry has the date
//! 1980-01-01, the earliest that the format has, so that equal arrays give equal bytes.

use tensor::Tensor;

use crate::sampling::array_file;

/// 1980-01-01, 00:00, as MS-DOS writes time and date.
const TIME_AND_DATE: [u16; 2] = [0, 33];
/// The version of the format that a reader needs: 2.0.
const VERSION: u16 = 20;

/// The bytes of the file with these arrays.
///
/// # Errors
/// When it is too large for a zip archive without extensions.
pub(super) fn archive<'a>(arrays: impl IntoIterator<Item = (&'a str, &'a Tensor)>) -> Result<Vec<u8>, String> {
    let small = |number: usize| u32::try_from(number).map_err(|_| "it has more than 4 GiB".to_owned());
    let (mut file, mut directory, mut count) = (Vec::new(), Vec::new(), 0_u16);
    for (name, tensor) in arrays {
        let name = format!("{name}.npy");
        let content = array_file::of_numbers(tensor);
        let (start, length) = (small(file.len())?, small(content.len())?);
        let name_length = u16::try_from(name.len()).map_err(|_| format!("the name `{name}` is too long"))?;
        // The part that the local header and the entry of the directory have in common.
        let mut about = Vec::new();
        // Names are UTF-8 (bit 11), and the content is stored as it is.
        for number in [VERSION, 1 << 11, 0, TIME_AND_DATE[0], TIME_AND_DATE[1]] {
            about.extend(number.to_le_bytes());
        }
        for number in [crc32fast::hash(&content), length, length] {
            about.extend(number.to_le_bytes());
        }
        about.extend(name_length.to_le_bytes());
        about.extend([0; 2]);

        file.extend(b"PK\x03\x04");
        file.extend(&about);
        file.extend(name.as_bytes());
        file.extend(content);
        directory.extend(b"PK\x01\x02");
        directory.extend(VERSION.to_le_bytes());
        directory.extend(&about);
        // Comment, disk and attributes.
        directory.extend([0; 10]);
        directory.extend(start.to_le_bytes());
        directory.extend(name.as_bytes());
        count = count.checked_add(1).ok_or("it has more than 65,535 arrays")?;
    }
    let (start, length) = (small(file.len())?, small(directory.len())?);
    file.extend(directory);
    file.extend(b"PK\x05\x06");
    file.extend([0; 4]);
    file.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    file.extend(length.to_le_bytes());
    file.extend(start.to_le_bytes());
    file.extend([0; 2]);
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::ArrayD;
    use ndarray_npy::ReadNpyExt;

    /// Reads the archive from its directory, as programs do.
    fn entries(file: &[u8]) -> Vec<(String, Vec<u8>)> {
        let number = |at: usize, size: usize| {
            file[at..at + size].iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
        };
        let end = file.len() - 22;
        assert_eq!(file[end..end + 4], *b"PK\x05\x06");
        let mut at = number(end + 16, 4);
        let mut found = Vec::new();
        for _ in 0..number(end + 10, 2) {
            assert_eq!(file[at..at + 4], *b"PK\x01\x02");
            let (checksum, length, name) = (number(at + 16, 4), number(at + 24, 4), number(at + 28, 2));
            let start = number(at + 42, 4);
            assert_eq!(file[start..start + 4], *b"PK\x03\x04");
            assert_eq!(file[start + 14..start + 30], file[at + 16..at + 32], "both headers say the same");
            let content = &file[start + 30 + name..][..length];
            assert_eq!(crc32fast::hash(content) as usize, checksum);
            found.push((String::from_utf8(file[at + 46..][..name].to_vec()).unwrap(), content.to_vec()));
            at += 46 + name;
        }
        assert_eq!(at, end);
        found
    }

    #[test]
    fn arrays_come_back_by_name() {
        let [a, b] = [Tensor::from_fn([2, 3], |i| i as f32), Tensor::scalar(-1.5)];
        let arrays = [("generator.conv.weight", &a), ("\u{e9}", &b)];
        let file = archive(arrays).unwrap();
        assert_eq!(file, archive(arrays).unwrap());
        let entries = entries(&file);
        assert_eq!(entries.len(), 2);
        for ((name, tensor), (entry, content)) in arrays.iter().zip(&entries) {
            assert_eq!(*entry, format!("{name}.npy"));
            let array = ArrayD::<f32>::read_npy(&content[..]).unwrap();
            assert_eq!(array.shape(), &**tensor.shape());
            assert_eq!(array.as_slice().unwrap(), tensor.data());
        }
    }
}

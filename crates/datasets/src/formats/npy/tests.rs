//! Valid files, invalid files, and files with every byte changed.

use super::*;
use crate::error::ErrorKind;
use std::fs;

/// A version 1.0 file with this header text and payload.
fn file(text: &str, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    [MAGIC, &[1, 0], &length.to_le_bytes(), text.as_bytes(), payload].concat()
}

/// A file as NumPy writes it: padded so that the pixels start at a multiple of 64.
fn written(shape: &str, payload: &[u8]) -> Vec<u8> {
    let mut text = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}");
    while !(text.len() + 11).is_multiple_of(64) {
        text.push(' ');
    }
    text.push('\n');
    file(&text, payload)
}

/// Some pixels that differ.
fn pixels(count: usize) -> Vec<u8> {
    (0..count * 784).map(|index| (index * 31 % 251) as u8).collect()
}

/// Loads these bytes from a file.
fn load(bytes: &[u8]) -> Result<Images, DataError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("images.npy");
    fs::write(&path, bytes).unwrap();
    load_npy(&path)
}

#[test]
fn both_shapes_load() {
    for shape in ["(3, 784)", "(3, 28, 28)"] {
        let images = load(&written(shape, &pixels(3))).unwrap();
        assert_eq!((images.count(), images.height(), images.width(), images.channels()), (3, 28, 28, 1));
        assert_eq!(images.image(1).unwrap(), &pixels(3)[784..1568]);
        assert_eq!(images.origin(), "images.npy (3 images 28x28)");
    }
}

#[test]
fn all_versions_and_spellings_of_bytes_load() {
    let text = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 784), }\n";
    for version in [2_u8, 3] {
        let length = (text.len() as u32).to_le_bytes();
        let bytes = [MAGIC, &[version, 0], &length, text.as_bytes(), &pixels(2)].concat();
        assert_eq!(load(&bytes).unwrap().count(), 2, "version {version}");
    }
    for spelling in ["u1", "<u1", ">u1", "=u1", "B", "|B", "uint8"] {
        let bytes = file(&text.replace("|u1", spelling), &pixels(2));
        assert_eq!(load(&bytes).unwrap().image(1).unwrap(), &pixels(2)[784..], "{spelling}");
    }
    assert_eq!(load(&file(&text.replace("(2, 784)", "(2L, 784L)"), &pixels(2))).unwrap().count(), 2);
    // A header longer than the part that is read first.
    assert_eq!(
        load(&file(&(text.to_owned() + &" ".repeat(3000)), &pixels(2))).unwrap().image(0).unwrap(),
        &pixels(2)[..784]
    );
}

/// The message must contain each of the words, which are separated by `|`.
fn assert_refused(name: &str, bytes: &[u8], words: &str) {
    let error = load(bytes).expect_err(name);
    let message = error.to_string();
    for word in words.split(';') {
        assert!(message.contains(word), "{name}: no {word:?} in\n{message}");
    }
    assert!(message.contains("file: ") && message.contains("images.npy"), "{name}:\n{message}");
    assert!(!error.why().is_empty() && !error.help().text().is_empty() && !error.what().contains('\n'), "{name}");
}

#[test]
fn what_is_not_a_numpy_file_is_named() {
    let cases: [(&str, &[u8], &str); 15] = [
        ("empty", b"", "empty (0 bytes)"),
        ("text", b"hello, world", "not a NumPy file;68 65 6c 6c 6f 2c 20 77"),
        ("one byte", b"x", "not a NumPy file;starts with 78;"),
        ("web page", b"<!DOCTYPE html><html>404</html>", "web page saved as data;download"),
        ("web page, lower case after blanks", b"\n  <html><body>no</body></html>", "web page saved as data"),
        ("web page with a mark", b"\xef\xbb\xbf<!doctype HTML>", "web page saved as data"),
        ("xml", b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>", "web page saved as data"),
        ("json", b"{\"error\": 404}", "JSON;download"),
        ("gzip", b"\x1f\x8b\x08\0\0\0", "gzip;unpack"),
        ("zip", b"PK\x03\x04\0\0", "zip;unpack"),
        ("png", b"\x89PNG\r\n\x1a\n", "PNG picture"),
        ("pickle", b"\x80\x04\x95", "pickle"),
        ("pointer", b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        ("magic cut", b"\x93NUM", "ends within its header;10;4"),
        ("version 9.9", b"\x93NUMPY\x09\x09\0\0", "NumPy format 9.9;1.0, 2.0 and 3.0"),
    ];
    for (name, bytes, words) in cases {
        assert_refused(name, bytes, words);
    }
}

#[test]
fn headers_that_lie_are_refused() {
    let good = "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 784), }\n";
    let cases: [(&str, &str, &str); 36] = [
        ("complex", "'descr': '<c8'|", "64-bit complex numbers;<c8;wanted booleans, integers or floats;astype"),
        ("long double", "'descr': '<f16'|", "128-bit floats;<f16"),
        ("wide in bytes", "'descr': '<f4'|", "claims 9408 bytes;2352 are there"),
        ("object", "'descr': '|O'|", "Python objects;need pickle;refused"),
        ("text", "'descr': '<U7'|", "text, not numbers"),
        ("record", "'descr': [('a', '|u1'), ('b', '<f4')]|", "records of several fields"),
        ("nonsense", "'descr': 'zebra'|", "unknown type;zebra;wanted booleans"),
        ("unquoted dtype", "'descr': u1|", "unknown type;dtype u1"),
        ("empty dtype", "'descr': ''|", "unknown type"),
        ("escape codes", "'descr': '\u{e9}'|", "not text;byte at position"),
        ("order unknown", "'fortran_order': 0|", "'fortran_order' is 0;True or False"),
        ("flat", "'shape': (2352,)|", "(2352,);(N, height, width);stack"),
        ("scalar", "'shape': ()|", "();(N, 784)"),
        ("two channels", "'shape': (3, 28, 28, 2)|", "(3, 28, 28, 2);(N, 784);keep one channel"),
        ("one picture", "'shape': (28, 28, 3)|", "(28, 28, 3);one picture;stack"),
        ("larger than there is", "'shape': (3, 32, 32)|", "claims 3072 bytes"),
        ("transposed", "'shape': (784, 3)|", "(784, 3);reshape"),
        ("many lengths", "'shape': (1,1,1,1,1,1,1,1,1,1,1)|", "(1, 1, 1, 1, 1, 1, 1, 1, ...)"),
        ("overflow", "'shape': (36893488147419103, 784)|", "impossible shape;36893488147419103"),
        ("overflow beside a zero", "'shape': (0, 18446744073709551615, 784)|", "impossible shape"),
        ("overflow of one length", "'shape': (99999999999999999999999, 784)|", "impossible shape"),
        ("claims 7.8 GB", "'shape': (10000000, 784)|", "claims 7840000000 bytes;2352 are there;truncated?"),
        ("claims one more", "'shape': (4, 784)|", "claims 3136 bytes;2352 are there;truncated?"),
        ("trailing", "'shape': (2, 784)|", "longer;784 extra bytes"),
        ("no images", "'shape': (0, 784)|", "no images"),
        ("negative", "'shape': (-3, 784)|", "impossible shape;is -3;whole numbers"),
        ("float length", "'shape': (3.0, 784)|", "is 3.0;whole numbers"),
        ("empty length", "'shape': (3, , 784)|", "whole numbers"),
        ("a number", "'shape': (3)|", "'shape' is (3);tuple"),
        ("a list", "'shape': [3, 784]|", "'shape' is [3, 784];tuple"),
        ("no shape", "'shape'|-", "has no 'shape'"),
        ("no dtype", "'descr'|-", "has no 'descr'"),
        ("no order", "'fortran_order'|-", "has no 'fortran_order'"),
        ("twice", "'shape': (3, 784), 'shape': (3, 784)|", "has 'shape' twice"),
        ("unknown", "'shape': (3, 784), 'colour': 1|", "has 'colour';only keys should be 'descr'"),
        ("control", "'shape': (3, 784),\0|", "not text"),
    ];
    let entries = ["'descr': '|u1'", "'fortran_order': False", "'shape': (3, 784)"];
    for (name, change, words) in cases {
        // A case replaces the entry with its key; `-` leaves it out.
        let (entry, how) = change.rsplit_once('|').unwrap();
        let old = entries.iter().find(|old| entry.starts_with(&old[..6])).unwrap();
        let text = if how == "-" { good.replace(&format!("{old}, "), "") } else { good.replace(old, entry) };
        assert_refused(name, &file(&text, &pixels(3)), words);
    }
}

/// A file of 2x2 pictures with this type and these numbers.
fn typed(descr: &str, order: &str, shape: &str, numbers: &[u8]) -> Vec<u8> {
    file(&format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n"), numbers)
}

/// The images that these bytes are read as: the bytes of all images, and the note about the
/// conversion.
fn read_as(bytes: &[u8], range: Option<ValueRange>) -> Result<(Vec<u8>, Option<String>), DataError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("images.npy");
    fs::write(&path, bytes).unwrap();
    let LoadedArray { images, note, .. } = load_array(&path, range, None)?;
    Ok(((0..images.count()).flat_map(|index| images.image(index).unwrap().into_owned()).collect(), note))
}

#[test]
fn numbers_of_every_type_are_read_by_their_range() {
    let little = |numbers: &[f32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let big = |numbers: &[f64]| numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<u8>>();
    let whole = |numbers: &[i64]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let deep = |numbers: &[u16]| numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<u8>>();
    for (descr, numbers, bytes, note) in [
        ("<f4", little(&[0.0, 0.5, 1.0, 0.2]), [0, 128, 255, 51], "float32, read as bytes: 0 is black, 1 is white"),
        ("<f4", little(&[-0.004, 0.5, 1.004, 0.2]), [0, 128, 255, 51], "0 is black, 1 is white"),
        ("<f4", little(&[-1.0, 0.0, 1.0, 0.2]), [0, 128, 255, 153], "-1 is black, 1 is white"),
        (">f8", big(&[0.0, 7.0, 254.6, 255.0]), [0, 7, 255, 255], "float64, read as bytes: 0 is black, 255 is white"),
        ("|b1", vec![0, 1, 1, 0], [0, 255, 255, 0], "bool, read as bytes: 0 is black, 1 is white"),
        ("<i8", whole(&[0, 1, 200, 255]), [0, 1, 200, 255], "int64, read as bytes: 0 is black, 255 is white"),
        ("<i8", whole(&[0, 1, 1, 0]), [0, 255, 255, 0], "0 is black, 1 is white"),
        (">u2", deep(&[0, 257, 65_535, 32_896]), [0, 1, 255, 128], "uint16, read as bytes: 0 is black, 65535 is white"),
        ("|i1", vec![0x80, 0, 0x7F, 0xFF], [0, 128, 255, 127], "-128 is black, 127 is white"),
    ] {
        let (read, line) = read_as(&typed(descr, "False", "(1, 2, 2)", &numbers), None).unwrap();
        assert_eq!(read, bytes, "{descr}");
        assert!(line.as_deref().is_some_and(|line| line.contains(note)), "{descr}: {line:?}");
    }
    let twelve_bits = ValueRange::parse("0..4095").unwrap();
    let file = typed(">u2", "False", "(1, 2, 2)", &deep(&[0, 4095, 65_535, 819]));
    assert_eq!(read_as(&file, twelve_bits).unwrap().0, [0, 255, 255, 51]);
    let turned = ValueRange::parse("255..0").unwrap();
    assert_eq!(read_as(&typed("|u1", "False", "(1, 2, 2)", &[0, 255, 5, 250]), turned).unwrap().0, [255, 0, 250, 5]);
}

#[test]
fn numbers_that_are_no_pixels_are_refused_and_the_advice_helps() {
    let little = |numbers: &[f32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let refused =
        |numbers: &[f32]| read_as(&typed("<f4", "False", "(1, 2, 2)", &little(numbers)), None).unwrap_err().to_string();
    assert!(refused(&[0.0, 1.0, f32::NAN, 0.5]).contains("element 2 of the array (counted from 0) is NaN"));
    assert!(refused(&[0.0, f32::INFINITY, 1.0, 0.5]).contains("element 1 of the array (counted from 0) is inf"));
    let standardised = [-2.5, 0.0, 2.5, 1.25];
    let error = refused(&standardised);
    let setting = error.split_once("--set images.range=").unwrap().1.split('`').next().unwrap();
    let levels = ValueRange::parse(setting).unwrap();
    let file = typed("<f4", "False", "(1, 2, 2)", &little(&standardised));
    assert_eq!(read_as(&file, levels).unwrap().0, [0, 128, 255, 191]);
    assert!(refused(&[-0.4, 0.0, 2.9, 1.0]).contains("--set images.range=-0.4..2.9"));
    let negative: Vec<u8> = [-1_i64, 0, 1, 1].iter().flat_map(|number| number.to_le_bytes()).collect();
    assert!(read_as(&typed("<i8", "False", "(1, 2, 2)", &negative), None).is_err());
}

#[test]
fn orders_and_channels_are_brought_to_one() {
    // Two pictures of 2 rows and 5 columns: image * 100 + row * 10 + column.
    let value = |image: u8, row: u8, column: u8| image * 100 + row * 10 + column;
    let c: Vec<u8> = (0..2).flat_map(|i| (0..2).flat_map(move |r| (0..5).map(move |col| value(i, r, col)))).collect();
    let fortran: Vec<u8> =
        (0..5).flat_map(|col| (0..2).flat_map(move |r| (0..2).map(move |i| value(i, r, col)))).collect();
    for shape in ["(2, 2, 5)", "(2, 2, 5, 1)", "(2, 1, 2, 5)"] {
        for (order, numbers) in [("False", &c), ("True", &fortran)] {
            let (read, note) = read_as(&typed("|u1", order, shape, numbers), None).unwrap();
            assert_eq!(read, c, "{shape} {order}");
            assert_eq!(note.is_none(), order == "False" && !shape.contains("1, 2, 5"), "{shape} {order}: {note:?}");
        }
    }
    // One colour picture of one row and two columns, stored in planes.
    let (read, note) = read_as(&typed("|u1", "False", "(1, 3, 1, 2)", &[1, 2, 3, 4, 5, 6]), None).unwrap();
    assert_eq!(read, [1, 3, 5, 2, 4, 6]);
    assert!(note.unwrap().contains("channels"));
    // Flat images are rows in either order.
    let flat: Vec<u8> = (0..784 * 2).map(|at| (at % 251) as u8).collect();
    let turned: Vec<u8> = (0..784).flat_map(|at| [flat[at], flat[784 + at]]).collect();
    assert_eq!(read_as(&typed("|u1", "True", "(2, 784)", &turned), None).unwrap().0, flat);
}

#[test]
fn headers_that_are_no_dictionaries_are_refused() {
    let cases = [
        ("blank", "    \n", "column;starts with {"),
        ("no text", "", "starts with {"),
        ("list", "['descr']", "column 1;starts with {"),
        ("open", "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 784), ", "not closed;column"),
        ("open at once", "{", "column 2;not closed"),
        ("open tuple", "{'shape': (3, 784, 'descr': '|u1'}", "column 34;bracket"),
        ("open string", "{'shape': (3, 784), 'descr': '|u1}", "column 30;no end"),
        ("open key", "{'shape", "column 2;expected a key in quotes"),
        ("bare key", "{shape: (3, 784)}", "column 2;expected a key in quotes"),
        ("no colon", "{'shape' (3, 784)}", "column 10;colon"),
        ("no value", "{'shape'", "column 9;colon"),
        ("backslash", "{'sha\\x70e': (3, 784)}", "key in quotes"),
        ("more", "{} {}", "column 4;after the dictionary"),
        ("empty", "{}", "has no 'descr'"),
        ("deep", &format!("{{'descr': {}", "(".repeat(9_900)), "not closed"),
    ];
    for (name, text, words) in cases {
        assert_refused(name, &file(text, &pixels(3)), words);
    }
}

#[test]
fn header_lengths_are_held_against_the_file() {
    let past = [MAGIC, &[1, 0], &500_u16.to_le_bytes(), &[b' '; 100]].concat();
    assert_refused("past the end", &past, "ends within its header;byte 510;byte 110");
    let huge = [MAGIC, &[2, 0], &u32::MAX.to_le_bytes(), &[b' '; 100]].concat();
    assert_refused("4 GiB", &huge, "ends within its header;byte 4294967307;byte 112");
    let long = [MAGIC, &[2, 0], &10_001_u32.to_le_bytes(), &[b' '; 20_000]].concat();
    assert_refused("too long", &long, "too long;10001 bytes;at most 10000");
    let bad = [MAGIC, &[3, 0], &4_u32.to_le_bytes(), b"{\xff\xff}"].concat();
    assert_refused("not UTF-8", &bad, "not text;position 13");
}

#[test]
fn what_is_not_a_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = load_npy(folder.path()).unwrap_err();
    assert!(error.what().contains("expected a file, found a folder"), "{error}");
    let error = load_npy(&folder.path().join("none.npy")).unwrap_err();
    assert!(error.kind() == ErrorKind::NotFound, "{error}");
    let error = load_npy(&folder.path().join("no\0name.npy")).unwrap_err();
    assert!(error.kind() == ErrorKind::Unreadable, "{error}");
    #[cfg(unix)]
    {
        let error = load_npy(Path::new("/dev/zero")).unwrap_err();
        assert!(error.what().contains("a device"), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn a_file_we_may_not_read_gives_the_systems_words() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.npy");
    fs::write(&path, written("(1, 784)", &pixels(1))).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    match load_npy(&path) {
        // Some users (root) may read everything.
        Ok(images) => assert_eq!(images.count(), 1),
        Err(error) => assert!(error.why().contains("the system said: "), "{error}"),
    }
}

/// Reads from memory as `load_npy` reads from a file; the test only requires that it returns.
fn read(bytes: &[u8]) -> bool {
    read_of(bytes, bytes.len() as u64)
}

/// Like [`read`], for a file that had `length` bytes when its length was read.
fn read_of(bytes: &[u8], length: u64) -> bool {
    let mut file = io::Cursor::new(bytes);
    let array = examine(&mut file, length, None, None);
    array.is_ok_and(|Array { layout, fortran, flat, extent }| {
        if fortran {
            return Array { layout, fortran, flat, extent }.read_fortran(&mut file).is_ok();
        }
        let records = bytes.get(layout.first as usize..).unwrap_or_default();
        let whole = records.len() == layout.count * layout.record_len();
        let mut image = vec![0; layout.image_len()];
        records.chunks_exact(layout.record_len()).for_each(|record| layout.decode(record, &mut image));
        whole
    })
}

#[test]
fn no_changed_byte_and_no_cut_makes_it_panic() {
    let good = written("(2, 784)", &pixels(2));
    assert!(read(&good));
    for position in 0..128 {
        let mut bytes = good.clone();
        for value in 0..=255 {
            bytes[position] = value;
            let accepted = read(&bytes);
            assert!(!accepted || value == good[position] || position >= 10, "byte {position} = {value}");
        }
    }
    for length in 0..good.len() {
        assert!(!read(&good[..length]), "cut at {length}");
    }
    // Two bytes at a time in the dictionary, replaced by characters that have a meaning there.
    let letters = b"{}()[]'\",:\\ \n0L-";
    for first in 10..74 {
        for second in first + 1..74 {
            for pair in letters.windows(2) {
                let mut bytes = good.clone();
                (bytes[first], bytes[second]) = (pair[0], pair[1]);
                read(&bytes);
            }
        }
    }
}

#[test]
fn a_file_that_shrinks_while_it_is_read_is_an_error() {
    let good = written("(2, 784)", &pixels(2));
    for present in [0, 5, 11, 60, 700, good.len() - 1] {
        assert!(!read_of(&good[..present], good.len() as u64), "{present} bytes");
    }
    // Also the bytes between the header and the images.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    for most in [0, u64::MAX] {
        fs::write(&path, &good).unwrap();
        let images = load_npy(&path).unwrap();
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(700).unwrap();
        let error = images.load_into_memory(most).and_then(|images| images.image(1).map(drop)).unwrap_err();
        assert!(error.what().contains("changed") && error.why().contains("700"), "{error}");
    }
}

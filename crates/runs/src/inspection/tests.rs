//! Inspected files of every kind.

use super::*;
use std::fs;

fn npy(descr: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}\n");
    [&b"\x93NUMPY\x01\0"[..], &(header.len() as u16).to_le_bytes(), header.as_bytes(), values].concat()
}

fn inspected(name: &str, bytes: &[u8]) -> Result<Inspection, Failure> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), bytes).unwrap();
    inspect(&folder.path().join(name))
}

#[test]
fn an_array_is_measured_and_what_is_not_finite_counted() {
    let values: Vec<u8> = [1.0_f32, -3.0, f32::NAN, 5.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    let found = inspected("a.npy", &npy("<f4", "2, 2", &values)).unwrap();
    let [array] = &found.arrays[..] else { panic!("one array") };
    assert_eq!((&*array.name, &*array.dtype, &array.shape[..]), ("a.npy", "float32", &[2, 2][..]));
    assert_eq!((array.min, array.max, array.mean, array.not_finite), (Some(-3.0), Some(5.0), Some(1.0), 1));
    // As `sha256sum` says of the last 16 bytes.
    assert_eq!(array.sha256, "d73c60ad892719945ab8ad4499fe4367ea3290119d3706b916ef6ff7fd8113ed");
    let text = found.to_string();
    assert!(text.contains("1 array, 4 numbers, 1 of them NaN or infinite"), "{text}");
    assert_eq!(found.json()["arrays"][0]["max"], 5.0);
    assert!(inspected("a.npy", &npy("<f4", "2, 3", &values)).unwrap_err().to_string().contains("16 bytes"));
}

/// What a file says about itself may come from a stranger.
#[test]
fn a_file_cannot_write_to_the_terminal() {
    let mut found = inspected("a.npy", &npy("<f4", "1,", &[0; 4])).unwrap();
    found.about = vec![("system", "\u{1b}[2J".to_owned())];
    found.arrays[0].name = "\u{1b}[3J".to_owned();
    let text = found.to_string();
    assert!(text.contains(r"system       \u{1b}[2J") && !text.contains('\u{1b}'), "{text:?}");
    assert!(text.contains("1 array, 1 number, all finite"), "{text:?}");
}

#[test]
fn safetensors_of_every_type_are_read() {
    let header = r#"{"b":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]},"a":{"dtype":"I64","shape":[],"data_offsets":[4,12]}}"#;
    let mut file = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &[0x80, 0x3f, 0, 0xc0]].concat();
    file.extend((-7_i64).to_le_bytes());
    let found = inspected("x.safetensors", &file).unwrap();
    assert_eq!(found.kind, "safetensors file");
    let [a, b] = &found.arrays[..] else { panic!("two arrays") };
    assert_eq!((a.min, b.max, b.min), (Some(-7.0), Some(1.0), Some(-2.0)));
    assert!(found.to_string().contains("scalar"), "{found}");
    for cut in [0, 4, 20, file.len() - 1] {
        assert_eq!(inspected("x.safetensors", &file[..cut]).unwrap_err().code, Code::Checkpoint, "{cut}");
    }
    let mut claims = file.clone();
    claims[..8].fill(0xFF);
    assert!(inspected("x.safetensors", &claims).is_err());
}

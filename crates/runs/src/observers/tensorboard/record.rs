//! The bytes of an event file: records, and the few protocol buffers in them.
//!
//! A record is the length of its data (u64), a checksum of these 8 bytes, the data, and a checksum
//! of the data, all little-endian (TensorFlow's TFRecord). The checksum is a CRC-32C, rotated right
//! by 15 bits plus a constant ("masked"). The data is an `Event` of TensorFlow's `event.proto`.

use std::io::{self, Read};

use crate::protobuf::Message;

/// The largest record that is read. The largest that is written is a sheet of samples.
const LARGEST: u64 = 1 << 28;

/// The CRC-32C (Castagnoli) of `bytes`.
fn crc32c(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0x82F6_3B78;
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut at = 0;
        while at < 256 {
            let (mut crc, mut bit) = (at as u32, 0);
            while bit < 8 {
                crc = if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
                bit += 1;
            }
            table[at] = crc;
            at += 1;
        }
        table
    };
    !bytes.iter().fold(!0_u32, |crc, byte| TABLE[(crc as u8 ^ byte) as usize] ^ crc >> 8)
}

fn masked(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xA282_EAD8)
}

/// The record of this data.
pub(super) fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let [of_length, of_data] = [&length[..], data].map(|bytes| masked(bytes).to_le_bytes());
    [&length[..], &of_length, data, &of_data].concat()
}

/// How a file of records ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// After a whole record.
    Whole,
    /// Within a record, as a process that is killed leaves it.
    Torn,
    /// At a record whose checksum is wrong; what follows cannot be read.
    Damaged,
}

/// Passes the data of each record of `file` to `visit`.
///
/// # Errors
/// When the file cannot be read, or `visit` fails.
pub(super) fn read(file: &mut dyn Read, visit: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<End> {
    loop {
        let mut start = Vec::new();
        file.take(12).read_to_end(&mut start)?;
        let Some((length, checksum)) = start.split_first_chunk::<8>() else {
            return Ok(if start.is_empty() { End::Whole } else { End::Torn });
        };
        if checksum.len() < 4 {
            return Ok(End::Torn);
        }
        let size = u64::from_le_bytes(*length);
        if masked(length).to_le_bytes() != *checksum || size > LARGEST {
            return Ok(End::Damaged);
        }
        let mut data = Vec::new();
        file.take(size + 4).read_to_end(&mut data)?;
        if (data.len() as u64) < size + 4 {
            return Ok(End::Torn);
        }
        let checksum = data.split_off(size as usize);
        if masked(&data).to_le_bytes() != *checksum {
            return Ok(End::Damaged);
        }
        visit(&data)?;
    }
}

/// A PNG image and what its header says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Png<'a> {
    pub(super) width: u32,
    pub(super) height: u32,
    /// 1 for grey, 3 for colour.
    pub(super) channels: u32,
    pub(super) bytes: &'a [u8],
}

/// What an event holds besides time and step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content<'a> {
    /// The first event of a file: its format.
    Version,
    /// Numbers by their tags.
    Scalars(&'a [(&'a str, f64)]),
    /// An image by its tag.
    Image(&'a str, Png<'a>),
}

/// The data of an event.
pub(super) fn event(seconds: f64, step: u64, content: Content<'_>) -> Vec<u8> {
    let mut event = Message::default();
    event.fixed(1, &seconds.to_le_bytes());
    if step > 0 {
        event.number(2, step);
    }
    match content {
        Content::Version => event.bytes(3, b"brain.Event:2"),
        Content::Scalars(values) => {
            let mut summary = Message::default();
            for (tag, value) in values {
                let mut one = Message::default();
                one.bytes(1, tag.as_bytes());
                one.fixed(2, &(*value as f32).to_le_bytes());
                summary.bytes(1, &one.0);
            }
            event.bytes(5, &summary.0);
        }
        Content::Image(tag, png) => {
            let [mut image, mut one, mut summary] = [(); 3].map(|()| Message::default());
            for (field, number) in [(1, png.height), (2, png.width), (3, png.channels)] {
                image.number(field, number.into());
            }
            image.bytes(4, png.bytes);
            one.bytes(1, tag.as_bytes());
            one.bytes(4, &image.0);
            summary.bytes(1, &one.0);
            event.bytes(5, &summary.0);
        }
    }
    event.0
}

/// The step of an event; 0 if it says none, None if this is no event.
pub(super) fn step_of(event: &[u8]) -> Option<u64> {
    let mut rest = event;
    let mut step = 0;
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        match key & 7 {
            0 => {
                let number = varint(&mut rest)?;
                if key >> 3 == 2 {
                    step = number;
                }
            }
            1 => rest = rest.get(8..)?,
            2 => {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                rest = rest.get(length..)?;
            }
            5 => rest = rest.get(4..)?,
            _ => return None,
        }
    }
    Some(step)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for place in 0..10 {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7F) << (7 * place);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the catalogue of CRC algorithms.
    #[test]
    fn checksums_are_those_of_castagnoli() {
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(crc32c(b""), 0);
        assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA, "RFC 3720, B.4");
    }

    fn decoded(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    /// Three events that TensorBoard itself wrote (`tools/tensorboard.py --write`): the version,
    /// two numbers at step 300, an image at step 5.
    const THEIRS: &str = include_str!("theirs.hex");

    #[test]
    fn the_bytes_are_those_that_tensorboard_writes() {
        let theirs = decoded(THEIRS);
        let png = Png { width: 2, height: 1, channels: 3, bytes: b"not a real image" };
        let ours = [
            event(1.5, 0, Content::Version),
            event(2.25, 300, Content::Scalars(&[("d_loss", 0.5), ("g_loss", -1.25)])),
            event(3.0, 5, Content::Image("samples", png)),
        ];
        assert_eq!(ours.iter().flat_map(|data| record(data)).collect::<Vec<_>>(), theirs);
        let mut steps = Vec::new();
        let mut visit = |data: &[u8]| {
            steps.push(step_of(data));
            Ok(())
        };
        assert_eq!(read(&mut &theirs[..], &mut visit).unwrap(), End::Whole);
        assert_eq!(steps, [Some(0), Some(300), Some(5)]);
    }

    #[test]
    fn a_torn_or_damaged_file_gives_the_records_before() {
        let bytes = [record(b"first"), record(b"second")].concat();
        let count = |bytes: &[u8]| {
            let mut count = 0;
            let end = read(&mut &bytes[..], &mut |_| {
                count += 1;
                Ok(())
            });
            (end.unwrap(), count)
        };
        assert_eq!(count(&bytes), (End::Whole, 2));
        for length in 22..bytes.len() {
            assert_eq!(count(&bytes[..length]), (End::Torn, 1), "{length}");
        }
        for at in 21..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 4;
            assert_eq!(count(&bytes), (End::Damaged, 1), "{at}");
        }
    }

    #[test]
    fn what_is_no_event_has_no_step() {
        for bytes in [&[0xFF; 12][..], &[0x10], &[0x2a, 9, 1], &[0x09, 1], &[0x0b]] {
            assert_eq!(step_of(bytes), None, "{bytes:?}");
        }
    }
}

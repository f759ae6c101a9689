//! The bytes of a checkpoint file: encoding, and decoding of untrusted input.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::Path;

use safetensors::tensor::{Dtype, Metadata as Container, TensorInfo, View};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Checkpoint, Flaw};
use crate::config::MOST_STEPS;
use crate::plan::limits;
use nn::State;
use tensor::{MAX_AXES, Tensor};

/// The format version written, and the newest version that can be read.
const VERSION: u64 = 2;
/// The key of the metadata in the safetensors header.
const KEY: &str = "backdraw";
/// The text before the checksum in the header (JSON inside a JSON string, hence the backslashes).
const BEFORE_CHECKSUM: &str = r#"checksum\":\""#;
/// The placeholder for the checksum while it is calculated.
const NO_CHECKSUM: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// How many floats are converted to or from bytes at a time.
const AT_A_TIME: usize = 4096;
/// The longest header that is written or read. The largest systems here need about 300,000 bytes.
/// Parsing takes up to twenty times the header's length in memory, so the 100 MB that safetensors
/// allows could take 2 GB.
pub(super) const LONGEST_HEADER: u64 = 4 << 20;

/// The metadata. The version is parsed separately and first, because a later version may have other
/// fields.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    version: u64,
    checksum: String,
    system: String,
    step: u64,
    seed: u64,
    data: String,
    counters: BTreeMap<String, u64>,
    config: String,
    /// Since version 2.
    #[serde(default)]
    layouts: String,
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

/// A tensor as safetensors stores it. It is converted to bytes while it is written, so the state is
/// never in memory twice.
struct Stored<'a>(&'a Tensor);

impl View for Stored<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }
    fn shape(&self) -> &[usize] {
        self.0.shape()
    }
    fn data(&self) -> Cow<'_, [u8]> {
        little_endian(self.0.data()).into()
    }
    fn data_len(&self) -> usize {
        4 * self.0.size()
    }
}

/// The bytes of the file.
///
/// # Errors
/// When safetensors cannot represent the state, which the state of a system never causes.
pub(super) fn encode(checkpoint: &Checkpoint) -> Result<Vec<u8>, String> {
    let metadata = Metadata {
        version: VERSION,
        checksum: NO_CHECKSUM.to_owned(),
        system: checkpoint.system.clone(),
        step: checkpoint.step,
        seed: checkpoint.seed,
        data: checkpoint.data.clone(),
        counters: checkpoint.state.counters.clone(),
        config: checkpoint.config.clone(),
        layouts: checkpoint.layouts.clone(),
    };
    let metadata = serde_json::to_string(&metadata).map_err(|error| error.to_string())?;
    let tensors = checkpoint.state.tensors.iter().map(|(name, tensor)| (name, Stored(tensor)));
    let mut bytes = safetensors::serialize(tensors, Some([(KEY.to_owned(), metadata)].into_iter().collect()))
        .map_err(|error| error.to_string())?;
    let header = bytes.first_chunk().map_or(0, |start| u64::from_le_bytes(*start));
    if header > LONGEST_HEADER {
        return Err(format!("its header would have {header} bytes; at most {LONGEST_HEADER} are read"));
    }
    let text = &bytes[8..8 + header as usize];
    let place = 8 + checksum_place(text, NO_CHECKSUM).ok_or("no place for the checksum")?;
    let checksum = hex(&Sha256::digest(&bytes));
    bytes[place..place + checksum.len()].copy_from_slice(checksum.as_bytes());
    Ok(bytes)
}

/// Reads the file `path`.
///
/// # Errors
/// The first [`Flaw`] that is found.
pub(super) fn read(path: &Path) -> Result<Checkpoint, Flaw> {
    let (mut file, length) = open(path)?;
    decode(&mut file, length)
}

/// Opens the file `path`; returns it with its length.
///
/// # Errors
/// When it cannot be opened, is not a regular file, or is called like a pickle.
pub(crate) fn open(path: &Path) -> Result<(BufReader<File>, u64), Flaw> {
    let opened = open_any(path)?;
    let pickled = path.extension().is_some_and(|ending| {
        ["pt", "pth", "pkl", "pickle", "ckpt"].iter().any(|pickle| ending.eq_ignore_ascii_case(pickle))
    });
    if pickled { Err(Flaw::Pickle) } else { Ok(opened) }
}

/// As [`open`], whatever the file is called.
///
/// # Errors
/// When it cannot be opened, or is not a regular file.
pub(crate) fn open_any(path: &Path) -> Result<(BufReader<File>, u64), Flaw> {
    // Opening a pipe could block forever.
    let about = fs::metadata(path).map_err(unreadable)?;
    if !about.is_file() {
        return Err(Flaw::NotAFile(if about.is_dir() { "a folder" } else { "a device, pipe or socket" }));
    }
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    Ok((BufReader::new(file), length))
}

fn unreadable(error: std::io::Error) -> Flaw {
    Flaw::Unreadable(error.to_string())
}

/// As [`header`], for a file whose tensors are all read into memory.
///
/// # Errors
/// The first [`Flaw`] that is found.
pub(crate) fn container(file: &mut dyn Read, length: u64) -> Result<([u8; 8], String, Container), Flaw> {
    let found = header(file, length)?;
    let needed = found.2.data_len() as u64;
    if let Some(room) = limits::room().filter(|room| room.bytes < needed) {
        return Err(Flaw::TooLarge { needed, free: room.bytes, set_by: room.set_by });
    }
    Ok(found)
}

/// Reads the header of a .safetensors file of `length` bytes: its first bytes, its text, and what
/// it says. Sizes stated in the file are checked against its length and against limits before
/// memory is allocated.
///
/// # Errors
/// The first [`Flaw`] that is found.
pub(crate) fn header(file: &mut dyn Read, length: u64) -> Result<([u8; 8], String, Container), Flaw> {
    let (start, header) = read_header(file, length)?;
    let container: Container = serde_json::from_str(&header)
        .map_err(|error| Flaw::Container(format!("its header cannot be read: {error}")))?;
    let wanted = (container.data_len() as u64).saturating_add(8 + header.len() as u64);
    if length < wanted {
        return Err(Flaw::Incomplete { found: length, wanted: wanted.to_string() });
    }
    if length > wanted {
        let more = length - wanted;
        return Err(Flaw::Container(format!("{length} bytes, {more} more than its header describes")));
    }
    Ok((start, header, container))
}

/// Reads a checkpoint of `length` bytes. The tensors are read one at a time, so the memory needed
/// is that of the state and a header.
///
/// # Errors
/// The first [`Flaw`] that is found.
pub(super) fn decode(file: &mut dyn Read, length: u64) -> Result<Checkpoint, Flaw> {
    let mut hasher = Sha256::new();
    let (start, header, container) = container(file, length)?;
    let about = metadata(&container)?;

    // The checksum covers the file with zeros in the checksum's own place.
    hasher.update(start);
    match checksum_place(header.as_bytes(), &about.checksum) {
        Some(place) if about.checksum.len() == NO_CHECKSUM.len() => {
            hasher.update(&header[..place]);
            hasher.update(NO_CHECKSUM);
            hasher.update(&header[place + NO_CHECKSUM.len()..]);
        }
        _ => hasher.update(&header),
    }
    drop(header);
    let mut tensors = BTreeMap::new();
    let mut flaw = None;
    for name in container.offset_keys() {
        let Some(info) = container.info(&name) else { continue };
        match tensor(&name, info, file, &mut hasher)? {
            Ok(tensor) => drop(tensors.insert(name, tensor)),
            Err(found) => drop(flaw.get_or_insert(found)),
        }
    }
    let found = hex(&hasher.finalize());
    if found != about.checksum {
        return Err(Flaw::Checksum { written: about.checksum, found });
    }
    let state = State { tensors, counters: about.counters };
    let Metadata { system, step, seed, config, data, layouts, .. } = Metadata { counters: BTreeMap::new(), ..about };
    flaw.map_or(Ok(Checkpoint { system, step, seed, config, data, layouts, state }), Err)
}

/// Reads the first 8 bytes, and the header, whose length they encode.
fn read_header(file: &mut dyn Read, length: u64) -> Result<([u8; 8], String), Flaw> {
    let mut bytes = Vec::new();
    file.take(8).read_to_end(&mut bytes).map_err(unreadable)?;
    let start = bytes.first_chunk::<8>().copied();
    let header = start.map_or(u64::MAX, u64::from_le_bytes);
    // A pickle stream starts with 0x80 and its version; newer `.pt` files are zip archives. Read as
    // a header length, their first bytes exceed the limit. The bytes alone are not enough: the
    // valid length 640 also starts with 0x80 and 2.
    if header > LONGEST_HEADER && matches!(bytes.as_slice(), [0x80, 2..=5, ..] | [b'P', b'K', 3, 4, ..]) {
        return Err(Flaw::Pickle);
    }
    let Some(start) = start else {
        return Err(Flaw::Incomplete { found: length, wanted: "at least 8".to_owned() });
    };
    if header > LONGEST_HEADER {
        let why = format!("its first 8 bytes claim a header of {header} bytes; at most {LONGEST_HEADER} are read");
        return Err(Flaw::Container(why));
    }
    if length < 8 + header {
        return Err(Flaw::Incomplete { found: length, wanted: format!("at least {}", 8 + header) });
    }
    bytes.clear();
    file.take(header).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 != header {
        return Err(Flaw::Incomplete { found: 8 + bytes.len() as u64, wanted: format!("at least {}", 8 + header) });
    }
    let text = String::from_utf8(bytes).map_err(|error| Flaw::Container(format!("its header is not text: {error}")))?;
    Ok((start, text))
}

/// Parses the metadata that this program wrote.
fn metadata(container: &Container) -> Result<Metadata, Flaw> {
    let text = container.metadata().as_ref().and_then(|all| all.get(KEY)).ok_or(Flaw::Foreign)?;
    let bad = |error: serde_json::Error| Flaw::Metadata(error.to_string());
    let Version { version } = serde_json::from_str(text).map_err(bad)?;
    if version > VERSION {
        return Err(Flaw::Newer { found: version, known: VERSION });
    }
    let about: Metadata = serde_json::from_str(text).map_err(bad)?;
    if about.step > MOST_STEPS {
        return Err(Flaw::Metadata(format!(
            "it claims to be of step {}, but no run has more than {MOST_STEPS}",
            about.step
        )));
    }
    Ok(about)
}

/// The position of the checksum `text` in the header. A configuration that contains the same words
/// does no harm: writer and reader both use the first occurrence.
fn checksum_place(header: &[u8], text: &str) -> Option<usize> {
    let wanted = format!("{BEFORE_CHECKSUM}{text}");
    let start = header.windows(wanted.len()).position(|window| window == wanted.as_bytes())?;
    Some(start + BEFORE_CHECKSUM.len())
}

/// Reads the next tensor of the file. Its length was already checked against the file's. The inner
/// error is for a tensor that was read completely but has an unusable type, shape or value; the
/// caller can then go on reading and verify the checksum.
pub(crate) fn tensor(
    name: &str,
    info: &TensorInfo,
    file: &mut dyn Read,
    hasher: &mut Sha256,
) -> Result<Result<Tensor, Flaw>, Flaw> {
    let mut left = info.data_offsets.1 - info.data_offsets.0;
    let is_f32 = info.dtype == Dtype::F32;
    let mut data: Vec<f32> = Vec::new();
    if is_f32 {
        let no_memory = |_| Flaw::Unreadable(format!("no memory for the {left} bytes of tensor `{name}`"));
        data.try_reserve_exact(left / 4).map_err(no_memory)?;
    }
    let mut piece = [0_u8; 4 * AT_A_TIME];
    while left > 0 {
        let piece = &mut piece[..left.min(4 * AT_A_TIME)];
        file.read_exact(piece).map_err(unreadable)?;
        hasher.update(&*piece);
        left -= piece.len();
        if is_f32 {
            let (words, _) = piece.as_chunks::<4>();
            data.extend(words.iter().map(|word| f32::from_le_bytes(*word)));
        }
    }
    if !is_f32 {
        return Ok(Err(Flaw::Type { name: name.to_owned(), found: format!("{:?}", info.dtype) }));
    }
    let count = data.iter().filter(|number| !number.is_finite()).count();
    if count > 0 {
        return Ok(Err(Flaw::NonFinite { name: name.to_owned(), count }));
    }
    if info.shape.len() > MAX_AXES {
        return Ok(Err(Flaw::Axes { name: name.to_owned(), found: info.shape.len() }));
    }
    // safetensors has checked that shape and length agree; checked again here because a mismatch
    // would panic below.
    if info.shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size)) != Some(data.len()) {
        return Ok(Err(Flaw::Container(format!("the size of tensor `{name}` does not match its shape"))));
    }
    Ok(Ok(Tensor::new(&info.shape, data)))
}

fn little_endian(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

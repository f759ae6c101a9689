//! Bytes of a checkpoint file: writing them, and reading them without trusting them.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView, View};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Checkpoint, Flaw};
use crate::engine::{State, Tensor};

/// The version that is written, and the newest that is read.
const VERSION: u64 = 1;
/// The metadata's key in the container.
const KEY: &str = "backdraw";
/// What stands before the checksum in the header (a JSON text inside a JSON text, hence the backslashes).
const BEFORE_CHECKSUM: &str = r#"checksum\":\""#;
/// Stands in the checksum's place while the checksum is calculated.
const NO_CHECKSUM: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// Numbers that are turned into bytes at a time for the hash.
const HASHED: usize = 4096;
/// The container's own limit on its header.
const LONGEST_HEADER: u64 = 100_000_000;

/// The metadata. The version is read apart and first: a later version may have other fields.
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
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

/// A tensor as the container stores it. Its bytes are made when they are written: the state is not doubled in memory.
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
/// Never for the state of a system; the container's reason for a state that it cannot hold.
pub(crate) fn encode(checkpoint: &Checkpoint) -> Result<Vec<u8>, String> {
    let metadata = Metadata {
        version: VERSION,
        checksum: NO_CHECKSUM.to_owned(),
        system: checkpoint.system.clone(),
        step: checkpoint.step,
        seed: checkpoint.seed,
        data: checkpoint.data.clone(),
        counters: checkpoint.state.counters.clone(),
        config: checkpoint.config.clone(),
    };
    let metadata = serde_json::to_string(&metadata).map_err(|error| error.to_string())?;
    let tensors = checkpoint.state.tensors.iter().map(|(name, tensor)| (name, Stored(tensor)));
    let mut bytes = safetensors::serialize(tensors, Some(HashMap::from([(KEY.to_owned(), metadata)])))
        .map_err(|error| error.to_string())?;
    let place = checksum_place(&bytes, NO_CHECKSUM).ok_or("no place for the checksum")?;
    let checksum = hex(&Sha256::digest(&bytes));
    bytes[place..place + checksum.len()].copy_from_slice(checksum.as_bytes());
    Ok(bytes)
}

/// The bytes of the file `path`, after its claims about its own size were held against its length.
pub(super) fn read_bytes(path: &Path) -> Result<Vec<u8>, Flaw> {
    let unreadable = |error: std::io::Error| Flaw::Unreadable(error.to_string());
    let pickled = path.extension().is_some_and(|ending| {
        ["pt", "pth", "pkl", "pickle", "ckpt"].iter().any(|pickle| ending.eq_ignore_ascii_case(pickle))
    });
    let mut file = File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if about.is_dir() {
        return Err(Flaw::Unreadable("it is a folder".to_owned()));
    }
    if pickled {
        return Err(Flaw::Pickle);
    }
    let length = about.len();
    let mut start = [0_u8; 8];
    let mut bytes = Vec::new();
    file.by_ref().take(8).read_to_end(&mut bytes).map_err(unreadable)?;
    // A pickle stream starts with 0x80 and its version; the newer kind is a zip archive.
    if matches!(bytes.as_slice(), [0x80, 2..=5, ..] | [b'P', b'K', 3, 4, ..]) {
        return Err(Flaw::Pickle);
    }
    if bytes.len() < 8 {
        return Err(Flaw::Incomplete { found: length, wanted: "at least 8".to_owned() });
    }
    start.copy_from_slice(&bytes);
    let header = u64::from_le_bytes(start);
    if header > LONGEST_HEADER {
        return Err(Flaw::Container(format!("its first 8 bytes claim a header of {header} bytes")));
    }
    if length < 8 + header {
        return Err(Flaw::Incomplete { found: length, wanted: format!("at least {}", 8 + header) });
    }
    let size = usize::try_from(length).map_err(|_| Flaw::Unreadable("it is too large for memory".to_owned()))?;
    bytes.try_reserve_exact(size).map_err(|_| Flaw::Unreadable(format!("no memory for its {length} bytes")))?;
    file.read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// Reads the bytes of a file.
///
/// # Errors
/// The first [`Flaw`] that is found.
pub(crate) fn decode(bytes: &[u8]) -> Result<Checkpoint, Flaw> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| container_flaw(bytes, &error))?;
    let text = metadata.metadata().as_ref().and_then(|all| all.get(KEY)).ok_or(Flaw::Foreign)?;
    let bad = |error: serde_json::Error| Flaw::Metadata(error.to_string());
    let Version { version } = serde_json::from_str(text).map_err(bad)?;
    if version > VERSION {
        return Err(Flaw::Newer { found: version, known: VERSION });
    }
    let about: Metadata = serde_json::from_str(text).map_err(bad)?;
    verify(bytes, &about.checksum)?;

    let container = SafeTensors::deserialize(bytes).map_err(|error| Flaw::Container(error.to_string()))?;
    let mut tensors = BTreeMap::new();
    for (name, view) in container.iter() {
        tensors.insert(name.to_owned(), tensor(name, &view)?);
    }
    Ok(Checkpoint {
        system: about.system,
        step: about.step,
        seed: about.seed,
        config: about.config,
        data: about.data,
        state: State { tensors, counters: about.counters },
    })
}

/// A container that its reader refuses: cut short, or something else.
fn container_flaw(bytes: &[u8], error: &safetensors::SafeTensorError) -> Flaw {
    use safetensors::SafeTensorError::{HeaderTooSmall, InvalidHeaderLength, MetadataIncompleteBuffer};
    let found = bytes.len() as u64;
    let wanted = match error {
        HeaderTooSmall => Some(8),
        InvalidHeaderLength => bytes.first_chunk().map(|start| u64::from_le_bytes(*start).saturating_add(8)),
        MetadataIncompleteBuffer => claimed_length(bytes),
        _ => None,
    };
    match wanted {
        Some(wanted) if found < wanted => Flaw::Incomplete { found, wanted: wanted.to_string() },
        Some(wanted) => Flaw::Container(format!("{found} bytes, {} more than its header tells of", found - wanted)),
        None => Flaw::Container(error.to_string()),
    }
}

/// The length of the whole file as its header tells it.
fn claimed_length(bytes: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Place {
        data_offsets: (u64, u64),
    }
    let header = u64::from_le_bytes(*bytes.first_chunk()?);
    let text = bytes.get(8..)?.get(..usize::try_from(header).ok()?)?;
    let entries: HashMap<String, serde_json::Value> = serde_json::from_slice(text).ok()?;
    let ends = entries.into_values().filter_map(|entry| serde_json::from_value::<Place>(entry).ok());
    let end = ends.map(|place| place.data_offsets.1).max().unwrap_or(0);
    end.checked_add(header)?.checked_add(8)
}

/// Compares the file's checksum with that of its bytes.
fn verify(bytes: &[u8], written: &str) -> Result<(), Flaw> {
    let mut hasher = Sha256::new();
    match checksum_place(bytes, written) {
        Some(place) if written.len() == NO_CHECKSUM.len() => {
            hasher.update(&bytes[..place]);
            hasher.update(NO_CHECKSUM);
            hasher.update(&bytes[place + written.len()..]);
        }
        _ => hasher.update(bytes),
    }
    let found = hex(&hasher.finalize());
    if found == written { Ok(()) } else { Err(Flaw::Checksum { written: written.to_owned(), found }) }
}

/// Where in the file the checksum `text` stands. A configuration that contains the same words cannot mislead: the first
/// place is taken at writing and at reading.
fn checksum_place(bytes: &[u8], text: &str) -> Option<usize> {
    let wanted = format!("{BEFORE_CHECKSUM}{text}");
    let header = u64::from_le_bytes(*bytes.first_chunk()?);
    let header = bytes.get(8..)?.get(..usize::try_from(header).ok()?)?;
    let start = header.windows(wanted.len()).position(|window| window == wanted.as_bytes())?;
    Some(8 + start + BEFORE_CHECKSUM.len())
}

/// A tensor of the file, if it is what a checkpoint may hold.
fn tensor(name: &str, view: &TensorView<'_>) -> Result<Tensor, Flaw> {
    if view.dtype() != Dtype::F32 {
        return Err(Flaw::Type { name: name.to_owned(), found: format!("{:?}", view.dtype()) });
    }
    let (words, _) = view.data().as_chunks::<4>();
    let data: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
    let count = data.iter().filter(|number| !number.is_finite()).count();
    if count > 0 {
        return Err(Flaw::NonFinite { name: name.to_owned(), count });
    }
    // The container checked that the shape and the bytes agree; a panic here would still be a panic, so check again.
    if view.shape().iter().try_fold(1_usize, |product, &size| product.checked_mul(size)) != Some(data.len()) {
        return Err(Flaw::Container(format!("tensor `{name}` has another size than its shape says")));
    }
    Ok(Tensor::new(view.shape(), data))
}

fn little_endian(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// SHA-256 of the whole state in name order: every tensor's name, shape and bits, then every counter. Two runs with the
/// same hash are the same to the last bit.
pub(crate) fn weights_hash(state: &State) -> String {
    let mut hasher = Sha256::new();
    let number = |number: usize| (number as u64).to_le_bytes();
    for (name, tensor) in &state.tensors {
        hasher.update(number(name.len()));
        hasher.update(name);
        hasher.update(number(tensor.shape().len()));
        for &size in tensor.shape().iter() {
            hasher.update(number(size));
        }
        for numbers in tensor.data().chunks(HASHED) {
            hasher.update(little_endian(numbers));
        }
    }
    for (name, count) in &state.counters {
        hasher.update(number(name.len()));
        hasher.update(name);
        hasher.update(count.to_le_bytes());
    }
    hex(&hasher.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

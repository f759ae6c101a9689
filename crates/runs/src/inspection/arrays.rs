//! Reads the arrays of `.safetensors`, `.npy` and `.npz` files, and measures them.

use std::io::{Read, Seek};
use std::path::Path;

use datasets::{Dtype, NumberKind, ZipArchive, advice, array_header};
use sha2::{Digest, Sha256};

use crate::checkpoint;
use crate::data;
use crate::failure::{Code, Failure, printable};

/// The kind of a safetensors file, in words.
pub(super) const SAFETENSORS: &str = "safetensors file";
/// Bytes that are read at a time; a multiple of the size of every number.
const BLOCK: usize = 1 << 20;
/// The characters of a hash that a table shows.
const SHOWN: usize = 16;

/// What is known about an array.
#[derive(Clone, Debug, PartialEq)]
pub struct ArrayReport {
    /// The name; of a `.npy` file, that of the file.
    pub name: String,
    /// The type of the numbers, as the file calls it.
    pub dtype: String,
    /// The length of each axis.
    pub shape: Vec<u64>,
    /// How many numbers there are.
    pub numbers: u64,
    /// The smallest finite number, if there is one.
    pub min: Option<f64>,
    /// The largest finite number.
    pub max: Option<f64>,
    /// The mean of the finite numbers.
    pub mean: Option<f64>,
    /// Numbers that are NaN or infinite.
    pub not_finite: u64,
    /// SHA-256 of the bytes of the numbers, in hexadecimal.
    pub sha256: String,
}

impl ArrayReport {
    /// The cells of its row in a table.
    pub(super) fn row(&self) -> [String; 7] {
        let axes: Vec<String> = self.shape.iter().map(u64::to_string).collect();
        let number = |number: Option<f64>| number.map_or_else(|| "-".to_owned(), |number| format!("{number:.4e}"));
        let mean = match self.not_finite {
            0 => number(self.mean),
            bad => format!("{bad} not finite"),
        };
        let shape = if axes.is_empty() { "scalar".to_owned() } else { axes.join("x") };
        let hash = self.sha256.chars().take(SHOWN).collect();
        [printable(&self.name), self.dtype.clone(), shape, number(self.min), number(self.max), mean, hash]
    }
}

/// The type of numbers in a file, as far as their values are known.
#[derive(Clone, Copy)]
enum Type {
    Known(Dtype),
    /// The upper half of an f32.
    Bf16,
    /// Only the number of bits is known.
    Opaque,
}

impl Type {
    /// The type that safetensors calls `name`.
    fn of_safetensors(name: &str) -> Self {
        let (kind, bytes) = match name {
            "BOOL" => (NumberKind::Bool, 1),
            "U8" => (NumberKind::Unsigned, 1),
            "U16" => (NumberKind::Unsigned, 2),
            "U32" => (NumberKind::Unsigned, 4),
            "U64" => (NumberKind::Unsigned, 8),
            "I8" => (NumberKind::Signed, 1),
            "I16" => (NumberKind::Signed, 2),
            "I32" => (NumberKind::Signed, 4),
            "I64" => (NumberKind::Signed, 8),
            "F16" => (NumberKind::Float, 2),
            "F32" => (NumberKind::Float, 4),
            "F64" => (NumberKind::Float, 8),
            "BF16" => return Self::Bf16,
            _ => return Self::Opaque,
        };
        Self::Known(Dtype { kind, bytes, big_endian: false })
    }

    /// Bytes of a number, if its value is known.
    fn bytes(self) -> Option<usize> {
        match self {
            Self::Known(dtype) => Some(dtype.bytes),
            Self::Bf16 => Some(2),
            Self::Opaque => None,
        }
    }

    fn value(self, raw: &[u8]) -> f64 {
        match (self, raw) {
            (Self::Known(dtype), raw) => dtype.value(raw),
            (_, &[low, high]) => f64::from(f32::from_bits(u32::from(u16::from_le_bytes([low, high])) << 16)),
            _ => f64::NAN,
        }
    }
}

/// The kind of the file `path`, and its arrays.
///
/// # Errors
/// When it cannot be read, is of no known kind, or is damaged.
pub(super) fn read(path: &Path) -> Result<(&'static str, Vec<ArrayReport>), Failure> {
    let failed = |why: String| {
        Failure::new(Code::Checkpoint, "cannot inspect the file")
            .at(path.display())
            .because(why)
            .help(advice!("cannot-inspect", "give a run folder, a checkpoint, or a .safetensors, .npy or .npz file"))
    };
    let (mut file, length) = checkpoint::open_any(path).map_err(|flaw| failed(flaw.to_string()))?;
    if datasets::is_in_archive(path) {
        return Ok(("zip archive", of_archive(path)?));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match path.extension().is_some_and(|extension| extension == "npy") {
        true => Ok((".npy file", vec![of_npy(&name, &mut file, length).map_err(failed)?])),
        false => Ok((SAFETENSORS, of_safetensors(&mut file, length).map_err(failed)?)),
    }
}

/// The arrays of a safetensors file of `length` bytes.
fn of_safetensors(file: &mut impl Read, length: u64) -> Result<Vec<ArrayReport>, String> {
    let (_, _, metadata) = checkpoint::header(file, length).map_err(|flaw| flaw.to_string())?;
    let mut reports = Vec::new();
    for name in metadata.offset_keys() {
        let Some(info) = metadata.info(&name) else { continue };
        let (from, to) = info.data_offsets;
        let shape: Vec<u64> = info.shape.iter().map(|&length| length as u64).collect();
        let dtype = info.dtype.to_string();
        let kind = Type::of_safetensors(&dtype);
        reports.push(measured((name, dtype, shape), kind, &mut file.take((to - from) as u64))?);
    }
    reports.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(reports)
}

/// The array of a `.npy` file of `length` bytes.
fn of_npy(name: &str, file: &mut (impl Read + Seek), length: u64) -> Result<ArrayReport, String> {
    let header = array_header(file, length)?;
    file.rewind().map_err(|error| error.to_string())?;
    of_values(name, file, &header)
}

/// The array with this header; `file` is at its beginning.
fn of_values(name: &str, file: &mut impl Read, header: &datasets::ArrayHeader) -> Result<ArrayReport, String> {
    std::io::copy(&mut file.by_ref().take(header.first), &mut std::io::sink()).map_err(|error| error.to_string())?;
    let order = if header.fortran { ", Fortran order" } else { "" };
    let about = (name.to_owned(), format!("{}{order}", header.dtype), header.shape.clone());
    measured(about, Type::Known(header.dtype), file)
}

/// The arrays of a zip archive; its other files are ignored.
fn of_archive(path: &Path) -> Result<Vec<ArrayReport>, Failure> {
    let archive = ZipArchive::open(path).map_err(data::failure)?;
    let mut reports = Vec::new();
    for entry in archive.entries() {
        let Some(name) = entry.name.strip_suffix(".npy") else { continue };
        let read = || -> Result<ArrayReport, String> {
            let words = |error: std::io::Error| error.to_string();
            let header = array_header(&mut archive.read(entry).map_err(words)?, entry.length)?;
            of_values(name, &mut archive.read(entry).map_err(words)?, &header)
        };
        reports.push(read().map_err(|why| {
            Failure::new(Code::Data, "cannot inspect an array of the archive")
                .at(path.join(&entry.name).display())
                .because(why)
        })?);
    }
    reports.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(reports)
}

/// Measures the numbers that `file` holds, all of one type.
fn measured(
    (name, dtype, shape): (String, String, Vec<u64>),
    kind: Type,
    file: &mut impl Read,
) -> Result<ArrayReport, String> {
    let wanted =
        shape.iter().try_fold(1_u64, |all, &length| all.checked_mul(length)).ok_or("its shape is too large")?;
    let (mut hasher, mut sum, mut finite, mut not_finite) = (Sha256::new(), 0.0, 0_u64, 0_u64);
    let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
    let mut block = Vec::with_capacity(BLOCK);
    let mut total = 0;
    loop {
        block.clear();
        file.take(BLOCK as u64).read_to_end(&mut block).map_err(|error| error.to_string())?;
        if block.is_empty() {
            break;
        }
        total += block.len() as u64;
        hasher.update(&block);
        for raw in kind.bytes().map(|bytes| block.chunks_exact(bytes)).into_iter().flatten() {
            let value = kind.value(raw);
            if value.is_finite() {
                (min, max, sum, finite) = (min.min(value), max.max(value), sum + value, finite + 1);
            } else {
                not_finite += 1;
            }
        }
    }
    if let Some(bytes) = kind.bytes()
        && wanted.checked_mul(bytes as u64) != Some(total)
    {
        return Err(format!("`{name}` has {total} bytes; {wanted} numbers of {bytes} are expected"));
    }
    let some = |value: f64| (finite > 0).then_some(value);
    let sha256 = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let (min, max, mean) = (some(min), some(max), some(sum / finite as f64));
    Ok(ArrayReport { name, dtype, shape, numbers: wanted, min, max, mean, not_finite, sha256 })
}

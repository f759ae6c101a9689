//! The ways in which a file is not a `.npy` file of images, and what to say about each.

use super::shape::is_one_picture;
use crate::advice::Advice;
use crate::error::{damaged_on_its_way, shown};
use crate::plural::plural;

/// The longest header we read; NumPy itself refuses longer ones, because taking them apart costs time without bound.
pub(super) const HEADER_LIMIT: u64 = 10_000;

/// What is wrong with a `.npy` file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NpyFault {
    /// The file has no bytes.
    Empty,
    /// The file holds something else, recognised by how it begins.
    OtherKind {
        /// "a web page" or the like.
        kind: &'static str,
        /// What to do about it.
        help: Advice,
    },
    /// The file does not begin as NumPy files do.
    Magic {
        /// Its first bytes, eight at most.
        start: Vec<u8>,
    },
    /// A version of the format that is not known.
    Version {
        /// The two version bytes.
        version: (u8, u8),
    },
    /// The file ends before its header does.
    HeaderCut {
        /// Where the header should end, in bytes from the start of the file; at least this.
        needed: u64,
        /// Length of the file.
        length: u64,
    },
    /// The header is longer than we read.
    HeaderTooLong {
        /// Its length in bytes, as the file claims.
        claimed: u64,
    },
    /// The header is not text.
    HeaderNotText {
        /// Position in the file of the first bad byte.
        position: u64,
    },
    /// The header is not a dictionary.
    HeaderForm {
        /// The column (from 1) in the header's text where it stops making sense.
        column: usize,
        /// What is wrong there.
        problem: &'static str,
    },
    /// The header lacks one of its three keys.
    MissingKey {
        /// The key.
        key: &'static str,
    },
    /// The header has a key twice.
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// The header has a key that NumPy does not write.
    UnknownKey {
        /// The key.
        key: String,
    },
    /// A header value is not of its kind.
    Value {
        /// The key.
        key: &'static str,
        /// The value as written.
        text: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// The elements are not numbers.
    Dtype {
        /// The type as written.
        text: String,
        /// What it means, if it is known.
        meaning: String,
    },
    /// The array is in Fortran order and too large to be turned in memory.
    FortranOrder {
        /// Bytes of its images.
        bytes: u64,
    },
    /// A length in the shape is not a whole number from zero up.
    Dimension {
        /// The length as written.
        text: String,
    },
    /// The shape has more elements than can be counted.
    Impossible {
        /// The shape as written.
        text: String,
    },
    /// A shape we cannot use.
    Shape {
        /// The shape.
        shape: Vec<u64>,
    },
    /// No images.
    NoImages,
    /// A number that is infinite or none.
    NotFinite {
        /// Its place among all numbers of the array, from 0, in the order of the file.
        at: u64,
        /// The value as written.
        value: String,
    },
    /// None of the usual ranges of pixels holds the numbers.
    Range {
        /// The type of the numbers.
        dtype: String,
        /// The smallest as written.
        low: String,
        /// The largest as written.
        high: String,
    },
    /// The file is shorter than its header claims.
    Truncated {
        /// Bytes of images claimed.
        claimed: u64,
        /// Bytes of images present.
        present: u64,
    },
    /// The file is longer than its header claims.
    Trailing {
        /// Bytes after the images.
        extra: u64,
    },
}

impl NpyFault {
    /// The mistake in one line.
    pub(crate) fn what(&self) -> String {
        match self {
            Self::Empty => "the file is empty (0 bytes)".into(),
            Self::OtherKind { kind, .. } => format!("not a NumPy file: looks like {kind}"),
            Self::Magic { .. } => "not a NumPy file".into(),
            Self::Version { version: (major, minor) } => format!("NumPy format {major}.{minor} is not supported"),
            Self::HeaderCut { .. } => "the file ends within its header".into(),
            Self::HeaderTooLong { .. } => "the NumPy header is too long".into(),
            Self::HeaderNotText { .. } => "the NumPy header is not text".into(),
            Self::HeaderForm { .. }
            | Self::MissingKey { .. }
            | Self::DuplicateKey { .. }
            | Self::UnknownKey { .. }
            | Self::Value { .. } => "the NumPy header is damaged".into(),
            Self::Dtype { meaning, .. } => format!("the elements are {meaning}, not numbers"),
            Self::FortranOrder { .. } => "the array is in Fortran order, and large".into(),
            Self::Dimension { .. } | Self::Impossible { .. } => "the NumPy header claims an impossible shape".into(),
            Self::Shape { shape } => format!("an array of shape {} does not hold images", tuple(shape)),
            Self::NoImages => "there are no samples in the file".into(),
            Self::NotFinite { value, .. } => format!("the array holds {value}, which is no shade of a pixel"),
            Self::Range { dtype, low, high } => {
                format!("which numbers are black and white? ({dtype}, {low} to {high})")
            }
            Self::Truncated { .. } => "the file is shorter than its header claims".into(),
            Self::Trailing { .. } => "the file is longer than its header claims".into(),
        }
    }

    /// What was found and what was wanted.
    pub(crate) fn why(&self) -> String {
        match self {
            Self::Empty => "a NumPy file has at least a header".into(),
            Self::OtherKind { .. } => "a NumPy file starts with the bytes 93 4e 55 4d 50 59 (\\x93NUMPY)".into(),
            Self::Magic { start } => {
                let hex = start.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
                format!("it starts with {hex}; a NumPy file starts with 93 4e 55 4d 50 59 (\\x93NUMPY)")
            }
            Self::Version { .. } => "versions 1.0, 2.0 and 3.0 are".into(),
            Self::HeaderCut { needed, length } => {
                format!("the header ends at byte {needed} or later, the file at byte {length}: truncated?")
            }
            Self::HeaderTooLong { claimed } => format!("it claims {claimed} bytes; at most {HEADER_LIMIT} are read"),
            Self::HeaderNotText { position } => format!("the byte at position {position} is not part of any text"),
            Self::HeaderForm { column, problem } => format!("at column {column} of the header: {problem}"),
            Self::MissingKey { key } => format!("the header has no '{key}'"),
            Self::DuplicateKey { key } => format!("the header has '{}' twice", shown(key)),
            Self::UnknownKey { key } => {
                format!("the header has '{}'; only 'descr', 'fortran_order' and 'shape' belong there", shown(key))
            }
            Self::Value { key, text, wanted } => format!("'{key}' is {}; it should be {wanted}", shown(text)),
            Self::Dtype { text, meaning } if meaning.contains("objects") => {
                format!(
                    "found dtype {}, wanted booleans, integers or floats; objects would need pickle, which can run code: refused",
                    shown(text)
                )
            }
            Self::Dtype { text, .. } => {
                format!("found dtype {}, wanted booleans, integers or floats of 16, 32 or 64 bits", shown(text))
            }
            Self::Dimension { text } => {
                format!("a length in its shape is {}; lengths are whole numbers from 0 up", shown(text))
            }
            Self::Impossible { text } => {
                format!("the lengths in {} multiply to more than 64 bits can count", shown(text))
            }
            Self::Shape { shape } => {
                let wanted = "(N, height, width), (N, height, width, 1), (N, height, width, 3) or (N, 784), N images";
                format!("found shape {}, wanted {wanted}", tuple(shape))
            }
            Self::NoImages => "the first length of its shape is 0".into(),
            Self::FortranOrder { bytes } => format!(
                "the numbers of an image do not lie together in the file; {bytes} bytes are too many to turn in memory"
            ),
            Self::NotFinite { at, value } => format!("number {at} of the array (counted from 0) is {value}"),
            Self::Range { low, high, .. } => {
                format!(
                    "{low} to {high} is in none of the usual ranges: 0 to 1, -1 to 1 (floats), 0 to 255, 0 to 65535"
                )
            }
            Self::Truncated { claimed, present } => {
                format!("the header claims {claimed} bytes of images, {present} are there: truncated?")
            }
            Self::Trailing { extra } => {
                format!("behind the last image there are {extra} more {}", plural(*extra as usize, "byte"))
            }
        }
    }

    /// What the person can do.
    pub(crate) fn help(&self) -> Advice {
        match self {
            Self::OtherKind { help, .. } => help.clone(),
            Self::Range { low, high, .. } if low == high => {
                advice!("numbers-all-alike", "use an array with something in it: all numbers of this one are the same")
            }
            Self::Range { low, high, .. } => advice!(
                "numbers-of-no-range",
                "say it: `--set images.range={low}..{high}` makes {low} black and {high} white"
            ),
            Self::Shape { shape } => shape_help(shape),
            Self::Empty | Self::HeaderCut { .. } | Self::Truncated { .. } => damaged_on_its_way(),
            Self::Magic { .. } => advice!("not-npy", "give a .npy file as numpy.save writes it"),
            Self::Version { .. } | Self::HeaderTooLong { .. } => {
                advice!("save-npy-again", "save it again from Python: numpy.save(path, array)")
            }
            Self::HeaderNotText { .. }
            | Self::HeaderForm { .. }
            | Self::MissingKey { .. }
            | Self::DuplicateKey { .. }
            | Self::UnknownKey { .. }
            | Self::Value { .. }
            | Self::Dimension { .. }
            | Self::Impossible { .. }
            | Self::Trailing { .. } => {
                advice!("damaged-npy", "fetch the file again, or save it again from Python: numpy.save(path, array)")
            }
            Self::Dtype { .. } => advice!(
                "npy-of-numbers",
                "save an array of numbers from Python: numpy.save(path, array.astype('float32'))"
            ),
            Self::NotFinite { .. } => {
                advice!("npy-not-finite", "replace it in Python: numpy.save(path, numpy.nan_to_num(array))")
            }
            Self::FortranOrder { .. } => {
                advice!(
                    "npy-in-columns",
                    "save it in C order from Python: numpy.save(path, numpy.ascontiguousarray(array))"
                )
            }
            Self::NoImages => advice!("empty-npy", "use a file with images in it"),
        }
    }
}

/// What to do about a shape that holds no images.
fn shape_help(shape: &[u64]) -> Advice {
    match *shape {
        [height, width, channels] if is_one_picture(height, width, channels) => advice!(
            "npy-of-one-picture",
            "it looks like one picture; put many into one array: numpy.save(path, numpy.stack(pictures))"
        ),
        [_, _] => advice!(
            "npy-of-rows",
            "give the images their sides in Python: numpy.save(path, array.reshape(-1, height, width))"
        ),
        [_, _, _, 2] => advice!("npy-of-two-channels", "keep one channel: numpy.save(path, array[..., 0])"),
        _ => advice!(
            "npy-of-other-shape",
            "put the pictures into one array in Python: numpy.save(path, numpy.stack(pictures))"
        ),
    }
}

/// A shape as Python writes it.
fn tuple(shape: &[u64]) -> String {
    const MOST: usize = 8;
    match shape {
        [only] => format!("({only},)"),
        _ => {
            let mut lengths: Vec<String> = shape.iter().take(MOST).map(u64::to_string).collect();
            if shape.len() > MOST {
                lengths.push("...".into());
            }
            format!("({})", lengths.join(", "))
        }
    }
}

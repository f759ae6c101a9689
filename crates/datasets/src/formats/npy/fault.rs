//! What can be wrong with a `.npy` file of images, and the texts about it.

use super::shape::is_one_picture;
use crate::advice::Advice;
use crate::error::download_again;
use crate::plural::plural;
use crate::text::{hex, shown};

/// The longest header that is read. NumPy itself refuses longer ones, because parsing them takes
/// unbounded time.
pub(super) const MAX_HEADER: u64 = 10_000;

/// A problem with the content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// What is wrong, in one line.
    pub(super) what: String,
    /// What was found and what was expected.
    pub(super) why: String,
    /// What the user can do.
    pub(super) help: Advice,
}

fn fault(what: impl Into<String>, why: impl Into<String>, help: Advice) -> Fault {
    Fault { what: what.into(), why: why.into(), help }
}

/// The header cannot be parsed.
fn damaged_header(what: &str, why: String) -> Fault {
    let help = advice!("damaged-npy", "download the file again, or save it again from Python: numpy.save(path, array)");
    fault(what, why, help)
}

fn damaged(why: String) -> Fault {
    damaged_header("the NumPy header is damaged", why)
}

fn save_again() -> Advice {
    advice!("save-npy-again", "save it again from Python: numpy.save(path, array)")
}

/// The file has no bytes.
pub(super) fn empty() -> Fault {
    fault("the file is empty (0 bytes)", "a NumPy file has at least a header", download_again())
}

/// The file begins with `start` instead of the magic bytes.
pub(super) fn magic(start: &[u8]) -> Fault {
    let hex = hex(&start[..start.len().min(8)]);
    let why = format!("it starts with {hex}; a NumPy file starts with 93 4e 55 4d 50 59 (\\x93NUMPY)");
    fault("not a NumPy file", why, advice!("not-npy", "give a .npy file as numpy.save writes it"))
}

/// An unknown version of the format.
pub(super) fn version([major, minor]: [u8; 2]) -> Fault {
    let what = format!("NumPy format {major}.{minor} is not supported");
    fault(what, "versions 1.0, 2.0 and 3.0 are supported", save_again())
}

/// The file of `length` bytes ends before the header does, at byte `needed` or later.
pub(super) fn header_cut(needed: u64, length: u64) -> Fault {
    let why = format!("the header ends at byte {needed} or later, the file at byte {length}: truncated?");
    fault("the file ends within its header", why, download_again())
}

/// The header claims `length` bytes.
pub(super) fn header_too_long(length: u64) -> Fault {
    let why = format!("it claims {length} bytes; at most {MAX_HEADER} are read");
    fault("the NumPy header is too long", why, save_again())
}

/// The byte at this position in the file is not part of a text.
pub(super) fn header_not_text(position: u64) -> Fault {
    damaged_header("the NumPy header is not text", format!("the byte at position {position} is not part of a text"))
}

/// The header is not a dictionary: there is a problem at this column, counted from 1.
pub(super) fn syntax(column: usize, problem: &str) -> Fault {
    damaged(format!("at column {column} of the header: {problem}"))
}

/// The header lacks a key.
pub(super) fn missing_key(key: &str) -> Fault {
    damaged(format!("the header has no '{key}'"))
}

/// The header has a key twice.
pub(super) fn duplicate_key(key: &str) -> Fault {
    damaged(format!("the header has '{}' twice", shown(key)))
}

/// The header has a key that NumPy does not write.
pub(super) fn unknown_key(key: &str) -> Fault {
    let key = shown(key);
    damaged(format!("the header has '{key}'; its only keys should be 'descr', 'fortran_order' and 'shape'"))
}

/// The value `text` of a key is not what it should be.
pub(super) fn value(key: &str, text: &str, expected: &str) -> Fault {
    damaged(format!("'{key}' is {}; it should be {expected}", shown(text)))
}

/// The dtype `text`, which means `meaning`, is not a number.
pub(super) fn dtype(text: &str, meaning: &str) -> Fault {
    let pickle = if meaning.contains("objects") { "; objects need pickle, which can run code: refused" } else { "" };
    let why = format!("found dtype {}, wanted booleans, integers or floats of 16, 32 or 64 bits{pickle}", shown(text));
    let help =
        advice!("npy-of-numbers", "save an array of numbers from Python: numpy.save(path, array.astype('float32'))");
    fault(format!("the elements are {meaning}, not numbers"), why, help)
}

/// The array of `count` values is in Fortran order, and too large to be transposed in memory.
pub(super) fn fortran_order(count: u64) -> Fault {
    fault(
        "the array is in Fortran order, and large",
        format!(
            "the values of an image are not contiguous in the file, and {count} are too many to transpose in memory"
        ),
        advice!("npy-in-columns", "save it in C order from Python: numpy.save(path, numpy.ascontiguousarray(array))"),
    )
}

const IMPOSSIBLE_SHAPE: &str = "the NumPy header claims an impossible shape";

/// A length in the shape is not a whole number from 0 up.
pub(super) fn dimension(text: &str) -> Fault {
    let why = format!("a length in its shape is {}; lengths are whole numbers from 0 up", shown(text));
    damaged_header(IMPOSSIBLE_SHAPE, why)
}

/// The lengths in the shape `text` have a product beyond 64 bits.
pub(super) fn overflow(text: &str) -> Fault {
    let why = format!("the lengths in {} multiply to more than 64 bits can count", shown(text));
    fault(IMPOSSIBLE_SHAPE, why, save_again())
}

/// An array of this shape does not hold images.
pub(super) fn shape(shape: &[u64]) -> Fault {
    let expected = "(N, height, width), (N, height, width, 1), (N, height, width, 3) or (N, 784), N images";
    let text = tuple(shape);
    let help = match *shape {
        [height, width, channels] if is_one_picture(height, width, channels) => advice!(
            "npy-of-one-picture",
            "it looks like one picture; stack many into one array: numpy.save(path, numpy.stack(pictures))"
        ),
        [_, _] => advice!(
            "npy-of-rows",
            "give the images their shape in Python: numpy.save(path, array.reshape(-1, height, width))"
        ),
        [_, _, _, 2] => advice!("npy-of-two-channels", "keep one channel: numpy.save(path, array[..., 0])"),
        _ => advice!(
            "npy-of-other-shape",
            "stack the pictures into one array in Python: numpy.save(path, numpy.stack(pictures))"
        ),
    };
    let what = format!("an array of shape {text} does not hold images");
    fault(what, format!("found shape {text}, wanted {expected}"), help)
}

/// The array has no images.
pub(super) fn no_images() -> Fault {
    let help = advice!("empty-npy", "use a file that contains images");
    fault("there are no images in the file", "the first length of its shape is 0", help)
}

/// The value at this index of the array, in the order of the file, is infinite or NaN.
pub(super) fn not_finite(index: u64, value: &str) -> Fault {
    fault(
        format!("the array contains {value}, which is not a pixel value"),
        format!("element {index} of the array (counted from 0) is {value}"),
        advice!("npy-not-finite", "replace it in Python: numpy.save(path, numpy.nan_to_num(array))"),
    )
}

/// The number at this index of the array, in the order of the file, is infinite, NaN, or beyond
/// `f32`.
pub(super) fn no_number(index: u64, value: f64) -> Fault {
    let (what, why) = if value.is_finite() {
        ("a number that is too large for float32", format!("{value:e}; the largest is {:e}", f32::MAX))
    } else {
        ("a number that is not finite", value.to_string())
    };
    fault(
        format!("the array contains {what}"),
        format!("element {index} of the array (counted from 0) is {why}"),
        advice!("npy-number-not-finite", "replace it in Python: numpy.save(path, numpy.nan_to_num(array))"),
    )
}

/// The array has more values than are read into memory.
pub(super) fn too_many_numbers(count: u64, most: u64) -> Fault {
    fault(
        "the array is too large",
        format!("it has {count} values; at most {most} are read"),
        advice!("npy-of-too-many", "save a part of it from Python: numpy.save(path, array[:1000])"),
    )
}

/// No usual range of pixels has all values of this dtype, from `low` to `high`.
pub(super) fn range(dtype: &str, low: &str, high: &str, all_equal: bool) -> Fault {
    let help = if all_equal {
        advice!("numbers-all-alike", "use another array: all values in this one are the same")
    } else {
        advice!(
            "numbers-of-no-range",
            "set the range: `--set images.range={low}..{high}` makes {low} black and {high} white"
        )
    };
    fault(
        format!("it is not clear which values are black and white ({dtype}, {low} to {high})"),
        format!("{low} to {high} is not in any of the usual ranges: 0 to 1, -1 to 1 (floats), 0 to 255, 0 to 65535"),
        help,
    )
}

/// The file is shorter than its header claims.
pub(super) fn truncated(claimed: u64, present: u64) -> Fault {
    let why = format!("the header claims {claimed} bytes of values, {present} are there: truncated?");
    fault("the file is shorter than its header claims", why, download_again())
}

/// The file has more bytes than its header claims.
pub(super) fn trailing(extra: u64) -> Fault {
    let bytes = plural(extra as usize, "byte");
    let why = format!("{extra} extra {bytes} after the last value");
    damaged_header("the file is longer than its header claims", why)
}

/// A shape as Python writes it.
fn tuple(shape: &[u64]) -> String {
    const MAX_LENGTHS: usize = 8;
    match shape {
        [only] => format!("({only},)"),
        _ => {
            let mut lengths: Vec<String> = shape.iter().take(MAX_LENGTHS).map(u64::to_string).collect();
            if shape.len() > MAX_LENGTHS {
                lengths.push("...".into());
            }
            format!("({})", lengths.join(", "))
        }
    }
}

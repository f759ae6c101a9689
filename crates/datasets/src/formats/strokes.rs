//! The Quick, Draw! files of strokes (`.ndjson`): one drawing per line, as JSON. They are
//! rasterised like the published bitmaps.
//!
//! A line is `{"word": "apple", ..., "drawing": [[[x, ...], [y, ...]], ...]}`, with a pair of lists
//! for each stroke. The simplified files contain integers from 0 to 255; the raw files contain any
//! numbers, and the times in a third list.

use super::format::{Format, Loaded};
use crate::built_in::{DRAWING_SIDE, draw_strokes};
use crate::error::{DataError, download_again};
use crate::file::open;
use crate::file_type::FileType;
use crate::images::Images;
use crate::text::{counted, shown};
use rayon::prelude::*;
use serde::Deserialize;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

pub(super) const FORMAT: Format = Format {
    name: "Quick, Draw! strokes",
    class_extension: Some("ndjson"),
    has_content: |file| are_strokes(file.start),
    has_name: |file| file.extension == "ndjson",
    is_in: |_| false,
    has_split: |_, _| false,
    load: |path, request| Ok(Loaded::from_bytes(load_strokes(path)?, request)),
};

/// The longest line that is read, in bytes.
const MAX_LINE: u64 = 1 << 22;
/// The most drawings in a file. The largest published file has 340,000.
const MAX_DRAWINGS: usize = 4_000_000;
/// How many drawings are rasterised together.
const BLOCK: usize = 4096;
/// UTF-8's byte order mark.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// The largest plausible coordinate.
const MAX_COORDINATE: f64 = 1e6;

/// A line; its other fields are ignored.
#[derive(Deserialize)]
struct Line {
    drawing: Vec<Vec<Vec<f64>>>,
}

/// Whether a file with this beginning contains strokes.
fn are_strokes(start: &[u8]) -> bool {
    FileType::of(start, "") == FileType::Json && start.windows(9).any(|part| part == b"\"drawing\"")
}

/// Loads the drawings of a file as 28x28 pictures: 0 is paper, 255 is ink.
///
/// # Errors
/// [`DataError`] if there is no such file, or a line is not a drawing.
pub fn load_strokes(path: &Path) -> Result<Images, DataError> {
    let mut file = BufReader::new(open(path)?);
    // Some editors write a byte order mark.
    if file.fill_buf().map_err(|error| DataError::unreadable(path, error))?.starts_with(BYTE_ORDER_MARK) {
        file.consume(BYTE_ORDER_MARK.len());
    }
    let mut pixels = Vec::new();
    let mut lines: Vec<Vec<u8>> = Vec::new();
    let mut first = 1;
    loop {
        let mut line = Vec::new();
        let read = file.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
        let length = read.map_err(|error| DataError::unreadable(path, error))?;
        if length > 0 {
            lines.push(line);
        }
        if length == 0 || lines.len() == BLOCK {
            pixels.extend(drawn(path, &lines, first)?);
            first += lines.len();
            lines.clear();
        }
        if length == 0 {
            break;
        }
        if first > MAX_DRAWINGS {
            let why = format!("more than {MAX_DRAWINGS} lines");
            return Err(DataError::invalid(
                path,
                "there are too many drawings in the file",
                why,
                advice!("too-many-drawings", "use a file with fewer drawings"),
            ));
        }
    }
    let count = pixels.len() / (DRAWING_SIDE * DRAWING_SIDE);
    if count == 0 {
        return Err(DataError::invalid(path, "there are no drawings in the file", "it has no lines", download_again()));
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let drawings = counted(count, "drawing");
    let origin = format!("{name} ({drawings} of strokes, {DRAWING_SIDE}x{DRAWING_SIDE})");
    Ok(Images::new(pixels, [DRAWING_SIDE, DRAWING_SIDE, 1], origin))
}

/// The pictures of the lines from number `first` on. Blank lines are skipped.
fn drawn(path: &Path, lines: &[Vec<u8>], first: usize) -> Result<Vec<u8>, DataError> {
    let pictures = lines.par_iter().enumerate().map(|(index, line)| {
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(Vec::new());
        }
        drawing(line).map_err(|why| {
            let why = format!("line {}: {}", first + index, shown(&why));
            DataError::invalid(path, "a line of the file is not a drawing", why, download_again())
        })
    });
    Ok(pictures.collect::<Result<Vec<_>, _>>()?.concat())
}

/// The picture of one line.
fn drawing(line: &[u8]) -> Result<Vec<u8>, String> {
    let Line { drawing } = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let mut strokes = Vec::new();
    for stroke in drawing {
        let [x, y, ..] = &stroke[..] else { return Err("a stroke does not have two lists of numbers".into()) };
        if x.len() != y.len() || x.iter().chain(y).any(|place| place.abs() > MAX_COORDINATE) {
            return Err("a stroke has lists of different lengths, or impossible values".into());
        }
        strokes.push(x.iter().copied().zip(y.iter().copied()).collect::<Vec<_>>());
    }
    strokes.retain(|stroke| !stroke.is_empty());
    if strokes.is_empty() {
        return Err("it has no strokes".into());
    }
    let mut picture = vec![0; DRAWING_SIDE * DRAWING_SIDE];
    draw_strokes(&strokes, &mut picture);
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Images, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ndjson");
        std::fs::write(&path, text).unwrap();
        load_strokes(&path)
    }

    const SQUARE: &str = r#"{"word":"square","recognized":true,"drawing":[[[0,255,255,0,0],[0,0,255,255,0]]]}"#;

    #[test]
    fn strokes_are_drawn_as_the_bitmaps_were() {
        // The same square with another position and size, in two strokes and with times, as in the
        // raw files.
        let raw =
            r#"{"drawing":[[[100.5,700.5,700.5],[40,40,640],[0,1,2]],[[700.5,100.5,100.5],[640,640,40],[3,4,5]]]}"#;
        let images = load(&format!("{SQUARE}\n\n{raw}\n")).unwrap();
        assert_eq!((images.count(), images.size()), (2, [28, 28, 1]));
        assert_eq!(images.image(0).unwrap(), images.image(1).unwrap());
        let at = |row: usize, column: usize| images.image(0).unwrap()[row * 28 + column];
        // A margin of one and a half pixels is free, and the lines are one and a half pixels wide.
        assert_eq!([at(0, 14), at(14, 14), at(27, 27)], [0, 0, 0]);
        assert!([at(2, 14), at(25, 14), at(14, 2), at(14, 25)].iter().all(|&ink| ink > 200), "{:?}", images.image(0));
        assert!(are_strokes(SQUARE.as_bytes()) && !are_strokes(b"{\"error\": 404}"));
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_drawing() {
        let [plain, marked] = ["", "\u{feff}"].map(|mark| load(&format!("{mark}{SQUARE}\n{SQUARE}\n")).unwrap());
        assert_eq!((marked.count(), marked.fingerprint().unwrap()), (2, plain.fingerprint().unwrap()));
        let error = load(&format!("{SQUARE}\n\u{feff}{SQUARE}")).unwrap_err();
        assert!(error.why().contains("line 2"), "only the file has one: {error}");
    }

    #[test]
    fn lines_that_are_no_drawings_are_named() {
        for (line, words) in [
            (&SQUARE[..40], "line 2"),
            ("{\"drawing\":[]}", "no strokes"),
            ("{\"drawing\":[[[],[]]]}", "no strokes"),
            ("{\"drawing\":[[[1,2],[1]]]}", "different lengths"),
            ("{\"drawing\":[[[1]]]}", "two lists"),
            ("{\"drawing\":[[[1e300],[1]]]}", "impossible"),
            ("{\"error\":404}", "missing field"),
        ] {
            let error = load(&format!("{SQUARE}\n{line}")).unwrap_err();
            assert!(error.why().contains(words) && error.why().contains("line 2"), "{error}");
        }
        assert!(load("\n").unwrap_err().what().contains("no drawings"));
    }
}

//! What a file holds, as its first bytes tell. Endings lie: cameras, browsers and chats give any name to a picture.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// So many first bytes tell what a file holds.
pub(crate) const START: usize = 512;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A picture that is read here.
    Picture,
    /// A picture or a film of another form, by its name.
    OtherPicture(&'static str),
    /// A NumPy array.
    Array,
    /// An IDX file.
    Idx,
    /// Packed by gzip: an IDX file or anything else.
    Gzip,
    /// Another archive or container, by its name.
    Archive(&'static str),
    /// Data of another form, by its name.
    OtherData(&'static str),
    /// A web page.
    WebPage,
    /// Text that begins as JSON does: a Quick, Draw! file of strokes, or a server's answer.
    Json,
    /// None of these.
    Unknown,
}

/// Magic bytes at the start of a file.
const MAGIC: [(&[u8], Kind); 44] = [
    (b"\x89PNG\r\n\x1a\n", Kind::Picture),
    (b"\xff\xd8\xff", Kind::Picture),
    (b"GIF87a", Kind::Picture),
    (b"GIF89a", Kind::Picture),
    (b"II*\0", Kind::Picture),
    (b"MM\0*", Kind::Picture),
    (b"II+\0", Kind::OtherPicture("BigTIFF")),
    (b"MM\0+", Kind::OtherPicture("BigTIFF")),
    (b"\xff\x0a", Kind::OtherPicture("JPEG XL")),
    (b"\0\0\0\x0cJXL ", Kind::OtherPicture("JPEG XL")),
    (b"\0\0\0\x0cjP  ", Kind::OtherPicture("JPEG 2000")),
    (b"\xff\x4f\xff\x51", Kind::OtherPicture("JPEG 2000")),
    (b"8BPS", Kind::OtherPicture("PSD")),
    (b"gimp xcf", Kind::OtherPicture("XCF")),
    (b"qoif", Kind::OtherPicture("QOI")),
    (b"DDS ", Kind::OtherPicture("DDS")),
    (b"\x76\x2f\x31\x01", Kind::OtherPicture("OpenEXR")),
    (b"#?RADIANCE", Kind::OtherPicture("Radiance HDR")),
    (b"\0\0\x01\0", Kind::OtherPicture("ICO")),
    (b"%PDF", Kind::OtherPicture("PDF")),
    (b"%!PS", Kind::OtherPicture("PostScript")),
    (b"IIU\0", Kind::OtherPicture("camera raw")),
    (b"IIRO", Kind::OtherPicture("camera raw")),
    (b"IIRS", Kind::OtherPicture("camera raw")),
    (b"FUJIFILMCCD-RAW", Kind::OtherPicture("camera raw")),
    (b"SIMPLE  =", Kind::OtherPicture("FITS")),
    (b"\x1a\x45\xdf\xa3", Kind::OtherPicture("video")),
    (b"\0\0\x01\xba", Kind::OtherPicture("video")),
    (b"\0\0\x01\xb3", Kind::OtherPicture("video")),
    (b"FLV\x01", Kind::OtherPicture("video")),
    (b"\x93NUMPY", Kind::Array),
    (b"\x1f\x8b", Kind::Gzip),
    (b"PK\x03\x04", Kind::Archive("zip archive")),
    (b"BZh", Kind::Archive("bzip2 archive")),
    (b"\xfd7zXZ", Kind::Archive("xz archive")),
    (b"\x28\xb5\x2f\xfd", Kind::Archive("zstd archive")),
    (b"7z\xbc\xaf\x27\x1c", Kind::Archive("7z archive")),
    (b"Rar!", Kind::Archive("rar archive")),
    (b"\x89HDF", Kind::OtherData("HDF5 file")),
    (b"MATLAB 5.0", Kind::OtherData("MATLAB file")),
    (b"PAR1", Kind::OtherData("Parquet file")),
    (b"\x80\x04", Kind::OtherData("Python pickle")),
    (b"\x80\x02", Kind::OtherData("Python pickle")),
    (b"version https://git-lfs", Kind::OtherData("Git LFS pointer")),
];

/// Endings of raw photographs, which are TIFF files with a tiny preview in front.
const RAW: [&str; 9] = ["dng", "nef", "cr2", "arw", "pef", "srw", "3fr", "iiq", "nrw"];

/// What begins with `start` and has a name with this ending (lower case, no dot).
pub(crate) fn kind_of(start: &[u8], ending: &str) -> Kind {
    let at = |place: usize, bytes: &[u8]| start.get(place..).is_some_and(|rest| rest.starts_with(bytes));
    match start {
        // Two letters are no proof: a text may begin with them.
        [b'B', b'M', ..] if is_bmp(start) => return Kind::Picture,
        [b'P', b'1'..=b'6', next, ..] if next.is_ascii_whitespace() => return Kind::Picture,
        [b'P', b'7', b'\n', ..] => return Kind::Picture,
        [0, 0, 8 | 9 | 11..=14, 1..=4, ..] => return Kind::Idx,
        _ => {}
    }
    if at(0, b"RIFF") && at(8, b"WEBP") {
        return Kind::Picture;
    }
    if at(0, b"RIFF") && at(8, b"AVI ") {
        return Kind::OtherPicture("video");
    }
    if at(4, b"ftyp") {
        return Kind::OtherPicture(brand(start));
    }
    if at(128, b"DICM") {
        return Kind::OtherPicture("DICOM");
    }
    if at(257, b"ustar") {
        return Kind::Archive("tar archive");
    }
    match MAGIC.iter().find(|(magic, _)| at(0, magic)) {
        Some((b"II*\0", _)) if at(8, b"CR") => return Kind::OtherPicture("camera raw"),
        Some((b"II*\0" | b"MM\0*", _)) if RAW.contains(&ending) => return Kind::OtherPicture("camera raw"),
        Some(&(_, kind)) => return kind,
        None => {}
    }
    text(start, ending)
}

/// What a text is.
fn text(start: &[u8], ending: &str) -> Kind {
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let begins = |word: &[u8]| text.len() >= word.len() && text[..word.len()].eq_ignore_ascii_case(word);
    if [&b"<!doctype html"[..], b"<html", b"<head"].into_iter().any(begins) {
        return Kind::WebPage;
    }
    if text.starts_with(b"<") && (ending == "svg" || text.windows(4).any(|part| part == b"<svg")) {
        return Kind::OtherPicture("SVG");
    }
    // The answer of a server that keeps files, most often.
    if begins(b"<?xml") {
        return Kind::WebPage;
    }
    match text {
        [b'{', ..] => Kind::Json,
        // A form without magic bytes.
        _ if ending == "tga" => Kind::OtherPicture("TGA"),
        _ => Kind::Unknown,
    }
}

/// Whether the header that follows the two letters has one of the lengths that there are.
fn is_bmp(start: &[u8]) -> bool {
    start.get(14..18).is_some_and(|field| matches!(field, [12 | 16 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0]))
}

/// The form of a file of boxes (ISO base media), as the brands in its first box tell.
fn brand(start: &[u8]) -> &'static str {
    let end = start.first_chunk().map_or(0, |length| u32::from_be_bytes(*length) as usize).clamp(12, 64);
    let brands = start.get(8..).unwrap_or_default();
    let brands: Vec<&[u8]> = brands[..brands.len().min(end - 8)].chunks(4).collect();
    let any = |names: &[&[u8]]| brands.iter().any(|brand| names.contains(brand));
    if any(&[b"avif", b"avis"]) {
        "AVIF"
    } else if any(&[b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"]) {
        "HEIC"
    } else if any(&[b"crx "]) {
        "camera raw"
    } else {
        "video"
    }
}

/// What the file `path` holds.
///
/// # Errors
/// When it cannot be read. What is no file (a pipe would be waited for, for ever) holds nothing.
pub(crate) fn kind_of_file(path: &Path) -> io::Result<Kind> {
    if !fs::metadata(path)?.is_file() {
        return Ok(Kind::Unknown);
    }
    Ok(kind_of(&start_of(path)?, &ending_of(path)))
}

/// The first bytes of the file `path`.
pub(crate) fn start_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(START);
    File::open(path)?.take(START as u64).read_to_end(&mut start)?;
    Ok(start)
}

/// The ending of a name in lower case, without the dot.
pub(crate) fn ending_of(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_and_endings_only_where_it_is_silent() {
        let boxed = |brands: &[u8]| [&(8 + brands.len() as u32).to_be_bytes(), &b"ftyp"[..], brands].concat();
        let bmp = [&b"BM\0\0\0\0\0\0\0\0\x36\0\0\0"[..], &[40, 0, 0, 0]].concat();
        for (start, ending, kind) in [
            (&b"\x89PNG\r\n\x1a\n...."[..], "", Kind::Picture),
            (b"\xff\xd8\xff\xe0", "jfif", Kind::Picture),
            (b"RIFF\0\0\0\0WEBPVP8 ", "txt", Kind::Picture),
            (&bmp, "", Kind::Picture),
            (b"BMW is a maker of cars", "txt", Kind::Unknown),
            (b"P6\n3 2\n255\n", "", Kind::Picture),
            (b"P6M is a gene", "", Kind::Unknown),
            (b"II*\0\x08\0\0\0", "tif", Kind::Picture),
            (b"II*\0\x08\0\0\0", "dng", Kind::OtherPicture("camera raw")),
            (b"II*\0\x10\0\0\0CR", "", Kind::OtherPicture("camera raw")),
            (&boxed(b"avif\0\0\0\0avifmif1"), "jpg", Kind::OtherPicture("AVIF")),
            (&boxed(b"mif1\0\0\0\0mif1avif"), "", Kind::OtherPicture("AVIF")),
            (&boxed(b"heic\0\0\0\0mif1heic"), "png", Kind::OtherPicture("HEIC")),
            (&boxed(b"isom\0\0\x02\0isomiso2"), "", Kind::OtherPicture("video")),
            (b"<?xml version='1.0'?>\n<svg xmlns='...'>", "xml", Kind::OtherPicture("SVG")),
            (b"<!DOCTYPE html><html><body><svg>", "png", Kind::WebPage),
            (b"<!DOCTYPE html><html>", "png", Kind::WebPage),
            (b"\x93NUMPY\x01\0", "npy", Kind::Array),
            (b"\0\0\x08\x03\0\0\0\x05", "", Kind::Idx),
            (b"\x1f\x8b\x08", "", Kind::Gzip),
            (b"{\"word\":\"apple\"", "ndjson", Kind::Json),
            (b"\0\0\x02\0\0\0", "tga", Kind::OtherPicture("TGA")),
            (b"", "png", Kind::Unknown),
        ] {
            assert_eq!(kind_of(start, ending), kind, "{start:?}.{ending}");
        }
        assert_eq!(kind_of(&[&[0; 128][..], b"DICM"].concat(), ""), Kind::OtherPicture("DICOM"));
        assert_eq!(kind_of(&[&[0x61; 257][..], b"ustar"].concat(), ""), Kind::Archive("tar archive"));
        // No beginning makes it panic.
        for length in 0..64 {
            kind_of(&boxed(b"avif\0\0\0\0avifmif1")[..length.min(24)], "");
            kind_of(&vec![0xFF; length], "");
        }
    }
}

//! Recognises the type of a file by its first bytes. File extensions are unreliable: cameras,
//! browsers and chat programs give pictures any name.

use flate2::read::GzDecoder;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// How many first bytes are read to recognise a file.
pub(crate) const START: usize = 512;

/// The type of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FileType {
    /// A picture that can be read, by the name of its format.
    Picture(&'static str),
    /// A picture or a video in an unsupported format.
    UnsupportedPicture(&'static str),
    /// A file compressed with gzip.
    Gzip,
    /// Another archive or compressed file.
    Archive(&'static str),
    /// A file of data other than pictures.
    Data(&'static str),
    /// A web page.
    WebPage,
    /// Text that begins like JSON: a file of strokes, or a server's answer.
    Json,
    /// None of these.
    Unknown,
}

/// Magic bytes at the start of a file.
const MAGIC: [(&[u8], FileType); 43] = [
    (b"\x89PNG", FileType::Picture("PNG")),
    (b"\xff\xd8\xff", FileType::Picture("JPEG")),
    (b"GIF87a", FileType::Picture("GIF")),
    (b"GIF89a", FileType::Picture("GIF")),
    (b"II*\0", FileType::Picture("TIFF")),
    (b"MM\0*", FileType::Picture("TIFF")),
    (b"II+\0", FileType::UnsupportedPicture("BigTIFF")),
    (b"MM\0+", FileType::UnsupportedPicture("BigTIFF")),
    (b"\xff\x0a", FileType::UnsupportedPicture("JPEG XL")),
    (b"\0\0\0\x0cJXL ", FileType::UnsupportedPicture("JPEG XL")),
    (b"\0\0\0\x0cjP  ", FileType::UnsupportedPicture("JPEG 2000")),
    (b"\xff\x4f\xff\x51", FileType::UnsupportedPicture("JPEG 2000")),
    (b"8BPS", FileType::UnsupportedPicture("PSD")),
    (b"gimp xcf", FileType::UnsupportedPicture("XCF")),
    (b"qoif", FileType::UnsupportedPicture("QOI")),
    (b"DDS ", FileType::UnsupportedPicture("DDS")),
    (b"\x76\x2f\x31\x01", FileType::UnsupportedPicture("OpenEXR")),
    (b"#?RADIANCE", FileType::UnsupportedPicture("Radiance HDR")),
    (b"\0\0\x01\0", FileType::UnsupportedPicture("ICO")),
    (b"%PDF", FileType::UnsupportedPicture("PDF")),
    (b"%!PS", FileType::UnsupportedPicture("PostScript")),
    (b"IIU\0", FileType::UnsupportedPicture("camera raw")),
    (b"IIRO", FileType::UnsupportedPicture("camera raw")),
    (b"IIRS", FileType::UnsupportedPicture("camera raw")),
    (b"FUJIFILMCCD-RAW", FileType::UnsupportedPicture("camera raw")),
    (b"SIMPLE  =", FileType::UnsupportedPicture("FITS")),
    (b"\x1a\x45\xdf\xa3", FileType::UnsupportedPicture("video")),
    (b"\0\0\x01\xba", FileType::UnsupportedPicture("video")),
    (b"\0\0\x01\xb3", FileType::UnsupportedPicture("video")),
    (b"FLV\x01", FileType::UnsupportedPicture("video")),
    (b"\x93NUMPY", FileType::Data("NumPy array")),
    (b"\x1f\x8b", FileType::Gzip),
    (b"PK\x03\x04", FileType::Archive("zip archive")),
    // An empty one.
    (b"PK\x05\x06", FileType::Archive("zip archive")),
    (b"BZh", FileType::Archive("bzip2 archive")),
    (b"\xfd7zXZ", FileType::Archive("xz archive")),
    (b"\x28\xb5\x2f\xfd", FileType::Archive("zstd archive")),
    (b"7z\xbc\xaf\x27\x1c", FileType::Archive("7z archive")),
    (b"Rar!", FileType::Archive("rar archive")),
    (b"\x89HDF", FileType::Data("HDF5 file")),
    (b"MATLAB 5.0", FileType::Data("MATLAB file")),
    (b"PAR1", FileType::Data("Parquet file")),
    (b"version https://git-lfs", FileType::Data("Git LFS pointer")),
];

/// Extensions of raw photographs, which are TIFF files that begin with a tiny preview.
const RAW: [&str; 9] = ["dng", "nef", "cr2", "arw", "pef", "srw", "3fr", "iiq", "nrw"];

impl FileType {
    /// The type of a file that begins with `start` and has this extension (lower case, no dot).
    pub(crate) fn of(start: &[u8], extension: &str) -> Self {
        let at = |place: usize, bytes: &[u8]| start.get(place..).is_some_and(|rest| rest.starts_with(bytes));
        match start {
            // Two letters are not enough: a text may begin with them.
            [b'B', b'M', ..] if is_bmp(start) => return FileType::Picture("BMP"),
            [b'P', b'1'..=b'6', next, ..] if next.is_ascii_whitespace() => return FileType::Picture("PNM"),
            [b'P', b'7', b'\n', ..] => return FileType::Picture("PNM"),
            // The version of a pickle is followed by an opcode. A safetensors file begins with the
            // length of its header, whose first two bytes may be the same, but not the third.
            [0x80, 2..=5, b'('..=0xFF, ..] => return FileType::Data("Python pickle"),
            _ => {}
        }
        if at(0, b"RIFF") && at(8, b"WEBP") {
            return FileType::Picture("WebP");
        }
        if at(0, b"RIFF") && at(8, b"AVI ") {
            return FileType::UnsupportedPicture("video");
        }
        if at(4, b"ftyp") {
            return FileType::UnsupportedPicture(brand(start));
        }
        if at(128, b"DICM") {
            return FileType::UnsupportedPicture("DICOM");
        }
        if at(257, b"ustar") {
            return FileType::Archive("tar archive");
        }
        match MAGIC.iter().find(|(magic, _)| at(0, magic)) {
            Some((b"II*\0", _)) if at(8, b"CR") => return FileType::UnsupportedPicture("camera raw"),
            Some((b"II*\0" | b"MM\0*", _)) if RAW.contains(&extension) => {
                return FileType::UnsupportedPicture("camera raw");
            }
            Some(&(_, kind)) => return kind,
            None => {}
        }
        text(start, extension)
    }

    /// The type of the file `path`.
    ///
    /// # Errors
    /// If it cannot be read. Anything but a regular file is [`Unknown`](Self::Unknown): reading a
    /// pipe could block forever.
    pub(crate) fn of_file(path: &Path) -> io::Result<Self> {
        if !fs::metadata(path)?.is_file() {
            return Ok(Self::Unknown);
        }
        Ok(Self::of(&start_of(path)?, &extension_of(path)))
    }

    /// The type in words, with an article; `None` if it is unknown.
    pub(crate) fn in_words(self) -> Option<String> {
        let noun = match self {
            Self::Picture(name) => format!("{name} picture"),
            Self::UnsupportedPicture(name @ ("video" | "camera raw")) => format!("{name} file"),
            Self::UnsupportedPicture(name) => format!("{name} picture"),
            Self::Gzip => "gzip archive".into(),
            Self::Archive(name) | Self::Data(name) => name.into(),
            Self::WebPage => "web page saved as data".into(),
            Self::Json => "server's JSON response saved as data".into(),
            Self::Unknown => return None,
        };
        let vowel = noun.starts_with(['A', 'E', 'I', 'O', 'U'])
            || ["HDF", "SVG", "XCF", "xz"].iter().any(|name| noun.starts_with(name));
        Some(format!("{} {noun}", if vowel { "an" } else { "a" }))
    }
}

/// The type of a text.
fn text(start: &[u8], extension: &str) -> FileType {
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let begins = |word: &[u8]| text.len() >= word.len() && text[..word.len()].eq_ignore_ascii_case(word);
    if [&b"<!doctype html"[..], b"<html", b"<head"].into_iter().any(begins) {
        return FileType::WebPage;
    }
    if text.starts_with(b"<") && (extension == "svg" || text.windows(4).any(|part| part == b"<svg")) {
        return FileType::UnsupportedPicture("SVG");
    }
    // Usually the answer of an object store.
    if begins(b"<?xml") {
        return FileType::WebPage;
    }
    match text {
        [b'{', ..] => FileType::Json,
        // A format without magic bytes.
        _ if extension == "tga" => FileType::UnsupportedPicture("TGA"),
        _ => FileType::Unknown,
    }
}

/// Whether the header after the two letters has one of the lengths in use.
fn is_bmp(start: &[u8]) -> bool {
    start.get(14..18).is_some_and(|field| matches!(field, [12 | 16 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0]))
}

/// The format of an ISO base media file, by the brands in its first box.
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

/// The first bytes of the file `path`.
pub(crate) fn start_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(START);
    File::open(path)?.take(START as u64).read_to_end(&mut start)?;
    Ok(start)
}

/// The first bytes of what is compressed in a gzip file; fewer or none if that is damaged.
pub(crate) fn unpacked_start(path: &Path) -> Vec<u8> {
    let mut start = Vec::new();
    if let Ok(file) = File::open(path) {
        // A damaged file gives its first bytes until the error.
        let _ = GzDecoder::new(file).take(START as u64).read_to_end(&mut start);
    }
    start
}

/// The extension of a name in lower case, without the dot.
pub(crate) fn extension_of(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_and_extensions_only_where_it_is_silent() {
        let boxed = |brands: &[u8]| [&(8 + brands.len() as u32).to_be_bytes(), &b"ftyp"[..], brands].concat();
        let bmp = [&b"BM\0\0\0\0\0\0\0\0\x36\0\0\0"[..], &[40, 0, 0, 0]].concat();
        for (start, extension, kind) in [
            (&b"\x89PNG\r\n\x1a\n...."[..], "", FileType::Picture("PNG")),
            (b"\xff\xd8\xff\xe0", "jfif", FileType::Picture("JPEG")),
            (b"RIFF\0\0\0\0WEBPVP8 ", "txt", FileType::Picture("WebP")),
            (&bmp, "", FileType::Picture("BMP")),
            (b"BMW is a maker of cars", "txt", FileType::Unknown),
            (b"P6\n3 2\n255\n", "", FileType::Picture("PNM")),
            (b"P6M is a gene", "", FileType::Unknown),
            (b"II*\0\x08\0\0\0", "tif", FileType::Picture("TIFF")),
            (b"II*\0\x08\0\0\0", "dng", FileType::UnsupportedPicture("camera raw")),
            (b"II*\0\x10\0\0\0CR", "", FileType::UnsupportedPicture("camera raw")),
            (&boxed(b"avif\0\0\0\0avifmif1"), "jpg", FileType::UnsupportedPicture("AVIF")),
            (&boxed(b"mif1\0\0\0\0mif1avif"), "", FileType::UnsupportedPicture("AVIF")),
            (&boxed(b"heic\0\0\0\0mif1heic"), "png", FileType::UnsupportedPicture("HEIC")),
            (&boxed(b"isom\0\0\x02\0isomiso2"), "", FileType::UnsupportedPicture("video")),
            (b"<?xml version='1.0'?>\n<svg xmlns='...'>", "xml", FileType::UnsupportedPicture("SVG")),
            (b"<!DOCTYPE html><html><body><svg>", "png", FileType::WebPage),
            (b"<!DOCTYPE html><html>", "png", FileType::WebPage),
            (b"\x93NUMPY\x01\0", "npy", FileType::Data("NumPy array")),
            (b"\x80\x02}q\x01", "", FileType::Data("Python pickle")),
            (b"\x80\x03c__main__", "", FileType::Data("Python pickle")),
            (b"\x80\x05\x95", "pkl", FileType::Data("Python pickle")),
            (b"\x80\x02\0\0\0\0\0\0{", "safetensors", FileType::Unknown),
            (b"\x1f\x8b\x08", "", FileType::Gzip),
            (b"{\"word\":\"apple\"", "ndjson", FileType::Json),
            (b"\0\0\x02\0\0\0", "tga", FileType::UnsupportedPicture("TGA")),
            (b"", "png", FileType::Unknown),
        ] {
            assert_eq!(FileType::of(start, extension), kind, "{start:?}.{extension}");
        }
        assert_eq!(FileType::of(&[&[0; 128][..], b"DICM"].concat(), ""), FileType::UnsupportedPicture("DICOM"));
        assert_eq!(FileType::of(&[&[0x61; 257][..], b"ustar"].concat(), ""), FileType::Archive("tar archive"));
        // No beginning causes a panic.
        for length in 0..64 {
            FileType::of(&boxed(b"avif\0\0\0\0avifmif1")[..length.min(24)], "");
            FileType::of(&vec![0xFF; length], "");
        }
    }
}

//! What a format declares, and what its reader is given and returns.

use super::pictures::source::Source;
use super::pictures::values::{are_transparent, stats_of};
use crate::error::DataError;
use crate::fitting::Fitting;
use crate::images::Images;
use crate::load_options::{LoadOptions, Split};
use crate::value_range::{ValueRange, ValueScale, ValueStats};
use std::path::Path;

/// How one format is recognised and read.
pub(super) struct Format {
    /// What the format is called.
    pub(super) name: &'static str,
    /// The extension of a file that holds a class, if each class may be a file named after it.
    pub(super) class_extension: Option<&'static str>,
    /// Whether the content of a file is in the format.
    pub(super) has_content: fn(&Candidate<'_>) -> bool,
    /// Whether the name of a file belongs to the format. Asked if no format knows the content: the
    /// reader then reports what is wrong with it.
    pub(super) has_name: fn(&Candidate<'_>) -> bool,
    /// Whether a folder holds files of the format.
    pub(super) is_in: fn(&Path) -> bool,
    /// Whether a folder or file has this part of the data set.
    pub(super) has_split: fn(&Path, Split) -> bool,
    /// Reads the images.
    pub(super) load: fn(&Path, &LoadRequest<'_>) -> Result<Loaded, DataError>,
}

/// A file whose format is to be found.
pub(super) struct Candidate<'a> {
    pub(super) path: &'a Path,
    /// The first bytes.
    pub(super) start: &'a [u8],
    /// In lower case.
    pub(super) name: &'a str,
    /// The extension in lower case, without the dot.
    pub(super) extension: &'a str,
}

/// Which images to load, and how.
pub struct LoadRequest<'a> {
    /// The part of the data set, if it has several.
    pub split: Split,
    /// (height, width, channels) that the network learns from. Flat arrays may have it.
    pub shape: [usize; 3],
    /// (height, width, channels) of the loaded images.
    pub size: [usize; 3],
    /// How images of another size are cropped and scaled, and which values are black and white.
    pub fitting: &'a Fitting,
    /// How much memory the images may take.
    pub options: LoadOptions<'a>,
}

/// Images as they were loaded, and what the user should know about them.
pub struct Loaded {
    /// The images, of the requested size.
    pub images: Images,
    /// Lines of information.
    pub notes: Vec<String>,
    /// A line about files that were skipped.
    pub warning: Option<String>,
    /// Channels of the images in the files, before they were converted.
    pub(super) channels: usize,
    pub(super) values: Values,
    /// (height, width) of images in the files, or of some of them.
    pub(super) sizes: Vec<[usize; 2]>,
}

/// The values in the files that the bytes of the images stand for.
pub(super) enum Values {
    /// Black and white are known.
    Range(ValueRange),
    /// The values were measured.
    Stats(ValueStats),
    /// A sample of the files of pictures.
    Files(Vec<Source>),
}

impl Loaded {
    /// Images whose bytes stand for the values of `range`, converted as `request` says.
    pub(super) fn converted(images: Images, range: Option<ValueRange>, request: &LoadRequest<'_>) -> Self {
        let (channels, sizes) = (images.channels(), vec![[images.height(), images.width()]]);
        let values = Values::Range(request.fitting.range.unwrap_or(ValueRange::BYTES));
        let images = images.converted(request.size, request.fitting, range);
        Self { images, notes: Vec::new(), warning: None, channels, values, sizes }
    }

    /// Images of bytes from a file.
    pub(super) fn from_bytes(images: Images, request: &LoadRequest<'_>) -> Self {
        Self::converted(images, request.fitting.range, request)
    }

    /// Whether the files hold colours. May read a few pictures.
    pub fn has_colour(&self) -> bool {
        /// Pictures in which colours are looked for.
        const SAMPLE: usize = 4;
        match &self.values {
            Values::Range(_) | Values::Stats(_) => self.channels > 1,
            Values::Files(files) => stats_of(&files[..files.len().min(SAMPLE)]).is_some_and(|stats| stats.colour),
        }
    }

    /// Whether pixels in the files are transparent. May read a few pictures.
    pub fn has_transparency(&self) -> bool {
        /// Pictures in which transparent pixels are looked for.
        const SAMPLE: usize = 4;
        match &self.values {
            Values::Range(_) | Values::Stats(_) => self.channels == 4,
            Values::Files(files) => are_transparent(&files[..files.len().min(SAMPLE)]),
        }
    }

    /// The sizes (height, width) of the images in the files, or of some of them, each once.
    pub fn sizes(&self) -> Vec<[usize; 2]> {
        let mut sizes = self.sizes.clone();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    /// What the bytes stand for; `range` is the requested one. May read a few pictures.
    pub fn value_scale(&self, range: Option<ValueRange>) -> ValueScale {
        match &self.values {
            Values::Range(range) => ValueScale::Range(*range),
            Values::Stats(stats) => ValueScale::Stats(*stats),
            // With a range, the bytes stand for the values within it.
            Values::Files(files) => match range {
                Some(range) => ValueScale::Range(range),
                None => stats_of(files).map_or(ValueScale::Range(ValueRange::BYTES), ValueScale::Stats),
            },
        }
    }
}

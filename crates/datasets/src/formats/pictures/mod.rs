//! Loads pictures of any size and in any usual format, from a folder or a zip archive, nested or
//! not. Sub-folders are classes, unless `dataset.json` names the class of each picture.
//!
//! [`scan`] lists the files in a fixed order, and [`decode`] decodes them in parallel, as many at a
//! time as the memory budget of [`in_flight`] allows. The position of a picture in the set depends
//! on the names of the files only.

mod decode;
mod in_flight;
mod labels;
mod pixels;
mod scan;
pub(super) mod source;
#[cfg(test)]
mod tests;
pub(super) mod values;

use super::format::{Format, LoadRequest, Loaded, Values};
use crate::error::DataError;
use crate::file::{FileStamp, changed};
use crate::fitting::Fitting;
use crate::images::Images;
use crate::load_options::{LoadOptions, Progress};
use crate::plural::plural;
use crate::store::cached::{CacheLock, CacheWriter, Cached, Undecoded, cache_bytes};
use crate::store::hash::{hash_bytes, hash_words};
use crate::store::{Memory, Store};
use crate::text::{counted, shown};
use crate::zip::{self, ZipArchive};
pub use decode::Picture;
use in_flight::InFlight;
use rayon::prelude::*;
pub(super) use scan::EXTENSIONS;
use scan::Scanned;
use source::Source;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

pub(super) const FORMAT: Format = Format {
    name: "folder of pictures",
    class_extension: None,
    has_content: |_| false,
    has_name: |_| false,
    is_in: scan::holds_pictures,
    has_split: |_, _| false,
    load,
};

pub(super) fn load(path: &Path, request: &LoadRequest<'_>) -> Result<Loaded, DataError> {
    let (folder, sample) = loaded(path, request.size, request.fitting, &request.options)?;
    let mut notes = vec![folder.found];
    notes.extend(folder.left_out);
    let (images, warning) = (folder.images, folder.skipped);
    let sizes = values::sizes_of(&sample);
    Ok(Loaded { channels: images.channels(), images, notes, warning, values: Values::Files(sample), sizes })
}

/// The pictures that are decoded at the same time use at most half of the memory for the set,
/// within these bounds.
const MIN_IN_FLIGHT: u64 = 64 << 20;
const MAX_IN_FLIGHT: u64 = 512 << 20;
/// Bytes of pictures that are decoded together before they are written to a cache.
const BLOCK: usize = 64 << 20;
/// One in this many files may be unreadable, but always [`ALWAYS_ALLOWED`]. If more are, something
/// is wrong with the folder.
const ALLOWED_SHARE: usize = 10;
const ALWAYS_ALLOWED: usize = 3;
/// How many unreadable files are named.
const MAX_NAMED: usize = 5;
/// How many pictures, spread over the folder, are examined for what users should know.
const SAMPLE: usize = 16;

/// The content of a folder.
#[derive(Debug)]
pub struct PictureFolder {
    /// The pictures; the names of the sub-folders are the classes, if there are any.
    pub images: Images,
    /// `Found N images belonging to K classes.`
    pub found: String,
    /// A line about unreadable files, if there are any. They are left out.
    pub skipped: Option<String>,
    /// Lines about files that were ignored: pictures in other formats, folders of runs.
    pub left_out: Vec<String>,
}

/// Loads every picture below `folder` with `size` (height, width, channels). `folder` may be a zip
/// archive, or a folder in one, such as `faces.zip/train`. The formats are PNG, JPEG, BMP, PNM,
/// TIFF, GIF and WebP; grey, colour, with a palette, 16 bits deep, or transparent. With four
/// channels, the colours are multiplied by their alpha.
/// If the pictures need more memory than `options` allow, they are decoded into a cache file and
/// read from there. The cache is used again as long as the files and the settings do not change.
///
/// # Errors
/// [`DataError`] if there is no such folder, it has no pictures or too many unreadable files, or
/// there is no space for the cache.
pub fn load_folder(
    folder: &Path,
    size: [usize; 3],
    fitting: &Fitting,
    options: &LoadOptions<'_>,
) -> Result<PictureFolder, DataError> {
    loaded(folder, size, fitting, options).map(|(pictures, _)| pictures)
}

/// As [`load_folder`], with some of the pictures, spread over the folder.
fn loaded(
    folder: &Path,
    size: [usize; 3],
    fitting: &Fitting,
    options: &LoadOptions<'_>,
) -> Result<(PictureFolder, Vec<Source>), DataError> {
    let [height, width, channels] = size;
    assert!(height * width > 0 && matches!(channels, 1 | 3 | 4), "load_folder: no pictures of size {size:?}");
    let Scanned { found: files, left_out: others } = match zip::split(folder) {
        Some((archive, inside)) => scan::scan_archive(&Arc::new(ZipArchive::open(&archive)?), &inside, folder)?,
        None => scan_folder(folder)?,
    };
    let pictures = Pictures { folder, files: &files, size, fitting, options };
    let Decoded { store, left_out } = pictures.decoded()?;

    let skipped = pictures.skipped(&left_out);
    let mut kept = vec![true; files.len()];
    left_out.iter().for_each(|(index, _)| kept[*index] = false);
    let kept: Vec<&scan::PictureFile> =
        files.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(file, _)| file).collect();
    let classes: Vec<Option<&str>> = kept.iter().map(|file| file.class.as_deref()).collect();
    let sample = kept.iter().step_by(kept.len().div_ceil(SAMPLE).max(1)).map(|file| file.source.clone()).collect();
    // The class of pictures beside the sub-folders.
    let name = if folder.is_file() { folder.file_stem() } else { folder.file_name() };
    let name = name.unwrap_or(folder.as_os_str()).to_string_lossy().into_owned();
    let origin = format!("{} ({} {height}x{width})", folder.display(), counted(classes.len(), "image"));
    let images = Images::of(store, size, origin);
    let count = classes.len();
    let (images, classes) = labelled(images, &classes, &name);
    let found =
        format!("Found {count} {} belonging to {classes} {}.", plural(count, "image"), plural(classes, "class"));
    let skipped = skipped.map(|text| format!("{text}; they are skipped"));
    Ok((PictureFolder { images, found, skipped, left_out: others }, sample))
}

/// The pictures in a folder.
fn scan_folder(folder: &Path) -> Result<Scanned, DataError> {
    if !folder.is_dir() {
        let (what, why) = if folder.exists() {
            ("expected a folder, found something else", "pictures are loaded from a folder")
        } else {
            ("there is no such folder", "there is no such file or folder")
        };
        let help = advice!("no-such-folder", "give a folder of pictures; it may have sub-folders");
        return Err(DataError::invalid(folder, what, why, help));
    }
    scan::scan(folder, None)
}

/// The pictures of a folder and how to decode them.
struct Pictures<'a> {
    folder: &'a Path,
    files: &'a [scan::PictureFile],
    size: [usize; 3],
    fitting: &'a Fitting,
    options: &'a LoadOptions<'a>,
}

/// Decoded pictures.
struct Decoded {
    store: Arc<dyn Store>,
    /// The indices of the files that cannot be read, and the reasons.
    left_out: Vec<(usize, String)>,
}

impl Pictures<'_> {
    /// Decodes all pictures into memory if they fit, and otherwise into a cache, unless it exists
    /// already.
    fn decoded(&self) -> Result<Decoded, DataError> {
        let image = self.size.iter().product();
        let count = self.files.len();
        if (count as u64).saturating_mul(image as u64) <= self.options.memory {
            return if self.options.inspect_only { Ok(self.undecoded(0)) } else { self.in_memory(image) };
        }
        let stamps: Vec<Option<FileStamp>> = self.files.par_iter().map(|file| file.source.stamp()).collect();
        let (path, key) = (self.cache_path(), self.key(&stamps));
        let cached = || {
            let cached = Cached::open(&path, key, self.size)?;
            let left_out = cached.metadata.left_out.clone();
            Some(Decoded { store: Arc::new(cached), left_out })
        };
        if let Some(found) = cached() {
            return Ok(found);
        }
        if self.options.inspect_only {
            return Ok(self.undecoded(cache_bytes(count, image)));
        }
        let waiting = |lock: &Path, holder| (self.options.progress)(&Progress::Waiting { lock, holder });
        let _lock = CacheLock::acquire(&self.options.cache, waiting)?;
        // Another process may have written it meanwhile.
        if cached().is_none() {
            self.write_cache(&path, key, &stamps)?;
        }
        cached().ok_or_else(|| DataError::cache(&path, "it cannot be read again"))
    }

    fn undecoded(&self, bytes: u64) -> Decoded {
        let (folder, count) = (self.folder.to_owned(), self.files.len());
        Decoded { store: Arc::new(Undecoded { folder, count, bytes }), left_out: Vec::new() }
    }

    fn in_flight(&self) -> InFlight {
        InFlight::new((self.options.memory / 2).clamp(MIN_IN_FLIGHT, MAX_IN_FLIGHT))
    }

    fn in_memory(&self, image: usize) -> Result<Decoded, DataError> {
        let in_flight = self.in_flight();
        let total = self.files.len();
        let mut bytes = vec![0; total * image];
        let (done, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
        let read = |(place, file): (&mut [u8], &scan::PictureFile)| -> Result<(), String> {
            let progress = Progress::Reading { done: done.fetch_add(1, Ordering::Relaxed) + 1, total };
            if stopped.load(Ordering::Relaxed) || (self.options.progress)(&progress).is_break() {
                stopped.store(true, Ordering::Relaxed);
                return Err("stopped".into());
            }
            place.copy_from_slice(&read_picture(&file.source, self.size, self.fitting, &in_flight)?);
            Ok(())
        };
        let results: Vec<Result<(), String>> = bytes.par_chunks_exact_mut(image).zip(self.files).map(read).collect();
        if stopped.into_inner() {
            return Err(DataError::stopped(self.folder));
        }
        let kept = compact(&mut bytes, image, &results);
        bytes.truncate(kept);
        let left_out: Vec<(usize, String)> =
            results.into_iter().enumerate().filter_map(|(index, result)| Some((index, result.err()?))).collect();
        self.enough(&left_out)?;
        Ok(Decoded { store: Arc::new(Memory { bytes, image }), left_out })
    }

    fn write_cache(&self, path: &Path, key: u64, stamps: &[Option<FileStamp>]) -> Result<(), DataError> {
        let image: usize = self.size.iter().product();
        let total = self.files.len();
        let bytes_in_all = cache_bytes(total, image);
        let tell = |done| {
            let progress = Progress::Decoding { cache: path, bytes: bytes_in_all, done, total };
            let stopped = (self.options.progress)(&progress).is_break();
            if stopped { Err(DataError::stopped(path)) } else { Ok(()) }
        };
        tell(0)?;
        let mut writer = CacheWriter::create(path, key, self.size, total)?;
        let in_flight = self.in_flight();
        let block = (BLOCK / image).max(1);
        let mut bytes = vec![0; block.min(total) * image];
        let mut left_out = Vec::new();
        for (number, files) in self.files.chunks(block).enumerate() {
            let first = number * block;
            let stamps = &stamps[first..first + files.len()];
            let read = |((place, file), stamp): ((&mut [u8], &scan::PictureFile), &Option<FileStamp>)| {
                let read = read_picture(&file.source, self.size, self.fitting, &in_flight);
                let now = file.source.stamp();
                if let (Some(before), Some(now)) = (*stamp, now)
                    && before != now
                {
                    return Err(changed(&file.source.path(), before, now));
                }
                Ok(read.map(|picture| place.copy_from_slice(&picture)))
            };
            let results: Vec<Result<(), String>> =
                bytes.par_chunks_exact_mut(image).zip(files).zip(stamps).map(read).collect::<Result<_, DataError>>()?;
            let kept = compact(&mut bytes, image, &results);
            writer.push(&bytes[..kept])?;
            let bad = results.into_iter().enumerate();
            left_out.extend(bad.filter_map(|(index, result)| Some((first + index, result.err()?))));
            tell(first + files.len())?;
        }
        self.enough(&left_out)?;
        writer.finish(left_out)
    }

    /// The cache file for this folder, size and fitting.
    fn cache_path(&self) -> PathBuf {
        let folder = std::fs::canonicalize(self.folder).unwrap_or_else(|_| self.folder.to_owned());
        let name: String = folder.file_name().unwrap_or_default().to_string_lossy().chars().take(40).collect();
        let name: String = name.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' }).collect();
        let [height, width, channels] = self.size;
        let place = hash_bytes(folder.as_os_str().as_encoded_bytes());
        let hash = hash_words([place, self.fitting_hash()]);
        self.options.cache.join(format!("{name}-{height}x{width}x{channels}-{hash:016x}.images"))
    }

    /// A hash of everything that the decoded pictures depend on: the names, lengths and times of
    /// the files, the size and the fitting.
    fn key(&self, stamps: &[Option<FileStamp>]) -> u64 {
        let words = self.files.iter().zip(stamps).flat_map(|(file, stamp)| {
            let name = file.source.path_below(self.folder);
            let [length, time] = file.source.identity(*stamp);
            [hash_bytes(name.as_os_str().as_encoded_bytes()), length, time]
        });
        let [height, width, channels] = self.size.map(|length| length as u64);
        let how = [height, width, channels, self.fitting_hash()];
        hash_words(how.into_iter().chain(words))
    }

    fn fitting_hash(&self) -> u64 {
        hash_bytes(&serde_json::to_vec(self.fitting).expect("every `Fitting` can be serialised"))
    }

    /// A line about the files that cannot be read, if there are any.
    fn skipped(&self, left_out: &[(usize, String)]) -> Option<String> {
        let named = left_out.iter().take(MAX_NAMED).map(|(index, why)| {
            let name = self.files[*index].source.path_below(self.folder);
            format!("{} ({})", shown(&name.to_string_lossy()), shown(why))
        });
        let named = named.collect::<Vec<_>>().join(", ");
        let count = left_out.len();
        let more = if count > MAX_NAMED { format!(" and {} more", count - MAX_NAMED) } else { String::new() };
        (count > 0).then(|| {
            let all = self.files.len();
            format!("{count} of {all} {} cannot be read: {named}{more}", plural(all, "file"))
        })
    }

    /// An error if too many files cannot be read.
    fn enough(&self, left_out: &[(usize, String)]) -> Result<(), DataError> {
        let (bad, all) = (left_out.len(), self.files.len());
        if bad < all && bad <= (all / ALLOWED_SHARE).max(ALWAYS_ALLOWED) {
            return Ok(());
        }
        Err(DataError::invalid(
            self.folder,
            "too many pictures cannot be read",
            self.skipped(left_out).unwrap_or_default(),
            if zip::is_in_archive(self.folder) {
                advice!(
                    "bad-pictures-in-archive",
                    "make the archive again, without encryption and with the usual compression (Deflate); a few unreadable files among \
                     many are skipped"
                )
            } else {
                advice!("bad-pictures", "remove or replace these files; a few unreadable files among many are skipped")
            },
        ))
    }
}

/// Moves the images that were read to the front of `bytes`, and returns how many bytes they take.
fn compact(bytes: &mut [u8], image: usize, results: &[Result<(), String>]) -> usize {
    let good = (0..results.len()).filter(|&index| results[index].is_ok());
    let mut end = 0;
    for from in good {
        bytes.copy_within(from * image..(from + 1) * image, end);
        end += image;
    }
    end
}

fn read_picture(
    source: &Source,
    [height, width, channels]: [usize; 3],
    fitting: &Fitting,
    in_flight: &InFlight,
) -> Result<Vec<u8>, String> {
    let picture = decode::decode(source, channels, fitting, in_flight)?;
    Ok(fitting.fit(&picture.bytes, picture.size, channels, [height, width]))
}

/// A picture in a file or in a zip archive.
#[derive(Clone, Debug)]
pub struct PictureSource(Source);

impl PictureSource {
    /// The picture at `path`, which may lead into a zip archive, such as `faces.zip/0.png`.
    ///
    /// # Errors
    /// [`DataError`] if the archive cannot be opened.
    pub fn at(path: &Path) -> Result<Self, DataError> {
        let entry = match zip::split(path) {
            Some((archive, inside)) => Source::entry(&Arc::new(ZipArchive::open(&archive)?), &inside),
            None => None,
        };
        Ok(Self(entry.unwrap_or_else(|| Source::File(path.to_owned()))))
    }

    /// The file's path; one in an archive follows that of the archive.
    pub fn path(&self) -> PathBuf {
        self.0.path()
    }
}

/// The pictures below `path`, which is a folder, a zip archive or a folder in one, but not those
/// below `without`; in the order of [`load_folder`], with lines about files that were ignored. If
/// `path` is a file, or a file in an archive, it is the only one.
///
/// # Errors
/// [`DataError`] if `path` does not exist, or has no pictures.
pub fn list_pictures(path: &Path, without: Option<&Path>) -> Result<(Vec<PictureSource>, Vec<String>), DataError> {
    if !zip::exists(path) {
        let help = advice!("no-such-pictures", "give a folder or a .zip archive of pictures, or the file of one");
        return Err(DataError::invalid(path, "the pictures cannot be read", "there is no such file or folder", help));
    }
    let Scanned { found, left_out } = match zip::split(path) {
        Some((archive, inside)) => {
            let archive = Arc::new(ZipArchive::open(&archive)?);
            if let Some(entry) = Source::entry(&archive, &inside) {
                return Ok((vec![PictureSource(entry)], Vec::new()));
            }
            scan::scan_archive(&archive, &inside, path)?
        }
        None if path.is_file() => return Ok((vec![PictureSource(Source::File(path.to_owned()))], Vec::new())),
        None => scan::scan(path, without)?,
    };
    Ok((found.into_iter().map(|found| PictureSource(found.source)).collect(), left_out))
}

/// The bytes of the picture at `path`, which may lead into a zip archive, converted to `size`
/// (height, width, channels).
///
/// # Errors
/// [`DataError`] if it cannot be read.
pub fn load_picture(path: &Path, size: [usize; 3], fitting: &Fitting) -> Result<Vec<u8>, DataError> {
    let picture = PictureSource::at(path)?;
    read_picture(&picture.0, size, fitting, &InFlight::new(u64::MAX)).map_err(|why| unreadable(path, &why))
}

/// Decodes the `picture` at its own size, to grey (1 channel), colour (3), or colour
/// multiplied by its alpha (4). Of `fitting`, only the range of values and the background count.
///
/// # Errors
/// [`DataError`] if it cannot be read.
pub fn decode_picture(picture: &PictureSource, channels: usize, fitting: &Fitting) -> Result<Picture, DataError> {
    decode::decode(&picture.0, channels, fitting, &InFlight::new(u64::MAX))
        .map_err(|why| unreadable(&picture.path(), &why))
}

/// The (height, width) that [`decode_picture`] will find, from the header of the file.
///
/// # Errors
/// [`DataError`] if it cannot be read.
pub fn picture_size(picture: &PictureSource) -> Result<[usize; 2], DataError> {
    decode::size_of(&picture.0).map_err(|why| unreadable(&picture.path(), &why))
}

/// The error for a picture that cannot be read.
fn unreadable(file: &Path, why: &str) -> DataError {
    let help = advice!("bad-picture", "replace or remove this file");
    DataError::invalid(file, "the picture cannot be read", shown(why), help)
}

/// The images with their classes in alphabetical order, and the number of classes. Pictures beside
/// the sub-folders belong to a class named after the folder. A folder without sub-folders is one
/// class and has no labels.
fn labelled(images: Images, classes: &[Option<&str>], folder: &str) -> (Images, usize) {
    let mut names: Vec<&str> = classes.iter().map(|class| class.unwrap_or(folder)).collect();
    let of_each = names.clone();
    names.sort_unstable();
    names.dedup();
    if classes.iter().all(Option::is_none) {
        return (images, 1);
    }
    let labels = of_each.iter().map(|class| names.partition_point(|name| name < class) as u32).collect();
    let count = names.len();
    (images.with_labels(labels, names.into_iter().map(str::to_owned).collect()), count)
}

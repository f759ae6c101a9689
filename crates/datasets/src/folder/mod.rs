//! Reads folders of pictures: any sizes, any of the usual formats, nested or not, the sub-folders being classes.
//!
//! [`scan`] lists the files in a fixed order, [`decode`] reads them in parallel, as many at a time as [`in_flight`] has room for,
//! [`fitting`] brings each to the one size, by [`resample()`]. A picture's place in the set depends on the names alone.

mod decode;
mod fitting;
mod in_flight;
mod levels;
mod own;
mod resample;
mod scan;
#[cfg(test)]
mod tests;

pub use fitting::{Aspect, Background, Crop, Fitting};
pub use levels::{Depth, depth_of};
pub(crate) use own::is_own;
pub use resample::Filter;

use crate::error::{DataError, shown};
use crate::images::Images;
use crate::load_options::{LoadOptions, Progress};
use crate::npy::grouped;
use crate::plural::plural;
use crate::store::cached::{Cached, Turn, Undecoded, Writer, cache_bytes};
use crate::store::hash::{hash_bytes, hash_words};
use crate::store::records::{Stamp, changed};
use crate::store::{Memory, Store};
use in_flight::InFlight;
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Pictures that are being decoded take as much memory together as half of what the set may take, within these bounds.
const LEAST_IN_FLIGHT: u64 = 64 << 20;
const MOST_IN_FLIGHT: u64 = 512 << 20;
/// Bytes of pictures that are decoded together, to be written to a cache.
const AT_A_TIME: usize = 64 << 20;
/// Of a folder's files one in this many may be unreadable, and always [`FEW`]; beyond, something is wrong with the folder.
const BAD_SHARE: usize = 10;
const FEW: usize = 3;
/// So many unreadable files are named.
const NAMED: usize = 5;
/// Pictures whose numbers may be looked at again.
const SAMPLE: usize = 16;

/// What a folder held.
#[derive(Debug)]
pub struct Folder {
    /// The pictures, with the names of the sub-folders as classes if there are any.
    pub images: Images,
    /// `Found N images belonging to K classes.`
    pub found: String,
    /// One line about the files that could not be read and are left out, if there are any.
    pub skipped: Option<String>,
    /// Lines about what is there and was not looked at: pictures of other forms, folders of runs.
    pub left_out: Vec<String>,
    /// The files of a few of the pictures, spread over the folder.
    pub sample: Vec<PathBuf>,
}

/// Loads every picture below `folder` as one of `size` (height, width, channels): PNG, JPEG, BMP, PPM and its kin, TIFF, GIF,
/// WebP; grey, in colour, with a palette, 16 bits deep, transparent. If they need more memory than `options` allow, they are
/// decoded into a cache file, and read from there; as long as nothing changes, the next time finds it.
///
/// # Errors
/// [`DataError`] if there is no such folder, no picture in it, more unreadable files than a few, or no room for the cache.
pub fn load_folder(
    folder: &Path,
    size: [usize; 3],
    fitting: &Fitting,
    options: &LoadOptions<'_>,
) -> Result<Folder, DataError> {
    let [height, width, channels] = size;
    assert!(height * width > 0 && (channels == 1 || channels == 3), "load_folder: no pictures of size {size:?}");
    if !folder.is_dir() {
        let (what, why) = if folder.exists() {
            ("expected a folder, found something else", "pictures are read from a folder")
        } else {
            ("there is no such folder", "nothing has this name")
        };
        let help = advice!("no-such-folder", "give a folder of pictures, in sub-folders or not");
        return Err(DataError::unusable(folder, what, why, help));
    }
    let scan::Scanned { found: files, left_out: others } = scan::scan(folder, None)?;
    let pictures = Pictures { folder, files: &files, size, fitting, options };
    let Decoded { store, left_out } = pictures.decoded()?;

    let skipped = pictures.skipped(&left_out);
    let mut kept = vec![true; files.len()];
    left_out.iter().for_each(|(index, _)| kept[*index] = false);
    let kept: Vec<&scan::Found> = files.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(file, _)| file).collect();
    let classes: Vec<Option<&str>> = kept.iter().map(|file| file.class.as_deref()).collect();
    let sample = kept.iter().step_by(kept.len().div_ceil(SAMPLE).max(1)).map(|file| file.path.clone()).collect();
    let name = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned();
    let origin = format!(
        "{} ({} {} {height}x{width})",
        folder.display(),
        grouped(classes.len()),
        plural(classes.len(), "image")
    );
    let images = Images::of(store, size, origin);
    let count = classes.len();
    let (images, classes) = labelled(images, &classes, &name);
    let found =
        format!("Found {count} {} belonging to {classes} {}.", plural(count, "image"), plural(classes, "class"));
    let skipped = skipped.map(|text| format!("{text}; they are left out"));
    Ok(Folder { images, found, skipped, left_out: others, sample })
}

/// The pictures of a folder, to be decoded.
struct Pictures<'a> {
    folder: &'a Path,
    files: &'a [scan::Found],
    size: [usize; 3],
    fitting: &'a Fitting,
    options: &'a LoadOptions<'a>,
}

/// What became of them.
struct Decoded {
    store: Arc<dyn Store>,
    /// The places of the files that cannot be read, and why.
    left_out: Vec<(usize, String)>,
}

impl Pictures<'_> {
    /// Decodes them all: into memory if they fit there, else into a cache, unless that is there.
    fn decoded(&self) -> Result<Decoded, DataError> {
        let image = self.size.iter().product();
        let count = self.files.len();
        if (count as u64).saturating_mul(image as u64) <= self.options.memory {
            return if self.options.look_only { Ok(self.undecoded(0)) } else { self.in_memory(image) };
        }
        let stamps: Vec<Option<Stamp>> =
            self.files.par_iter().map(|file| file.path.metadata().ok().map(|about| Stamp::of(&about))).collect();
        let (path, key) = (self.cache_path(), self.key(&stamps));
        let cached = || {
            let cached = Cached::open(&path, key, self.size)?;
            let left_out = cached.about.left_out.clone();
            Some(Decoded { store: Arc::new(cached), left_out })
        };
        if let Some(found) = cached() {
            return Ok(found);
        }
        if self.options.look_only {
            return Ok(self.undecoded(cache_bytes(count, image)));
        }
        let waiting = |lock: &Path, holder| (self.options.progress)(&Progress::Waiting { lock, holder });
        let _turn = Turn::take(&self.options.cache, waiting)?;
        // Another process may have written it in the meantime.
        if cached().is_none() {
            self.write_cache(&path, key, &stamps)?;
        }
        cached().ok_or_else(|| DataError::NoCache { path, why: "it cannot be read again".into() })
    }

    fn undecoded(&self, bytes: u64) -> Decoded {
        let (folder, count) = (self.folder.to_owned(), self.files.len());
        Decoded { store: Arc::new(Undecoded { folder, count, bytes }), left_out: Vec::new() }
    }

    fn in_flight(&self) -> InFlight {
        InFlight::new((self.options.memory / 2).clamp(LEAST_IN_FLIGHT, MOST_IN_FLIGHT))
    }

    fn in_memory(&self, image: usize) -> Result<Decoded, DataError> {
        let in_flight = self.in_flight();
        let mut bytes = vec![0; self.files.len() * image];
        let read = |(place, file): (&mut [u8], &scan::Found)| -> Result<(), String> {
            place.copy_from_slice(&read_picture(&file.path, self.size, self.fitting, &in_flight)?);
            Ok(())
        };
        let results: Vec<Result<(), String>> = bytes.par_chunks_exact_mut(image).zip(self.files).map(read).collect();
        let kept = compact(&mut bytes, image, &results);
        bytes.truncate(kept);
        let left_out: Vec<(usize, String)> =
            results.into_iter().enumerate().filter_map(|(index, result)| Some((index, result.err()?))).collect();
        self.enough(&left_out)?;
        Ok(Decoded { store: Arc::new(Memory { bytes, image }), left_out })
    }

    fn write_cache(&self, path: &Path, key: u64, stamps: &[Option<Stamp>]) -> Result<(), DataError> {
        let image: usize = self.size.iter().product();
        let total = self.files.len();
        let bytes_in_all = cache_bytes(total, image);
        let tell = |done| {
            let progress = Progress::Decoding { cache: path, bytes: bytes_in_all, done, total };
            let stopped = (self.options.progress)(&progress).is_break();
            if stopped { Err(DataError::Stopped { path: path.to_owned() }) } else { Ok(()) }
        };
        tell(0)?;
        let mut writer = Writer::begin(path, key, self.size, total)?;
        let in_flight = self.in_flight();
        let block = (AT_A_TIME / image).max(1);
        let mut bytes = vec![0; block.min(total) * image];
        let mut left_out = Vec::new();
        for (number, files) in self.files.chunks(block).enumerate() {
            let first = number * block;
            let stamps = &stamps[first..first + files.len()];
            let read = |((place, file), stamp): ((&mut [u8], &scan::Found), &Option<Stamp>)| {
                let read = read_picture(&file.path, self.size, self.fitting, &in_flight);
                let now = file.path.metadata().ok().map(|about| Stamp::of(&about));
                if let (Some(before), Some(now)) = (*stamp, now)
                    && before != now
                {
                    return Err(changed(&file.path, before, now));
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

    /// The file of the cache: one for each folder, size and fitting.
    fn cache_path(&self) -> PathBuf {
        let folder = std::fs::canonicalize(self.folder).unwrap_or_else(|_| self.folder.to_owned());
        let name: String = folder.file_name().unwrap_or_default().to_string_lossy().chars().take(40).collect();
        let name: String = name.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' }).collect();
        let [height, width, channels] = self.size;
        let place = hash_bytes(folder.as_os_str().as_encoded_bytes());
        let hash = hash_words([place, hash_bytes(format!("{:?}", self.fitting).as_bytes())]);
        self.options.cache.join(format!("{name}-{height}x{width}x{channels}-{hash:016x}.images"))
    }

    /// Stands for all that the decoded pictures depend on: the files' names, lengths and times, their size and how they are fitted.
    fn key(&self, stamps: &[Option<Stamp>]) -> u64 {
        let words = self.files.iter().zip(stamps).flat_map(|(file, stamp)| {
            let name = file.path.strip_prefix(self.folder).unwrap_or(&file.path);
            let [length, time] = stamp.map_or([0; 2], |stamp| [stamp.length, stamp.nanoseconds()]);
            [hash_bytes(name.as_os_str().as_encoded_bytes()), length, time]
        });
        let how = [hash_bytes(format!("{:?} {:?}", self.size, self.fitting).as_bytes())];
        hash_words(how.into_iter().chain(words))
    }

    /// One line about the files that cannot be read, if there are any.
    fn skipped(&self, left_out: &[(usize, String)]) -> Option<String> {
        let named = left_out.iter().take(NAMED).map(|(index, why)| {
            let path = &self.files[*index].path;
            let name = path.strip_prefix(self.folder).unwrap_or(path);
            format!("{} ({})", shown(&name.to_string_lossy()), shown(why))
        });
        let named = named.collect::<Vec<_>>().join(", ");
        let count = left_out.len();
        let more = if count > NAMED { format!(" and {} more", count - NAMED) } else { String::new() };
        (count > 0).then(|| {
            let all = self.files.len();
            format!("{count} of {all} {} cannot be read: {named}{more}", plural(all, "file"))
        })
    }

    /// An error if more files cannot be read than a few.
    fn enough(&self, left_out: &[(usize, String)]) -> Result<(), DataError> {
        let (bad, all) = (left_out.len(), self.files.len());
        if bad < all && bad <= (all / BAD_SHARE).max(FEW) {
            return Ok(());
        }
        Err(DataError::unusable(
            self.folder,
            "too many of the pictures cannot be read",
            self.skipped(left_out).unwrap_or_default(),
            advice!("bad-pictures", "remove or replace these files; a few bad ones among many would be left out"),
        ))
    }
}

/// Moves the images that were read together, at the front of `bytes`; returns how many bytes they take.
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
    file: &Path,
    [height, width, channels]: [usize; 3],
    fitting: &Fitting,
    in_flight: &InFlight,
) -> Result<Vec<u8>, String> {
    let picture = decode::decode(file, channels, fitting, in_flight)?;
    Ok(fitting.fit(&picture.bytes, picture.size, channels, [height, width]))
}

/// The files of pictures below the folder `path` but not below `without`, in the order in which [`load_folder`] has them, and lines
/// about what is left out; or `path` itself, if it is a file.
///
/// # Errors
/// [`DataError`] if there is neither, or no picture in the folder.
pub fn list_pictures(path: &Path, without: Option<&Path>) -> Result<(Vec<PathBuf>, Vec<String>), DataError> {
    if path.is_file() {
        return Ok((vec![path.to_owned()], Vec::new()));
    }
    if !path.exists() {
        let help = advice!("no-such-pictures", "give a folder of pictures, or the file of one");
        return Err(DataError::unusable(path, "there is no such folder or file", "nothing has this name", help));
    }
    let scan::Scanned { found, left_out } = scan::scan(path, without)?;
    Ok((found.into_iter().map(|found| found.path).collect(), left_out))
}

/// The bytes of the picture in `file` as one of `size` (height, width, channels).
///
/// # Errors
/// [`DataError`] if it cannot be read.
pub fn load_picture(file: &Path, size: [usize; 3], fitting: &Fitting) -> Result<Vec<u8>, DataError> {
    read_picture(file, size, fitting, &InFlight::new(u64::MAX)).map_err(|why| {
        let help = advice!("bad-picture", "replace or remove this file");
        DataError::unusable(file, "the picture cannot be read", shown(&why), help)
    })
}

/// The images with their classes, in order, and how many there are. Pictures beside the sub-folders belong to a class with
/// the name of the folder; a folder without sub-folders is one class and needs no labels.
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

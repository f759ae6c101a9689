//! Reads folders of pictures: any sizes, any of the usual formats, nested or not, the sub-folders being classes.
//!
//! [`scan`] lists the files in a fixed order, [`decode`] reads them in parallel, [`fitting`] brings each to the one size, by
//! [`resample()`]. A picture's place in the set depends on the names alone.

mod decode;
mod fitting;
mod resample;
mod scan;
#[cfg(test)]
mod tests;

pub(crate) use fitting::grey;
pub use fitting::{Aspect, Background, Crop, Fitting};
pub use resample::Filter;
pub(crate) use resample::resample;

use crate::error::{DataError, shown};
use crate::images::Images;
use crate::npy::grouped;
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Images of a set take at most this many bytes.
const MOST_BYTES: usize = 8 << 30;
/// Of a folder's files one in this many may be unreadable, and always [`FEW`]; beyond, something is wrong with the folder.
const BAD_SHARE: usize = 10;
const FEW: usize = 3;
/// So many unreadable files are named.
const NAMED: usize = 5;

/// What a folder held.
#[derive(Debug)]
pub struct Folder {
    /// The pictures, with the names of the sub-folders as classes if there are any.
    pub images: Images,
    /// `Found N images belonging to K classes.`
    pub found: String,
    /// One line about the files that could not be read and are left out, if there are any.
    pub skipped: Option<String>,
}

/// Loads every picture below `folder` as one of `size` (height, width, channels): PNG, JPEG, BMP, PPM and its kin, TIFF, GIF,
/// WebP; grey, in colour, with a palette, 16 bits deep, transparent.
///
/// # Errors
/// [`DataError`] if there is no such folder, no picture in it, more unreadable files than a few, or more pictures than memory.
pub fn load_folder(folder: &Path, size: [usize; 3], fitting: &Fitting) -> Result<Folder, DataError> {
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
    let files = scan::scan(folder)?;
    let length = height * width * channels;
    if files.len() > MOST_BYTES / length {
        let why =
            format!("{} pictures of {height}x{width}x{channels}; at most {MOST_BYTES} bytes are held", files.len());
        return Err(DataError::unusable(
            folder,
            "the pictures do not fit in memory",
            why,
            advice!("too-many-pictures", "use fewer, or smaller ones"),
        ));
    }
    let mut pixels = vec![0; files.len() * length];
    let read = |(place, file): (&mut [u8], &scan::Found)| -> Result<(), String> {
        place.copy_from_slice(&read_picture(&file.path, size, fitting)?);
        Ok(())
    };
    let results: Vec<Result<(), String>> = pixels.par_chunks_exact_mut(length).zip(&files).map(read).collect();

    let bad: Vec<String> = results
        .iter()
        .zip(&files)
        .filter_map(|(result, file)| {
            let why = result.as_ref().err()?;
            let name = file.path.strip_prefix(folder).unwrap_or(&file.path);
            Some(format!("{} ({})", shown(&name.to_string_lossy()), shown(why)))
        })
        .collect();
    let skipped = (!bad.is_empty()).then(|| {
        let more = if bad.len() > NAMED { format!(" and {} more", bad.len() - NAMED) } else { String::new() };
        let named = bad.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        format!("{} of {} files cannot be read: {named}{more}", bad.len(), files.len())
    });
    if bad.len() == files.len() || bad.len() > (files.len() / BAD_SHARE).max(FEW) {
        return Err(DataError::unusable(
            folder,
            "too many of the pictures cannot be read",
            skipped.unwrap_or_default(),
            advice!("bad-pictures", "remove or replace these files; a few bad ones among many would be left out"),
        ));
    }

    let kept: Vec<usize> = (0..files.len()).filter(|&index| results[index].is_ok()).collect();
    let classes: Vec<Option<&str>> = kept.iter().map(|&index| files[index].class.as_deref()).collect();
    if kept.len() < files.len() {
        for (to, &from) in kept.iter().enumerate() {
            pixels.copy_within(from * length..(from + 1) * length, to * length);
        }
        pixels.truncate(kept.len() * length);
    }
    let name = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned();
    let origin = format!("{} ({} images {height}x{width})", folder.display(), grouped(kept.len()));
    let images = Images::new(pixels, size, origin);
    let (images, classes) = labelled(images, &classes, &name);
    let found = format!("Found {} images belonging to {classes} classes.", kept.len());
    Ok(Folder { images, found, skipped: skipped.map(|text| format!("{text}; they are left out")) })
}

fn read_picture(file: &Path, [height, width, channels]: [usize; 3], fitting: &Fitting) -> Result<Vec<u8>, String> {
    let picture = decode::decode(file, channels, fitting.background)?;
    Ok(fitting.fit(&picture.bytes, picture.size, channels, [height, width]))
}

/// The files of pictures below the folder `path`, in the order in which [`load_folder`] has them; or `path` itself, if it is a file.
///
/// # Errors
/// [`DataError`] if there is neither, or no picture in the folder.
pub fn list_pictures(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    if !path.exists() {
        let help = advice!("no-such-pictures", "give a folder of pictures, or the file of one");
        return Err(DataError::unusable(path, "there is no such folder or file", "nothing has this name", help));
    }
    Ok(scan::scan(path)?.into_iter().map(|found| found.path).collect())
}

/// The bytes of the picture in `file` as one of `size` (height, width, channels).
///
/// # Errors
/// [`DataError`] if it cannot be read.
pub fn load_picture(file: &Path, size: [usize; 3], fitting: &Fitting) -> Result<Vec<u8>, DataError> {
    read_picture(file, size, fitting).map_err(|why| {
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

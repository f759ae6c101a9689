//! Arrays in an archive: `.npz`, as `numpy.savez` and `numpy.savez_compressed` write it.
//!
//! A stored array is read like a `.npy` file. A compressed one cannot be read by offset: it is
//! unpacked into memory or, if it needs more than is allowed, into the folder of the caches.

use super::super::format::{LoadRequest, Loaded};
use super::header::Header;
use super::layout::NumberKind;
use super::shape::{self, ImageShape};
use super::{Failure, LoadedArray, examine, fault, images_of, in_memory, loaded, origin, read_header};
use crate::advice::quoted;
use crate::error::DataError;
use crate::file_type::extension_of;
use crate::free_space;
use crate::images::Images;
use crate::labels::MAX_LABELS;
use crate::load_options::{LoadOptions, Progress, Split};
use crate::store::cached::{CacheLock, Undecoded, create_unfinished};
use crate::store::hash::{hash_bytes, hash_words};
use crate::text::listed;
use crate::zip::{Section, ZipArchive, ZipEntry};
use rayon::prelude::*;
use std::fs::{self, File};
use std::io::{self, Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes that are unpacked at a time.
const BLOCK: usize = 1 << 20;

/// An array of an archive.
struct Listed<'a> {
    name: &'a str,
    entry: &'a ZipEntry,
    header: Header,
    /// How it holds images, if it does.
    images: Option<ImageShape>,
}

/// The array of this name below the folder `inside`; with or without its extension.
pub(in crate::formats) fn named<'a>(archive: &'a ZipArchive, inside: &str, name: &str) -> Option<&'a ZipEntry> {
    let is_it = |entry: &&ZipEntry| {
        let found = entry.within(inside);
        found.is_some_and(|found| is_array(found) && (found == name || found.strip_suffix(".npy") == Some(name)))
    };
    archive.entries().iter().find(is_it)
}

/// Whether there are images to test with among several arrays.
pub(in crate::formats) fn has_test_arrays(archive: &ZipArchive, inside: &str) -> bool {
    list(archive, inside, None).iter().any(|array| array.images.is_some() && is_of(array.name, Split::Test))
}

/// Loads the images of an array: the one at `inside`; or else the only one that holds images, or
/// the only one of the split. An array of one integer for each image holds the classes.
pub(in crate::formats) fn load(
    archive: &ZipArchive,
    inside: &str,
    request: &LoadRequest<'_>,
) -> Result<Loaded, DataError> {
    let arrays = list(archive, if named(archive, "", inside).is_some() { "" } else { inside }, Some(request.shape));
    let chosen = chosen(&arrays, archive, inside, request.split)?;
    let array = read(archive, chosen, request)?;
    let count = array.images.count();
    let mut loaded = loaded(array, request);
    if let Some((labels, names)) = labels(archive, &arrays, chosen, count) {
        loaded.images = loaded.images.with_labels(labels, names);
    }
    Ok(loaded)
}

fn is_array(name: &str) -> bool {
    extension_of(Path::new(name)) == "npy"
}

/// The arrays below the folder `inside` whose headers can be read.
fn list<'a>(archive: &'a ZipArchive, inside: &str, flat_size: Option<[usize; 3]>) -> Vec<Listed<'a>> {
    let array = |entry: &'a ZipEntry| {
        let name = entry.within(inside).filter(|name| is_array(name))?;
        let (header, _) = read_header(&mut archive.read(entry).ok()?, entry.length).ok()?;
        let images = shape::images(&header.shape, flat_size);
        Some(Listed { name: name.strip_suffix(".npy").unwrap_or(name), entry, header, images })
    };
    archive.entries().iter().filter_map(array).collect()
}

/// Whether the name of an array says that it belongs to this split: `x_train`, `test_images`.
/// Arrays for validation belong to none.
fn is_of(name: &str, split: Split) -> bool {
    let name = name.to_ascii_lowercase();
    match split {
        Split::Test => name.contains("test"),
        Split::Train => !name.contains("test") && !name.contains("val"),
    }
}

/// Chooses the array with the images.
fn chosen<'a, 'b>(
    arrays: &'b [Listed<'a>],
    archive: &ZipArchive,
    inside: &str,
    split: Split,
) -> Result<&'b Listed<'a>, DataError> {
    let path = archive.path();
    let wanted = inside.strip_suffix(".npy").unwrap_or(inside);
    if let Some(array) = arrays.iter().find(|array| !wanted.is_empty() && array.name == wanted) {
        return match array.images {
            Some(_) => Ok(array),
            None => Err(Failure::from(fault::shape(&array.header.shape)).in_file(&path.join(array.name))),
        };
    }
    let all: Vec<&Listed<'_>> = arrays.iter().filter(|array| array.images.is_some()).collect();
    let of_split: Vec<&Listed<'_>> = all.iter().copied().filter(|array| is_of(array.name, split)).collect();
    let names = |arrays: &[&Listed<'_>]| arrays.iter().map(|array| array.name.to_owned()).collect::<Vec<_>>();
    match (&all[..], &of_split[..]) {
        ([only], _) | (_, [only]) => Ok(only),
        ([], _) if arrays.is_empty() => Err(unreadable(archive, inside)),
        ([], _) => {
            let shapes: Vec<String> =
                arrays.iter().map(|array| format!("{} {:?}", array.name, array.header.shape)).collect();
            Err(DataError::invalid(
                path,
                "there are no images in this archive",
                format!("it has neither pictures nor arrays of images, but {}", listed(&shapes)),
                super::super::unsupported::supported(),
            ))
        }
        _ => Err(DataError::invalid(
            path,
            "there are several arrays in this archive",
            format!("{} of them hold images: {}", all.len(), listed(&names(&all))),
            advice!("which-array-of-zip", "choose one, such as `--class {}`", quoted(all[0].name)),
        )),
    }
}

/// The error for an archive of arrays none of which has a header that can be read: why the first
/// one cannot.
fn unreadable(archive: &ZipArchive, inside: &str) -> DataError {
    let is_there = |entry: &&ZipEntry| entry.within(inside).is_some_and(is_array);
    let entry = archive.entries().iter().find(is_there).expect("an archive of arrays has one");
    let path = archive.path().join(&entry.name);
    match archive.read(entry) {
        Ok(mut reader) => match read_header(&mut reader, entry.length) {
            Err(failure) => failure.in_file(&path),
            Ok(_) => unpacking(&path, &io::Error::other("it changed while it was in use")),
        },
        Err(error) => unpacking(&path, &error),
    }
}

/// Reads an array: in place, or unpacked.
fn read(archive: &ZipArchive, array: &Listed<'_>, request: &LoadRequest<'_>) -> Result<LoadedArray, DataError> {
    let (entry, options) = (array.entry, &request.options);
    let path = archive.path().join(&entry.name);
    let unreadable = |error: io::Error| unpacking(&path, &error);
    let (range, flat_size) = (request.fitting.range, Some(request.shape));
    if let Some(start) = archive.stored_at(entry).map_err(unreadable)? {
        let (file, stamp) = archive.file().map_err(unreadable)?;
        let mut section = Section::new(&file, start, entry.length);
        let mut found =
            examine(&mut section, entry.length, range, flat_size).map_err(|failure| failure.in_file(&path))?;
        if found.fortran {
            let pixels = found.read_fortran(&mut section).map_err(unreadable)?;
            return Ok(in_memory(&path, found, pixels));
        }
        found.layout.first += start;
        return Ok(images_of(&path, file, stamp, found));
    }
    let fits = entry.length <= options.memory;
    if options.inspect_only {
        return Ok(undecoded(&path, array, if fits { 0 } else { entry.length }));
    }
    if !fits {
        return super::load_array(&unpacked(archive, array, options)?, range, flat_size);
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(entry.length as usize).map_err(|error| unreadable(io::Error::other(error)))?;
    archive.read(entry).and_then(|mut reader| reader.read_to_end(&mut bytes)).map_err(unreadable)?;
    let mut file = Cursor::new(&bytes[..]);
    let found = examine(&mut file, entry.length, range, flat_size).map_err(|failure| failure.in_file(&path))?;
    let pixels = if found.fortran {
        found.read_fortran(&mut file).map_err(unreadable)?
    } else {
        let layout = &found.layout;
        let records = bytes[layout.first as usize..].par_chunks_exact(layout.record_len());
        let mut pixels = vec![0; layout.count * layout.image_len()];
        records.zip(pixels.par_chunks_exact_mut(layout.image_len())).for_each(|(from, to)| layout.decode(from, to));
        pixels
    };
    Ok(in_memory(&path, found, pixels))
}

/// The images of a compressed array that was only inspected; unpacking it takes `bytes` of disk.
fn undecoded(path: &Path, array: &Listed<'_>, bytes: u64) -> LoadedArray {
    let size = array.images.as_ref().map_or([1; 3], |images| images.size);
    let count = array.header.shape.first().map_or(0, |&count| count as usize);
    let store = Arc::new(Undecoded { folder: path.to_owned(), count, bytes });
    let images = Images::of(store, size, origin(path, count, size));
    LoadedArray { images, note: None, range: crate::ValueRange::BYTES, extent: None }
}

/// Unpacks an array into a file in the folder of the caches, unless it is there already.
fn unpacked(archive: &ZipArchive, array: &Listed<'_>, options: &LoadOptions<'_>) -> Result<PathBuf, DataError> {
    let entry = array.entry;
    let place = fs::canonicalize(archive.path()).unwrap_or_else(|_| archive.path().to_owned());
    let hashes = [place.as_os_str().as_encoded_bytes(), entry.name.as_bytes()].map(hash_bytes);
    let hash = hash_words(hashes.into_iter().chain([entry.length, u64::from(entry.crc)]));
    let name: String = array.name.chars().take(40).map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    let path = options.cache.join(format!("{name}-{hash:016x}.npy"));
    let is_there = || fs::metadata(&path).is_ok_and(|about| about.len() == entry.length);
    if is_there() {
        return Ok(path);
    }
    let _lock =
        CacheLock::acquire(&options.cache, |lock, holder| (options.progress)(&Progress::Waiting { lock, holder }))?;
    if is_there() {
        return Ok(path);
    }
    if let Ok(free) = free_space(&options.cache)
        && free < entry.length
    {
        return Err(DataError::cache(&path, format!("the array takes {} bytes, {free} are free", entry.length)));
    }
    let unwritable = |error: io::Error| DataError::cache(&path, format!("the system said: {error}"));
    let (file, temporary) = create_unfinished(&path).map_err(unwritable)?;
    let written = write(archive, entry, (file, &temporary), (options, &path, array));
    if written.is_err() {
        // Best effort: the next process that writes here deletes it.
        let _ = fs::remove_file(&temporary);
    }
    written.map(|()| path)
}

fn write(
    archive: &ZipArchive,
    entry: &ZipEntry,
    (mut file, temporary): (File, &Path),
    (options, path, array): (&LoadOptions<'_>, &Path, &Listed<'_>),
) -> Result<(), DataError> {
    let unwritable = |error: io::Error| DataError::cache(path, format!("the system said: {error}"));
    let damaged = |error: io::Error| unpacking(&archive.path().join(&entry.name), &error);
    let total = array.header.shape.first().map_or(1, |&count| count as usize);
    let tell = |bytes: u64| {
        let done = (u128::from(bytes) * total as u128 / u128::from(entry.length.max(1))) as usize;
        // Only the first report says 0, even if a block is smaller than an image.
        let done = done.max(usize::from(bytes > 0));
        let progress = Progress::Decoding { cache: path, bytes: entry.length, done, total };
        if (options.progress)(&progress).is_break() { Err(DataError::stopped(path)) } else { Ok(()) }
    };
    tell(0)?;
    let mut reader = archive.read(entry).map_err(damaged)?;
    let (mut block, mut done) = (vec![0; BLOCK], 0);
    loop {
        let count = reader.read(&mut block).map_err(damaged)?;
        if count == 0 {
            break;
        }
        file.write_all(&block[..count]).map_err(unwritable)?;
        done += count as u64;
        tell(done)?;
    }
    file.sync_all().map_err(unwritable)?;
    fs::rename(temporary, path).map_err(unwritable)
}

/// The error for an entry that cannot be unpacked.
fn unpacking(path: &Path, error: &io::Error) -> DataError {
    let help = advice!("damaged-zip-entry", "test the archive with unzip -t, and download or make it again");
    DataError::invalid(path, "the array cannot be read from its archive", error.to_string(), help)
}

/// The class of each of `count` images and the names of the classes, if exactly one other array of
/// the same split has an integer for each.
fn labels(
    archive: &ZipArchive,
    arrays: &[Listed<'_>],
    images: &Listed<'_>,
    count: usize,
) -> Option<(Vec<u32>, Vec<String>)> {
    let same_split = |array: &&Listed<'_>| {
        [Split::Train, Split::Test].iter().all(|split| is_of(array.name, *split) == is_of(images.name, *split))
    };
    let is_list = |array: &&Listed<'_>| match array.header.shape[..] {
        [length] | [length, 1] => length == count as u64,
        _ => false,
    };
    let is_integer = |array: &&Listed<'_>| matches!(array.header.dtype.kind, NumberKind::Unsigned | NumberKind::Signed);
    let mut found = arrays.iter().filter(same_split).filter(is_list).filter(is_integer);
    let (Some(array), None) = (found.next(), found.next()) else { return None };
    if count > MAX_LABELS {
        return None;
    }
    let dtype = array.header.dtype;
    let mut raw = vec![0; count * dtype.bytes];
    // The values come last.
    let mut reader = archive.read(array.entry).ok()?;
    let first = array.entry.length.checked_sub(raw.len() as u64)?;
    io::copy(&mut reader.by_ref().take(first), &mut io::sink()).ok()?;
    reader.read_exact(&mut raw).ok()?;
    let numbers: Vec<i64> = raw.chunks_exact(dtype.bytes).map(|raw| dtype.value(raw) as i64).collect();
    let mut classes = numbers.clone();
    classes.sort_unstable();
    classes.dedup();
    let labels = numbers.iter().map(|number| classes.partition_point(|class| class < number) as u32).collect();
    Some((labels, classes.iter().map(i64::to_string).collect()))
}

//! Images are the same from memory, from disk, from a cache and from a generator.

use crate::{
    Augmentation, DataError, ErrorKind, Filter, Fitting, Images, LoadOptions, Progress, Season, Split, digits, faces,
    load_cifar, load_folder, load_idx, load_npy, seasons,
};
use image::{Rgb, RgbImage};
use kernels::random::Key;
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Options whose memory limit is too low for any images.
fn tight(cache: &Path) -> LoadOptions<'static> {
    LoadOptions { memory: 0, cache: cache.to_owned(), ..LoadOptions::default() }
}

/// A folder of `count` pictures of 6x5 in two classes.
fn pictures(folder: &Path, count: u8) {
    for (class, number) in (0..count).map(|number| (if number < count / 2 { "a" } else { "b" }, number)) {
        fs::create_dir_all(folder.join(class)).unwrap();
        let picture = RgbImage::from_fn(6, 5, |x, y| Rgb([number * 9, (x * 40) as u8, (y * 30) as u8]));
        picture.save(folder.join(class).join(format!("{number:03}.png"))).unwrap();
    }
}

fn load(folder: &Path, options: &LoadOptions<'_>) -> Result<Images, DataError> {
    load_folder(folder, [4, 4, 3], &Fitting::default(), options).map(|found| found.images)
}

/// The files in the cache folder except the lock.
fn caches(cache: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| !path.ends_with("lock")).collect()
}

/// Writes one batch.
type Gather<'a> = &'a dyn Fn(&Images, &mut [f32]) -> Result<(), DataError>;

/// Compares everything that `images` can return with the same images in memory.
fn the_same(name: &str, images: &Images) {
    assert!(!images.are_in_memory(), "{name}");
    let kept = images.clone().load_into_memory(u64::MAX).unwrap();
    assert!(kept.are_in_memory() && kept.count() == images.count() && kept.labels() == images.labels(), "{name}");
    assert!(images.resident_bytes() < kept.resident_bytes() || images.count() == 0, "{name}");
    let count = images.count();
    for index in 0..count {
        assert_eq!(images.image(index).unwrap(), kept.image(index).unwrap(), "{name}, image {index}");
    }
    assert_eq!(images.fingerprint().unwrap(), kept.fingerprint().unwrap(), "{name}");
    let suspects = images.suspects().unwrap();
    assert!(suspects == kept.suspects().unwrap(), "{name}: {suspects:?}");

    let indices: Vec<usize> = (0..9).map(|number| number * 5 % count).collect();
    let [height, width, channels] = images.size();
    let both = |gather: Gather<'_>, size: [usize; 2]| {
        let [a, b] = [images, &kept].map(|images| {
            let mut batch = vec![f32::NAN; 9 * size[0] * size[1] * channels];
            gather(images, &mut batch).unwrap();
            batch
        });
        assert_eq!(a, b, "{name}");
    };
    both(&|images, batch| images.gather(&indices, batch), [height, width]);
    let small = [height - 1, width - 2];
    both(&|images, batch| images.gather_center(&indices, small, batch), small);
    let shaken = Augmentation { rotation: 20.0, zoom: 0.2, flip: true, ..Augmentation::default() };
    let key = Key::named(3, "a test");
    both(&|images, batch| images.gather_augmented(&indices, small, &shaken, key, batch), small);
}

/// [`the_same`] for the images, for a resized copy, and for one class.
fn the_same_in_all_ways(name: &str, images: &Images) {
    the_same(name, images);
    let other = [9, 7, if images.channels() == 1 { 3 } else { 1 }];
    the_same(&format!("{name}, scaled"), &images.clone().resized(other, Filter::Bicubic));
    if let Some(class) = images.class_names().last() {
        let one = images.of_class(class).unwrap();
        assert!(one.count() < images.count());
        the_same(&format!("{name}, one class"), &one);
        the_same(&format!("{name}, one class, scaled"), &one.resized(other, Filter::Area));
    }
}

#[test]
fn images_are_the_same_in_memory_in_files_in_a_cache_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let bytes: Vec<u8> = (0..30 * 784).map(|at| (at * 7 % 251) as u8).collect();

    let dictionary = "{'descr': '|u1', 'fortran_order': False, 'shape': (30, 784), }";
    let header = [b"\x93NUMPY\x01\x00\x76\x00", format!("{dictionary:<117}\n").as_bytes()].concat();
    fs::write(path("a.npy"), [header, bytes.clone()].concat()).unwrap();
    the_same_in_all_ways("npy", &load_npy(&path("a.npy")).unwrap());

    let idx = |dimensions: &[u32]| {
        let lengths = dimensions.iter().flat_map(|length| length.to_be_bytes());
        [0, 0, 8, dimensions.len() as u8].into_iter().chain(lengths).collect::<Vec<u8>>()
    };
    fs::write(path("images-idx3"), [idx(&[30, 28, 28]), bytes.clone()].concat()).unwrap();
    fs::write(path("labels-idx1"), [idx(&[30]), (0..30).map(|at| at % 4).collect()].concat()).unwrap();
    the_same_in_all_ways("IDX", &load_idx(&path("images-idx3"), Split::Train).unwrap());

    let record = |number: usize| [number as u8 % 3].into_iter().chain((0..3072).map(move |at| (at * number) as u8));
    fs::create_dir(path("cifar")).unwrap();
    for (name, numbers) in [("1.bin", 0..7), ("2.bin", 7..9), ("3.bin", 9..20)] {
        fs::write(path("cifar").join(name), numbers.flat_map(record).collect::<Vec<u8>>()).unwrap();
    }
    fs::write(path("cifar/batches.meta.txt"), "a\nb\nc\n").unwrap();
    the_same_in_all_ways("CIFAR", &load_cifar(&path("cifar"), Split::Train).unwrap());

    pictures(&path("folder"), 20);
    let decoded = load(&path("folder"), &LoadOptions::default()).unwrap();
    let cached = load(&path("folder"), &tight(&path("cache"))).unwrap();
    the_same_in_all_ways("folder", &cached);
    assert_eq!(cached.fingerprint().unwrap(), decoded.fingerprint().unwrap());
    assert!(decoded.are_in_memory() && cached.labels() == decoded.labels());

    the_same_in_all_ways("digits", &digits(20, 1));
    the_same_in_all_ways("faces", &faces(20, 1, 12));
    the_same_in_all_ways("landscapes", &seasons(5..25, 1, Season::Winter));
}

#[test]
fn a_set_goes_into_memory_only_if_it_fits() {
    let images = digits(10, 1);
    let (most, labels) = (10 * 784, 40);
    assert!(!images.clone().load_into_memory(most - 1).unwrap().are_in_memory());
    assert_eq!(images.resident_bytes_in_memory(most - 1), labels);
    assert!(images.clone().load_into_memory(most).unwrap().are_in_memory());
    assert_eq!(images.resident_bytes_in_memory(most), most + labels);
    assert_eq!(images.load_into_memory(most).unwrap().summary(), "10 images 28x28x1, 7.8 kB: in memory");
}

/// The built-in faces have 31 GB in the size of the largest networks.
#[test]
fn the_largest_faces_cost_nothing_until_they_are_drawn() {
    let images = faces(10_000, 1, 1024).load_into_memory(1 << 30).unwrap();
    assert_eq!((images.count(), images.resident_bytes()), (10_000, 0));
    assert_eq!(images.suspects().unwrap().warning(), None);
    assert_eq!(images.image(9_999).unwrap().len(), 1024 * 1024 * 3);
}

#[test]
fn a_file_that_changes_is_refused_and_one_that_is_replaced_does_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("1.bin");
    let file = |value: u8| vec![value; 2 * 3073];
    fs::write(&path, file(1)).unwrap();
    let images = load_cifar(&path, Split::Train).unwrap();
    fs::write(folder.path().join("new"), file(2)).unwrap();
    fs::rename(folder.path().join("new"), &path).unwrap();
    assert!(cfg!(windows) || images.image(1).unwrap().iter().all(|&value| value == 1));

    let images = load_cifar(&path, Split::Train).unwrap();
    // File systems may have coarse timestamps.
    let later = fs::metadata(&path).unwrap().modified().unwrap() + std::time::Duration::from_secs(5);
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_modified(later).unwrap();
    let error = images.image(0).unwrap_err();
    assert!(error.what().contains("changed while it was in use") && error.why().contains("6146"), "{error}");
    assert!(images.fingerprint().is_err() && images.suspects().is_err() && images.load_into_memory(u64::MAX).is_err());
}

#[test]
fn a_cache_is_used_again_until_something_changes() {
    let folder = tempfile::tempdir().unwrap();
    let (data, cache) = (folder.path().join("data"), folder.path().join("cache"));
    pictures(&data, 12);
    let decodings = Mutex::new(0);
    let count = |progress: &Progress<'_>| {
        if let Progress::Decoding { done: 0, .. } = progress {
            *decodings.lock().unwrap() += 1;
        }
        ControlFlow::Continue(())
    };
    let options = LoadOptions { memory: 0, cache: cache.clone(), progress: &count, ..LoadOptions::default() };
    let decoded = |fitting: &Fitting| {
        let before = *decodings.lock().unwrap();
        let found = load_folder(&data, [4, 4, 3], fitting, &options).unwrap();
        let fresh = load_folder(&data, [4, 4, 3], fitting, &LoadOptions::default()).unwrap();
        assert_eq!(found.images.fingerprint().unwrap(), fresh.images.fingerprint().unwrap());
        assert_eq!((found.found, found.skipped), (fresh.found, fresh.skipped));
        *decodings.lock().unwrap() > before
    };
    let usual = Fitting::default();
    assert!(decoded(&usual), "the first time");
    assert!(!decoded(&usual), "it is there");
    fs::write(data.join("a/003.png"), "broken").unwrap();
    assert!(decoded(&usual), "a file changed");
    assert!(!decoded(&usual), "and is known to be broken");
    fs::copy(data.join("a/001.png"), data.join("a/001b.png")).unwrap();
    assert!(decoded(&usual), "a file was added");
    fs::remove_file(data.join("b/011.png")).unwrap();
    assert!(decoded(&usual), "a file was removed");
    assert_eq!(caches(&cache).len(), 1, "an old cache is replaced");
    let stretched = Fitting { aspect: crate::Aspect::Stretch, ..usual.clone() };
    assert!(decoded(&stretched) && !decoded(&stretched) && !decoded(&usual), "another fitting has its own");
    assert_eq!(caches(&cache).len(), 2);
    caches(&cache).iter().for_each(|path| fs::remove_file(path).unwrap());
    assert!(decoded(&usual), "it may be deleted");
}

#[test]
fn no_damage_to_a_cache_goes_unnoticed() {
    let folder = tempfile::tempdir().unwrap();
    let (data, cache) = (folder.path().join("data"), folder.path().join("cache"));
    pictures(&data, 6);
    let wanted = load(&data, &LoadOptions::default()).unwrap();
    load(&data, &tight(&cache)).unwrap();
    let path = caches(&cache).remove(0);
    let good = fs::read(&path).unwrap();
    // An interrupted process leaves a file with another name. A file with this name is complete, or
    // is rejected.
    for length in (0..good.len()).step_by(7) {
        fs::write(&path, &good[..length]).unwrap();
        let images = load(&data, &tight(&cache)).unwrap();
        assert_eq!(images.image(3).unwrap(), wanted.image(3).unwrap(), "cut at {length}");
    }
    for place in (0..good.len()).step_by(3) {
        let mut bad = good.clone();
        bad[place] ^= 0x10;
        fs::write(&path, &bad).unwrap();
        let images = load(&data, &tight(&cache)).unwrap();
        for index in 0..6 {
            match images.image(index) {
                Ok(image) => assert_eq!(image, wanted.image(index).unwrap(), "byte {place}"),
                Err(error) => {
                    assert!(error.what().contains("damaged") && error.help().text().contains("delete"), "{error}")
                }
            }
        }
    }
}

/// Processes in different containers may have the same id, and some shared file systems have no
/// locks.
#[test]
fn unfinished_files_with_the_same_process_id_are_kept_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shared.cache");
    let [one, other] = [(); 2].map(|()| super::cached::create_unfinished(&path).unwrap().1);
    assert!(one != other && one.exists() && other.exists(), "{}", one.display());
    assert!([&one, &other].iter().all(|path| path.extension().unwrap() == "part"), "not deleted later");
}

/// Without locks, the age of an unfinished file shows whether its process was interrupted.
#[test]
fn without_a_lock_only_abandoned_files_are_swept() {
    use super::cached::{ABANDONED, sweep};
    let folder = tempfile::tempdir().unwrap();
    let [young, old, cache] = ["1-a.part", "2-b.part", "c.cache"].map(|name| folder.path().join(name));
    for path in [&young, &old, &cache] {
        fs::write(path, "half").unwrap();
    }
    let abandoned = std::time::SystemTime::now() - ABANDONED;
    for path in [&old, &cache] {
        fs::File::options().write(true).open(path).unwrap().set_modified(abandoned).unwrap();
    }
    sweep(folder.path(), ABANDONED);
    assert!(young.exists() && !old.exists() && cache.exists());
}

#[test]
fn an_unfinished_cache_leaves_nothing_and_a_left_one_is_swept() {
    let folder = tempfile::tempdir().unwrap();
    let (data, cache) = (folder.path().join("data"), folder.path().join("cache"));
    pictures(&data, 8);
    for number in 0..4 {
        fs::write(data.join(format!("a/{number:03}.png")), "broken").unwrap();
    }
    let error = load(&data, &tight(&cache)).unwrap_err();
    assert!(error.what().contains("too many"), "{error}");
    assert_eq!(caches(&cache), Vec::<PathBuf>::new());

    fs::write(cache.join("killed.123.part"), "half").unwrap();
    pictures(&data, 8);
    // The file changes while it is read: it gets a newer timestamp before the first picture is
    // checked again.
    let touch = |progress: &Progress<'_>| {
        if let Progress::Decoding { done: 0, .. } = progress {
            fs::write(data.join("b/007.png"), "longer than it was, and no picture").unwrap();
        }
        ControlFlow::Continue(())
    };
    let options = LoadOptions { progress: &touch, ..tight(&cache) };
    let error = load(&data, &options).unwrap_err();
    assert!(error.what().contains("changed") && error.path().unwrap().ends_with("b/007.png"), "{error}");
    assert_eq!(caches(&cache), Vec::<PathBuf>::new(), "and what was left before is gone");
}

#[test]
fn a_folder_that_is_only_looked_at_is_counted_and_not_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let (data, cache) = (folder.path().join("data"), folder.path().join("cache"));
    pictures(&data, 10);
    let look = LoadOptions { inspect_only: true, ..tight(&cache) };
    let images = load(&data, &look).unwrap();
    assert!(images.count() == 10 && images.cache_bytes() > 10 * 48 && images.image(0).is_err());
    assert_eq!(images.of_class("b").unwrap().count(), 5);
    assert!(!cache.exists(), "nothing is written");
    load(&data, &tight(&cache)).unwrap();
    assert_eq!(load(&data, &look).unwrap().cache_bytes(), 0, "it is there now");
}

#[test]
fn a_cache_that_cannot_be_written_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    pictures(&folder.path().join("data"), 4);
    fs::write(folder.path().join("file"), "no folder").unwrap();
    let error = load(&folder.path().join("data"), &tight(&folder.path().join("file"))).unwrap_err();
    assert!(error.kind() == ErrorKind::Cache && error.help().text().contains("data_cache"), "{error}");
}

#[test]
fn waiting_for_another_process_names_it_and_can_be_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (data, cache) = (folder.path().join("data"), folder.path().join("cache"));
    pictures(&data, 6);
    fs::create_dir(&cache).unwrap();
    fs::write(cache.join("lock"), "4711").unwrap();
    let lock = File::options().write(true).open(cache.join("lock")).unwrap();
    lock.lock().unwrap();
    let holders = Mutex::new(Vec::new());
    let wait = |times: usize| {
        holders.lock().unwrap().clear();
        let follow = |progress: &Progress<'_>| {
            let mut holders = holders.lock().unwrap();
            if let Progress::Waiting { holder, .. } = progress {
                holders.push(*holder);
            }
            if holders.len() < times { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        load(&data, &LoadOptions { progress: &follow, ..tight(&cache) })
    };
    let error = wait(3).unwrap_err();
    assert!(error.kind() == ErrorKind::Stopped && error.path().unwrap().ends_with("lock"), "{error}");
    let process = cfg!(unix).then_some(4711); // a locked file cannot be read on Windows
    assert_eq!(*holders.lock().unwrap(), [process; 3]);
    // Decoding can also be stopped, and leaves nothing.
    lock.unlock().unwrap();
    let error = wait(0).unwrap_err();
    assert!(error.kind() == ErrorKind::Stopped && caches(&cache).is_empty(), "{error}");
    assert_eq!(fs::read_to_string(cache.join("lock")).unwrap(), std::process::id().to_string());
    load(&data, &tight(&cache)).unwrap();
}

//! Archives of pictures and of arrays, read like the folder and the files that they were made of.

use crate::formats::DataFiles;
use crate::load_options::{LoadOptions, Split};
use crate::zip::tests::zipped;
use crate::{
    DataError, Fitting, Images, LoadRequest, Loaded, PictureSource, decode_picture, list_pictures, load_folder,
    load_picture, picture_size,
};
use image::{ExtendedColorType, ImageEncoder};
use std::fs;
use std::path::Path;

/// A PNG of 4x4 pixels, whose first one has this colour and is half transparent.
fn png([red, green, blue]: [u8; 3]) -> Vec<u8> {
    let mut file = Vec::new();
    let pixels: Vec<u8> =
        (0..16).flat_map(|at| [red, green, blue.wrapping_add(at), if at == 0 { 128 } else { 255 }]).collect();
    image::codecs::png::PngEncoder::new(&mut file).write_image(&pixels, 4, 4, ExtendedColorType::Rgba8).unwrap();
    file
}

fn npy(descr: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}\n");
    [&b"\x93NUMPY\x01\0"[..], &(header.len() as u16).to_le_bytes(), header.as_bytes(), values].concat()
}

fn load(path: &Path, class: Option<&str>, split: Split, memory: u64) -> Result<Loaded, DataError> {
    let cache = path.ancestors().find(|folder| folder.is_dir()).unwrap().join("cache");
    let options = LoadOptions { memory, cache, ..LoadOptions::default() };
    let fitting = Fitting::default();
    let size = [4, 4, 3];
    DataFiles::find(path, class)?.load(&LoadRequest { split, shape: size, size, fitting: &fitting, options })
}

fn pixels(images: &Images) -> Vec<u8> {
    (0..images.count()).flat_map(|index| images.image(index).unwrap().into_owned()).collect()
}

#[test]
fn an_archive_of_pictures_is_read_like_the_folder_of_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["b/2.png", "a/deep/1.png", "a/0.png", "b-c/5.png", "x.png", "a/notes.txt"];
    let pictures: Vec<Vec<u8>> = (0..6).map(|index| png([index * 40, 7, 99])).collect();
    let mut files: Vec<(&str, &[u8])> = names.iter().copied().zip(pictures.iter().map(|file| &file[..])).collect();
    files[5].1 = b"no picture";
    for (name, content) in &files {
        let path = folder.path().join("plain").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    files.extend([("__MACOSX/a/0.png", &b"junk"[..]), (".hidden.png", b"junk")]);
    let plain = load_folder(&folder.path().join("plain"), [4, 4, 3], &Fitting::default(), &LoadOptions::default());
    let plain = plain.unwrap().images;
    let archive = folder.path().join("plain.zip");
    for deflated in [false, true] {
        fs::write(&archive, zipped(&files, deflated)).unwrap();
        // In memory, and through a cache.
        for memory in [u64::MAX, 0] {
            let images = load(&archive, None, Split::Train, memory).unwrap().images;
            assert_eq!(pixels(&images), pixels(&plain), "deflated: {deflated}, memory: {memory}");
            assert_eq!((images.labels(), images.class_names().len()), (plain.labels(), 4));
        }
        let part = load(&archive.join("a"), None, Split::Train, u64::MAX).unwrap().images;
        assert_eq!(pixels(&part), pixels(&plain.of_class("a").unwrap()));
    }
    // Otherwise the images come from there: their checksums are known.
    fs::remove_dir_all(folder.path().join("cache")).unwrap();
    let mut damaged = zipped(&files, true);
    (0..damaged.len() / 2).step_by(31).for_each(|at| damaged[at] ^= 0xFF);
    fs::write(&archive, damaged).unwrap();
    let error = load(&archive, None, Split::Train, 0).err().unwrap();
    assert!(error.to_string().contains("cannot be read"), "{error}");
    let caches = fs::read_dir(folder.path().join("cache")).unwrap().map(|entry| entry.unwrap().path());
    let left = caches.filter(|path| path.extension().is_some_and(|ending| ending == "part")).count();
    assert_eq!(left, 0, "nothing is left behind");
}

#[test]
fn the_labels_of_a_dataset_tool_are_the_classes() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("a.zip");
    let [one, two] = [png([1, 2, 3]), png([9, 2, 3])];
    let write = |labels: &str| {
        let files = [("00000/1.png", &one[..]), ("00000/2.png", &two[..]), ("dataset.json", labels.as_bytes())];
        fs::write(&archive, zipped(&files, false)).unwrap();
        load(&archive, None, Split::Train, u64::MAX).unwrap()
    };
    let classes = |found: &Loaded| (found.images.labels().map(<[u32]>::to_vec), found.images.class_names().to_vec());
    let found = write(r#"{"labels": [["00000/2.png", 7], ["00000/1.png", 3]]}"#);
    assert_eq!(classes(&found), (Some(vec![0, 1]), vec!["3".to_owned(), "7".to_owned()]));
    let one_hot = write(r#"{"labels": [["00000/1.png", [0, 0, 1]], ["00000/2.png", [1, 0, 0]]]}"#);
    assert_eq!(classes(&one_hot).0, Some(vec![1, 0]));
    assert_eq!(classes(&write(r#"{"labels": null}"#)).0, None, "folders of a thousand are no classes");
    for (labels, why) in [
        (r#"{"labels": [["00000/1.png", 3]]}"#, "no label for 00000/2.png"),
        (r#"{"labels": [["00000/1.png", [0.5, 0.5]]]}"#, "is no class"),
        ("{", "EOF"),
    ] {
        let found = write(labels);
        assert!(
            found.notes.iter().any(|note| note.contains("ignored: dataset.json") && note.contains(why)),
            "{labels}"
        );
    }
}

#[test]
fn an_archive_without_pictures_says_what_it_holds_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zip");
    let picture = png([1, 2, 3]);
    let inner = zipped(&[("0.png", &picture)], true);
    let object = npy("|O", "3,", b"...");
    let unpack = "unpack the outer archive (unzip ";
    for (files, what, why, help) in [
        (&[][..], "the archive is empty", "no files", ".zip archive"),
        (&[("empty/", &b""[..])], "the archive is empty", "no files", ".zip archive"),
        (&[("__MACOSX/a.png", &picture), (".b.png", &picture)], "no pictures in this archive", "2 files", "archive"),
        (&[("in/b.zip", &inner)], "no pictures in this archive", "1 zip archive (no pictures)", unpack),
        (&[("in/b.zip", &inner)], "no pictures in this archive", "searched 1 file ", "in/b.zip"),
        (&[("b.zip", &inner), ("c.zip", &inner)], "no pictures in this archive", "2 zip archives", "b.zip"),
        (&[("b.7z", b"7z\xbc\xaf\x27\x1c")], "no pictures in this archive", "1 7z archive", "b.7z"),
        (&[("b.tar.gz", b"\x1f\x8b\x08")], "no pictures in this archive", "1 file", "b.tar.gz"),
        (&[("b.parquet", b"PAR1")], "no pictures in this archive", "1 Parquet file", "unpack it (unzip "),
        (&[("raw/digits-idx3-ubyte", b"\0\0\x08\x03")], "no pictures in this archive", "1 file", "resulting folder"),
        (&[("b.heic", b"\0\0\0\x18ftypheic\0\0\0\0")], "no pictures in this archive", "1 HEIC", "convert"),
        (&[("b.npy", &object)], "dtype", "|O", ""),
    ] {
        fs::write(&path, zipped(files, false)).unwrap();
        let error = load(&path, None, Split::Train, u64::MAX).err().unwrap();
        let text = error.to_string();
        assert!(error.what().contains(what) || error.why().contains(what), "{what}: {text}");
        assert!(error.why().contains(why) && error.help().text().contains(help), "{why}, {help}: {text}");
    }
    // A path that leads to a file of the archive.
    let files = [("0.png", &picture[..]), ("b.zip", &inner), ("notes.txt", b"text")];
    fs::write(&path, zipped(&files, true)).unwrap();
    for (name, why, help) in [
        ("0.png", "it is a PNG picture", "--data "),
        ("b.zip", "it is a zip archive", unpack),
        ("notes.txt", "it is a file", "unpack it"),
    ] {
        let error = load(&path.join(name), None, Split::Train, u64::MAX).err().unwrap();
        assert_eq!(error.what(), "this is one file of an archive");
        assert!(error.why().contains(why) && error.help().text().contains(help), "{error}");
    }
    // What the system's own programs must unpack.
    let mut encrypted = zipped(&files[..1], false);
    let central = encrypted.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    encrypted[central + 8] |= 1;
    fs::write(&path, encrypted).unwrap();
    let error = load(&path, None, Split::Train, u64::MAX).err().unwrap();
    assert!(error.why().contains("0.png (it is encrypted)"), "{error}");
    assert!(error.help().text().contains("without encryption"), "{error}");
}

#[test]
fn the_pictures_of_an_archive_are_listed_and_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zip");
    let [one, two] = [png([1, 2, 3]), png([9, 2, 3])];
    fs::write(&path, zipped(&[("b/1.png", &two), ("a.png", &one), ("notes.txt", b"text")], true)).unwrap();
    let names = |path: &Path| {
        let (pictures, _) = list_pictures(path, None).unwrap();
        assert!(pictures.iter().all(|picture| picture_size(picture).unwrap() == [4, 4]));
        pictures.iter().map(PictureSource::path).collect::<Vec<_>>()
    };
    assert_eq!(names(&path), [path.join("a.png"), path.join("b/1.png")]);
    assert_eq!(names(&path.join("b")), [path.join("b/1.png")]);
    assert_eq!(names(&path.join("a.png")), [path.join("a.png")]);
    fs::write(folder.path().join("plain.png"), &two).unwrap();
    let pixels = |path: &Path| load_picture(path, [4, 4, 3], &Fitting::default()).unwrap();
    assert_eq!(pixels(&path.join("b/1.png")), pixels(&folder.path().join("plain.png")));
    let (picture, _) = list_pictures(&path.join("b/1.png"), None).unwrap();
    assert_eq!(decode_picture(&picture[0], 3, &Fitting::default()).unwrap().bytes, pixels(&path.join("b/1.png")));
    assert!(list_pictures(&path.join("c"), None).unwrap_err().why().contains("no such file"));
}

#[test]
fn arrays_in_archives_are_read_like_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let bytes: Vec<u8> = (0..3 * 48).map(|at| (at * 5 % 251) as u8).collect();
    let floats: Vec<u8> = bytes.iter().flat_map(|&byte| (f32::from(byte) / 255.0).to_le_bytes()).collect();
    for deflated in [false, true] {
        for images in [npy("|u1", "3, 4, 4, 3", &bytes), npy("<f4", "3, 4, 4, 3", &floats)] {
            fs::write(&path, zipped(&[("images.npy", &images)], deflated)).unwrap();
            for memory in [u64::MAX, 0] {
                let found = load(&path, None, Split::Train, memory).unwrap().images;
                assert_eq!(pixels(&found), bytes, "deflated: {deflated}, memory: {memory}");
                let found = found.load_into_memory(u64::MAX).unwrap();
                assert_eq!(pixels(&found), bytes, "loaded: {deflated}, memory: {memory}");
            }
        }
    }
    let left: Vec<_> = fs::read_dir(folder.path().join("cache")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.iter().all(|path| path.extension().is_some_and(|ending| ending == "npy") || path.ends_with("lock")));
    // A damaged one is refused, and leaves nothing.
    let mut damaged = zipped(&[("other.npy", &npy("<f4", "3, 4, 4, 3", &floats))], true);
    damaged[100] ^= 0x55;
    fs::write(&path, damaged).unwrap();
    for memory in [u64::MAX, 0] {
        assert!(load(&path, None, Split::Train, memory).is_err());
    }
    assert_eq!(fs::read_dir(folder.path().join("cache")).unwrap().count(), left.len());
}

#[test]
fn the_arrays_of_both_splits_and_their_labels_are_found_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mnist.npz");
    let images = |count: usize, shade: u8| npy("|u1", &format!("{count}, 4, 4"), &vec![shade; count * 16]);
    let files = [
        ("x_test.npy", images(2, 9)),
        ("x_train.npy", images(3, 5)),
        ("y_test.npy", npy("|u1", "2,", &[4, 4])),
        ("y_train.npy", npy("<i8", "3, 1", &[7_i64, 2, 7].map(i64::to_le_bytes).concat())),
        ("x_val.npy", images(4, 1)),
    ];
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, file)| (*name, &file[..])).collect();
    fs::write(&path, zipped(&files, true)).unwrap();
    let train = load(&path, None, Split::Train, u64::MAX).unwrap().images;
    assert_eq!((train.count(), train.labels(), train.image(0).unwrap()[0]), (3, Some(&[1, 0, 1][..]), 5));
    assert_eq!(train.class_names(), ["2", "7"]);
    assert!(DataFiles::find(&path, None).unwrap().has_split(Split::Test));
    assert_eq!(load(&path, None, Split::Test, u64::MAX).unwrap().images.count(), 2);
    // By its name, as a class or in the path.
    assert_eq!(load(&path, Some("x_val"), Split::Train, u64::MAX).unwrap().images.count(), 4);
    assert_eq!(load(&path.join("x_val"), None, Split::Train, u64::MAX).unwrap().images.count(), 4);
    assert!(crate::exists(&path.join("x_val")) && !crate::exists(&path.join("x_other")));
    let several: Vec<(&str, &[u8])> = [("cats.npy", files[0].1), ("dogs.npy", files[1].1)].to_vec();
    fs::write(&path, zipped(&several, false)).unwrap();
    let error = load(&path, None, Split::Train, u64::MAX).err().unwrap();
    assert!(error.help().text().contains("--class cats"), "{error}");
    fs::write(&path, zipped(&[("list.npy", files[2].1)], false)).unwrap();
    assert!(load(&path, None, Split::Train, u64::MAX).err().unwrap().why().contains("list [2]"));
}

#[test]
fn colours_are_multiplied_by_alpha_where_it_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.png"), png([200, 100, 50])).unwrap();
    let read = |channels: usize| {
        let found = load_folder(folder.path(), [4, 4, channels], &Fitting::default(), &LoadOptions::default());
        found.unwrap().images.image(0).unwrap().into_owned()
    };
    assert_eq!(read(4)[..8], [100, 50, 25, 128, 200, 100, 51, 255]);
    assert_eq!(read(3)[..6], [227, 177, 152, 200, 100, 51], "on white");
}

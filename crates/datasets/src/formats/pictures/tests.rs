//! Folders of pictures in all formats, and of other files.

use super::*;
use crate::fitting::Background;
use crate::value_range::ValueRange;
use image::{DynamicImage, GrayImage, ImageFormat, Luma, LumaA, Rgb, RgbImage, Rgba, RgbaImage};
use std::fs;

/// A picture in which the value of each pixel depends on its position.
fn colour(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([(x * 40) as u8, (y * 30) as u8, 200]))
}

fn bytes(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    image.into().write_to(&mut file, format).unwrap();
    file.into_inner()
}

fn save(folder: &Path, name: &str, file: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, file).unwrap();
}

/// Replaces the size in the header of a PNG file, and corrects its checksum.
fn claiming(mut png: Vec<u8>, width: u32, height: u32) -> Vec<u8> {
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let mut checksum = flate2::Crc::new();
    checksum.update(&png[12..29]);
    png[29..33].copy_from_slice(&checksum.sum().to_be_bytes());
    png
}

#[test]
fn every_format_gives_the_same_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let picture = colour(5, 6);
    for (name, format) in [
        ("a.png", ImageFormat::Png),
        ("b.BMP", ImageFormat::Bmp),
        ("c.ppm", ImageFormat::Pnm),
        ("d.tiff", ImageFormat::Tiff),
        ("e.webp", ImageFormat::WebP),
    ] {
        save(folder.path(), name, &bytes(picture.clone(), format));
    }
    save(folder.path(), "notes.txt", b"no picture");
    save(folder.path(), ".hidden.png", b"no picture");
    let read = load_folder(folder.path(), [6, 5, 3], &Fitting::default(), &LoadOptions::default()).unwrap();
    assert_eq!((read.images.count(), read.skipped), (5, None));
    assert_eq!(read.found, "Found 5 images belonging to 1 class.");
    assert_eq!(read.images.labels(), None);
    for index in 0..5 {
        assert_eq!(read.images.image(index).unwrap(), picture.as_raw().as_slice(), "{index}");
    }
}

#[test]
fn jpeg_is_near() {
    let folder = tempfile::tempdir().unwrap();
    let picture = RgbImage::from_fn(16, 16, |x, y| Rgb([(x * 8) as u8, (y * 8) as u8, 90]));
    save(folder.path(), "a.jpeg", &bytes(picture.clone(), ImageFormat::Jpeg));
    let read = load_folder(folder.path(), [16, 16, 3], &Fitting::default(), &LoadOptions::default()).unwrap();
    let far = read.images.image(0).unwrap().iter().zip(picture.as_raw()).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(far.unwrap() < 30, "{far:?}");
}

#[test]
fn grey_deep_and_transparent_pictures_become_plain_ones() {
    let folder = tempfile::tempdir().unwrap();
    let grey = GrayImage::from_pixel(1, 1, Luma([77]));
    save(folder.path(), "a.png", &bytes(grey, ImageFormat::Png));
    let deep = image::ImageBuffer::<Luma<u16>, _>::from_pixel(1, 1, Luma([0x4D4D]));
    save(folder.path(), "b.png", &bytes(deep, ImageFormat::Png));
    let half = RgbaImage::from_pixel(1, 1, Rgba([255, 0, 0, 51]));
    save(folder.path(), "c.png", &bytes(half, ImageFormat::Png));
    let clear = image::ImageBuffer::<LumaA<u8>, _>::from_pixel(1, 1, LumaA([9, 0]));
    save(folder.path(), "d.png", &bytes(clear, ImageFormat::Png));
    let fitting = Fitting { background: Background([0, 100, 200]), ..Fitting::default() };
    let read = load_folder(folder.path(), [1, 1, 3], &fitting, &LoadOptions::default()).unwrap().images;
    let pixels: Vec<_> = (0..4).map(|index| read.image(index).unwrap().into_owned()).collect();
    assert_eq!(pixels, [[77; 3], [77; 3], [51, 80, 160], [0, 100, 200]]);
    let read = load_folder(folder.path(), [1, 1, 1], &fitting, &LoadOptions::default()).unwrap().images;
    assert_eq!([0, 1].map(|index| read.image(index).unwrap().into_owned()), [[77], [77]]);
}

#[test]
fn sub_folders_are_classes_in_order() {
    let folder = tempfile::tempdir().unwrap();
    for (name, shade) in [("b/2.png", 3), ("a/deep/1.png", 1), ("b/10.png", 2), ("a/9.png", 0)] {
        save(folder.path(), name, &bytes(GrayImage::from_pixel(2, 2, Luma([shade])), ImageFormat::Png));
    }
    let read = load_folder(folder.path(), [1, 1, 1], &Fitting::default(), &LoadOptions::default()).unwrap();
    assert_eq!(read.found, "Found 4 images belonging to 2 classes.");
    let shades: Vec<u8> = (0..4).map(|index| read.images.image(index).unwrap()[0]).collect();
    assert_eq!(shades, [0, 1, 2, 3]);
    assert_eq!((read.images.labels().unwrap(), read.images.class_names()[1].as_str()), (&[0, 0, 1, 1][..], "b"));
    assert_eq!(*read.images.of_class("b").unwrap().image(0).unwrap(), [2]);
}

#[test]
fn a_few_bad_files_are_left_out_and_many_refused() {
    let folder = tempfile::tempdir().unwrap();
    let good = bytes(colour(4, 4), ImageFormat::Png);
    for number in 0..20 {
        save(folder.path(), &format!("{number:02}.png"), &good);
    }
    save(folder.path(), "00.png", &[]);
    save(folder.path(), "03.png", &good[..40]);
    save(folder.path(), "07.png", b"<!DOCTYPE html><html>");
    let read = load_folder(folder.path(), [4, 4, 3], &Fitting::default(), &LoadOptions::default()).unwrap();
    assert_eq!(read.images.count(), 17);
    assert_eq!(read.found, "Found 17 images belonging to 1 class.");
    assert!((0..17).all(|index| read.images.image(index).unwrap() == colour(4, 4).as_raw().as_slice()));
    let skipped = read.skipped.unwrap();
    for words in ["3 of 20", "00.png (the file is empty", "03.png", "07.png", "web page"] {
        assert!(skipped.contains(words), "{words}: {skipped}");
    }
    save(folder.path(), "08.png", b"nothing");
    let error = load_folder(folder.path(), [4, 4, 3], &Fitting::default(), &LoadOptions::default()).unwrap_err();
    assert!(error.what().contains("too many") && error.why().contains("4 of 20"), "{error}");
}

#[test]
fn absurd_sizes_are_refused_before_they_are_believed() {
    let folder = tempfile::tempdir().unwrap();
    let small = bytes(colour(4, 4), ImageFormat::Png);
    for (width, height) in [(60_000, 2), (32_000, 32_000), (2_000_000_000, 2_000_000_000), (0, 4)] {
        save(folder.path(), "a.png", &claiming(small.clone(), width, height));
        let error = load_folder(folder.path(), [4, 4, 3], &Fitting::default(), &LoadOptions::default()).unwrap_err();
        assert!(error.why().contains("1 of 1 file"), "{error}");
    }
}

#[test]
fn other_paths_than_folders_of_pictures_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let message = |path: &Path| {
        load_folder(path, [4, 4, 3], &Fitting::default(), &LoadOptions::default()).unwrap_err().to_string()
    };
    assert!(message(folder.path()).contains("is empty"));
    assert!(message(&folder.path().join("none")).contains("no such folder"));
    save(folder.path(), "a.txt", b"x");
    assert!(message(&folder.path().join("a.txt")).contains("expected a folder"));
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).unwrap();
    assert!(message(folder.path()).contains("no pictures"));
}

#[test]
fn no_byte_changed_and_no_length_makes_it_panic() {
    let folder = tempfile::tempdir().unwrap();
    let rounds =
        [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Pnm, ImageFormat::Tiff, ImageFormat::Jpeg, ImageFormat::WebP];
    for format in rounds.into_iter().chain([ImageFormat::Gif]) {
        let good = bytes(colour(6, 5), format);
        let path = folder.path().join("a.png");
        let try_one = |file: &[u8]| {
            fs::write(&path, file).unwrap();
            drop(decode::decode(&Source::File(path.clone()), 3, &Fitting::default(), &InFlight::new(u64::MAX)));
        };
        let step = good.len().div_ceil(60);
        for place in (0..good.len()).step_by(step) {
            try_one(&good[..place]);
            for change in [1, 0x80, 0xFF] {
                let mut file = good.clone();
                file[place] ^= change;
                try_one(&file);
            }
        }
    }
}

#[test]
fn content_counts_and_not_the_ending() {
    let folder = tempfile::tempdir().unwrap();
    let png = bytes(colour(4, 4), ImageFormat::Png);
    let jpeg = bytes(colour(4, 4), ImageFormat::Jpeg);
    let boxed = |brand: &[u8]| [b"\0\0\0\x14ftyp", brand, &[0; 4], brand, &[7; 60]].concat();
    for number in 0..6 {
        save(folder.path(), &format!("a{number}.png"), &png);
        save(folder.path(), &format!("b{number}.jfif"), &jpeg);
        save(folder.path(), &format!("without-an-ending-{number}"), &png);
        save(folder.path(), &format!("wrong-{number}.txt"), &png);
        save(folder.path(), &format!("jpeg-{number}.png"), &jpeg);
    }
    for number in 0..3 {
        save(folder.path(), &format!("c{number}.avif"), &boxed(b"avif"));
        save(folder.path(), &format!("d{number}.jpg"), &boxed(b"heic"));
    }
    save(folder.path(), "drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>");
    save(folder.path(), "film.mp4", &boxed(b"isom"));
    save(folder.path(), "latents.npy", b"\x93NUMPY\x01\0");
    save(folder.path(), "notes.txt", b"PNG, JPEG and others");
    save(folder.path(), "broken.png", &png[..50]);
    let read = load_folder(folder.path(), [4, 4, 3], &Fitting::default(), &LoadOptions::default()).unwrap();
    assert_eq!(read.found, "Found 30 images belonging to 1 class.");
    assert!(read.skipped.unwrap().starts_with("1 of 31 files cannot be read: broken.png"));
    let line = "skipped: 3 AVIF, 3 HEIC, 1 SVG, 1 video (not supported; convert them to PNG or JPEG), 1 NumPy array (no pictures)";
    assert_eq!(read.left_out, [line]);
    assert_eq!(list_pictures(folder.path(), None).unwrap().0.len(), 31);
}

#[test]
fn a_folder_of_other_forms_alone_names_them() {
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), "a.avif", b"\0\0\0\x14ftypavif\0\0\0\0mif1");
    let message =
        || load_folder(folder.path(), [4, 4, 3], &Fitting::default(), &LoadOptions::default()).unwrap_err().to_string();
    assert!(message().contains("skipped: 1 AVIF") && message().contains("help: convert the pictures to PNG or JPEG"));
    fs::remove_file(folder.path().join("a.avif")).unwrap();
    save(folder.path(), "pictures.zip", b"PK\x03\x04");
    assert!(message().contains("1 zip archive") && message().contains("help: give the path of the archive"));
}

/// The files that a run leaves in its folder.
fn run_in(folder: &Path) {
    let sheet = bytes(colour(9, 9), ImageFormat::Png);
    save(folder, "config.toml", b"# All that decides\nsystem = \"folder\"\n");
    for name in ["samples/step-000100.png", "samples/reals.png", "curves/loss.png", "checkpoints/step.safetensors"] {
        save(folder, name, &sheet);
    }
}

#[test]
fn what_runs_have_written_is_no_data() {
    let folder = tempfile::tempdir().unwrap();
    let png = bytes(colour(4, 4), ImageFormat::Png);
    save(folder.path(), "a.png", &png);
    save(folder.path(), "b.png", &png);
    let load = |path: &Path| load_folder(path, [4, 4, 3], &Fitting::default(), &LoadOptions::default());
    let before = load(folder.path()).unwrap();
    assert!(before.left_out.is_empty());
    run_in(&folder.path().join("runs/0001-folder"));
    run_in(&folder.path().join("my-run"));
    // One run was killed when it had only its folders, and only the sheets of another were kept.
    for name in ["killed/samples", "killed/curves", "killed/checkpoints", "runs/0002-dcgan/curves"] {
        fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    save(folder.path(), "runs/0002-dcgan/samples/reals.png", &png);
    save(folder.path(), "cache/CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55\n");
    save(folder.path(), "cache/a.png", &png);
    let after = load(folder.path()).unwrap();
    assert_eq!(
        (&after.found, after.images.fingerprint().unwrap()),
        (&before.found, before.images.fingerprint().unwrap())
    );
    let names = "cache, killed, my-run, runs/0001-folder, runs/0002-dcgan";
    assert_eq!(after.left_out, [format!("skipped: 5 folders written by this program ({names})")]);
    for name in ["my-run", "my-run/samples", "runs/0001-folder/curves"] {
        let error = load(&folder.path().join(name)).unwrap_err();
        assert!(error.what().contains("belongs to a run"), "{error}");
    }
    // Neither its name nor a common file makes a folder a run.
    save(folder.path(), "runs/0003-alps/piste.png", &png);
    save(folder.path(), "other/config.toml", b"[model]\nname = 'x'\n");
    save(folder.path(), "other/samples/a.png", &png);
    assert_eq!(load(folder.path()).unwrap().found, "Found 4 images belonging to 3 classes.");
    // Other folders inside the folder of a run may be given explicitly.
    save(folder.path(), "my-run/mine/a.png", &png);
    assert_eq!(load(&folder.path().join("my-run/mine")).unwrap().images.count(), 1);
    let (files, _) = list_pictures(folder.path(), Some(&folder.path().join("other"))).unwrap();
    assert_eq!(files.len(), 3);
}

#[test]
fn a_range_makes_white_of_what_is_white() {
    let folder = tempfile::tempdir().unwrap();
    let deep = image::ImageBuffer::<Luma<u16>, _>::from_fn(2, 1, |x, _| Luma([if x == 0 { 0 } else { 4095 }]));
    save(folder.path(), "a.png", &bytes(deep, ImageFormat::Png));
    let pixels = |range: &str, channels: usize| {
        let fitting = Fitting { range: ValueRange::parse(range).unwrap(), ..Fitting::default() };
        let read = load_folder(folder.path(), [1, 2, channels], &fitting, &LoadOptions::default()).unwrap();
        assert_eq!(
            values::stats_of(&[Source::File(folder.path().join("a.png"))]),
            Some(crate::ValueStats { white: 65_535.0, min: 0.0, max: 4095.0, colour: false })
        );
        read.images.image(0).unwrap().to_vec()
    };
    assert_eq!(pixels("auto", 1), [0, 16]);
    assert_eq!(pixels("0..4095", 1), [0, 255]);
    assert_eq!(pixels("4095..0", 3), [255, 255, 255, 0, 0, 0]);
}

#[test]
fn an_empty_folder_is_called_empty_with_what_could_be_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let load = || load_folder(folder.path(), [1, 2, 1], &Fitting::default(), &LoadOptions::default()).unwrap_err();
    let error = load();
    assert_eq!(error.what(), "the folder is empty");
    for form in ["pictures", ".npy", "MNIST", "CIFAR-10"] {
        assert!(error.help().text().contains(form), "{error}");
    }
    std::fs::write(folder.path().join("notes.txt"), "no picture").unwrap();
    assert!(load().what().contains("no pictures"), "{}", load());
}

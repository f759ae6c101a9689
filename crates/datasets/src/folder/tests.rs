//! Folders of every kind of picture, and of what is none.

use super::*;
use image::{DynamicImage, GrayImage, ImageFormat, Luma, LumaA, Rgb, RgbImage, Rgba, RgbaImage};
use std::fs;

/// A picture with the value of each pixel told by its place.
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

/// The file with the size in its PNG header replaced, its checksum made right again.
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
    assert_eq!(read.found, "Found 5 images belonging to 1 classes.");
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
    assert_eq!(read.found, "Found 17 images belonging to 1 classes.");
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
        assert!(error.why().contains("1 of 1 files"), "{error}");
    }
}

#[test]
fn what_is_no_folder_of_pictures_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let told = |path: &Path| {
        load_folder(path, [4, 4, 3], &Fitting::default(), &LoadOptions::default()).unwrap_err().to_string()
    };
    assert!(told(folder.path()).contains("png, jpg"));
    assert!(told(&folder.path().join("none")).contains("no such folder"));
    save(folder.path(), "a.txt", b"x");
    assert!(told(&folder.path().join("a.txt")).contains("expected a folder"));
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).unwrap();
    assert!(told(folder.path()).contains("no pictures"));
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
            drop(decode::decode(&path, 3, Background::default(), &InFlight::new(u64::MAX)));
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

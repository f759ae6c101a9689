//! Batches, fingerprints, suspect images and conversions of image sets.

use super::*;
use crate::fitting::Background;
use std::collections::HashSet;

fn small() -> Images {
    Images::new((0..24).collect(), [2, 3, 1], "a test".into())
}

#[test]
fn batches_are_gathered_in_order_and_scaled() {
    let images = Images::new(vec![0, 255, 51, 102], [1, 2, 1], "a test".into());
    assert_eq!((images.count(), images.height(), images.width(), images.channels()), (2, 1, 2, 1));
    let mut batch = [0.5; 6];
    images.gather(&[1, 0, 1], &mut batch).unwrap();
    assert_eq!(batch, [0.2, 0.4, 0.0, 1.0, 0.2, 0.4]);
    images.gather(&[], &mut []).unwrap();
}

#[test]
fn the_fingerprint_is_fixed_and_feels_every_change() {
    let (images, bytes) = (small(), (0..24).collect::<Vec<u8>>());
    // Run folders contain this fingerprint: it must not change between versions.
    assert_eq!(images.fingerprint().unwrap(), "263eab78204a3f70");
    let mut others: Vec<String> = (0..24)
        .map(|index| {
            let mut pixels = bytes.clone();
            pixels[index] ^= 0x80;
            Images::new(pixels, [2, 3, 1], String::new()).fingerprint().unwrap()
        })
        .collect();
    others.push(Images::new(bytes.clone(), [3, 2, 1], String::new()).fingerprint().unwrap());
    others.push(Images::new(bytes[..18].to_vec(), [2, 3, 1], String::new()).fingerprint().unwrap());
    others.push(images.fingerprint().unwrap());
    assert_eq!(others.iter().collect::<HashSet<_>>().len(), others.len());
    assert_eq!(Images::new(bytes, [2, 3, 1], "moved".into()).fingerprint().unwrap(), others[26]);
}

#[test]
fn blanks_and_copies_are_counted() {
    let images = Images::new(vec![0, 0, 1, 2, 9, 9, 1, 2, 3, 4], [1, 2, 1], "a test".into());
    let suspects = images.suspects().unwrap();
    assert_eq!(suspects, Suspects { blank: 2, copies: 1, count: 5 });
    let warning = suspects.warning().unwrap();
    assert!(warning.contains("2 are blank") && warning.contains("1 are exact copies"), "{warning}");
    assert_eq!(Suspects { blank: 1, copies: 0, count: 100 }.warning(), None);
}

#[test]
fn a_batch_needs_that_many_images() {
    assert!(small().require(4).is_ok());
    let error = small().require(5).unwrap_err();
    assert!(error.why().contains('4') && error.why().contains('5'), "{error}");
    assert!(error.help().text().contains("a larger data set"), "{error}");
}

#[test]
#[should_panic(expected = "image 4 of 4")]
fn an_image_that_is_not_there_is_named() {
    small().gather(&[0, 4], &mut [0.0; 12]).unwrap();
}

#[test]
fn sizes_channels_and_numbers_are_brought_to_what_is_wanted() {
    let images = |bytes: &[u8], size| Images::new(bytes.to_vec(), size, "a test".into());
    let first = |images: Images| images.image(0).unwrap().into_owned();
    let usual = Fitting::default();
    let auto = None;
    let grey = images(&[1, 2, 3, 4], [2, 2, 1]).with_labels(vec![0], vec!["a".into()]);
    let colour = grey.clone().converted([2, 2, 3], &usual, auto);
    assert_eq!(first(colour.clone()), [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
    assert_eq!((colour.labels(), colour.class_names().len()), (Some(&[0][..]), 1));
    assert_eq!(first(colour.converted([2, 2, 1], &usual, auto)), [1, 2, 3, 4]);
    assert_eq!(first(grey.clone().converted([1, 1, 1], &usual, auto)), [3]);
    // `resized` gives the same if nothing is cropped.
    let area = |images: Images| images.resized([1, 1, 1], Filter::Area);
    assert_eq!(first(area(grey.clone())), first(grey.clone().converted([1, 1, 1], &usual, auto)));
    let turned = ValueRange::new(255.0, 0.0);
    assert_eq!(first(grey.clone().converted([2, 2, 1], &usual, turned)), [254, 253, 252, 251]);
    let padded = Fitting { aspect: Aspect::Pad, background: Background([9; 3]), ..Fitting::default() };
    assert_eq!(first(grey.converted([2, 4, 1], &padded, auto)), [9, 1, 2, 9, 9, 3, 4, 9]);
    let clear = images(&[255, 0, 0, 51], [1, 1, 4]);
    let below = Fitting { background: Background([0, 100, 200]), ..Fitting::default() };
    assert_eq!(first(clear.converted([1, 1, 3], &below, auto)), [51, 80, 160]);
}

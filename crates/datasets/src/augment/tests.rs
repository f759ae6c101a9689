//! Augmented images: exact bits, agreement with SciPy, and the distribution of the random numbers.

use super::affine::sin_cos;
use super::*;
use crate::images::Images;

const KEY: Key = Key { seed: 42, stream: 1, step: 7 };

fn images() -> Images {
    let pixels = (0..4 * 30).map(|at| ((at % 30) * 37 + (at % 30) / 5 * 11 + at / 30 * 50) as u8).collect();
    Images::new(pixels, [6, 5, 1], "a test".into())
}

fn full() -> Augmentation {
    Augmentation {
        rotation: 10.0,
        height_shift: 0.1,
        width_shift: 0.1,
        shear: 0.15,
        zoom: 0.1,
        flip: true,
        ..Augmentation::default()
    }
}

fn placed(affine: Affine) -> Vec<f32> {
    let mut batch = vec![0.0; 30];
    let placement = Placement { affine: Some(affine), flip: false, top: 0, left: 0 };
    images().gather_placed(&[0], [6, 5], &mut batch, |_| placement.clone()).unwrap();
    batch.iter().map(|value| value * 255.0).collect()
}

#[test]
fn sine_and_cosine_are_exact_to_the_last_digits() {
    for k in -4000..4000 {
        let angle = f64::from(k) / 500.0;
        let (sin, cos) = sin_cos(angle);
        assert!((sin - angle.sin()).abs() < 2e-15 && (cos - angle.cos()).abs() < 2e-15, "{angle}");
    }
    assert_eq!(sin_cos(0.0), (0.0, 1.0));
}

/// `scipy.ndimage.affine_transform(order=1, mode="nearest")` with the same matrix, about both
/// centres.
#[test]
fn agrees_with_scipy() {
    #[rustfmt::skip]
    let wanted: [[f64; 30]; 2] = [
        [135.934, 172.584, 201.817, 51.304, 112.161, 84.346, 130.837, 180.002, 80.93, 76.916, 32.757, 89.09, 156.449, 223.809, 103.499, 129.781, 60.948, 114.702, 182.062, 137.124, 220.654, 192.745, 72.955, 140.314, 204.149, 230.495, 147.12, 45.93, 98.567, 152.561],
        [95.88, 127.522, 191.332, 63.497, 70.051, 44.292, 82.225, 149.584, 203.214, 128.484, 92.102, 40.477, 107.837, 175.197, 181.258, 212.0, 183.232, 82.557, 133.449, 200.809, 212.096, 247.813, 44.614, 91.702, 159.062, 221.937, 197.777, 37.372, 73.089, 112.507],
    ];
    for (centre, wanted) in [[2.5, 2.0], [3.5, 3.0]].into_iter().zip(wanted) {
        let found = placed(Affine::about(centre, 0.3, [0.5, -0.4], 0.2, [0.9, 1.1]));
        for (at, (found, wanted)) in found.iter().zip(wanted).enumerate() {
            assert!((f64::from(*found) - wanted).abs() < 2e-3, "{centre:?}, {at}: {found}, scipy {wanted}");
        }
    }
}

#[test]
fn nothing_drawn_changes_nothing() {
    let (mut plain, mut same) = (vec![0.0; 60], vec![1.0; 60]);
    images().gather(&[2, 0], &mut plain).unwrap();
    images().gather_augmented(&[2, 0], [6, 5], &Augmentation::default(), KEY, &mut same).unwrap();
    assert_eq!(plain, same);
    let identity = placed(Affine::about([2.5, 2.0], 0.0, [0.0, 0.0], 0.0, [1.0, 1.0]));
    assert!(identity.iter().zip(&*images().image(0).unwrap()).all(|(value, &byte)| *value == f32::from(byte)));
}

/// A positive shift of rows moves the content up, and the last row fills the gap.
#[test]
fn a_shift_of_one_row_repeats_the_last() {
    let shifted = placed(Affine::about([2.5, 2.0], 0.0, [1.0, 0.0], 0.0, [1.0, 1.0]));
    let images = images();
    let image = images.image(0).unwrap();
    let wanted: Vec<f32> = image[5..].iter().chain(&image[25..]).map(|&byte| f32::from(byte)).collect();
    assert_eq!(shifted, wanted);
}

#[test]
fn neither_batch_nor_threads_matter_and_every_step_draws_anew() {
    let (images, augmentation) = (images(), full());
    let gathered = |indices: &[usize], key: Key, threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut batch = vec![0.0; indices.len() * 30];
        pool.install(|| images.gather_augmented(indices, [6, 5], &augmentation, key, &mut batch)).unwrap();
        batch
    };
    let (three, one) = (gathered(&[3, 1, 2], KEY, 3), gathered(&[2], KEY, 1));
    assert_eq!(three[60..], one);
    assert_ne!(gathered(&[2], KEY.at(8), 1), one);
    assert_ne!(gathered(&[2], Key { seed: 43, ..KEY }, 1), one);
    // A fixed hash detects differences between machines and versions.
    let sum = three.iter().fold(0_u32, |hash, value| hash.rotate_left(5) ^ value.to_bits());
    assert_eq!(sum, 2538586690);
}

#[test]
fn draws_fill_their_ranges_and_flips_are_even() {
    let augmentation = Augmentation { enlarge: 1.5, ..full() };
    let all: Vec<Placement> = (0..4000).map(|index| augmentation.draw(KEY, index, [9, 12], [6, 8])).collect();
    let flips = all.iter().filter(|placement| placement.flip).count();
    assert!((1800..2200).contains(&flips), "{flips}");
    for corner in 0..4 {
        let count = all.iter().filter(|placement| placement.top == corner).count();
        assert!((850..1150).contains(&count), "{corner}: {count}");
    }
    assert_eq!(all.iter().map(|placement| placement.left).max(), Some(4));
}

#[test]
fn crops_and_flips_are_whole_pixels() {
    let images = images();
    let augmentation = Augmentation { enlarge: 1.2, flip: true, ..Augmentation::default() };
    assert_eq!((augmentation.load_side(5), augmentation.load_side(256), augmentation.is_off()), (6, 307, false));
    let mut batch = vec![0.0; 20];
    for index in 0..4 {
        let Placement { flip, top, left, .. } = augmentation.draw(KEY, index, [6, 5], [5, 4]);
        images.gather_augmented(&[index], [5, 4], &augmentation, KEY, &mut batch).unwrap();
        for (at, value) in batch.iter().enumerate() {
            let column = if flip { 3 - at % 4 } else { at % 4 };
            assert_eq!(*value, f32::from(images.image(index).unwrap()[(top + at / 4) * 5 + left + column]) / 255.0);
        }
    }
    images.gather_center(&[1], [4, 3], &mut batch[..12]).unwrap();
    assert_eq!(batch[0], f32::from(images.image(1).unwrap()[6]) / 255.0);
}

#[test]
fn ranges_are_checked() {
    let bad = |change: fn(&mut Augmentation)| {
        let mut augmentation = full();
        change(&mut augmentation);
        augmentation.check().map_err(|error| error.key)
    };
    assert_eq!(bad(|_| {}), Ok(()));
    assert_eq!(bad(|a| a.rotation = 181.0), Err("rotation"));
    assert_eq!(bad(|a| a.zoom = 1.0), Err("zoom"));
    assert_eq!(bad(|a| a.enlarge = 0.9), Err("enlarge"));
    assert_eq!(bad(|a| a.width_shift = f64::NAN), Err("width_shift"));
    assert_eq!(bad(|a| a.shear = 10.0), Err("shear"));
    assert_eq!(bad(|a| (a.shear, a.shear_unit) = (10.0, Angle::Degrees)), Ok(()));
}

//! Dropout against the plain loop, and the random words that it uses.

use super::dropout;
use crate::random::{Key, words};
use crate::reference;
use crate::testing::{SIZES, assert_same_bits, same_bits_everywhere, wild_numbers};

fn dropped(key: Key, rate: f64, x: &[f32]) -> Vec<f32> {
    let mut y = vec![f32::NAN; x.len()];
    dropout(key, rate, x, &mut y);
    y
}

#[test]
fn it_has_the_bits_of_the_plain_loop() {
    for len in SIZES.into_iter().chain([63, 64, 65, 127, 129]) {
        let x = wild_numbers(len, 1);
        for (key, rate) in [(Key::new(5, 6).at(7), 0.4), (Key::new(u64::MAX, 1), 0.0), (Key::new(1, u32::MAX), 0.999)] {
            let got = same_bits_everywhere("dropout", || dropped(key, rate, &x));
            let mut wanted = vec![f32::NAN; len];
            reference::dropout(key, rate, &x, &mut wanted);
            assert_same_bits(&got, &wanted, &format!("{len} numbers, rate {rate}"));
        }
    }
}

/// Whether elements are dropped at the rates 1/2, 1/4, 3/4, ... determines the upper bits of each
/// word.
#[test]
fn the_words_are_those_of_the_stream() {
    let key = Key::named(9, "dropout").at(100);
    let ones = vec![1.0; 256];
    for sixteenths in 1..16 {
        let rate = f64::from(sixteenths) / 16.0;
        for (i, y) in dropped(key, rate, &ones).into_iter().enumerate() {
            let word = words(key, i as u32 / 4)[i % 4];
            assert_eq!(y == 0.0, word < sixteenths << 28, "word {i}, {word:#x}, rate {rate}");
        }
    }
}

#[test]
fn the_kept_fraction_and_the_mean_are_right() {
    let n = 1_000_000;
    let ones = vec![1.0; n];
    for (stream, rate) in [(1, 0.1), (2, 0.25), (3, 0.4), (4, 0.5), (5, 0.9)] {
        let kept = dropped(Key::new(77, stream), rate, &ones).iter().filter(|&&y| y != 0.0).count();
        let sigma = (n as f64 * rate * (1.0 - rate)).sqrt();
        let off = (kept as f64 - n as f64 * (1.0 - rate)).abs() / sigma;
        assert!(off < 5.0, "rate {rate}: {kept} of {n} kept, {off} sigma off");
    }
}

#[test]
fn the_gradient_is_dropped_where_the_number_was() {
    let (key, x) = (Key::new(1, 2), vec![1.0; 1000]);
    let (once, again) = (dropped(key, 0.4, &x), dropped(key, 0.4, &vec![-3.0; 1000]));
    assert!(once.iter().zip(&again).all(|(a, b)| (*a == 0.0) == (*b == 0.0)));
}

#[test]
#[should_panic(expected = "the rate 1 is not in [0, 1)")]
fn dropping_everything_is_refused() {
    dropped(Key::new(0, 0), 1.0, &[1.0]);
}

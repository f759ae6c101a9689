//! Sums: exact where any order is exact, within the proved bound elsewhere.

use super::{SMALL, repeat_axis, sum_axis};
use crate::columns::LONGEST_CHAIN;
use crate::reference;
use crate::testing::{UNIT_ROUNDOFF, assert_same_bits, numbers, same_bits_everywhere, whole_numbers};

const SHAPES: [[usize; 3]; 38] = [
    [1, 0, 5],
    [0, 3, 5],
    [3, 5, 0],
    [1, 1, 1],
    [1, 15, 1],
    [1, 16, 1],
    [1, 17, 1],
    [1, 256, 1],
    [1, 257, 1],
    [1, 511, 1],
    [1, 16_383, 1],
    [1, 16_385, 1],
    [1, 100_003, 1],
    [5, 1000, 1],
    [1000, 7, 1],
    [20_011, 3, 1],
    [7, 31, 2],
    [1, 10_007, 2],
    [2, 40_009, 3],
    [1, 5_639, 3],
    [3, 997, 5],
    [1, 2_049, 8],
    [2, 300, 10],
    [1, 1_025, 16],
    [4, 196, 16],
    [1, 3_001, 17],
    [1, 400, 63],
    [1, 50_176 / 8, 64],
    [3, 255, 64],
    [3, 257, 65],
    [1, 300, 100],
    [2, 33, 784],
    [1, 9, 1023],
    [1, 600, 1025],
    [1, 128, 3136],
    [1, 2, 40_000],
    [2, 1, 300],
    [300, 2, 300],
];

fn sum(shape: [usize; 3], x: &[f32]) -> Vec<f32> {
    let mut y = vec![f32::NAN; shape[0] * shape[2]];
    sum_axis(shape, x, &mut y);
    y
}

#[test]
fn sums_of_whole_numbers_are_exact() {
    for shape in SHAPES {
        let x = whole_numbers(shape.iter().product(), 1);
        let got = same_bits_everywhere("sum_axis", || sum(shape, &x));
        let mut wanted = vec![f32::NAN; got.len()];
        reference::sum_axis(shape, &x, &mut wanted);
        // (A sum of zeros may be -0 in one order and 0 in another.)
        assert_eq!(got, wanted, "{shape:?}");
    }
}

#[test]
fn sums_are_within_the_proved_bound() {
    for shape in SHAPES {
        let x = numbers(shape.iter().product(), 2);
        let got = same_bits_everywhere("sum_axis", || sum(shape, &x));
        let x: Vec<f64> = x.into_iter().map(f64::from).collect();
        let sizes: Vec<f64> = x.iter().map(|x| x.abs()).collect();
        let (mut wanted, mut size) = (vec![0.0; got.len()], vec![0.0; got.len()]);
        reference::sum_axis(shape, &x, &mut wanted);
        reference::sum_axis(shape, &sizes, &mut size);
        for i in 0..got.len() {
            if shape[1] * shape[2] <= SMALL {
                assert_eq!(got[i], wanted[i] as f32, "{shape:?}, element {i}: a sum in f64");
            }
            let bound = 1.0001 * UNIT_ROUNDOFF * (LONGEST_CHAIN as f64 * size[i] + wanted[i].abs());
            let error = (f64::from(got[i]) - wanted[i]).abs();
            assert!(error <= bound, "{shape:?}, element {i}: off by {error:e}, allowed {bound:e}");
        }
    }
}

#[test]
fn repetition_has_the_bits_of_the_plain_loop() {
    let large = [[1, 100_000, 1], [3, 20_000, 2], [2, 100, 784], [1, 3, 70_000]];
    for shape in SHAPES.into_iter().chain(large) {
        let [outer, repeated, inner] = shape;
        let x = numbers(outer * inner, 3);
        let [mut got, mut wanted] = [0; 2].map(|_| vec![f32::NAN; outer * repeated * inner]);
        repeat_axis(shape, &x, &mut got);
        reference::repeat_axis(shape, &x, &mut wanted);
        assert_same_bits(&got, &wanted, &format!("{shape:?}"));
    }
}

#[test]
#[should_panic(expected = "sum_axis: lengths of x and y for [2, 3, 4]")]
fn wrong_lengths_are_refused() {
    sum_axis([2, 3, 4], &[0.0; 23], &mut [0.0; 8]);
}

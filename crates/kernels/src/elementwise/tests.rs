//! Every function of the lists against its plain loop, and the loops over slices and rows.

use super::*;
use crate::reference;
use crate::testing::{SIZES, assert_same_bits, numbers, same_bits_everywhere, wild_numbers};

/// Parameters besides those of the lists.
const MORE_UNARY: [Unary; 3] = [
    Unary::LeakyRelu { slope: 0.0 },
    Unary::LeakyRelu { slope: -1.0 },
    Unary::Clamp { low: f64::NEG_INFINITY, high: f64::INFINITY },
];
const MORE_BINARY: [Binary; 1] = [Binary::LeakyReluGrad { slope: 0.0 }];

/// An output buffer with `len` stale values, after `fill`.
fn filled(len: usize, fill: impl FnOnce(&mut [f32])) -> Vec<f32> {
    let mut y = vec![f32::NAN; len];
    fill(&mut y);
    y
}

/// Fails where two numbers are more than `ulps` floats apart.
#[track_caller]
fn assert_close(got: &[f32], wanted: &[f32], ulps: u32, what: &str) {
    if ulps == 0 {
        return assert_same_bits(got, wanted, what);
    }
    // Floats as integers in the same order, with the zeros in one place.
    let rank = |x: f32| if x < 0.0 { -i64::from((-x).to_bits()) } else { i64::from(x.abs().to_bits()) };
    for (got, wanted) in got.iter().zip(wanted) {
        let close = rank(*got).abs_diff(rank(*wanted)) <= u64::from(ulps);
        assert!(close || got.is_nan() && wanted.is_nan(), "{what}: {got:e} is not within {ulps} ulp of {wanted:e}");
    }
}

#[test]
fn functions_of_one_number_agree_with_the_plain_loop() {
    for len in SIZES {
        let x = wild_numbers(len, 1);
        for (op, ulps) in Unary::EXAMPLES.iter().copied().chain(MORE_UNARY.map(|op| (op, 0))) {
            let got = same_bits_everywhere("unary", || filled(len, |y| unary(op, &x, y)));
            assert_close(&got, &filled(len, |y| reference::unary(op, &x, y)), ulps, &format!("{op:?}"));
        }
    }
}

#[test]
fn functions_of_two_numbers_agree_with_the_plain_loop() {
    for len in SIZES {
        let (a, b) = (wild_numbers(len, 1), wild_numbers(len, 2));
        for (op, ulps) in Binary::EXAMPLES.iter().copied().chain(MORE_BINARY.map(|op| (op, 0))) {
            let got = same_bits_everywhere("binary", || filled(len, |y| binary(op, &a, &b, y)));
            assert_close(&got, &filled(len, |y| reference::binary(op, &a, &b, y)), ulps, &format!("{op:?}"));
        }
    }
}

#[test]
fn functions_do_not_depend_on_the_place_in_the_slice() {
    for len in [1, 15, 16, 17, 33] {
        let x = wild_numbers(len, 3);
        for (op, _) in Unary::EXAMPLES {
            let got = same_bits_everywhere("unary", || filled(len, |y| unary(*op, &x, y)));
            for i in 0..len {
                let alone = filled(1, |y| unary(*op, &x[i..=i], y));
                assert_same_bits(&got[i..=i], &alone, &format!("{op:?} of {:e}", x[i]));
            }
        }
    }
}

#[test]
fn names_are_unique() {
    let names = Unary::EXAMPLES.iter().map(|(op, _)| op.name()).chain(Binary::EXAMPLES.iter().map(|(op, _)| op.name()));
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
}

#[test]
fn the_derivative_of_softplus_is_the_sigmoid() {
    let (x, g) = (wild_numbers(1000, 4), wild_numbers(1000, 5));
    let got = same_bits_everywhere("binary", || filled(1000, |y| binary(Binary::SoftplusGrad, &x, &g, y)));
    let sigmoid = filled(1000, |y| unary(Unary::Sigmoid, &x, y));
    assert_same_bits(&got, &filled(1000, |y| binary(Binary::Mul, &g, &sigmoid, y)), "g * sigmoid(x)");
}

#[test]
fn a_row_is_paired_with_every_row_of_its_matrix() {
    let widths = [1, 2, 3, 5, 8, 10, 15, 16, 17, 33, 63, 64, 65, 100, 784, PATTERN + 1, 3136];
    let shapes = widths.into_iter().flat_map(|inner| [0, 1, 2, 7, 31, 64, 301].map(|rows| [1, rows, inner]));
    let stacks = [[0, 3, 2], [2, 5, 0], [7, 16, 64], [300, 64, 1], [1025, 7, 3], [3, 900, 40], [2, 3, 50_000]];
    for shape in shapes.chain(stacks).chain([[1, 3, 50_000], [5, PATTERN + 3, 1], [2, 1, 30], [2, 20_000, 1]]) {
        let [outer, repeated, inner] = shape;
        let (a, b) = (wild_numbers(outer * repeated * inner, 1), wild_numbers(outer * inner, 2));
        for op in [Binary::Sub, Binary::LeakyReluGrad { slope: 0.2 }] {
            let got = same_bits_everywhere("repeated", || filled(a.len(), |y| binary_repeated(op, shape, &a, &b, y)));
            let wanted = filled(a.len(), |y| reference::binary_repeated(op, shape, &a, &b, y));
            assert_same_bits(&got, &wanted, &format!("{op:?}, {shape:?}"));
        }
    }
}

#[test]
fn sums_in_place_agree_with_the_plain_loop() {
    for len in SIZES {
        let (x, start) = (wild_numbers(len, 1), wild_numbers(len, 2));
        let after = |add: fn(&[f32], &mut [f32])| {
            let mut sum = start.clone();
            add(&x, &mut sum);
            sum
        };
        let got = same_bits_everywhere("add_assign", || after(add_assign));
        assert_same_bits(&got, &after(reference::add_assign), &format!("{len} numbers"));
    }
}

#[test]
fn infinities_and_nans_are_counted() {
    for len in SIZES {
        let x = wild_numbers(len, 1);
        let got = same_bits_everywhere("count", || vec![count_non_finite(&x) as f32]);
        assert_eq!(got[0] as usize, reference::count_non_finite(&x), "{len} numbers");
        assert_eq!(count_non_finite(&numbers(len, 1)), 0);
    }
}

#[test]
#[should_panic(expected = "Add: lengths of a, b and y for [1, 3, 2]")]
fn a_broken_row_is_refused() {
    binary_repeated(Binary::Add, [1, 3, 2], &[0.0; 7], &[0.0; 2], &mut [0.0; 7]);
}

#[test]
#[should_panic(expected = "Exp: lengths of x and y")]
fn different_lengths_are_refused() {
    unary(Unary::Exp, &[0.0; 7], &mut [0.0; 6]);
}

//! Every function against the plain loop, bit for bit where both compute the same operations.

use super::{binary, binary_rows, count_non_finite, unary};
use crate::element::{Binary, Unary};
use crate::reference;
use crate::testing::{SIZES, assert_same_bits, numbers, same_bits_everywhere, wild_numbers};

/// The functions that are plain arithmetic.
const PLAIN_UNARY: [Unary; 10] = [
    Unary::Affine { scale: 1.1, shift: -0.3 },
    Unary::Square,
    Unary::Sqrt,
    Unary::Reciprocal,
    Unary::LeakyRelu { slope: 0.2 },
    Unary::LeakyRelu { slope: 0.0 },
    Unary::LeakyRelu { slope: -1.0 },
    Unary::Abs,
    Unary::Clamp { low: -0.7, high: 1.3 },
    Unary::Clamp { low: f64::NEG_INFINITY, high: f64::INFINITY },
];

const PLAIN_BINARY: [Binary; 10] = [
    Binary::Add,
    Binary::Sub,
    Binary::Mul,
    Binary::Div,
    Binary::LeakyReluGrad { slope: 0.2 },
    Binary::LeakyReluGrad { slope: 0.0 },
    Binary::ClampGrad { low: -0.7, high: 1.3 },
    Binary::AbsGrad,
    Binary::SigmoidGrad,
    Binary::TanhGrad,
];

/// An output of `len` stale numbers, after `fill`.
fn filled(len: usize, fill: impl FnOnce(&mut [f32])) -> Vec<f32> {
    let mut y = vec![f32::NAN; len];
    fill(&mut y);
    y
}

#[test]
fn plain_functions_of_one_number_have_the_bits_of_the_plain_loop() {
    for len in SIZES {
        let x = wild_numbers(len, 1);
        for op in PLAIN_UNARY {
            let got = same_bits_everywhere("unary", || filled(len, |y| unary(op, &x, y)));
            assert_same_bits(&got, &filled(len, |y| reference::unary(op, &x, y)), &format!("{op:?}"));
        }
    }
}

#[test]
fn plain_functions_of_two_numbers_have_the_bits_of_the_plain_loop() {
    for len in SIZES {
        let (a, b) = (wild_numbers(len, 1), wild_numbers(len, 2));
        for op in PLAIN_BINARY {
            let got = same_bits_everywhere("binary", || filled(len, |y| binary(op, &a, &b, y)));
            assert_same_bits(&got, &filled(len, |y| reference::binary(op, &a, &b, y)), &format!("{op:?}"));
        }
    }
}

#[test]
fn functions_of_the_math_module_do_not_depend_on_their_place_in_the_slice() {
    for len in [1, 15, 16, 17, 33] {
        let x = wild_numbers(len, 3);
        for op in [Unary::Exp, Unary::Log, Unary::Sigmoid, Unary::Tanh, Unary::Softplus] {
            let got = same_bits_everywhere("unary", || filled(len, |y| unary(op, &x, y)));
            for i in 0..len {
                let alone = filled(1, |y| unary(op, &x[i..=i], y));
                assert_same_bits(&got[i..=i], &alone, &format!("{op:?} of {:e}", x[i]));
            }
        }
    }
}

#[test]
fn the_derivative_of_softplus_is_the_sigmoid() {
    let (x, g) = (wild_numbers(1000, 4), wild_numbers(1000, 5));
    let got = same_bits_everywhere("binary", || filled(1000, |y| binary(Binary::SoftplusGrad, &x, &g, y)));
    let sigmoid = filled(1000, |y| unary(Unary::Sigmoid, &x, y));
    assert_same_bits(&got, &filled(1000, |y| binary(Binary::Mul, &g, &sigmoid, y)), "g * sigmoid(x)");
}

#[test]
fn a_row_goes_with_every_row() {
    for width in [1, 2, 3, 5, 8, 10, 15, 16, 17, 33, 63, 64, 65, 100, 784, 3136] {
        for rows in [0, 1, 2, 7, 31, 64, 301] {
            let (a, row) = (wild_numbers(rows * width, 1), wild_numbers(width, 2));
            for op in [Binary::Add, Binary::LeakyReluGrad { slope: 0.2 }] {
                let got = same_bits_everywhere("binary_rows", || filled(a.len(), |y| binary_rows(op, &a, &row, y)));
                let wanted = filled(a.len(), |y| reference::binary_rows(op, &a, &row, y));
                assert_same_bits(&got, &wanted, &format!("{op:?}, {rows} rows of {width}"));
            }
        }
    }
    let (a, row) = (wild_numbers(3 * 50_000, 1), wild_numbers(50_000, 2));
    let got = filled(a.len(), |y| binary_rows(Binary::Mul, &a, &row, y));
    assert_same_bits(&got, &filled(a.len(), |y| reference::binary_rows(Binary::Mul, &a, &row, y)), "long rows");
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
#[should_panic(expected = "Add: 7 elements are not whole rows of 2")]
fn a_broken_row_is_refused() {
    binary_rows(Binary::Add, &[0.0; 7], &[0.0; 2], &mut [0.0; 7]);
}

#[test]
#[should_panic(expected = "Exp: lengths of x and y")]
fn different_lengths_are_refused() {
    unary(Unary::Exp, &[0.0; 7], &mut [0.0; 6]);
}

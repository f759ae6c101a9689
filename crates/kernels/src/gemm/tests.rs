//! The matrix product against the plain loop, bit for bit.

use super::blocking::{COLUMNS, DEPTH, ROWS};
use crate::random::{Key, words};
use crate::testing::{assert_same_bits, on_each_set, same_bits_everywhere, wild_numbers};
use crate::{Element, Gemm, Precision, reference, simd};

/// Numbers in (-1, 1) that use all bits of the mantissa.
pub(crate) fn numbers(stream: u32, len: usize) -> Vec<f32> {
    let words = (0..len.div_ceil(4) as u32).flat_map(|block| words(Key::new(7, stream), block));
    words.take(len).map(|word| word as i32 as f32 / 2f32.powi(31)).collect()
}

fn product([m, n, k]: [usize; 3]) -> Gemm {
    Gemm { m, n, k, transpose_a: false, transpose_b: false, precision: Precision::F32 }
}

fn compare(g: Gemm) {
    for precision in Precision::ALL {
        compare_precision(Gemm { precision, ..g });
    }
}

fn compare_precision(g: Gemm) {
    let (a, b) = (numbers(1, g.m * g.k), numbers(2, g.k * g.n));
    let (mut c, mut wanted) = (vec![f32::NAN; g.m * g.n], vec![f32::NAN; g.m * g.n]);
    reference::gemm(g, &a, &b, &mut wanted);
    f32::gemm(g, &a, &b, &mut c);
    let wrong = c.iter().zip(&wanted).position(|(c, wanted)| c.to_bits() != wanted.to_bits());
    assert_eq!(wrong, None, "{g:?} on {}", simd::current());
}

fn shapes() -> Vec<[usize; 3]> {
    let mut shapes = Vec::new();
    for m in [0, 1, 2, 5, 13, 14, 15, 17, 29] {
        for n in [0, 1, 8, 15, 16, 17, 31, 32, 33, 67] {
            for k in [0, 1, 7, 33] {
                shapes.push([m, n, k]);
            }
        }
    }
    shapes.extend([[ROWS + 1, COLUMNS + 1, 19], [3, 5, 2 * DEPTH + 1], [41, 37, DEPTH + 1], [101, 103, 107]]);
    shapes.extend([
        [256, 1, 1031],
        [1031, 1, 256],
        [256, 1031, 1],
        [61, 290, 271],
        [1, 300, 301],
        [2, 1000, 77],
        [64, 64, DEPTH],
    ]);
    shapes
}

on_each_set! {
    fn every_shape_has_the_bits_of_the_plain_loop() {
        for [m, n, k] in shapes() {
            for transposed in 0..4 {
                compare(Gemm { transpose_a: transposed & 1 == 1, transpose_b: transposed & 2 == 2, ..product([m, n, k]) });
            }
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let g = Gemm { transpose_b: true, ..product([300, 290, 2 * DEPTH + 31]) };
    let (a, b) = (numbers(1, g.m * g.k), numbers(2, g.k * g.n));
    let mut wanted = vec![0.0; g.m * g.n];
    reference::gemm(g, &a, &b, &mut wanted);
    for threads in 1..=4 {
        let pool = simd::pool(simd::current(), threads);
        let mut c = vec![f32::NAN; g.m * g.n];
        pool.install(|| f32::gemm(g, &a, &b, &mut c));
        assert!(c.iter().zip(&wanted).all(|(c, wanted)| c.to_bits() == wanted.to_bits()), "{threads} threads");
    }
}

/// A left operand too large to be packed at once, and a right one in several parts.
#[test]
fn operands_beyond_the_packing_limit_keep_their_bits() {
    for [m, n, k] in [[2400, 17, 2000], [17, 2400, 2000], [2, 12000, 700]] {
        for transposed in [false, true] {
            let g = Gemm { transpose_a: transposed, transpose_b: transposed, ..product([m, n, k]) };
            let (a, b) = (numbers(1, m * k), numbers(2, k * n));
            let mut c = vec![f32::NAN; m * n];
            f32::gemm(g, &a, &b, &mut c);
            // A plain loop over all elements would take long; check a thousand of them.
            for i in 0..1000 {
                let at = i * 7919 % c.len();
                let (row, column) = (at / n, at % n);
                let a = |p: usize| if transposed { a[p * m + row] } else { a[row * k + p] };
                let b = |p: usize| if transposed { b[column * k + p] } else { b[p * n + column] };
                let wanted = (0..k).fold(0.0, |sum, p| simd::fused_multiply_add(a(p), b(p), sum));
                assert_eq!(c[at].to_bits(), wanted.to_bits(), "({row}, {column}) of {g:?}");
            }
        }
    }
}

/// Independent of the plain loop: each element differs from the result in f64 by at most the bound
/// for a chain of k fused multiply-adds, k * eps * sum |a||b| (Higham 2002, section 3.1; eps is
/// half the distance from 1 to the next number).
#[test]
fn every_element_is_within_the_rounding_bound_of_the_sum_in_double() {
    let g = product([37, 50, 1009]);
    let (a, b) = (numbers(1, g.m * g.k), numbers(2, g.k * g.n));
    let mut c = vec![0.0; g.m * g.n];
    f32::gemm(g, &a, &b, &mut c);
    for (at, c) in c.iter().enumerate() {
        let product = |p: usize| f64::from(a[at / g.n * g.k + p]) * f64::from(b[p * g.n + at % g.n]);
        let (exact, size) = (0..g.k).fold((0.0, 0.0), |(sum, size), p| (sum + product(p), size + product(p).abs()));
        let bound = g.k as f64 * f64::from(f32::EPSILON) / 2.0 * size * 1.001;
        assert!((f64::from(*c) - exact).abs() <= bound, "{c} against {exact} at {at}");
    }
}

#[test]
fn infinities_and_nans_go_through() {
    let g = product([20, 40, 30]);
    let (mut a, b) = (numbers(1, g.m * g.k), numbers(2, g.k * g.n));
    a[3 * g.k + 7] = f32::INFINITY;
    a[5 * g.k] = f32::NAN;
    let mut c = vec![0.0; g.m * g.n];
    f32::gemm(g, &a, &b, &mut c);
    for (at, c) in c.iter().enumerate() {
        assert_eq!(c.is_finite(), at / g.n != 3 && at / g.n != 5, "row {}", at / g.n);
    }
}

/// Operands around the smallest one that is not zero in bf16, with infinities and NaNs among
/// others.
#[test]
fn special_operands_have_the_same_bits_in_bf16() {
    let g = Gemm { precision: Precision::Bf16, ..product([19, 35, 71]) };
    for scale in [1.0, 1e-16, 1e-17, 1e-30] {
        // Only the first 100 numbers may be huge, because each huge one spoils all sums that it is
        // in.
        let numbers = |len, stream| -> Vec<f32> {
            let tame = |(i, x): (usize, f32)| scale * if i < 100 || x.abs() < 10.0 { x } else { 1.5 };
            wild_numbers(len, stream).into_iter().enumerate().map(tame).collect()
        };
        let (a, b) = (numbers(g.m * g.k, 1), numbers(g.k * g.n, 2));
        let mut wanted = vec![0.0; g.m * g.n];
        reference::gemm(g, &a, &b, &mut wanted);
        assert!(2 * wanted.iter().filter(|x| x.is_finite()).count() > wanted.len(), "{scale:e}");
        let got = same_bits_everywhere("gemm in bf16", || {
            let mut c = vec![f32::NAN; g.m * g.n];
            f32::gemm(g, &a, &b, &mut c);
            c
        });
        assert_same_bits(&got, &wanted, "gemm in bf16");
    }
}

/// As above, with operands that are off by at most 2^-8 of their size: the bound for the products
/// is (1 + 2^-8)^2 - 1, for the chain as above.
#[test]
fn bf16_products_are_within_the_bound_of_two_rounded_operands() {
    let g = Gemm { precision: Precision::Bf16, ..product([37, 50, 1009]) };
    let (a, b) = (numbers(1, g.m * g.k), numbers(2, g.k * g.n));
    let mut c = vec![0.0; g.m * g.n];
    f32::gemm(g, &a, &b, &mut c);
    let mut worst = 0.0_f64;
    for (at, c) in c.iter().enumerate() {
        let product = |p: usize| f64::from(a[at / g.n * g.k + p]) * f64::from(b[p * g.n + at % g.n]);
        let (exact, size) = (0..g.k).fold((0.0, 0.0), |(sum, size), p| (sum + product(p), size + product(p).abs()));
        let unit = 1.0 / 256.0;
        let bound = (unit * (2.0 + unit) + g.k as f64 * f64::from(f32::EPSILON)) * size;
        worst = worst.max((f64::from(*c) - exact).abs() / bound);
    }
    // The sum of a thousand errors of random sign is far below this bound, but much larger than in
    // f32.
    assert!((1e-3..0.1).contains(&worst), "{worst}");
}

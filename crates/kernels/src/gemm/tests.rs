//! The matrix product against the plain loop, bit for bit.

use super::*;
use crate::random::{Key, words};
use crate::{Element, reference};

/// Numbers in (-1, 1), all bits of the mantissa in use.
pub(crate) fn numbers(stream: u32, len: usize) -> Vec<f32> {
    let words = (0..len.div_ceil(4) as u32).flat_map(|block| words(Key::new(7, stream), block));
    words.take(len).map(|word| word as i32 as f32 / 2f32.powi(31)).collect()
}

fn check(g: Gemm) {
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
    shapes.extend([[256, 1, 1031], [1031, 1, 256], [256, 1031, 1], [1, 300, 301], [2, 1000, 77], [64, 64, DEPTH]]);
    shapes
}

#[test]
fn every_shape_has_the_bits_of_the_plain_loop_on_every_instruction_set() {
    for isa in simd::available() {
        simd::force(isa);
        for [m, n, k] in shapes() {
            for transposed in 0..4 {
                check(Gemm { m, n, k, transpose_a: transposed & 1 == 1, transpose_b: transposed & 2 == 2 });
            }
        }
    }
}

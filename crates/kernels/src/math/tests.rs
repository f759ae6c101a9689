//! Errors in units in the last place, special values, and the same bits everywhere.

use rayon::prelude::*;

use crate::elementwise::Unary;
use crate::elementwise::unary;
use crate::random::{Key, words};
use crate::testing::{on_the_widest, same_bits_everywhere};

/// A function, its exact value in `f64`, and the worst error allowed.
type Row = (&'static str, Unary, fn(f64) -> f64, f64);

fn exact_sigmoid(x: f64) -> f64 {
    if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) }
}

fn exact_softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

const TABLE: [Row; 5] = [
    ("exp", Unary::Exp, f64::exp, 1.0),
    ("log", Unary::Log, f64::ln, 1.0),
    ("tanh", Unary::Tanh, f64::tanh, 2.5),
    ("sigmoid", Unary::Sigmoid, exact_sigmoid, 2.5),
    ("softplus", Unary::Softplus, exact_softplus, 2.0),
];

/// The distance to the exact value in units of the `f32` spacing there; infinite if one is finite
/// and the other is not.
fn error_in_ulps(got: f32, exact: f64) -> f64 {
    if got.is_nan() || exact.is_nan() {
        return if got.is_nan() && exact.is_nan() { 0.0 } else { f64::INFINITY };
    }
    if got.is_infinite() || (exact as f32).is_infinite() {
        return if got == exact as f32 { 0.0 } else { f64::INFINITY };
    }
    let exponent = (exact.abs().to_bits() >> 52) as i32 - 1023;
    let spacing = f64::from_bits(((exponent.max(-126) - 23 + 1023) as u64) << 52);
    (f64::from(got) - exact).abs() / spacing
}

/// The worst error over the inputs, and its argument.
fn worst(op: Unary, exact: fn(f64) -> f64, inputs: &[f32]) -> (f64, f32) {
    let mut outputs = vec![0.0; inputs.len()];
    unary(op, inputs, &mut outputs);
    let errors = inputs.iter().zip(&outputs).map(|(&x, &y)| (error_in_ulps(y, exact(f64::from(x))), x));
    errors.fold((0.0, 0.0), |worst, next| if next.0 > worst.0 { next } else { worst })
}

fn worst_over_blocks(
    op: Unary,
    exact: fn(f64) -> f64,
    blocks: u32,
    input: impl Fn(u32) -> Vec<f32> + Sync,
) -> (f64, f32) {
    let blocks: Vec<(f64, f32)> = (0..blocks).into_par_iter().map(|block| worst(op, exact, &input(block))).collect();
    blocks.into_iter().fold((0.0, 0.0), |worst, next| if next.0 > worst.0 { next } else { worst })
}

/// All floats in `2^16` blocks, so that a sample of blocks is a sample of all exponents.
fn every_float_of_block(block: u32) -> Vec<f32> {
    (0..1 << 16).map(|i| f32::from_bits(i << 16 | block)).filter(|x| x.is_finite()).collect()
}

#[test]
#[ignore = "all 2^32 floats, five times: minutes"]
fn worst_errors_over_all_floats() {
    on_the_widest(|| {
        for (name, op, exact, bound) in TABLE {
            let (error, at) = worst_over_blocks(op, exact, 1 << 16, every_float_of_block);
            println!("//! | {name} | {error:.3} | {at:e} |");
            assert!(error <= bound, "{name}({at:e}) is off by {error} units, more than {bound}");
        }
    });
}

#[test]
fn sampled_errors_are_within_the_bounds() {
    on_the_widest(|| {
        for (name, op, exact, bound) in TABLE {
            // All exponents, and more densely where the functions are curved.
            let wide = worst_over_blocks(op, exact, 16, |block| every_float_of_block(block * 4093));
            let dense = worst_over_blocks(op, exact, 64, |block| {
                let words = (0..4096).flat_map(|i| words(Key::new(3, block), i));
                words
                    .map(|word| (word as i32) as f32 / 2f32.powi(31) * if block % 2 == 0 { 2.0 } else { 110.0 })
                    .collect()
            });
            for (error, at) in [wide, dense] {
                assert!(error <= bound, "{name}({at:e}) is off by {error} units, more than {bound}");
            }
        }
    });
}

#[test]
fn special_values() {
    const INF: f32 = f32::INFINITY;
    let cases: [(Unary, &[(f32, f32)]); 5] = [
        (Unary::Exp, &[(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (88.8, INF), (-103.97, 1e-45), (-104.0, 0.0)]),
        (Unary::Log, &[(1.0, 0.0), (0.0, -INF), (-0.0, -INF), (INF, INF), (-1.0, f32::NAN), (-INF, f32::NAN)]),
        (Unary::Tanh, &[(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (1e-45, 1e-45), (-1e-39, -1e-39)]),
        (Unary::Sigmoid, &[(0.0, 0.5), (-0.0, 0.5), (INF, 1.0), (-INF, 0.0), (100.0, 1.0), (-110.0, 0.0)]),
        (Unary::Softplus, &[(INF, INF), (-INF, 0.0), (200.0, 200.0), (-200.0, 0.0), (f32::MAX, f32::MAX)]),
    ];
    for (op, cases) in cases {
        let (mut inputs, mut wanted): (Vec<f32>, Vec<f32>) = cases.iter().copied().unzip();
        inputs.extend([f32::NAN, -f32::NAN, f32::from_bits(0x7F80_0001)]);
        wanted.extend([f32::NAN; 3]);
        let got = same_bits_everywhere("special values", || {
            let mut y = vec![7.0; inputs.len()];
            unary(op, &inputs, &mut y);
            y
        });
        for ((x, got), wanted) in inputs.iter().zip(got).zip(wanted) {
            let same = got.to_bits() == wanted.to_bits() || got.is_nan() && wanted.is_nan();
            assert!(same, "{op:?} of {x:e}: got {got:e}, wanted {wanted:e}");
        }
    }
}

#[test]
fn every_instruction_set_gives_the_same_bits() {
    let inputs: Vec<f32> = (0..1 << 15).map(|i: u32| f32::from_bits(i.wrapping_mul(0x0001_FFFD))).collect();
    for (name, op, _, _) in TABLE {
        same_bits_everywhere(name, || {
            let mut y = vec![7.0; inputs.len()];
            unary(op, &inputs, &mut y);
            y
        });
    }
}

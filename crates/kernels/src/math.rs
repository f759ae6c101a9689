//! exp, log, tanh, sigmoid, softplus and a sine on vectors, in correctly rounded arithmetic.
//!
//! The functions of system libraries differ between systems and work on one number at a time. These
//! consist of a few dozen vector operations, each correctly rounded, in a fixed order, so they give
//! the same bits on every CPU.
//!
//! Every function has two steps. *Range reduction* uses an identity to map any argument to a short
//! interval: e^x = 2^n * e^r with |r| <= ln(2)/2, or log(2^k * m) = k * ln(2) + log(m) with m
//! around 1. On this interval the function is approximated by a *polynomial* whose coefficients
//! minimise the largest error (Remez exchange, computed with 120 bits, then rounded). The constant
//! ln(2) is held in two floats, and with fused multiply-add the first subtraction of the reduction
//! is exact (Cody and Waite, "Software manual for the elementary functions", 1980; J.-M. Muller,
//! "Elementary functions", 3rd ed. 2016, chapter 11).
//!
//! | function | worst error over all finite `f32`, in units in the last place | at |
//! |---|---|---|
//! | [`exp`] | 0.793 | -87.63314 |
//! | [`log`] | 0.904 | 1.3982397 |
//! | [`tanh`] | 2.498 | 4.5050907 |
//! | [`sigmoid`] | 2.402 | -4.157294 |
//! | [`softplus`] | 1.781 | -0.87347794 |
//!
//! The test `worst_errors_over_all_floats` (ignored by default, because it takes minutes) measures
//! these errors against the `f64` functions of the standard library. A correctly rounded function
//! would have 0.5.

#![allow(
    clippy::excessive_precision,
    reason = "coefficients are written as they were computed; the last digits may exceed the precision of a float"
)]

use crate::simd::Simd;

/// 1.5 * 2^23. Adding it to a small number rounds that to an integer, in the lowest bits of the
/// sum.
const ROUND: f32 = 12_582_912.0;
const ROUND_BITS: u32 = ROUND.to_bits();
/// ln(2) = LN2_HIGH + LN2_LOW
const LN2_HIGH: f32 = std::f32::consts::LN_2;
const LN2_LOW: f32 = -1.904_654_2e-9;
const LOG2_E: f32 = std::f32::consts::LOG2_E;

/// The bits of 1.0 and of sqrt(1/2), the lower end of the interval for logarithms.
const ONE_BITS: u32 = 0x3F80_0000;
const SQRT_HALF_BITS: u32 = 0x3F35_04F3;

/// q in e^r = 1 + r + r^2 * q(r), |r| <= ln(2)/2: relative error of e^r - 1 below 2^-26.
const EXP: [f32; 5] = [0.5, 0.166_665_42, 0.041_666_28, 0.008_366_710_5, 0.001_394_667_1];
/// p in log(1 + f) = f - f^2 / 2 + f^3 * p(f), sqrt(1/2) <= 1 + f <= sqrt(2): relative error below
/// 2^-27.
const LOG: [f32; 8] = [
    0.333_333_164,
    -0.250_008_106,
    0.200_022_951,
    -0.166_244_984,
    0.141_809_583,
    -0.131_291_002,
    0.128_834_829,
    -0.078_609_265,
];

/// p in sin(2 pi t) = t * p(t^2), |t| <= 1/4: relative error below 2^-27.
const SIN_TURNS: [f32; 5] =
    [6.283_185_273_79, -41.341_677_478_4, 81.602_231_242_5, -76.574_992_177_6, 39.710_918_110_8];

/// `c[0] + c[1] * x + c[2] * x^2 + ...` by Horner's rule.
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(s: S, c: [f32; N], x: S::F) -> S::F {
    let mut sum = s.splat(c[N - 1]);
    for i in (0..N - 1).rev() {
        sum = s.mul_add(sum, x, s.splat(c[i]));
    }
    sum
}

/// (n as an integer above `ROUND_BITS`, r, t) for x = n * ln(2) + r up to the rounding of r, and
/// e^x = 2^n * (1 + r + t).
#[inline(always)]
fn reduced_exp<S: Simd>(s: S, x: S::F) -> (S::U, S::F, S::F) {
    let shifted = s.mul_add(x, s.splat(LOG2_E), s.splat(ROUND));
    let n = s.sub(shifted, s.splat(ROUND));
    // Exact, because the difference is small enough to keep all its bits. The contribution of
    // LN2_LOW goes into t.
    let r = s.mul_add(n, s.splat(-LN2_HIGH), x);
    let correction = s.mul(n, s.splat(-LN2_LOW));
    let whole = s.add(r, correction);
    (s.float_to_bits(shifted), r, s.mul_add(s.mul(whole, whole), polynomial(s, EXP, whole), correction))
}

/// e^x. Overflows to infinity, underflows through the denormals to 0.
#[inline(always)]
pub fn exp<S: Simd>(s: S, x: S::F) -> S::F {
    // Beyond these limits the result is infinite, or less than half of the smallest denormal. (min
    // and max keep a NaN.)
    let x = s.max(s.min(x, s.splat(89.0)), s.splat(-104.0));
    let (n, r, t) = reduced_exp(s, x);
    // 1 + r + t, where the rounding error of the first sum is added to the second (Dekker's fast
    // two-sum).
    let one = s.splat(1.0);
    let sum = s.add(one, r);
    let lost = s.sub(r, s.sub(sum, one));
    let significand = s.add(sum, s.add(t, lost));
    // 2^n as two factors with half the exponent each: both are normal numbers, and only the last
    // product rounds.
    let biased = s.add_u(n, s.splat_u((2 * 127u32).wrapping_sub(ROUND_BITS)));
    let down = s.bits_to_float(s.shift_left_u::<23>(s.shift_right_u::<1>(biased)));
    let biased_up = s.add_u(biased, s.splat_u(1));
    let up = s.bits_to_float(s.shift_left_u::<23>(s.shift_right_u::<1>(biased_up)));
    s.mul(s.mul(significand, down), up)
}

/// k * ln(2) + log(1 + f) for sqrt(1/2) <= 1 + f <= sqrt(2).
#[inline(always)]
fn assembled_log<S: Simd>(s: S, k: S::F, f: S::F) -> S::F {
    let tail = s.mul_add(polynomial(s, LOG, f), f, s.splat(-0.5));
    let small = s.mul_add(s.mul(f, f), tail, s.mul(k, s.splat(LN2_LOW)));
    s.mul_add(k, s.splat(LN2_HIGH), s.add(f, small))
}

/// The natural logarithm: -infinity at both zeros, NaN below them.
#[inline(always)]
pub fn log<S: Simd>(s: S, x: S::F) -> S::F {
    // Denormals are first scaled by 2^24.
    let tiny = s.less(x, s.splat(f32::MIN_POSITIVE));
    let scaled = s.select(tiny, s.mul(x, s.splat(16_777_216.0)), x);
    // With the bits shifted so that sqrt(1/2) becomes a power of two, the exponent field is k +
    // 127, and the field below it is m in [sqrt(1/2), sqrt(2)), counted from the lower end.
    let bits = s.add_u(s.float_to_bits(scaled), s.splat_u(ONE_BITS - SQRT_HALF_BITS));
    // Convert an integer below 2^23 in two operations: put it into the low bits of the float 2^23.
    let two_23 = 8_388_608.0;
    let exponent = s.bits_to_float(s.or_u(s.shift_right_u::<23>(bits), s.splat_u(f32::to_bits(two_23))));
    let k = s.sub(exponent, s.select(tiny, s.splat(two_23 + 127.0 + 24.0), s.splat(two_23 + 127.0)));
    let m = s.bits_to_float(s.add_u(s.and_u(bits, s.splat_u(0x007F_FFFF)), s.splat_u(SQRT_HALF_BITS)));
    let result = assembled_log(s, k, s.sub(m, s.splat(1.0)));

    let result = s.select(s.less(x, s.zero()), s.splat(f32::NAN), result);
    let result = s.select(s.equal(x, s.zero()), s.splat(f32::NEG_INFINITY), result);
    s.select(s.less(x, s.splat(f32::INFINITY)), result, s.select(s.equal(x, x), x, s.splat(f32::NAN)))
}

/// 1 / (1 + e^-x), without overflow: e^x / (1 + e^x) for x < 0, which also keeps small values
/// accurate.
#[inline(always)]
pub fn sigmoid<S: Simd>(s: S, x: S::F) -> S::F {
    let one = s.splat(1.0);
    let e = exp(s, s.neg(s.abs(x)));
    s.div(s.select(s.less_equal(s.zero(), x), one, e), s.add(one, e))
}

/// The hyperbolic tangent: -d / (2 + d) with the sign of x, where d = e^(-2|x|) - 1. There is no
/// cancellation, because the polynomial yields d itself.
#[inline(always)]
pub fn tanh<S: Simd>(s: S, x: S::F) -> S::F {
    // Below -40, d is -1 in f32.
    let doubled = s.max(s.mul(s.abs(x), s.splat(-2.0)), s.splat(-40.0));
    let (n, r, t) = reduced_exp(s, doubled);
    let scale = s.bits_to_float(s.shift_left_u::<23>(s.add_u(n, s.splat_u(127u32.wrapping_sub(ROUND_BITS)))));
    let d = s.mul_add(scale, s.add(r, t), s.sub(scale, s.splat(1.0)));
    let size = s.abs(s.div(d, s.add(d, s.splat(2.0))));
    let sign = s.and_u(s.float_to_bits(x), s.splat_u(0x8000_0000));
    s.bits_to_float(s.or_u(s.float_to_bits(size), sign))
}

/// log(1 + e^x) = max(x, 0) + log(1 + e^-|x|).
#[inline(always)]
pub fn softplus<S: Simd>(s: S, x: S::F) -> S::F {
    let e = exp(s, s.neg(s.abs(x)));
    // 1 + e, in [1, 2], as 2^k * (1 + f), without computing 1 + e: a small e is f itself.
    let large = s.less(s.splat(std::f32::consts::SQRT_2 - 1.0), e);
    let k = s.select(large, s.splat(1.0), s.zero());
    let f = s.select(large, s.mul_add(e, s.splat(0.5), s.splat(-0.5)), e);
    s.add(s.max(x, s.zero()), assembled_log(s, k, f))
}

/// sin(2 pi t) for |t| <= 1/4. An angle in turns needs no range reduction. The error is below 3
/// units in the last place.
#[inline(always)]
pub fn sin_turns<S: Simd>(s: S, t: S::F) -> S::F {
    s.mul(t, polynomial(s, SIN_TURNS, s.mul(t, t)))
}

#[cfg(test)]
mod tests;

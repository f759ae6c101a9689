//! Every operation on every instruction set of this CPU against plain `f32` and `u32` arithmetic,
//! bit for bit.

use std::collections::HashSet;

use super::*;
use crate::random::{Key, words};
use crate::testing::on_each_set;

/// Numbers of every kind: signed zeros, denormals, huge, tiny, infinities, and random bit patterns.
fn samples(stream: u32) -> Vec<f32> {
    let special = [0.0, -0.0, 1.0, -1.0, 1e-45, -1e-45, 1.1754944e-38, 3.4e38, -3.4e38, f32::INFINITY, -f32::INFINITY];
    let random = (0..600).flat_map(|block| words(Key::new(1, stream), block)).map(f32::from_bits);
    special.into_iter().chain(random).filter(|x| !x.is_nan()).take(1600).collect()
}

struct Ops<'a>(&'a [f32], &'a [f32], &'a [f32]);

impl Kernel for Ops<'_> {
    type Output = Vec<u32>;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Vec<u32> {
        let mut out = Vec::new();
        let (a, b, c) = (self.0.as_chunks().0, self.1.as_chunks().0, self.2.as_chunks().0);
        for ((a, b), c) in a.iter().zip(b).zip(c) {
            let (x, y, z) = (s.load(a), s.load(b), s.load(c));
            let (ux, uy) = (s.float_to_bits(x), s.float_to_bits(y));
            let (first, second) = s.interleave_pairs_u(ux, uy);
            let one = s.splat(1.0);
            let floats = [
                s.add(x, y),
                s.sub(x, y),
                s.mul(x, y),
                s.div(x, y),
                s.mul_add(x, y, z),
                s.sqrt(s.abs(x)),
                s.neg(x),
                s.max(x, y),
                s.min(x, y),
                s.select(s.less(x, y), one, s.zero()),
                s.select(s.less_equal(x, y), one, s.zero()),
                s.select(s.equal(x, y), one, s.zero()),
                s.select(s.less_u(s.float_to_bits(x), s.float_to_bits(y)), one, s.zero()),
            ];
            let words = [
                s.mul_even_u(ux, uy),
                s.swap_pairs_u(ux),
                first,
                second,
                s.add_u(ux, uy),
                s.and_u(ux, uy),
                s.or_u(ux, uy),
                s.xor_u(ux, uy),
                s.shift_left_u::<13>(ux),
                s.shift_right_u::<23>(ux),
            ];
            for f in floats.into_iter().chain(words.map(|u| s.bits_to_float(u))) {
                // All NaNs are equal, because their sign and payload depend on the CPU. (Words pass
                // as bits.)
                out.extend(s.to_array(f).map(|f| if f.is_nan() { u32::MAX } else { f.to_bits() }));
            }
        }
        out
    }
}

/// The number of operations in the list.
const OPS: usize = 23;

/// The same list in plain arithmetic, for one lane of three vectors.
fn plain(a: &[f32; LANES], b: &[f32; LANES], c: &[f32; LANES], lane: usize) -> [u32; OPS] {
    let bool = |b: bool| if b { 1.0 } else { 0.0 };
    let word = |x: &[f32; LANES], lane: usize| x[lane].to_bits();
    let product = u64::from(word(a, lane & !1)) * u64::from(word(b, lane & !1));
    let product = if lane & 1 == 0 { product as u32 } else { (product >> 32) as u32 };
    let pairs = |of: usize| word(if lane & 2 == 0 { a } else { b }, lane & !2 | of);
    let [first, second, swapped] = [pairs(0), pairs(2), word(a, lane ^ 1)];
    let [a, b, c] = [a, b, c].map(|x| x[lane]);
    let (ua, ub) = (a.to_bits(), b.to_bits());
    let floats = [
        a + b,
        a - b,
        a * b,
        a / b,
        a.mul_add(b, c),
        a.abs().sqrt(),
        -a,
        if a < b { b } else { a },
        if b < a { b } else { a },
        bool(a < b),
        bool(a <= b),
        bool(a == b),
        bool(ua < ub),
    ]
    .map(f32::to_bits);
    let bitwise = [ua & ub, ua | ub, ua ^ ub, ua << 13, ua >> 23];
    let words = [product, swapped, first, second, ua.wrapping_add(ub)].into_iter().chain(bitwise);
    let all: Vec<u32> = floats.into_iter().chain(words).collect();
    core::array::from_fn(|i| if f32::from_bits(all[i]).is_nan() { u32::MAX } else { all[i] })
}

on_each_set! {
    fn every_operation_has_the_bits_of_plain_arithmetic() {
        let (a, b, c) = (samples(1), samples(2), samples(3));
        let n = a.len().min(b.len()).min(c.len()) / LANES * LANES;
        assert!(n >= 1000);
        let out = dispatch(Ops(&a[..n], &b[..n], &c[..n]));
        for i in 0..n {
            let (chunk, lane) = (i / LANES, i % LANES);
            let [x, y, z] = [&a, &b, &c].map(|v| &v.as_chunks().0[chunk]);
            for (op, wanted) in plain(x, y, z, lane).into_iter().enumerate() {
                let got = out[(chunk * OPS + op) * LANES + lane];
                assert_eq!(got, wanted, "{}: operation {op} on {:e}, {:e}, {:e}", current(), a[i], b[i], c[i]);
            }
        }
    }
}

/// The token that a kernel is compiled for.
struct Token;

impl Kernel for Token {
    type Output = &'static str;
    // Otherwise it would run as a token without pairs.
    const USES_PAIRS: bool = true;
    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> &'static str {
        std::any::type_name::<S>()
    }
}

/// All sets run at the same time, each on all threads of its pool, while this thread uses the
/// default set.
#[test]
#[cfg_attr(target_family = "wasm", ignore = "there are no threads")]
fn a_pool_runs_kernels_on_its_own_set_whatever_others_do() {
    use rayon::prelude::*;
    let own = dispatch(Token);
    let tokens: HashSet<_> = available().iter().map(|isa| isa.run(Token)).collect();
    assert_eq!(tokens.len(), available().len());
    std::thread::scope(|scope| {
        for isa in available() {
            scope.spawn(move || {
                let found: Vec<_> =
                    pool(isa, 3).install(|| (0..10_000).into_par_iter().map(|_| dispatch(Token)).collect());
                assert!(found.iter().all(|found| *found == isa.run(Token)), "{isa}");
            });
        }
        assert!((0..10_000).all(|_| dispatch(Token) == own));
    });
}

/// Cases in which two roundings go wrong: results half way between floats, denormal results,
/// cancellation. Their number is a multiple of [`LANES`].
fn awkward_products() -> [Vec<f32>; 3] {
    let mut cases = vec![
        [1.0 + f32::EPSILON, 1.0 + f32::EPSILON, -1.0],
        [1.0 + f32::EPSILON, 1.0 - f32::EPSILON / 2.0, 2f32.powi(-60)],
        [4097.0, 4097.0, 2f32.powi(-40)],
        [4097.0, 4097.0, -(2f32.powi(-40))],
        [2f32.powi(-75), 2f32.powi(-75), 1e-45],
        [1e-30, 1e-15, 1e-45],
        [3e38, 2.0, -3e38],
        [f32::MAX, f32::MAX, f32::NEG_INFINITY],
        [0.0, -1.0, 0.0],
        [-0.0, 1.0, -0.0],
    ];
    for block in 0..100_000 {
        let [a, b, c, d] = words(Key::new(2, 9), block);
        // Products of odd 12-bit numbers are exact; a tiny third term decides the tie.
        let sign = if d & 1 == 0 { 1.0 } else { -1.0 };
        let tiny = sign * 2f32.powi(-(30 + (c % 60) as i32));
        let scale = 2f32.powi((d >> 8) as i32 % 20 - 10);
        cases.push([(a >> 8) as f32 * scale, (b >> 8) as f32, tiny]);
        cases.push([a, b, c].map(f32::from_bits));
        // Almost half of the smallest denormal number, plus a denormal or small normal one.
        let [half, near] = [sign, -sign].map(|sign| 2f32.powi(-75) * (1.0 + sign * f32::EPSILON));
        cases.push([half, near, f32::from_bits((c % (1 << (1 + b % 26))) | (a << 31))]);
    }
    let whole = cases.len() / LANES * LANES;
    [0, 1, 2].map(|i| cases[..whole].iter().map(|case| case[i]).collect())
}

/// a * b + c, lane by lane.
struct MulAdd<'a>([&'a [f32]; 3]);

impl Kernel for MulAdd<'_> {
    type Output = Vec<f32>;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Vec<f32> {
        let [a, b, c] = self.0.map(|x| x.as_chunks().0);
        let mut out = Vec::new();
        for ((a, b), c) in a.iter().zip(b).zip(c) {
            out.extend(s.to_array(s.mul_add(s.load(a), s.load(b), s.load(c))));
        }
        out
    }
}

on_each_set! {
    fn the_fused_multiply_add_rounds_once() {
        let [a, b, c] = awkward_products();
        let vectors = dispatch(MulAdd([&a, &b, &c]));
        for (i, vector) in vectors.into_iter().enumerate() {
            let (a, b, c) = (a[i], b[i], c[i]);
            let wanted = a.mul_add(b, c);
            for got in [vector, fused_multiply_add(a, b, c)] {
                assert!(
                    got.to_bits() == wanted.to_bits() || got.is_nan() && wanted.is_nan(),
                    "{a:e} {b:e} {c:e}: {got:e} {wanted:e}"
                );
            }
        }
    }
}

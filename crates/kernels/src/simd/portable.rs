//! The instruction set of every CPU: plain vectors of the `wide` crate.

use wide::{f32x16, u32x16};

use super::{LANES, RegisterTiles, Simd};

/// Plain code on any CPU. The fused multiply-add is exact even where the hardware has none.
#[derive(Clone, Copy, Debug)]
pub struct Portable;

impl Portable {
    /// The token; every CPU has it.
    #[inline]
    pub fn detect() -> Option<Self> {
        Some(Self)
    }
}

/// `a * b + c` with a single rounding, as IEEE 754 defines it, on every CPU and without a library
/// call.
///
/// Targets that have the instruction use it. Elsewhere, `f64` does the work: the product of two
/// `f32` is exact in `f64` (24 + 24 <= 53 bits), so only the sum and the conversion back to `f32`
/// round. Two roundings in a row are right unless the first one lands on a tie of the second. Only
/// in that case, for about one in 2^29 random inputs, the sum is rounded **to odd** (Boldo and
/// Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to
/// odd", 2008), which avoids the tie.
#[inline(always)]
#[cfg_attr(not(test), expect(clippy::disallowed_methods, reason = "only where it is an instruction of the CPU"))]
pub fn fused_multiply_add(a: f32, b: f32, c: f32) -> f32 {
    if HAS_INSTRUCTION {
        return a.mul_add(b, c);
    }
    let sum = f64::from(a) * f64::from(b) + f64::from(c);
    if in_doubt(sum, c) { rounded_to_odd(a, b, c) } else { sum as f32 }
}

/// Whether the fused multiply-add is an instruction wherever this code runs.
const HAS_INSTRUCTION: bool = cfg!(any(target_feature = "fma", target_arch = "aarch64"));

/// The low word of a sum in doubt, shifted left by 3.
pub(super) const DOUBTFUL_SUM: u32 = 1 << 31;
/// Twice the bits of 2^-125.
pub(super) const SMALL_ADDEND: u32 = (127 - 125) << 24;

/// Whether rounding `sum`, the `f64` next to a * b + c, to `f32` may differ from rounding a * b + c
/// itself.
///
/// It may if the sum lies half way between two `f32`. The normal ones have 29 bits less than an
/// `f64`, so that is where the last 29 bits are a one and zeros. Denormal ones have fewer bits, but
/// then the sum is exact unless 0 < |c| <= 2^-125: if c is 0, it is the product; if c is larger, it
/// is at least twice as large as the sum, so the product is close to -c and the difference is exact
/// (Sterbenz' lemma).
#[inline(always)]
pub(super) fn in_doubt(sum: f64, c: f32) -> bool {
    ((sum.to_bits() as u32) << 3 == DOUBTFUL_SUM) | ((c.to_bits() << 1).wrapping_sub(1) < SMALL_ADDEND)
}

/// The fused multiply-add, by rounding the sum to odd. Knuth's TwoSum gives the exact error of the
/// sum, and with it the direction of the rounding.
#[cold]
#[inline(never)]
fn rounded_to_odd(a: f32, b: f32, c: f32) -> f32 {
    let product = f64::from(a) * f64::from(b);
    let c = f64::from(c);
    let sum = product + c;
    let c_part = sum - product;
    let error = (product - (sum - c_part)) + (c - c_part);
    let bits = sum.to_bits();
    // Move towards the exact value: away from zero when the error has the sum's sign. (An infinite
    // sum has a NaN error, and neither comparison holds.)
    let grow = u64::from((error > 0.0) & (sum > 0.0) | (error < 0.0) & (sum < 0.0));
    let shrink = u64::from((error > 0.0) & (sum < 0.0) | (error < 0.0) & (sum > 0.0));
    let even = !bits & 1;
    f64::from_bits(bits.wrapping_add(grow & even).wrapping_sub(shrink & even)) as f32
}

/// [`fused_multiply_add`] of each lane, for vectors of which some lane is in doubt.
#[cold]
#[inline(never)]
pub(super) fn fused_multiply_adds(a: &[f32; LANES], b: &[f32; LANES], c: &[f32; LANES]) -> [f32; LANES] {
    core::array::from_fn(|i| fused_multiply_add(a[i], b[i], c[i]))
}

impl Simd for Portable {
    // On baseline x86-64, a vector is four SSE registers of 16.
    const TILES: RegisterTiles = RegisterTiles { registers_per_vector: 4, tallest: [0, 4, 1, 1, 1, 0, 0, 0, 0] };
    type F = f32x16;
    type U = u32x16;
    type M = f32x16;

    #[inline(always)]
    fn splat(self, x: f32) -> f32x16 {
        f32x16::splat(x)
    }
    #[inline(always)]
    fn load(self, x: &[f32; LANES]) -> f32x16 {
        f32x16::new(*x)
    }
    #[inline(always)]
    fn store(self, x: f32x16, to: &mut [f32; LANES]) {
        *to = x.to_array();
    }
    methods! {
        add(a: F, b: F) -> F { a + b }
        sub(a: F, b: F) -> F { a - b }
        mul(a: F, b: F) -> F { a * b }
        div(a: F, b: F) -> F { a / b }
        sqrt(a: F) -> F { a.sqrt() }
        less(a: F, b: F) -> M { a.simd_lt(b) }
        less_equal(a: F, b: F) -> M { a.simd_le(b) }
        equal(a: F, b: F) -> M { a.simd_eq(b) }
        select(m: M, yes: F, no: F) -> F { m.bitselect(yes, no) }
        float_to_bits(a: F) -> U { u32x16::new(a.to_array().map(f32::to_bits)) }
        bits_to_float(a: U) -> F { f32x16::new(a.to_array().map(f32::from_bits)) }
        add_u(a: U, b: U) -> U { a + b }
        and_u(a: U, b: U) -> U { a & b }
        or_u(a: U, b: U) -> U { a | b }
        xor_u(a: U, b: U) -> U { a ^ b }
    }
    #[inline(always)]
    fn mul_add(self, a: f32x16, b: f32x16, c: f32x16) -> f32x16 {
        let (a, b, c) = (a.to_array(), b.to_array(), c.to_array());
        if HAS_INSTRUCTION {
            return f32x16::new(core::array::from_fn(|i| fused_multiply_add(a[i], b[i], c[i])));
        }
        // One branch for all lanes, so that the compiler can use vectors of `f64`.
        let sums: [f64; LANES] = core::array::from_fn(|i| f64::from(a[i]) * f64::from(b[i]) + f64::from(c[i]));
        let doubts = (0..LANES).fold(false, |doubts, i| doubts | in_doubt(sums[i], c[i]));
        f32x16::new(if doubts { fused_multiply_adds(&a, &b, &c) } else { sums.map(|sum| sum as f32) })
    }

    #[inline(always)]
    fn splat_u(self, x: u32) -> u32x16 {
        u32x16::splat(x)
    }
    #[inline(always)]
    fn mul_even_u(self, a: u32x16, b: u32x16) -> u32x16 {
        let (a, b) = (a.to_array(), b.to_array());
        let product = |i: usize| u64::from(a[i & !1]) * u64::from(b[i & !1]);
        u32x16::new(core::array::from_fn(|i| (product(i) >> (32 * (i & 1))) as u32))
    }
    #[inline(always)]
    fn swap_pairs_u(self, a: u32x16) -> u32x16 {
        let a = a.to_array();
        u32x16::new(core::array::from_fn(|i| a[i ^ 1]))
    }
    #[inline(always)]
    fn interleave_pairs_u(self, a: u32x16, b: u32x16) -> (u32x16, u32x16) {
        let (a, b) = (a.to_array(), b.to_array());
        let pairs = |of: usize| u32x16::new(core::array::from_fn(|i| if i & 2 == 0 { a } else { b }[i & !2 | of]));
        (pairs(0), pairs(2))
    }
    #[inline(always)]
    fn shift_left_u<const N: u32>(self, a: u32x16) -> u32x16 {
        a << N
    }
    #[inline(always)]
    fn shift_right_u<const N: u32>(self, a: u32x16) -> u32x16 {
        a >> N
    }
    #[inline(always)]
    fn less_u(self, a: u32x16, b: u32x16) -> f32x16 {
        let (a, b) = (a.to_array(), b.to_array());
        f32x16::new(core::array::from_fn(|i| f32::from_bits(if a[i] < b[i] { u32::MAX } else { 0 })))
    }
}

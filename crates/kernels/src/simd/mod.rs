//! Vectors: kernels are written once and compiled for every instruction set.
//!
//! A vector always has [`LANES`] = 16 numbers, whatever the CPU: one AVX-512 register, two AVX2
//! registers, or plain code. The lanes are therefore the same everywhere, and so are the bits of
//! every result.
//!
//! * [`Simd`] is implemented by **tokens**: zero-sized values that can only be made where the CPU
//!   supports the instructions. Only a token can operate on vectors, so holding one proves support.
//!   [`Portable`] always exists.
//! * A [`Kernel`] is a struct of arguments with one method that is generic over the token.
//!   [`dispatch`] runs it with the best one.
//! * [`Isa`] names an instruction set at run time. One list in `simd/isa.rs` generates the enum,
//!   the names, detection, dispatch and the tests; see there for how to add a set.
//! * Work is split across threads first, and each thread dispatches its own piece: a closure that
//!   runs on another thread would leave the `#[target_feature]` region in which the intrinsics are
//!   inlined.
//!
//! The set in use is the widest that the CPU supports, unless the environment variable
//! `BACKDRAW_ISA` names another. The threads of a [`pool`] use the set that the pool was made for;
//! tests run kernels on each set that way.

/// Declares inlined methods of a token. `add(a: F, b: F) -> F { a + b }` becomes
/// `fn add(self, a: Self::F, b: Self::F) -> Self::F { a + b }` with `#[inline(always)]`.
macro_rules! methods {
    ($($name:ident($($x:ident: $X:ident),+) -> $R:ident { $($body:tt)+ })+) => {$(
        #[inline(always)]
        fn $name(self, $($x: Self::$X),+) -> Self::$R {
            $($body)+
        }
    )+};
}

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avx512bf16;
mod isa;
#[cfg(all(target_arch = "aarch64", target_feature = "neon", target_endian = "little"))]
mod neon;
#[cfg_attr(backdraw_one_isa, allow(dead_code, unreachable_pub, reason = "the set that is left may need parts of it"))]
mod portable;
#[cfg(any(
    all(target_arch = "aarch64", target_feature = "neon", target_endian = "little"),
    all(target_arch = "wasm32", target_feature = "simd128"),
))]
mod registers128;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[cfg_attr(backdraw_one_isa, allow(dead_code, unreachable_pub, reason = "as above"))]
mod wasm128;
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
mod wasm_relaxed;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(test)]
pub(crate) use isa::instruction_sets;
pub use isa::*;
pub use portable::fused_multiply_add;

/// Numbers in a vector, on every instruction set.
pub const LANES: usize = 16;
/// Side of the squares that [`Simd::transpose`] transposes.
pub const SQUARE: usize = 8;
/// Width of the widest register tile, in vectors.
pub const WIDEST: usize = 8;

/// The register tiles that suit an instruction set: the blocks of sums that a product keeps in
/// registers.
///
/// The sums, the operands of one step and nothing else must fit into the registers; see the [fast
/// path](crate::fast_path) for why tiles should be large. Tile sizes change the speed but no bit of
/// any result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisterTiles {
    /// Registers that one vector of 16 floats takes.
    pub registers_per_vector: usize,
    /// At index v, the most rows of a tile that is v vectors wide; 0 where there is no such tile.
    pub tallest: [usize; WIDEST + 1],
}

/// The operations on vectors of 16 `f32` or 16 `u32`. Each is exact or correctly rounded (IEEE
/// 754), so all instruction sets give the same bits. The sign and payload of a NaN, which IEEE 754
/// leaves open, are unspecified here too.
///
/// Implementations mark every method `#[inline(always)]`: it must be compiled into the region that
/// [`dispatch`] enters.
pub trait Simd: Copy + Send + Sync + 'static {
    /// The register tiles of this instruction set.
    const TILES: RegisterTiles;
    /// Whether [`dot_pairs`](Simd::dot_pairs) is one instruction.
    const DOT_PAIRS: bool = false;
    /// 16 floats.
    type F: Copy;
    /// 16 words.
    type U: Copy;
    /// 16 results of a comparison.
    type M: Copy;

    /// Runs `kernel` inside a region compiled for this instruction set. Instructions that every CPU
    /// of the target has need no region. A set with other instructions overrides this: without a
    /// region, each of them would be a function call.
    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        run_without_region(self, kernel)
    }

    /// 16 copies of `x`.
    fn splat(self, x: f32) -> Self::F;
    /// 16 floats from memory.
    fn load(self, x: &[f32; LANES]) -> Self::F;
    /// 16 floats to memory.
    fn store(self, x: Self::F, to: &mut [f32; LANES]);
    /// a + b
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    /// a - b
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    /// a * b
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    /// a / b
    fn div(self, a: Self::F, b: Self::F) -> Self::F;
    /// a * b + c with a single rounding.
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// The correctly rounded square root.
    fn sqrt(self, a: Self::F) -> Self::F;
    /// a < b (false where either is NaN)
    fn less(self, a: Self::F, b: Self::F) -> Self::M;
    /// a <= b (false where either is NaN)
    fn less_equal(self, a: Self::F, b: Self::F) -> Self::M;
    /// a == b (false where either is NaN)
    fn equal(self, a: Self::F, b: Self::F) -> Self::M;
    /// `yes` where `m` holds, `no` elsewhere.
    fn select(self, m: Self::M, yes: Self::F, no: Self::F) -> Self::F;

    /// The floats' bits.
    fn float_to_bits(self, a: Self::F) -> Self::U;
    /// Floats of these bits.
    fn bits_to_float(self, a: Self::U) -> Self::F;
    /// 16 copies of `x`.
    fn splat_u(self, x: u32) -> Self::U;
    /// 16 words from memory.
    #[inline(always)]
    fn load_u(self, x: &[u32; LANES]) -> Self::U {
        // SAFETY: floats and words have the same size and alignment, and all bits are valid floats.
        self.float_to_bits(self.load(unsafe { &*core::ptr::from_ref(x).cast() }))
    }
    /// a + b modulo 2^32
    fn add_u(self, a: Self::U, b: Self::U) -> Self::U;
    /// The 64-bit products of the even words (0, 2, 4, ...) of a and b: each low word in the even
    /// place, the high word in the odd place after it. The odd words of a and b are ignored.
    fn mul_even_u(self, a: Self::U, b: Self::U) -> Self::U;
    /// Swaps each even word with the odd word after it.
    fn swap_pairs_u(self, a: Self::U) -> Self::U;
    /// Takes the words in pairs. Returns the first, third, ... pairs of a and b interleaved, and
    /// the second, fourth, ... pairs likewise.
    fn interleave_pairs_u(self, a: Self::U, b: Self::U) -> (Self::U, Self::U);
    /// a & b
    fn and_u(self, a: Self::U, b: Self::U) -> Self::U;
    /// a | b
    fn or_u(self, a: Self::U, b: Self::U) -> Self::U;
    /// a ^ b
    fn xor_u(self, a: Self::U, b: Self::U) -> Self::U;
    /// a << N
    fn shift_left_u<const N: u32>(self, a: Self::U) -> Self::U;
    /// a >> N, filled with zeros
    fn shift_right_u<const N: u32>(self, a: Self::U) -> Self::U;
    /// a < b as unsigned numbers
    fn less_u(self, a: Self::U, b: Self::U) -> Self::M;

    /// Hints that the memory `ahead` elements after the start of `here` will soon be read. Useful
    /// in loops that do so much work per cache line that the CPU does not look far enough ahead by
    /// itself. Nothing is read, so the address may lie beyond the end of the data. (Do not prefetch
    /// memory that is only written: the CPU need not load it.)
    #[inline(always)]
    fn prefetch(self, here: &[f32; LANES], ahead: usize) {
        prefetch_l1(here.as_ptr().wrapping_add(ahead));
    }

    /// Transposes a square: writes its column c to `to[c * stride..][..SQUARE]`, for c = 0, 1, ...
    /// in this order, so a `stride` below [`SQUARE`] lets each column overwrite the end of the one
    /// before.
    ///
    /// # Panics
    /// When `to` is too short.
    #[inline(always)]
    fn transpose(self, rows: [&[f32; SQUARE]; SQUARE], to: &mut [f32], stride: usize) {
        for c in 0..SQUARE {
            for (to, row) in to[c * stride..][..SQUARE].iter_mut().zip(rows) {
                *to = row[c];
            }
        }
    }

    /// Products of [pairs](crate::bf16) of bf16 numbers, whose words hold the first number in the
    /// lower half and the second one in the upper half: sum + a1 * b1, rounded, then + a0 * b0,
    /// rounded. Denormal results are unspecified; there are none if all numbers come from
    /// [`bf16::round`](crate::bf16::round).
    #[inline(always)]
    fn dot_pairs(self, a: Self::U, b: Self::U, sum: Self::F) -> Self::F {
        let upper = self.splat_u(0xFFFF_0000);
        let [a1, b1] = [a, b].map(|pair| self.bits_to_float(self.and_u(pair, upper)));
        let [a0, b0] = [a, b].map(|pair| self.bits_to_float(self.shift_left_u::<16>(pair)));
        self.mul_add(a0, b0, self.mul_add(a1, b1, sum))
    }

    /// 16 zeros.
    #[inline(always)]
    fn zero(self) -> Self::F {
        self.splat(0.0)
    }

    /// -a (flips the sign bit, of zeros and NaNs too)
    #[inline(always)]
    fn neg(self, a: Self::F) -> Self::F {
        self.bits_to_float(self.xor_u(self.float_to_bits(a), self.splat_u(0x8000_0000)))
    }

    /// |a|
    #[inline(always)]
    fn abs(self, a: Self::F) -> Self::F {
        self.bits_to_float(self.and_u(self.float_to_bits(a), self.splat_u(0x7FFF_FFFF)))
    }

    /// `b` where a < b, else `a` (keeps a NaN in `a`, not one in `b`)
    #[inline(always)]
    fn max(self, a: Self::F, b: Self::F) -> Self::F {
        self.select(self.less(a, b), b, a)
    }

    /// `b` where b < a, else `a` (keeps a NaN in `a`, not one in `b`)
    #[inline(always)]
    fn min(self, a: Self::F, b: Self::F) -> Self::F {
        self.select(self.less(b, a), b, a)
    }

    /// The first `x.len()` <= 16 floats from memory, zeros after them.
    #[inline(always)]
    fn load_part(self, x: &[f32]) -> Self::F {
        let mut whole = [0.0; LANES];
        whole[..x.len()].copy_from_slice(x);
        self.load(&whole)
    }

    /// The first `to.len()` <= 16 floats to memory.
    #[inline(always)]
    fn store_part(self, x: Self::F, to: &mut [f32]) {
        let mut whole = [0.0; LANES];
        self.store(x, &mut whole);
        to.copy_from_slice(&whole[..to.len()]);
    }

    /// The 16 floats as an array.
    #[inline(always)]
    fn to_array(self, x: Self::F) -> [f32; LANES] {
        let mut whole = [0.0; LANES];
        self.store(x, &mut whole);
        whole
    }

    /// The sum of the 16 lanes in a fixed order: the upper half is added to the lower one, from 8
    /// lanes to 4, 2, 1.
    #[inline(always)]
    fn sum_lanes(self, x: Self::F) -> f32 {
        let mut lanes = self.to_array(x);
        let mut half = LANES / 2;
        while half > 0 {
            for i in 0..half {
                lanes[i] += lanes[i + half];
            }
            half /= 2;
        }
        lanes[0]
    }
}

/// A computation that is generic over the instruction set: a struct of its arguments with one
/// method.
pub trait Kernel {
    /// The result.
    type Output;
    /// Whether it benefits from [`Simd::dot_pairs`] as an instruction.
    const USES_PAIRS: bool = false;
    /// Runs it. Implementations, and all functions on vectors that they call, must be
    /// `#[inline(always)]`. (So do not `map` an array of vectors: the code of the standard library
    /// may be compiled outside the region, and then calls a function for each instruction.)
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Not inlined, so that all callers share one copy, as with the functions that enter regions.
#[inline(never)]
fn run_without_region<S: Simd, K: Kernel>(simd: S, kernel: K) -> K::Output {
    kernel.run(simd)
}

/// Prefetches the cache line of `at` into the first-level cache. The address may be anything:
/// nothing is read.
#[inline(always)]
pub(crate) fn prefetch_l1(at: *const f32) {
    #[cfg(target_arch = "x86_64")]
    x86::prefetch_l1(at);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// Prefetches the cache line of `at` into the second-level cache. The address may be anything:
/// nothing is read.
#[inline(always)]
pub(crate) fn prefetch_l2(at: *const f32) {
    #[cfg(target_arch = "x86_64")]
    x86::prefetch_l2(at);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

#[cfg(test)]
mod tests;

//! Vectors: one program for every instruction set.
//!
//! A vector here is always [`LANES`] = 16 numbers, whatever the CPU: one AVX-512 register, two AVX2 registers, or plain
//! code. So a kernel is written once, its lanes are the same everywhere, and it gives the same bits everywhere.
//!
//! * [`Simd`] is the trait of the instruction-set **tokens**: zero-sized values that exist only where the CPU has the
//!   instructions ([`Portable`] always does). Only a token can operate on vectors; holding one is the proof of support.
//! * A [`Kernel`] is a struct of arguments with one generic method; [`dispatch`] runs it with the best token.
//! * Threads are split outside, the dispatch is made inside each thread's piece of work: a closure that is handed to
//!   another thread would leave the `#[target_feature]` region that makes the intrinsics inline.
//!
//! Which set is used: the best that the CPU has, or what the environment variable `BACKDRAW_ISA` (`portable`, `avx2`,
//! `avx512`) names. The threads of a [`pool`] use the set that it was made for: so tests run a kernel on each of them.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use core::cell::Cell;
use core::fmt;
use std::sync::OnceLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx512::Avx512;
pub use portable::{Portable, fused_multiply_add};

/// Numbers in a vector, on every instruction set.
pub const LANES: usize = 16;

/// The operations on vectors of 16 `f32` (or 16 `u32`). Every one is exact or correctly rounded (IEEE 754), so all
/// instruction sets give the same bits. What IEEE 754 leaves open (the payload and sign of a NaN) is left open here too.
///
/// All methods are `#[inline(always)]` in the implementations: they must be compiled into the region that
/// [`dispatch`] enters.
pub trait Simd: Copy + Send + Sync + 'static {
    /// The instruction set.
    const ISA: Isa;
    /// Vectors of floats that fit into registers at once (with room for the operands): bounds the GEMM's register tile.
    const ACCUMULATORS: usize;
    /// 16 floats.
    type F: Copy;
    /// 16 words.
    type U: Copy;
    /// 16 answers to a comparison.
    type M: Copy;

    /// Runs `kernel` inside a region compiled for this instruction set.
    fn run<K: Kernel>(self, kernel: K) -> K::Output;

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
    fn load_u(self, x: &[u32; LANES]) -> Self::U;
    /// a + b modulo 2^32
    fn add_u(self, a: Self::U, b: Self::U) -> Self::U;
    /// The 64-bit products of the even words (numbers 0, 2, 4, ...) of a and b: the low word of each in the even place, the
    /// high one in the odd place after it. The odd words of a and b do not matter.
    fn mul_even_u(self, a: Self::U, b: Self::U) -> Self::U;
    /// Each even word and the odd one after it change places.
    fn swap_pairs_u(self, a: Self::U) -> Self::U;
    /// With the words taken in pairs: the first, third, ... pairs of a and b, in turns; and the second, fourth, ... ones.
    fn interleave_pairs_u(self, a: Self::U, b: Self::U) -> (Self::U, Self::U);
    /// a & b
    fn and_u(self, a: Self::U, b: Self::U) -> Self::U;
    /// a | b
    fn or_u(self, a: Self::U, b: Self::U) -> Self::U;
    /// a ^ b
    fn xor_u(self, a: Self::U, b: Self::U) -> Self::U;
    /// a << N
    fn shift_left_u<const N: u32>(self, a: Self::U) -> Self::U;
    /// a >> N, zeros coming in
    fn shift_right_u<const N: u32>(self, a: Self::U) -> Self::U;
    /// a < b as unsigned numbers
    fn less_u(self, a: Self::U, b: Self::U) -> Self::M;

    /// A hint that the line of memory `ahead` elements after the start of `here` will soon be read, for loops that
    /// do so much with each line that the CPU does not look far enough ahead by itself. Any distance will do: nothing is
    /// read, so it may lie beyond the end. (Not for lines that are only written: the CPU need not fetch them at all.)
    #[inline(always)]
    fn prefetch(self, here: &[f32; LANES], ahead: usize) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: every x86-64 CPU has the instruction, and it may be given any address.
        unsafe {
            use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(here.as_ptr().wrapping_add(ahead).cast());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (here, ahead);
    }

    /// 16 zeros.
    #[inline(always)]
    fn zero(self) -> Self::F {
        self.splat(0.0)
    }

    /// -a (the sign bit flips, of zeros and NaNs too)
    #[inline(always)]
    fn neg(self, a: Self::F) -> Self::F {
        self.bits_to_float(self.xor_u(self.float_to_bits(a), self.splat_u(0x8000_0000)))
    }

    /// |a|
    #[inline(always)]
    fn abs(self, a: Self::F) -> Self::F {
        self.bits_to_float(self.and_u(self.float_to_bits(a), self.splat_u(0x7FFF_FFFF)))
    }

    /// `b` where a < b, else `a` (a NaN in `a` is kept, one in `b` is not)
    #[inline(always)]
    fn max(self, a: Self::F, b: Self::F) -> Self::F {
        self.select(self.less(a, b), b, a)
    }

    /// `b` where b < a, else `a` (a NaN in `a` is kept, one in `b` is not)
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

    /// The sum of the 16 lanes, in one fixed order: halves folded onto each other (8, 4, 2, 1).
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

/// Work that is generic over the instruction set: a struct of the arguments, and what to do with them.
pub trait Kernel {
    /// What the work returns.
    type Output;
    /// Does the work. Implementations are `#[inline(always)]`, and so is all that they call on vectors.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// An instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// Plain code through the `wide` crate, on any CPU; fused multiply-add in software where the CPU has none.
    Portable,
    /// 256-bit vectors: AVX2 and FMA.
    Avx2,
    /// 512-bit vectors: AVX-512 F.
    Avx512,
}

impl Isa {
    /// All of them, the widest last.
    pub const ALL: [Isa; 3] = [Isa::Portable, Isa::Avx2, Isa::Avx512];

    /// The name that `BACKDRAW_ISA` takes.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
        }
    }

    /// Whether this CPU has it.
    pub fn is_available(self) -> bool {
        match self {
            Isa::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => Avx2::detect().is_some(),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => Avx512::detect().is_some(),
            #[cfg(not(target_arch = "x86_64"))]
            Isa::Avx2 | Isa::Avx512 => false,
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The instruction sets of this CPU, the widest last.
pub fn available() -> Vec<Isa> {
    Isa::ALL.into_iter().filter(|isa| isa.is_available()).collect()
}

/// What the environment variable `BACKDRAW_ISA` asks for.
///
/// # Errors
/// One line that says what is wrong: the name is unknown, or this CPU does not have the instruction set.
pub fn from_environment() -> Result<Option<Isa>, String> {
    let Some(value) = std::env::var_os("BACKDRAW_ISA") else { return Ok(None) };
    let names = || available().iter().map(|isa| isa.name()).collect::<Vec<_>>().join(", ");
    let Some(isa) = Isa::ALL.into_iter().find(|isa| *isa.name() == *value) else {
        return Err(format!("BACKDRAW_ISA={} is not an instruction set (here: {})", value.to_string_lossy(), names()));
    };
    if !isa.is_available() {
        return Err(format!("BACKDRAW_ISA={isa}: this CPU does not have it (here: {})", names()));
    }
    Ok(Some(isa))
}

thread_local! {
    /// The set of the [`pool`] that this thread belongs to.
    static OF_POOL: Cell<Option<Isa>> = const { Cell::new(None) };
}

/// A pool of `threads` threads that use `isa`, and no other set, for every kernel: `pool(isa, 2).install(|| ...)`. All other
/// threads go on as they are. As every instruction set gives the same bits, this only changes the speed.
///
/// # Panics
/// When this CPU does not have it, or the threads cannot be started.
pub fn pool(isa: Isa, threads: usize) -> ThreadPool {
    assert!(isa.is_available(), "this CPU has no {isa}");
    let start = move |_| OF_POOL.set(Some(isa));
    ThreadPoolBuilder::new().num_threads(threads).start_handler(start).build().expect("threads can be started")
}

/// The instruction set in use on this thread.
///
/// # Panics
/// When `BACKDRAW_ISA` names what is not there (a program should ask [`from_environment`] first).
#[inline]
pub fn current() -> Isa {
    static CHOSEN: OnceLock<Isa> = OnceLock::new();
    OF_POOL.get().unwrap_or_else(|| {
        *CHOSEN.get_or_init(|| match from_environment() {
            Ok(asked) => asked.unwrap_or_else(|| available().pop().unwrap_or(Isa::Portable)),
            Err(message) => panic!("{message}"),
        })
    })
}

/// Runs `kernel` on the instruction set in use.
#[inline]
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    match current() {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => Avx512::detect().expect("only chosen where present").run(kernel),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => Avx2::detect().expect("only chosen where present").run(kernel),
        _ => Portable.run(kernel),
    }
}

/// Makes an x86 token from one list of CPU features: its detection and its `#[target_feature]` region cannot differ.
#[cfg(target_arch = "x86_64")]
macro_rules! x86_token {
    ($(#[$doc:meta])* $Token:ident, $enter:ident, [$($feature:tt),+]) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $Token(());

        impl $Token {
            /// The token, where the CPU has all the features it stands for.
            #[inline]
            pub fn detect() -> Option<Self> {
                if $(std::arch::is_x86_feature_detected!($feature))&&+ { Some(Self(())) } else { None }
            }
        }

        $(#[target_feature(enable = $feature)])+
        fn $enter<K: $crate::simd::Kernel>(token: $Token, kernel: K) -> K::Output {
            kernel.run(token)
        }
    };
}
#[cfg(target_arch = "x86_64")]
use x86_token;

#[cfg(test)]
mod tests;

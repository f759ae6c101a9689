//! Helpers for tests: data, awkward sizes, and runs on every instruction set and number of threads.

use std::sync::LazyLock;

use crate::pieces::GRAIN;
use crate::random::{Key, words};
use crate::simd::{self, Isa, Pool};

/// The relative error of one rounding to `f32`.
pub(crate) const UNIT_ROUNDOFF: f64 = 1.0 / (1 << 24) as f64;

/// Lengths around those of vectors and pieces, and some primes.
pub(crate) const SIZES: [usize; 14] =
    [0, 1, 2, 15, 16, 17, 31, 33, 101, 997, GRAIN - 1, GRAIN, GRAIN + 1, 3 * GRAIN + 7];

/// Numbers in [-4, 4).
pub(crate) fn numbers(len: usize, stream: u32) -> Vec<f32> {
    let words = (0..len.div_ceil(4)).flat_map(|block| words(Key::new(11, stream), block as u32));
    words.map(|word| (word >> 8) as f32 / (1 << 21) as f32 - 4.0).take(len).collect()
}

/// Whole numbers from -8 to 8: sums of them are exact in any order.
pub(crate) fn whole_numbers(len: usize, stream: u32) -> Vec<f32> {
    numbers(len, stream).into_iter().map(|x| (2.0 * x).round()).collect()
}

/// Numbers with special ones among them: zeros of both signs, denormals, the largest, infinities,
/// NaN.
pub(crate) fn wild_numbers(len: usize, stream: u32) -> Vec<f32> {
    let special = [0.0, -0.0, 1e-45, -1e-45, 1e-39, f32::MIN_POSITIVE, f32::MAX, f32::MIN, 1.0, -1.0];
    let special = special.into_iter().chain([f32::INFINITY, f32::NEG_INFINITY, f32::NAN]).cycle();
    let mut numbers = numbers(len, stream);
    // The stream shifts the positions of the special values, so that two slices pair them in many
    // ways.
    for (x, special) in numbers.iter_mut().skip(stream as usize % 7).step_by(3 + stream as usize % 5).zip(special) {
        *x = special;
    }
    numbers
}

/// The bits, with one value for all NaNs, whose payload depends on the CPU.
pub(crate) fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| if x.is_nan() { u32::MAX } else { x.to_bits() }).collect()
}

/// Fails at the first element whose bits differ.
#[track_caller]
pub(crate) fn assert_same_bits(got: &[f32], wanted: &[f32], what: &str) {
    assert_eq!(got.len(), wanted.len(), "{what}: length");
    if let Some(i) = (0..got.len()).find(|&i| bits(&got[i..=i]) != bits(&wanted[i..=i])) {
        panic!("{what}: element {i} of {}: got {:e}, wanted {:e}", got.len(), got[i], wanted[i]);
    }
}

/// Turns a check into one test per instruction set, with the name of the set:
/// `check_name::portable` and so on. Each test runs its check on threads that use this set alone.
macro_rules! on_each_set {
    ($(#[doc = $doc:literal])* fn $name:ident() $body:block) => {
        $(#[doc = $doc])*
        mod $name {
            #[allow(unused_imports, reason = "a check may need nothing of its module")]
            use super::*;
            use crate::simd::{Isa, instruction_sets};
            use crate::testing::{on_set, test_each};

            fn check() $body

            instruction_sets!(test_each);
        }
    };
}
pub(crate) use on_each_set;

/// The tests of [`on_each_set`], for the rows of the list of instruction sets.
macro_rules! test_each {
    ($($(#[doc = $doc:literal])+ $(#[cfg($cfg:meta)])? $Token:ident = $name:ident,)+) => {$(
        $(#[cfg($cfg)])?
        #[test]
        fn $name() {
            on_set(Isa::$Token, check);
        }
    )+};
}
pub(crate) use test_each;

/// Runs `check` on threads that use `isa`, if this CPU has it.
#[track_caller]
pub(crate) fn on_set(isa: Isa, check: impl FnOnce() + Send) {
    if isa.is_available() {
        simd::pool(isa, 2).install(check);
    } else {
        eprintln!("SKIPPED: this CPU has no {isa}");
    }
}

/// Runs `kernel` on every instruction set of this CPU in pools of 1, 2 and 4 threads, asserts that
/// all give the same bits, and returns them.
#[track_caller]
pub(crate) fn same_bits_everywhere(what: &str, kernel: impl Fn() -> Vec<f32> + Sync) -> Vec<f32> {
    static POOLS: LazyLock<Vec<(Isa, Pool)>> = LazyLock::new(|| {
        let counts: &[usize] = if cfg!(target_family = "wasm") { &[1] } else { &[1, 2, 4] };
        let of = |isa| counts.iter().map(move |&threads| (isa, simd::pool(isa, threads)));
        simd::available().into_iter().flat_map(of).collect()
    });
    let mut first: Option<Vec<f32>> = None;
    for (isa, pool) in POOLS.iter() {
        let got = pool.install(&kernel);
        let wanted = first.get_or_insert_with(|| got.clone());
        assert_same_bits(&got, wanted, &format!("{what}: {isa}, {} threads", pool.current_num_threads()));
    }
    first.expect("the portable set is always available")
}

/// Runs `kernel` once, on the widest instruction set.
pub(crate) fn on_the_widest<R: Send>(kernel: impl FnOnce() -> R + Send) -> R {
    let widest = simd::available().pop().expect("the portable set is always available");
    simd::pool(widest, 2).install(kernel)
}

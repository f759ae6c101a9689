//! Relaxed WebAssembly SIMD: [`Wasm128`](super::Wasm128) with the multiply-add of the CPU, if that
//! is fused.
//!
//! The standard leaves open whether `f32x4.relaxed_madd` rounds once or twice: that depends on the
//! engine and on the CPU. So modules that are compiled with
//! `-Ctarget-feature=+simd128,+relaxed-simd` ask once. If it rounds twice, they use
//! [`Wasm128`](super::Wasm128).

use core::arch::wasm32::*;
use core::hint::black_box;
use std::sync::OnceLock;

use super::RegisterTiles;
use super::wasm128::MultiplyAdd;

/// The relaxed multiply-add of this engine, on this CPU, rounds once.
#[derive(Clone, Copy, Debug)]
pub struct WasmRelaxed(());

impl WasmRelaxed {
    /// The token, if the multiply-add is fused.
    #[inline]
    pub fn detect() -> Option<Self> {
        static FUSED: OnceLock<bool> = OnceLock::new();
        FUSED.get_or_init(is_fused).then_some(Self(()))
    }
}

/// Whether (1 + 2^-12)^2 - (1 + 2^-11) keeps the last bit of the product, which two roundings lose.
fn is_fused() -> bool {
    let bit = 1.0 / 4096.0;
    let [x, y] = [1.0 + bit, -(1.0 + 2.0 * bit)].map(|x| f32x4_splat(black_box(x)));
    i32x4_all_true(f32x4_eq(f32x4_relaxed_madd(x, x, y), f32x4_splat(bit * bit)))
}

impl MultiplyAdd for WasmRelaxed {
    // For the 16 registers of x86-64. A tile of 4 x 1 spills there, and steps of a GAN take 1.4
    // times as long in V8.
    const TILES: RegisterTiles = RegisterTiles { registers_per_vector: 4, tallest: [0, 2, 1, 1, 1, 0, 0, 0, 0] };

    #[inline(always)]
    fn mul_add(self, a: [v128; 4], b: [v128; 4], c: [v128; 4]) -> [v128; 4] {
        let fused = |i: usize| f32x4_relaxed_madd(a[i], b[i], c[i]);
        [fused(0), fused(1), fused(2), fused(3)]
    }
}

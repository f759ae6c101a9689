//! bf16 numbers, and what [`Precision::Bf16`](crate::Precision::Bf16) computes with them.
//!
//! A bf16 number is the upper half of an `f32`: the same range, but only 8 significant bits instead
//! of 24. Rounding an operand changes it by at most one part in 256 (2^-8), so a product of two by
//! about one part in 128, while the sums of products keep the precision of `f32`. In return, an
//! instruction multiplies two pairs at a time, and operands need half the space.
//!
//! **The order.** Operands are [rounded](round()), then multiplied in pairs: of steps 0 and 1 of
//! the sum, of 2 and 3, and so on, with zeros after an odd number of steps. In each pair the odd
//! step comes first:
//!
//! ```text
//! sum <- fma(a0, b0, fma(a1, b1, sum))
//! ```
//!
//! This is what the instruction `vdpbf16ps` computes, except that the instruction replaces
//! denormal numbers by zeros, in its operands, after its first addition and in its result.
//!
//! **The same bits everywhere.** Instruction sets without this instruction use fused multiply-adds,
//! which keep denormal numbers. To replace these as well would cost more than the products.
//! Therefore [`round`] replaces operands below [`LEAST`] by zeros, so that there are no denormal
//! sums. An operand that is not zero is then a multiple of 2^-63 (its last significant bit is at
//! most 7 places below its first one), a product is a multiple of 2^-126, and so is every sum of
//! them: rounding a multiple of 2^-126 to 24 bits gives a multiple of 2^-126. As 2^-126 is the
//! smallest normal number, a sum that is not zero is at least as large. Only products with an
//! operand below 1.4e-17 are lost. Beside products of ordinary numbers they do not matter.

/// The smallest operand that is not replaced by zero: 2^-56, about 1.4e-17.
pub const LEAST: f32 = f32::from_bits((127 - 56) << 23);

/// The bits of [`round`]; the lower half is zero.
#[inline(always)]
pub(crate) fn round_bits(x: f32) -> u32 {
    let bits = x.to_bits();
    let sign = bits & 0x8000_0000;
    // Round to nearest: adds half a unit of the upper half, and one bit less if that half is even,
    // so that ties go to the even number.
    let rounded = (bits + (0x7FFF + (bits >> 16 & 1))) & 0xFFFF_0000;
    let nan = (bits | 0x0040_0000) & 0xFFFF_0000;
    let number = if rounded & 0x7FFF_FFFF < LEAST.to_bits() { sign } else { rounded };
    if bits & 0x7FFF_FFFF > 0x7F80_0000 { nan } else { number }
}

/// The nearest bf16 number, or the one with an even last bit if two are equally near; a zero of the
/// same sign if that is smaller in magnitude than [`LEAST`]; infinity if that would be 2^128 or
/// more. NaN remains NaN.
#[inline]
pub fn round(x: f32) -> f32 {
    f32::from_bits(round_bits(x))
}

/// The word of a pair: the rounded first number in the lower half, the second one in the upper
/// half.
#[inline(always)]
pub(crate) fn pair([first, second]: [f32; 2]) -> u32 {
    round_bits(first) >> 16 | round_bits(second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Key, words};
    use crate::simd::{self, Kernel, LANES, Simd, fused_multiply_add};
    use crate::testing::{bits, on_each_set};

    #[test]
    fn rounding_is_to_the_nearest_with_ties_to_even() {
        for (x, wanted) in [
            (1.0, 1.0),
            (1.0 + 1.0 / 256.0, 1.0),
            (1.0 + 3.0 / 256.0, 1.0 + 4.0 / 256.0),
            (-1.0 - 1.5 / 256.0, -1.0 - 2.0 / 256.0),
            (LEAST, LEAST),
            (LEAST * 0.999, LEAST),
            (LEAST * 0.99, 0.0),
            (-LEAST / 2.0, -0.0),
            (1e-45, 0.0),
            (f32::MAX, f32::INFINITY),
            (f32::NEG_INFINITY, f32::NEG_INFINITY),
        ] {
            assert_eq!(round(x).to_bits(), f32::to_bits(wanted), "{x:e} to {:e}", round(x));
        }
        for nan in [0x7F80_0001, 0xFF80_0001, 0x7FFF_FFFF, 0xFFFF_FFFF, 0x7FC0_0000] {
            assert!(round(f32::from_bits(nan)).is_nan(), "{nan:x}");
        }
        for word in (0..250_000).flat_map(|block| words(Key::new(5, 1), block)) {
            let x = f32::from_bits(word);
            let (down, up) = (f32::from_bits(word & 0xFFFF_0000), f32::from_bits((word & 0xFFFF_0000) + 0x1_0000));
            if x.abs() >= LEAST && up.is_finite() {
                let error = |to: f32| (f64::from(to) - f64::from(x)).abs();
                assert!(error(round(x)) <= error(down).min(error(up)), "{x:e} to {:e}", round(x));
            }
        }
    }

    /// sum + a1 * b1, then + a0 * b0, on vectors.
    struct Dot<'a>(&'a [[u32; LANES]], &'a [[u32; LANES]], &'a mut [[f32; LANES]]);

    impl Kernel for Dot<'_> {
        type Output = bool;
        const USES_PAIRS: bool = true;

        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> bool {
            for ((a, b), sum) in self.0.iter().zip(self.1).zip(self.2) {
                s.store(s.dot_pairs(s.load_u(a), s.load_u(b), s.load(sum)), sum);
            }
            S::DOT_PAIRS
        }
    }

    /// The same in plain arithmetic, with `change` applied to each operand and result.
    fn dot(a: u32, b: u32, sum: f32, change: impl Fn(f32) -> f32) -> f32 {
        let step = |shift: u32, sum: f32| {
            let [a, b] = [a, b].map(|pair| change(f32::from_bits(pair >> shift << 16)));
            change(fused_multiply_add(a, b, sum))
        };
        step(0, step(16, change(sum)))
    }

    fn flush(x: f32) -> f32 {
        if x.is_subnormal() { 0f32.copysign(x) } else { x }
    }

    /// Random words, every eighth with a special number in each half.
    fn random(stream: u32, vectors: usize) -> Vec<[u32; LANES]> {
        const SPECIAL: [u32; 12] =
            [0, 0x8000, 0x0001, 0x807F, 0x0080, 0x3F80, 0xBF80, 0x7F7F, 0xFF7F, 0x7F80, 0xFF80, 0x7FC0];
        let words: Vec<u32> = (0..vectors * LANES / 4).flat_map(|i| words(Key::new(6, stream), i as u32)).collect();
        let special = |word: u32| SPECIAL[word as usize % 12] | SPECIAL[word as usize / 12 % 12] << 16;
        let word = |word: u32| if word & 7 << 20 == 0 { special(word & 0xFFFFF) } else { word };
        words.as_chunks().0.iter().map(|vector: &[u32; LANES]| vector.map(word)).collect()
    }

    /// 2.4 million cases of each kind: any pattern of bits, and numbers whose products are about as
    /// large as the sum or denormal.
    #[test]
    fn the_instruction_is_two_fused_multiply_adds_that_flush_denormals() {
        let Some(isa) = simd::available().into_iter().find(|isa| isa.has_dot_pairs()) else {
            return eprintln!("SKIPPED: this CPU cannot multiply pairs");
        };
        let exponents = |center: u32| move |word: u32| word & 0x807F_807F | ((center + ((word >> 8) & 7)) * 0x80_0080);
        for (kind, range) in [None, Some((58, 0)), Some((123, 120))].into_iter().enumerate() {
            let [mut a, mut b, sums] = [0, 1, 2].map(|i| random(3 * kind as u32 + i, 150_000));
            let mut sums: Vec<[f32; LANES]> = sums.into_iter().map(|sum| sum.map(f32::from_bits)).collect();
            if let Some((operand, sum)) = range {
                a.iter_mut().chain(&mut b).for_each(|vector| *vector = vector.map(exponents(operand)));
                sums.iter_mut().for_each(|vector| {
                    *vector = vector.map(|x| f32::from_bits(x.to_bits() & 0x87FF_FFFF | sum << 23));
                });
            }
            let before = sums.clone();
            assert!(isa.run(Dot(&a, &b, &mut sums)));
            for (i, got) in sums.iter().enumerate() {
                let wanted: [f32; LANES] = core::array::from_fn(|l| dot(a[i][l], b[i][l], before[i][l], flush));
                assert_eq!(bits(got), bits(&wanted), "{:x?} {:x?} {:?}", a[i], b[i], before[i]);
            }
        }
    }

    on_each_set! {
        /// Chains of rounded operands near the smallest one have no denormal sums, so multiply-adds
        /// need not flush them.
        fn sums_of_rounded_operands_have_the_same_bits() {
            let mut sums = vec![[0.0; LANES]; 2000];
            let mut wanted = sums.clone();
            for step in 0..40 {
                let [a, b] = [0, 1].map(|i| {
                    // Exponents from -64 to -49, some of them below the smallest operand's.
                    let number = |word: u32| f32::from_bits(word & 0x807F_FFFF | (63 + (word >> 23 & 15)) << 23);
                    let of = |word: u32| pair([number(word), number(word.rotate_left(16))]);
                    random(100 + 2 * step + i, sums.len()).into_iter().map(|v| v.map(of)).collect::<Vec<_>>()
                });
                simd::dispatch(Dot(&a, &b, &mut sums));
                for (i, sum) in wanted.iter_mut().enumerate() {
                    *sum = core::array::from_fn(|l| dot(a[i][l], b[i][l], sum[l], |x| x));
                }
                assert!(wanted.as_flattened().iter().all(|x| !x.is_subnormal()), "a denormal sum");
                assert_eq!(bits(sums.as_flattened()), bits(wanted.as_flattened()), "step {step}");
            }
        }
    }
}

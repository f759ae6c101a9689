//! The words of a [random stream](crate::random) on vectors, 128 at a time: fast enough to keep up
//! with memory.
//!
//! Philox computes four words, a *block*, from a counter (c0, c1, c2, c3). The layout suits its
//! central instruction, which multiplies the even words of two vectors to 64-bit products. A block
//! occupies a pair of words in each of four vectors, and only the even word of a pair counts. c0 is
//! in place to be multiplied; the low word of the product is the next c1 (or c3), in place again;
//! and swapping the pairs moves the high word, the next c0 (or c2), to the even place. A round of 8
//! blocks thus costs two multiplications, two swaps and two exclusive-ors of three operands. At the
//! end, the pairs (c0, c1) and (c2, c3) are complete. Interleaving them gives the words in the
//! order of the stream if block q is in pair 2 q and block 4 + q in pair 2 q + 1.

use crate::random::{Key, MULTIPLIERS, ROUNDS, WEYL};
use crate::simd::{LANES, Simd};

/// Blocks in a vector.
const BLOCKS: usize = LANES / 2;
/// The index of the block in each pair.
const ORDER: [usize; BLOCKS] = [0, 4, 1, 5, 2, 6, 3, 7];
/// Vectors of blocks that are processed together, because each round of one has to wait for the
/// round before.
const TOGETHER: usize = 4;
/// The number of vectors drawn at a time.
pub(crate) const VECTORS: usize = 2 * TOGETHER;
/// The number of words drawn at a time.
pub(crate) const WORDS: usize = VECTORS * LANES;

/// [`WORDS`] words of the stream `key` in order, from word 4 * `block` on.
#[inline(always)]
pub(crate) fn words<S: Simd>(s: S, key: Key, block: u32) -> [S::U; VECTORS] {
    let [_, c1, c2, c3] = key.philox_counter(block);
    let mut counters = [[s.splat_u(0), s.splat_u(c1), s.splat_u(c2), s.splat_u(c3)]; TOGETHER];
    for (i, counter) in counters.iter_mut().enumerate() {
        let first = block.wrapping_add((i * BLOCKS) as u32);
        counter[0] = s.add_u(s.splat_u(first), s.load_u(&const { offsets() }));
    }
    let [mut k0, mut k1] = key.philox_key();
    let (m0, m1) = (s.splat_u(MULTIPLIERS[0]), s.splat_u(MULTIPLIERS[1]));
    for round in 0..ROUNDS {
        let (key0, key1) = (s.splat_u(k0), s.splat_u(k1));
        for counter in &mut counters {
            let [c0, mut c1, c2, mut c3] = *counter;
            let (product0, product1) = (s.mul_even_u(c0, m0), s.mul_even_u(c2, m1));
            if round + 1 == ROUNDS {
                // The odd places count from here on: keep only the low words in them.
                let even = s.load_u(&const { even() });
                (c1, c3) = (s.and_u(s.xor_u(c1, key0), even), s.and_u(s.xor_u(c3, key1), even));
            } else {
                (c1, c3) = (s.xor_u(c1, key0), s.xor_u(c3, key1));
            }
            let (c0, c2) = (s.xor_u(s.swap_pairs_u(product1), c1), s.xor_u(s.swap_pairs_u(product0), c3));
            *counter = [c0, product1, c2, product0];
        }
        k0 = k0.wrapping_add(WEYL[0]);
        k1 = k1.wrapping_add(WEYL[1]);
    }
    let mut words = [s.splat_u(0); VECTORS];
    for (words, [c01, _, c23, _]) in words.as_chunks_mut().0.iter_mut().zip(counters) {
        let (first, second) = s.interleave_pairs_u(c01, c23);
        *words = [first, second];
    }
    words
}

/// In the even places, the offset of the block of each pair from the first block of its vector.
const fn offsets() -> [u32; LANES] {
    let mut offsets = [0; LANES];
    let mut pair = 0;
    while pair < BLOCKS {
        offsets[2 * pair] = ORDER[pair] as u32;
        pair += 1;
    }
    offsets
}

/// A mask of the even words.
pub(crate) const fn even() -> [u32; LANES] {
    let mut even = [0; LANES];
    let mut pair = 0;
    while pair < BLOCKS {
        even[2 * pair] = u32::MAX;
        pair += 1;
    }
    even
}

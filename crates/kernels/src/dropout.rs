//! Inverted dropout (Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014).
//!
//! Element i is dropped when word i of the stream `key` is below rate * 2^32. The words are those of
//! [`random`](crate::random): Philox makes four of them, a *block*, from a counter. No mask is ever stored: the backward
//! pass draws the same words again.
//!
//! Drawing has to keep up with memory, so it is laid out for the one instruction that matters, the multiplication of the
//! even words of two vectors to 64-bit products. A block occupies a pair of words in each of its vectors, and only
//! the even one counts: c0 is ready to be multiplied where it stands; the product's low word is the next c1 (or c3) where it
//! stands, and swapping the pairs brings the high word, the next c0 (or c2), to the even place. So a round costs 8 blocks two
//! multiplications, two swaps and two exclusive-ors of three. At the end the pairs (c0, c1) and (c2, c3) are complete, and
//! interleaving them gives the words in the order of the stream, if block q sits in pair 2 q and block 4 + q in
//! pair 2 q + 1.

use crate::pieces::{AHEAD, GRAIN, Pieces, for_each_piece};
use crate::random::{Key, MULTIPLIERS, ROUNDS, WEYL};
use crate::reference::drop_below;
use crate::simd::{Kernel, LANES, Simd, dispatch};

/// Blocks in a vector.
const BLOCKS: usize = LANES / 2;
/// Where they stand: the number of the block in each pair.
const ORDER: [usize; BLOCKS] = [0, 4, 1, 5, 2, 6, 3, 7];
/// Vectors of blocks that are worked on together: each round waits for the one before, and the waiting time of one vector
/// is filled with the work on the others.
const TOGETHER: usize = 4;
/// Vectors of words that are drawn at a time.
pub(crate) const VECTORS: usize = 2 * TOGETHER;
/// Words that are drawn at a time.
pub(crate) const WORDS: usize = VECTORS * LANES;

/// Which elements are dropped, and how the others are scaled.
#[derive(Clone, Copy)]
pub(crate) struct Mask {
    key: Key,
    bound: u32,
    scale: f32,
}

impl Mask {
    /// Drops a share `rate`, by the words of `key`.
    pub(crate) fn new(key: Key, rate: f64) -> Self {
        Self { key, bound: drop_below(rate), scale: (1.0 / (1.0 - rate)) as f32 }
    }

    /// Whether the [`WORDS`] elements from those of `block` on, which holds elements 4 * `block` to 4 * `block` + 3, are
    /// dropped.
    #[inline(always)]
    pub(crate) fn dropped<S: Simd>(self, s: S, block: u32) -> [S::M; VECTORS] {
        let [_, c1, c2, c3] = self.key.philox_counter(block).map(|word| s.splat_u(word));
        let mut counters = [[s.splat_u(0), c1, c2, c3]; TOGETHER];
        for (i, counter) in counters.iter_mut().enumerate() {
            let first = block.wrapping_add((i * BLOCKS) as u32);
            counter[0] = s.add_u(s.splat_u(first), s.load_u(&const { places() }));
        }
        let [mut k0, mut k1] = self.key.philox_key();
        let (m0, m1) = (s.splat_u(MULTIPLIERS[0]), s.splat_u(MULTIPLIERS[1]));
        for round in 0..ROUNDS {
            let (key0, key1) = (s.splat_u(k0), s.splat_u(k1));
            for counter in &mut counters {
                let [c0, mut c1, c2, mut c3] = *counter;
                let (product0, product1) = (s.mul_even_u(c0, m0), s.mul_even_u(c2, m1));
                if round + 1 == ROUNDS {
                    // The odd places are about to count: they get the low words alone.
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
        let bound = s.splat_u(self.bound);
        let mut dropped = [s.less_u(bound, bound); VECTORS];
        for (dropped, [c01, _, c23, _]) in dropped.as_chunks_mut().0.iter_mut().zip(counters) {
            let (first, second) = s.interleave_pairs_u(c01, c23);
            *dropped = [s.less_u(first, bound), s.less_u(second, bound)];
        }
        dropped
    }

    /// 16 elements less the dropped ones.
    #[inline(always)]
    pub(crate) fn apply<S: Simd>(self, s: S, dropped: S::M, x: S::F) -> S::F {
        s.select(dropped, s.zero(), s.mul(x, s.splat(self.scale)))
    }
}

/// What is added to the first block of a vector to get the block of each pair, in the even places.
const fn places() -> [u32; LANES] {
    let mut places = [0; LANES];
    let mut pair = 0;
    while pair < BLOCKS {
        places[2 * pair] = ORDER[pair] as u32;
        pair += 1;
    }
    places
}

/// All bits of the even words.
const fn even() -> [u32; LANES] {
    let mut even = [0; LANES];
    let mut pair = 0;
    while pair < BLOCKS {
        even[2 * pair] = u32::MAX;
        pair += 1;
    }
    even
}

/// One piece, from element `first` on.
struct Dropout<'a> {
    mask: Mask,
    first: usize,
    x: &'a [f32],
    y: &'a mut [f32],
}

impl Kernel for Dropout<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (x, x_rest) = self.x.as_chunks::<WORDS>();
        let (y, y_rest) = self.y.as_chunks_mut::<WORDS>();
        let mut block = (self.first / 4) as u32;
        for (x, y) in x.iter().zip(y) {
            let dropped = self.mask.dropped(s, block);
            let (x, y) = (x.as_chunks().0, y.as_chunks_mut().0);
            for i in 0..VECTORS {
                s.prefetch(&x[i], AHEAD);
                s.store(self.mask.apply(s, dropped[i], s.load(&x[i])), &mut y[i]);
            }
            block = block.wrapping_add(WORDS as u32 / 4);
        }
        if !x_rest.is_empty() {
            let dropped = self.mask.dropped(s, block);
            for ((x, y), dropped) in x_rest.chunks(LANES).zip(y_rest.chunks_mut(LANES)).zip(dropped) {
                s.store_part(self.mask.apply(s, dropped, s.load_part(x)), y);
            }
        }
    }
}

/// See [`Element::dropout`](crate::Element::dropout).
pub(crate) fn dropout(key: Key, rate: f64, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "dropout: lengths of x and y");
    let mask = Mask::new(key, rate);
    for_each_piece((Pieces::new(x, GRAIN), Pieces::new(y, GRAIN)), |piece, (x, y)| {
        dispatch(Dropout { mask, first: piece * GRAIN, x, y });
    });
}

#[cfg(test)]
mod tests;

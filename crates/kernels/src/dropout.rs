//! Inverted dropout (Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014).
//!
//! Element i is dropped when word i of the stream `key` is below rate * 2^32. The words are those of
//! [`random`](crate::random): Philox makes four of them from a counter, so 16 lanes that hold 16 consecutive counters make 64 words at a
//! time. They come out as four vectors (all first words, all second words, ...), and are put into the order of the stream by a
//! 4 x 16 transposition. No mask is ever stored: the backward pass calls the same function on the gradient.

use crate::pieces::{GRAIN, Pieces, for_each_piece};
use crate::random::{Key, MULTIPLIERS, ROUNDS, WEYL};
use crate::reference::drop_below;
use crate::simd::{Kernel, LANES, Simd, dispatch};

/// Words made at a time.
const WORDS: usize = 4 * LANES;

/// Words `4 * block .. 4 * block + 64` of a stream.
#[inline(always)]
fn words<S: Simd>(s: S, key: Key, block: u32) -> [u32; WORDS] {
    let [first, c1, c2, c3] = key.philox_counter(block);
    let lane_numbers: [u32; LANES] = core::array::from_fn(|lane| lane as u32);
    let mut c0 = s.add_u(s.splat_u(first), s.load_u(&lane_numbers));
    let [mut c1, mut c2, mut c3] = [c1, c2, c3].map(|c| s.splat_u(c));
    let [mut k0, mut k1] = key.philox_key();
    let [m0, m1] = MULTIPLIERS.map(|m| s.splat_u(m));
    for _ in 0..ROUNDS {
        let (high0, low0) = s.widening_mul_u(c0, m0);
        let (high1, low1) = s.widening_mul_u(c2, m1);
        c0 = s.xor_u(s.xor_u(high1, c1), s.splat_u(k0));
        c2 = s.xor_u(s.xor_u(high0, c3), s.splat_u(k1));
        (c1, c3) = (low1, low0);
        k0 = k0.wrapping_add(WEYL[0]);
        k1 = k1.wrapping_add(WEYL[1]);
    }
    let by_word = [c0, c1, c2, c3].map(|c| s.to_array(s.bits_to_float(c)));
    let mut words = [0; WORDS];
    for lane in 0..LANES {
        for word in 0..4 {
            words[4 * lane + word] = by_word[word][lane].to_bits();
        }
    }
    words
}

/// One piece, from word `first` on (a multiple of 64).
struct Dropout<'a> {
    key: Key,
    bound: u32,
    scale: f32,
    first: usize,
    x: &'a [f32],
    y: &'a mut [f32],
}

impl Kernel for Dropout<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (bound, scale) = (s.splat_u(self.bound), s.splat(self.scale));
        let mut block = (self.first / 4) as u32;
        for (x, y) in self.x.chunks(WORDS).zip(self.y.chunks_mut(WORDS)) {
            let words = words(s, self.key, block);
            block = block.wrapping_add(LANES as u32);
            let words = words.as_chunks::<LANES>().0;
            let (x, x_rest) = x.as_chunks::<LANES>();
            let (y, y_rest) = y.as_chunks_mut::<LANES>();
            for ((x, y), word) in x.iter().zip(y).zip(words) {
                let dropped = s.less_u(s.load_u(word), bound);
                s.store(s.select(dropped, s.zero(), s.mul(s.load(x), scale)), y);
            }
            if !x_rest.is_empty() {
                let dropped = s.less_u(s.load_u(&words[x.len()]), bound);
                s.store_part(s.select(dropped, s.zero(), s.mul(s.load_part(x_rest), scale)), y_rest);
            }
        }
    }
}

/// See [`Element::dropout`](crate::Element::dropout).
pub(crate) fn dropout(key: Key, rate: f64, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "dropout: lengths of x and y");
    let (bound, scale) = (drop_below(rate), (1.0 / (1.0 - rate)) as f32);
    for_each_piece((Pieces::new(x, GRAIN), Pieces::new(y, GRAIN)), |piece, (x, y)| {
        dispatch(Dropout { key, bound, scale, first: piece * GRAIN, x, y });
    });
}

#[cfg(test)]
mod tests;

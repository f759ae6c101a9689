//! Inverted dropout (Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014).
//!
//! Element i is dropped when word i of the stream `key` is below rate * 2^32. The words are those of
//! [`random`](crate::random): Philox makes four of them from a counter, so 16 lanes that hold 16 consecutive counters
//! make 64 words at a time. They come out as four vectors (all first words, all second words, ...); a batch of them is
//! put into the order of the stream by a transposition. No mask is ever stored: the backward pass calls the same
//! function on the gradient.

use crate::pieces::{GRAIN, Pieces, for_each_piece};
use crate::random::{Key, MULTIPLIERS, ROUNDS, WEYL};
use crate::reference::drop_below;
use crate::simd::{Kernel, LANES, Simd, dispatch};

/// Counters, and so blocks of four words, in a batch.
const COUNTERS: usize = 16 * LANES;
/// Words in a batch.
const WORDS: usize = 4 * COUNTERS;

/// Vectors of counters that are worked on together: each round of Philox waits for the one before, and the waiting time of
/// one vector is filled with the work on the others.
const TOGETHER: usize = 2;

/// For each of `TOGETHER` times 16 blocks from `block` on its four words: all first words, all second words, ...
#[inline(always)]
fn philox<S: Simd>(s: S, key: Key, block: u32) -> [[S::U; 4]; TOGETHER] {
    let [first, c1, c2, c3] = key.philox_counter(block);
    let lane_numbers: [u32; LANES] = core::array::from_fn(|lane| lane as u32);
    let mut counters = [[s.splat_u(first), s.splat_u(c1), s.splat_u(c2), s.splat_u(c3)]; TOGETHER];
    for (i, counter) in counters.iter_mut().enumerate() {
        let first = first.wrapping_add((i * LANES) as u32);
        counter[0] = s.add_u(s.splat_u(first), s.load_u(&lane_numbers));
    }
    let [mut k0, mut k1] = key.philox_key();
    let (m0, m1) = (s.splat_u(MULTIPLIERS[0]), s.splat_u(MULTIPLIERS[1]));
    for _ in 0..ROUNDS {
        for counter in &mut counters {
            let [c0, c1, c2, c3] = *counter;
            let (high0, low0) = s.widening_mul_u(c0, m0);
            let (high1, low1) = s.widening_mul_u(c2, m1);
            let c0 = s.xor_u(s.xor_u(high1, c1), s.splat_u(k0));
            let c2 = s.xor_u(s.xor_u(high0, c3), s.splat_u(k1));
            *counter = [c0, low1, c2, low0];
        }
        k0 = k0.wrapping_add(WEYL[0]);
        k1 = k1.wrapping_add(WEYL[1]);
    }
    counters
}

/// Writes words `4 * block ..` of a stream, as many as fit (whole vectors of blocks).
#[inline(always)]
fn fill<S: Simd>(s: S, key: Key, block: u32, words: &mut [u32]) {
    let mut columns = [[0.0; COUNTERS]; 4];
    let blocks = words.len() / 4;
    for at in (0..blocks).step_by(TOGETHER * LANES) {
        for (i, vectors) in philox(s, key, block.wrapping_add(at as u32)).into_iter().enumerate() {
            for (column, vector) in columns.iter_mut().zip(vectors) {
                let to = column[at + i * LANES..].first_chunk_mut().expect("a whole vector of blocks");
                s.store(s.bits_to_float(vector), to);
            }
        }
    }
    let [a, b, c, d] = &columns;
    for (i, block) in words.as_chunks_mut().0.iter_mut().enumerate() {
        *block = [a[i].to_bits(), b[i].to_bits(), c[i].to_bits(), d[i].to_bits()];
    }
}

/// One piece, from word `first` on.
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
        let mut words = [0; WORDS];
        for (x, y) in self.x.chunks(WORDS).zip(self.y.chunks_mut(WORDS)) {
            fill(s, self.key, block, &mut words[..x.len().next_multiple_of(4 * LANES)]);
            block = block.wrapping_add(COUNTERS as u32);
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

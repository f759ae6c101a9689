//! Inverted dropout (Srivastava et al., "Dropout: a simple way to prevent neural networks from
//! overfitting", 2014).
//!
//! Element i is dropped if word i of the stream `key` is below rate * 2^32. The words are those of
//! [`random`](crate::random), where Philox computes four of them, a *block*, from a counter. No
//! mask is stored: the backward pass draws the same words again.
//!
//! Drawing has to keep up with memory: [`vector_words`](crate::vector_words) draws 128 words at a
//! time.

use crate::pieces::{AHEAD, GRAIN, Pieces, for_each_piece};
use crate::random::Key;
use crate::reference::drop_below;
use crate::simd::{Kernel, LANES, Simd, dispatch};
use crate::vector_words::{VECTORS, WORDS, words};

/// Decides which elements are dropped, and scales the others.
#[derive(Clone, Copy)]
pub(crate) struct Mask {
    key: Key,
    bound: u32,
    scale: f32,
}

impl Mask {
    /// Drops a fraction `rate` of the elements, by the words of `key`.
    pub(crate) fn new(key: Key, rate: f64) -> Self {
        Self { key, bound: drop_below(rate), scale: (1.0 / (1.0 - rate)) as f32 }
    }

    /// Whether each of the [`WORDS`] elements from element 4 * `block` on is dropped.
    #[inline(always)]
    pub(crate) fn dropped<S: Simd>(self, s: S, block: u32) -> [S::M; VECTORS] {
        let (words, bound) = (words(s, self.key, block), s.splat_u(self.bound));
        let mut dropped = [s.less_u(words[0], bound); VECTORS];
        for i in 1..VECTORS {
            dropped[i] = s.less_u(words[i], bound);
        }
        dropped
    }

    /// Drops or scales 16 elements.
    #[inline(always)]
    pub(crate) fn apply<S: Simd>(self, s: S, dropped: S::M, x: S::F) -> S::F {
        s.select(dropped, s.zero(), s.mul(x, s.splat(self.scale)))
    }
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

//! The fused epilogue of a linear layer: dropout(leaky_relu(x + bias)) and its gradients, in one
//! pass over memory.
//!
//! These layers do little with each number, so they are bound by memory. Three separate forward
//! passes took about twice as long as this one, and three backward passes about 1.5 times as long
//! (`cargo bench -p benches --bench bias_act`). Here a stretch that fits the level-1 cache goes
//! through all three before the next one is loaded. The operations and their order are those of the
//! separate kernels, so the bits are the same.
//!
//! * The forward pass computes the value in place of x.
//! * The backward pass needs neither x nor a mask. The value has the sign of x (a dropped element
//!   may have either sign, but its gradient is 0), and the random words are drawn again. The
//!   gradient of the bias, a sum over all rows, is accumulated for each stretch while it is in the
//!   cache, in the order of [`columns`].

use crate::arguments::BiasActivation;
use crate::columns::{self, Layout, Write, Written};
use crate::dropout::Mask;
use crate::pieces::{AHEAD, GRAIN, Pieces, for_each_piece};
use crate::reduce::{self, SMALL};
use crate::simd::{Kernel, LANES, Simd, dispatch};
use crate::vector_words::{VECTORS, WORDS};

/// Elements of a stretch, approximately. Together with prefetched memory they fill a third of a
/// level-1 cache.
const STRETCH: usize = 1024;

fn mask(settings: BiasActivation) -> Option<Mask> {
    settings.dropout.map(|(rate, key)| Mask::new(key, rate))
}

/// The slope for the kernels: 1 if there is no leaky ReLU.
fn slope(settings: BiasActivation) -> f32 {
    let slope = settings.slope.unwrap_or(1.0);
    assert!(slope >= 0.0, "bias_act: the slope {slope} is negative, so the value does not have the sign of x");
    slope as f32
}

/// x where `side` > 0, else slope * x.
#[inline(always)]
fn leaky_relu<S: Simd>(s: S, side: S::F, x: S::F, slope: f32) -> S::F {
    s.select(s.less(s.zero(), side), x, s.mul(x, s.splat(slope)))
}

/// One piece of the forward pass, from the start of a group of rows.
struct Forward<'a, const BIAS: bool> {
    /// Elements of a group of rows, and the pattern of the bias in it.
    width: usize,
    bias: &'a [f32],
    slope: f32,
    mask: Option<Mask>,
    stretch: usize,
    first: usize,
    x: &'a mut [f32],
}

impl<const BIAS: bool> Kernel for Forward<'_, BIAS> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let mut first = self.first;
        for stretch in self.x.chunks_mut(self.stretch) {
            for group in stretch.chunks_mut(self.width) {
                let (vectors, rest) = group.as_chunks_mut::<LANES>();
                let bias = self.bias.as_chunks::<LANES>().0;
                for (i, x) in vectors.iter_mut().enumerate() {
                    if self.mask.is_none() {
                        s.prefetch(x, AHEAD);
                    }
                    let sum = if BIAS { s.add(s.load(x), s.load(&bias[i])) } else { s.load(x) };
                    s.store(leaky_relu(s, sum, sum, self.slope), x);
                }
                if !rest.is_empty() {
                    let x = s.load_part(rest);
                    let sum = if BIAS { s.add(x, s.load(&bias[vectors.len()])) } else { x };
                    s.store_part(leaky_relu(s, sum, sum, self.slope), rest);
                }
            }
            if let Some(mask) = self.mask {
                // (This also prefetches the next stretch while it draws the random words of this
                // one.)
                drop_some(s, mask, first, stretch, self.stretch);
            }
            first += stretch.len();
        }
    }
}

/// Applies dropout in place; `first` is the index of the first element. Also prefetches the
/// elements `ahead` places further on.
#[inline(always)]
fn drop_some<S: Simd>(s: S, mask: Mask, first: usize, x: &mut [f32], ahead: usize) {
    let mut block = (first / 4) as u32;
    let (x, rest) = x.as_chunks_mut::<WORDS>();
    for x in x {
        let dropped = mask.dropped(s, block);
        let x = x.as_chunks_mut().0;
        for i in 0..VECTORS {
            s.prefetch(&x[i], ahead);
            s.store(mask.apply(s, dropped[i], s.load(&x[i])), &mut x[i]);
        }
        block = block.wrapping_add(WORDS as u32 / 4);
    }
    if !rest.is_empty() {
        for (x, dropped) in rest.chunks_mut(LANES).zip(mask.dropped(s, block)) {
            s.store_part(mask.apply(s, dropped, s.load_part(x)), x);
        }
    }
}

/// See [`Element::bias_act`](crate::Element::bias_act).
pub(crate) fn bias_act(settings: BiasActivation, bias: Option<&[f32]>, x: &mut [f32]) {
    let (mask, slope) = (mask(settings), slope(settings));
    if x.is_empty() {
        return;
    }
    let columns = bias.map_or(LANES, <[f32]>::len);
    assert!(columns > 0, "bias_act: an empty bias for {} elements", x.len());
    let whole = bias.is_none() || x.len().is_multiple_of(columns);
    assert!(whole, "bias_act: {} elements are not whole rows of {columns}", x.len());
    let layout = Layout::new(columns);
    let width = layout.width();
    let pattern = bias.map(|bias| layout.pattern(bias));
    // Stretches consist of whole groups and whole blocks of random words.
    let aligned = width * (4 / (1 << width.trailing_zeros().min(2)));
    let stretch = aligned * (STRETCH / aligned).max(1);
    let size = stretch * (GRAIN / stretch).max(1);
    for_each_piece(Pieces::new(x, size), |piece, x| {
        let first = piece * size;
        match &pattern {
            Some(bias) => dispatch(Forward::<true> { width, bias, slope, mask, stretch, first, x }),
            None => dispatch(Forward::<false> { width, bias: &[], slope, mask, stretch, first, x }),
        }
    });
}

/// The gradient with respect to x, from the value y and its gradient.
#[derive(Clone, Copy)]
struct Backward<'a, const RELU: bool> {
    y: &'a [f32],
    gy: &'a [f32],
    slope: f32,
    mask: Option<Mask>,
}

impl<const RELU: bool> Backward<'_, RELU> {
    /// The gradient before the leaky ReLU, for 16 elements from `at` on with the gradient `g` after
    /// it.
    #[inline(always)]
    fn before_relu<S: Simd>(self, s: S, at: usize, g: S::F) -> S::F {
        if !RELU {
            return g;
        }
        match self.y[at..].first_chunk() {
            Some(y) => {
                s.prefetch(y, AHEAD);
                leaky_relu(s, s.load(y), g, self.slope)
            }
            None => leaky_relu(s, s.load_part(&self.y[at..]), g, self.slope),
        }
    }
}

impl<const RELU: bool> Write for Backward<'_, RELU> {
    #[inline(always)]
    fn write<S: Simd>(self, s: S, mut at: usize, gx: &mut [f32]) {
        let gy = &self.gy[at..at + gx.len()];
        let Some(mask) = self.mask else {
            let (gy, gy_rest) = gy.as_chunks::<LANES>();
            let (gx, gx_rest) = gx.as_chunks_mut::<LANES>();
            for (gy, gx) in gy.iter().zip(gx) {
                s.prefetch(gy, AHEAD);
                s.store(self.before_relu(s, at, s.load(gy)), gx);
                at += LANES;
            }
            if !gy_rest.is_empty() {
                s.store_part(self.before_relu(s, at, s.load_part(gy_rest)), gx_rest);
            }
            return;
        };
        let (gy, gy_rest) = gy.as_chunks::<WORDS>();
        let (gx, gx_rest) = gx.as_chunks_mut::<WORDS>();
        for (gy, gx) in gy.iter().zip(gx) {
            let dropped = mask.dropped(s, (at / 4) as u32);
            let (gy, gx) = (gy.as_chunks().0, gx.as_chunks_mut().0);
            for i in 0..VECTORS {
                s.prefetch(&gy[i], AHEAD);
                let g = mask.apply(s, dropped[i], s.load(&gy[i]));
                s.store(self.before_relu(s, at, g), &mut gx[i]);
                at += LANES;
            }
        }
        if !gy_rest.is_empty() {
            let dropped = mask.dropped(s, (at / 4) as u32);
            for ((gy, gx), dropped) in gy_rest.chunks(LANES).zip(gx_rest.chunks_mut(LANES)).zip(dropped) {
                let g = mask.apply(s, dropped, s.load_part(gy));
                s.store_part(self.before_relu(s, at, g), gx);
                at += LANES;
            }
        }
    }
}

/// See [`Element::bias_act_grad`](crate::Element::bias_act_grad).
pub(crate) fn bias_act_grad(
    settings: BiasActivation,
    y: &[f32],
    gy: &[f32],
    gx: &mut [f32],
    gbias: Option<&mut [f32]>,
) {
    let (mask, slope) = (mask(settings), slope(settings));
    assert_eq!(gy.len(), gx.len(), "bias_act_grad: lengths of gy and gx");
    match settings.slope {
        Some(_) => {
            assert_eq!(y.len(), gx.len(), "bias_act_grad: lengths of y and gx");
            both(Backward::<true> { y, gy, slope, mask }, gx, gbias);
        }
        None => both(Backward::<false> { y, gy, slope, mask }, gx, gbias),
    }
}

/// Writes gx, and the gradient of the bias if requested.
fn both(backward: impl Write, gx: &mut [f32], gbias: Option<&mut [f32]>) {
    if let Some(gbias) = &gbias {
        let columns = gbias.len();
        let whole = columns > 0 && gx.len().is_multiple_of(columns);
        assert!(whole, "bias_act_grad: {} elements are not whole rows of {columns}", gx.len());
    }
    match gbias {
        Some(gbias) if gx.len() > SMALL => {
            let sums = columns::write_and_sum(Layout::new(gbias.len()), backward, gx);
            for (gbias, [sum]) in gbias.iter_mut().zip(sums) {
                *gbias = sum as f32;
            }
        }
        gbias => {
            for_each_piece(Pieces::new(&mut *gx, GRAIN), |piece, y| {
                dispatch(Written { write: backward, at: piece * GRAIN, y });
            });
            if let Some(gbias) = gbias {
                reduce::sum_axis([1, gx.len() / gbias.len(), gbias.len()], gx, gbias);
            }
        }
    }
}

#[cfg(test)]
mod tests;

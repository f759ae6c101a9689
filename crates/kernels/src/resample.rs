//! Nearest-neighbour up-sampling, and its adjoint.
//!
//! Up-sampling repeats every pixel along a row, then the row. The adjoint sums every block of equal
//! pixels, row by row and from left to right as the plain loop does, so it has the same bits.

use crate::geometry::UpsampleGeometry;
use crate::pieces::{GRAIN, Pieces, for_each_piece};
use crate::simd::{Kernel, LANES, Simd, dispatch};

/// The lengths of a row of the small image and of the rows that it becomes; `None` if there is
/// nothing to do.
///
/// # Panics
/// When the slices have other lengths than `g` says.
#[track_caller]
fn checked_rows(kernel: &str, g: &UpsampleGeometry, small: usize, large: usize) -> Option<[usize; 2]> {
    let wanted: [usize; 2] = [g.small_shape(), g.large_shape()].map(|shape| shape.iter().product());
    assert_eq!([small, large], wanted, "{kernel}: lengths of the small and the large images for {g:?}");
    let row = g.input[1] * g.channels;
    (large > 0).then_some([row, row * g.factor[0] * g.factor[1]])
}

/// See [`Element::upsample`](crate::Element::upsample).
pub(crate) fn upsample(g: &UpsampleGeometry, x: &[f32], y: &mut [f32]) {
    let Some([small, large]) = checked_rows("upsample", g, x.len(), y.len()) else { return };
    let rows = (GRAIN / large).max(1);
    for_each_piece((Pieces::new(x, rows * small), Pieces::new(y, rows * large)), |_, (x, y)| {
        for (x, y) in x.chunks_exact(small).zip(y.chunks_exact_mut(large)) {
            let row = large / g.factor[0];
            for (pixel, block) in x.chunks_exact(g.channels).zip(y.chunks_exact_mut(g.channels * g.factor[1])) {
                for copy in block.chunks_exact_mut(g.channels) {
                    copy.copy_from_slice(pixel);
                }
            }
            for copy in 1..g.factor[0] {
                y.copy_within(..row, copy * row);
            }
        }
    });
}

/// See [`Element::downsample_sum`](crate::Element::downsample_sum).
pub(crate) fn downsample_sum(g: &UpsampleGeometry, y: &[f32], x: &mut [f32]) {
    let Some([small, large]) = checked_rows("downsample_sum", g, x.len(), y.len()) else { return x.fill(0.0) };
    let rows = (GRAIN / large).max(1);
    for_each_piece((Pieces::new(y, rows * large), Pieces::new(x, rows * small)), |_, (y, x)| {
        dispatch(BlockSums { channels: g.channels, factor: g.factor, row: small, y, x });
    });
}

/// Some rows of the adjoint.
struct BlockSums<'a> {
    channels: usize,
    factor: [usize; 2],
    /// Elements in a row of the small image.
    row: usize,
    y: &'a [f32],
    x: &'a mut [f32],
}

impl Kernel for BlockSums<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let ([down, right], channels) = (self.factor, self.channels);
        let large_row = self.row * right;
        for (x, y) in self.x.chunks_exact_mut(self.row).zip(self.y.chunks_exact(large_row * down)) {
            for (pixel, x) in x.chunks_exact_mut(channels).enumerate() {
                let corner = pixel * right * channels;
                let (vectors, rest) = x.as_chunks_mut::<LANES>();
                let done = vectors.len() * LANES;
                for (v, x) in vectors.iter_mut().enumerate() {
                    let mut sum = s.zero();
                    for dy in 0..down {
                        for dx in 0..right {
                            let at = corner + dy * large_row + dx * channels + v * LANES;
                            sum = s.add(sum, s.load(y[at..].first_chunk().expect("inside the block")));
                        }
                    }
                    s.store(sum, x);
                }
                rest.fill(0.0);
                for dy in 0..down {
                    for dx in 0..right {
                        let at = corner + dy * large_row + dx * channels + done;
                        for (x, y) in rest.iter_mut().zip(&y[at..]) {
                            *x += *y;
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;

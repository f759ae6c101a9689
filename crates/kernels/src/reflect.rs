//! Reflection padding, and its adjoint.
//!
//! Padding copies the inside of a row as a whole, and the pixels of its margins one by one. The
//! adjoint adds the margins to the pixels that they mirror. Each row of the image is the sum of up
//! to three rows of the padded image, from top to bottom, and of the left margin, the inside and
//! the right margin of each. This is the order of the plain loop, so the bits are the same.

use crate::geometry::ReflectGeometry;
use crate::pieces::{GRAIN, Pieces, for_each_piece};
use crate::simd::{Kernel, Simd, dispatch};

/// The lengths of a row of the image and of the padded image; `None` if there is nothing to do.
///
/// # Panics
/// When the slices have other lengths than `g` says, or the padding is too wide.
#[track_caller]
fn checked_rows(kernel: &str, g: &ReflectGeometry, image: usize, padded: usize) -> Option<[usize; 2]> {
    g.check().unwrap_or_else(|why| panic!("{kernel}: {why}"));
    let wanted: [usize; 2] = [g.input_shape(), g.output_shape()].map(|shape| shape.iter().product());
    assert_eq!([image, padded], wanted, "{kernel}: lengths of the image and the padded one for {g:?}");
    (image > 0).then_some([g.input[1] * g.channels, g.output_shape()[2] * g.channels])
}

/// See [`Element::reflection_pad`](crate::Element::reflection_pad).
pub(crate) fn reflection_pad(g: &ReflectGeometry, x: &[f32], y: &mut [f32]) {
    let Some([row, padded]) = checked_rows("reflection_pad", g, x.len(), y.len()) else { return };
    let (height, channels, left) = (g.output_shape()[1], g.channels, g.pad[2]);
    let together = (GRAIN / padded).max(1);
    for_each_piece(Pieces::new(y, together * padded), |piece, y| {
        for (i, y) in y.chunks_exact_mut(padded).enumerate() {
            let out = piece * together + i;
            let source = out / height * g.input[0] + g.source(0, out % height);
            let x = &x[source * row..][..row];
            y[left * channels..][..row].copy_from_slice(x);
            for column in margins(g) {
                let from = g.source(1, column) * channels;
                y[column * channels..][..channels].copy_from_slice(&x[from..from + channels]);
            }
        }
    });
}

/// The columns of the padded image beyond the left and the right edge.
fn margins(g: &ReflectGeometry) -> impl Iterator<Item = usize> {
    let (left, inside) = (g.pad[2], g.input[1]);
    (0..left).chain(left + inside..left + inside + g.pad[3])
}

/// See [`Element::reflection_fold`](crate::Element::reflection_fold).
pub(crate) fn reflection_fold(g: &ReflectGeometry, y: &[f32], x: &mut [f32]) {
    let Some([row, padded]) = checked_rows("reflection_fold", g, x.len(), y.len()) else { return };
    let together = (GRAIN / row).max(1);
    for_each_piece(Pieces::new(x, together * row), |piece, x| {
        dispatch(Fold { g, padded, first: piece * together, y, x });
    });
}

/// Some rows of the image.
struct Fold<'a> {
    g: &'a ReflectGeometry,
    /// Elements in a row of the padded image.
    padded: usize,
    /// The index of the first row, counted through all images.
    first: usize,
    y: &'a [f32],
    x: &'a mut [f32],
}

impl Kernel for Fold<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Fold { g, padded, first, y, x } = self;
        let ([top, bottom, left, right], [height, width], channels) = (g.pad, g.input, g.channels);
        let row = width * channels;
        for (i, x) in x.chunks_exact_mut(row).enumerate() {
            let (image, at) = ((first + i) / height, (first + i) % height);
            // The rows that show this one: its mirror image above, itself, its mirror image below.
            let above = (1..=top).contains(&at).then(|| top - at);
            let below = (1..=bottom).contains(&(height - 1 - at)).then(|| top + 2 * (height - 1) - at);
            x.fill(0.0);
            for shown in above.into_iter().chain([top + at]).chain(below) {
                let y = &y[(image * g.output_shape()[1] + shown) * padded..][..padded];
                for column in 0..left {
                    add(&y[column * channels..][..channels], &mut x[(left - column) * channels..][..channels]);
                }
                add(&y[left * channels..][..row], x);
                for column in 0..right {
                    let from = &y[(left + width + column) * channels..][..channels];
                    add(from, &mut x[(width - 2 - column) * channels..][..channels]);
                }
            }
        }
    }
}

#[inline(always)]
fn add(from: &[f32], to: &mut [f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += *from;
    }
}

#[cfg(test)]
mod tests;

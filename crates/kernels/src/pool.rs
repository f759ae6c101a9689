//! Max pooling: the largest number of each block of pixels, per channel, and its index.
//!
//! Indices count the elements within an image. With them, the gradient and the gradient's own
//! gradient only move numbers: they scatter to the indices, or gather from them. Blocks do not
//! overlap, and threads share the work by image. The plain loop does each image, because there is
//! nothing to sum and little to gain.

use crate::geometry::UpsampleGeometry;
use crate::pieces::{Pieces, for_each_piece};
use crate::reference;

/// The geometry of one image of `g` and the lengths of its small and its large form; `None` when
/// there is nothing to do.
///
/// # Panics
/// When the slices have other lengths than `g` says.
#[track_caller]
fn one_image(kernel: &str, g: &UpsampleGeometry, small: usize, large: usize) -> Option<(UpsampleGeometry, [usize; 2])> {
    let wanted: [usize; 2] = [g.small_shape(), g.large_shape()].map(|shape| shape.iter().product());
    assert_eq!([small, large], wanted, "{kernel}: lengths of the small and the large images for {g:?}");
    let one = UpsampleGeometry { batch: 1, ..*g };
    (small > 0).then(|| (one, wanted.map(|length| length / g.batch)))
}

/// See [`Element::max_pool`](crate::Element::max_pool).
pub(crate) fn max_pool(g: &UpsampleGeometry, x: &[f32], y: &mut [f32], indices: &mut [u32]) {
    let Some((one, [small, large])) = one_image("max_pool", g, y.len(), x.len()) else { return };
    let pieces = (Pieces::new(x, large), Pieces::new(y, small), Pieces::new(indices, small));
    for_each_piece(pieces, |_, (x, y, indices)| reference::max_pool(&one, x, y, indices));
}

/// See [`Element::gather`](crate::Element::gather).
pub(crate) fn gather(g: &UpsampleGeometry, indices: &[u32], x: &[f32], y: &mut [f32]) {
    let Some((one, [small, large])) = one_image("gather", g, y.len(), x.len()) else { return };
    let pieces = (Pieces::new(indices, small), Pieces::new(x, large), Pieces::new(y, small));
    for_each_piece(pieces, |_, (indices, x, y)| reference::gather(&one, indices, x, y));
}

/// See [`Element::scatter`](crate::Element::scatter).
pub(crate) fn scatter(g: &UpsampleGeometry, indices: &[u32], y: &[f32], x: &mut [f32]) {
    let Some((one, [small, large])) = one_image("scatter", g, y.len(), x.len()) else { return x.fill(0.0) };
    let pieces = (Pieces::new(indices, small), Pieces::new(y, small), Pieces::new(x, large));
    for_each_piece(pieces, |_, (indices, y, x)| reference::scatter(&one, indices, y, x));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_same_bits, same_bits_everywhere, whole_numbers, wild_numbers};

    fn geometries() -> impl Iterator<Item = UpsampleGeometry> {
        let shapes = [[1, 1, 1], [2, 3, 5], [0, 4, 4], [3, 7, 7], [2, 14, 13]];
        let factors = [[1, 1], [2, 2], [1, 3], [3, 2]];
        let all = shapes.into_iter().flat_map(move |shape| factors.map(|factor| (shape, factor)));
        all.flat_map(|([batch, h, w], factor)| {
            [1, 3, 32].map(|channels| UpsampleGeometry { batch, input: [h, w], channels, factor })
        })
    }

    fn lengths(g: &UpsampleGeometry) -> [usize; 2] {
        [g.small_shape(), g.large_shape()].map(|shape| shape.iter().product())
    }

    #[test]
    fn all_three_have_the_bits_of_the_plain_loop() {
        for g in geometries() {
            let [small, large] = lengths(&g);
            let (x, gy) = (wild_numbers(large, 1), wild_numbers(small, 2));
            let got = same_bits_everywhere("pooling", || {
                let [mut y, mut gathered, mut gx] = [small, small, large].map(|n| vec![f32::NAN; n]);
                let mut indices = vec![0; small];
                max_pool(&g, &x, &mut y, &mut indices);
                gather(&g, &indices, &x, &mut gathered);
                scatter(&g, &indices, &gy, &mut gx);
                [y, gathered, gx].concat()
            });
            let [mut y, mut gx] = [small, large].map(|n| vec![f32::NAN; n]);
            let mut indices = vec![0; small];
            reference::max_pool(&g, &x, &mut y, &mut indices);
            reference::scatter(&g, &indices, &gy, &mut gx);
            assert_same_bits(&got, &[&y[..], &y, &gx].concat(), &format!("{g:?}"));
        }
    }

    /// <gather(x), y> = <x, scatter(y)>, exactly, for whole numbers.
    #[test]
    fn gathering_and_scattering_are_adjoint() {
        for g in geometries() {
            let [small, large] = lengths(&g);
            let (x, y) = (whole_numbers(large, 3), whole_numbers(small, 4));
            let [mut gathered, mut gx] = [small, large].map(|n| vec![f32::NAN; n]);
            let mut indices = vec![0; small];
            max_pool(&g, &x, &mut gathered, &mut indices);
            scatter(&g, &indices, &y, &mut gx);
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
            assert_eq!(dot(&gathered, &y), dot(&x, &gx), "{g:?}");
        }
    }

    #[test]
    fn the_first_of_equals_is_chosen_and_a_nan_wins() {
        let g = UpsampleGeometry { batch: 1, input: [1, 2], channels: 1, factor: [2, 2] };
        let x = [3.0, 3.0, 1.0, f32::NAN, 0.0, 3.0, 9.0, 2.0];
        let (mut y, mut indices) = ([0.0; 2], [9; 2]);
        max_pool(&g, &x, &mut y, &mut indices);
        assert!(y[0] == 3.0 && y[1].is_nan());
        assert_eq!(indices, [0, 3]);
    }
}

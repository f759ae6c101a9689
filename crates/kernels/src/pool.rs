//! Max pooling: the largest number of each block of pixels, channel by channel, and where it was.
//!
//! The places are kept as numbers of the element within its image, so that the gradient and its own gradient only move numbers: each
//! goes to a chosen place, or comes from there. Blocks do not overlap; images are shared out whole. Every image is done by the plain
//! loop, which has nothing to sum: the bits are the same by themselves.

use crate::geometry::UpsampleGeometry;
use crate::pieces::{Pieces, for_each_piece};
use crate::reference;

/// One image of `g`, and the lengths of its small and its large form, when they fit the slices; `None` when there is nothing
/// to do.
#[track_caller]
fn one_image(kernel: &str, g: &UpsampleGeometry, small: usize, large: usize) -> Option<(UpsampleGeometry, [usize; 2])> {
    let wanted: [usize; 2] = [g.small_shape(), g.large_shape()].map(|shape| shape.iter().product());
    assert_eq!([small, large], wanted, "{kernel}: lengths of the small and the large images for {g:?}");
    let one = UpsampleGeometry { batch: 1, ..*g };
    (small > 0).then(|| (one, wanted.map(|length| length / g.batch)))
}

/// See [`Element::max_pool`](crate::Element::max_pool).
pub(crate) fn max_pool(g: &UpsampleGeometry, x: &[f32], y: &mut [f32], chosen: &mut [u32]) {
    let Some((one, [small, large])) = one_image("max_pool", g, y.len(), x.len()) else { return };
    let pieces = (Pieces::new(x, large), Pieces::new(y, small), Pieces::new(chosen, small));
    for_each_piece(pieces, |_, (x, y, chosen)| reference::max_pool(&one, x, y, chosen));
}

/// See [`Element::pick`](crate::Element::pick).
pub(crate) fn pick(g: &UpsampleGeometry, chosen: &[u32], x: &[f32], y: &mut [f32]) {
    let Some((one, [small, large])) = one_image("pick", g, y.len(), x.len()) else { return };
    let pieces = (Pieces::new(chosen, small), Pieces::new(x, large), Pieces::new(y, small));
    for_each_piece(pieces, |_, (chosen, x, y)| reference::pick(&one, chosen, x, y));
}

/// See [`Element::unpick`](crate::Element::unpick).
pub(crate) fn unpick(g: &UpsampleGeometry, chosen: &[u32], y: &[f32], x: &mut [f32]) {
    let Some((one, [small, large])) = one_image("unpick", g, y.len(), x.len()) else { return x.fill(0.0) };
    let pieces = (Pieces::new(chosen, small), Pieces::new(y, small), Pieces::new(x, large));
    for_each_piece(pieces, |_, (chosen, y, x)| reference::unpick(&one, chosen, y, x));
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
                let [mut y, mut picked, mut gx] = [small, small, large].map(|n| vec![f32::NAN; n]);
                let mut chosen = vec![0; small];
                max_pool(&g, &x, &mut y, &mut chosen);
                pick(&g, &chosen, &x, &mut picked);
                unpick(&g, &chosen, &gy, &mut gx);
                [y, picked, gx].concat()
            });
            let [mut y, mut gx] = [small, large].map(|n| vec![f32::NAN; n]);
            let mut chosen = vec![0; small];
            reference::max_pool(&g, &x, &mut y, &mut chosen);
            reference::unpick(&g, &chosen, &gy, &mut gx);
            assert_same_bits(&got, &[&y[..], &y, &gx].concat(), &format!("{g:?}"));
        }
    }

    /// <pick(x), y> = <x, unpick(y)>, exactly, for whole numbers.
    #[test]
    fn picking_and_unpicking_are_adjoint() {
        for g in geometries() {
            let [small, large] = lengths(&g);
            let (x, y) = (whole_numbers(large, 3), whole_numbers(small, 4));
            let [mut picked, mut gx] = [small, large].map(|n| vec![f32::NAN; n]);
            let mut chosen = vec![0; small];
            max_pool(&g, &x, &mut picked, &mut chosen);
            unpick(&g, &chosen, &y, &mut gx);
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
            assert_eq!(dot(&picked, &y), dot(&x, &gx), "{g:?}");
        }
    }

    #[test]
    fn the_first_of_equals_is_chosen_and_a_nan_wins() {
        let g = UpsampleGeometry { batch: 1, input: [1, 2], channels: 1, factor: [2, 2] };
        let x = [3.0, 3.0, 1.0, f32::NAN, 0.0, 3.0, 9.0, 2.0];
        let (mut y, mut chosen) = ([0.0; 2], [9; 2]);
        max_pool(&g, &x, &mut y, &mut chosen);
        assert!(y[0] == 3.0 && y[1].is_nan());
        assert_eq!(chosen, [0, 3]);
    }
}

//! Both directions against the plain loop, bit for bit, and against each other.

use super::{downsample_sum, upsample};
use crate::geometry::UpsampleGeometry;
use crate::reference;
use crate::testing::{assert_same_bits, same_bits_everywhere, whole_numbers, wild_numbers};

fn geometries() -> impl Iterator<Item = UpsampleGeometry> {
    let shapes = [[1, 1, 1], [2, 3, 5], [0, 4, 4], [3, 7, 7], [2, 28, 13], [5, 1, 40]];
    let factors = [[1, 1], [2, 2], [1, 3], [4, 1], [3, 2]];
    let channels = [1, 3, 8, 16, 17, 32, 40];
    let all = shapes.into_iter().flat_map(move |shape| factors.map(|factor| (shape, factor)));
    all.flat_map(move |([batch, h, w], factor)| {
        channels.map(|channels| UpsampleGeometry { batch, input: [h, w], channels, factor })
    })
}

fn lengths(g: &UpsampleGeometry) -> [usize; 2] {
    [g.small_shape(), g.large_shape()].map(|shape| shape.iter().product())
}

#[test]
fn both_directions_have_the_bits_of_the_plain_loop() {
    for g in geometries() {
        let [small, large] = lengths(&g);
        let (x, y) = (wild_numbers(small, 1), wild_numbers(large, 2));
        let got = same_bits_everywhere("resampling", || {
            let [mut up, mut down] = [large, small].map(|n| vec![f32::NAN; n]);
            upsample(&g, &x, &mut up);
            downsample_sum(&g, &y, &mut down);
            [up, down].concat()
        });
        let [mut up, mut down] = [large, small].map(|n| vec![f32::NAN; n]);
        reference::upsample(&g, &x, &mut up);
        reference::downsample_sum(&g, &y, &mut down);
        assert_same_bits(&got, &[up, down].concat(), &format!("{g:?}"));
    }
}

/// <up(x), y> = <x, down(y)>, exactly, for whole numbers.
#[test]
fn each_is_the_adjoint_of_the_other() {
    for g in geometries() {
        let [small, large] = lengths(&g);
        let (x, y) = (whole_numbers(small, 3), whole_numbers(large, 4));
        let [mut up, mut down] = [large, small].map(|n| vec![f32::NAN; n]);
        upsample(&g, &x, &mut up);
        downsample_sum(&g, &y, &mut down);
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        assert_eq!(dot(&up, &y), dot(&x, &down), "{g:?}");
    }
}

//! Both directions against the plain loop, bit for bit, and against each other.

use super::{reflection_fold, reflection_pad};
use crate::geometry::ReflectGeometry;
use crate::reference;
use crate::testing::{assert_same_bits, same_bits_everywhere, whole_numbers, wild_numbers};

fn geometries() -> impl Iterator<Item = ReflectGeometry> {
    let shapes = [[1, 4, 4], [2, 5, 9], [0, 4, 4], [3, 7, 4], [1, 64, 13], [5, 4, 40]];
    let pads = [[0, 0, 0, 0], [1, 1, 1, 1], [3, 3, 3, 3], [0, 3, 2, 1], [2, 0, 0, 0]];
    let channels = [1, 3, 8, 17, 64];
    let all = shapes.into_iter().flat_map(move |shape| pads.map(|pad| (shape, pad)));
    all.flat_map(move |([batch, h, w], pad)| {
        channels.map(|channels| ReflectGeometry { batch, input: [h, w], channels, pad })
    })
}

fn lengths(g: &ReflectGeometry) -> [usize; 2] {
    [g.input_shape(), g.output_shape()].map(|shape| shape.iter().product())
}

#[test]
fn both_directions_have_the_bits_of_the_plain_loop() {
    for g in geometries() {
        let [image, padded] = lengths(&g);
        let (x, y) = (wild_numbers(image, 1), wild_numbers(padded, 2));
        let got = same_bits_everywhere("reflection", || {
            let [mut pad, mut fold] = [padded, image].map(|n| vec![f32::NAN; n]);
            reflection_pad(&g, &x, &mut pad);
            reflection_fold(&g, &y, &mut fold);
            [pad, fold].concat()
        });
        let [mut pad, mut fold] = [padded, image].map(|n| vec![f32::NAN; n]);
        reference::reflection_pad(&g, &x, &mut pad);
        reference::reflection_fold(&g, &y, &mut fold);
        assert_same_bits(&got, &[pad, fold].concat(), &format!("{g:?}"));
    }
}

/// <pad(x), y> = <x, fold(y)>, exactly, for whole numbers.
#[test]
fn each_is_the_adjoint_of_the_other() {
    for g in geometries() {
        let [image, padded] = lengths(&g);
        let (x, y) = (whole_numbers(image, 3), whole_numbers(padded, 4));
        let [mut pad, mut fold] = [padded, image].map(|n| vec![f32::NAN; n]);
        reflection_pad(&g, &x, &mut pad);
        reflection_fold(&g, &y, &mut fold);
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        assert_eq!(dot(&pad, &y), dot(&x, &fold), "{g:?}");
    }
}

/// The vector of PyTorch's documentation: index -1 shows 1, -2 shows 2, n shows n - 2.
#[test]
fn known_values() {
    let g = ReflectGeometry { batch: 1, input: [1, 4], channels: 1, pad: [0, 0, 3, 3] };
    let mut y = [f32::NAN; 10];
    reflection_pad(&g, &[1.0, 2.0, 3.0, 4.0], &mut y);
    assert_eq!(y, [4.0, 3.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 2.0, 1.0]);
}

#[test]
#[should_panic(
    expected = "reflection padding [0, 0, 4, 0] (top, bottom, left, right) must be less than the image's 1x4"
)]
fn padding_beyond_the_far_edge_is_refused() {
    let g = ReflectGeometry { batch: 1, input: [1, 4], channels: 1, pad: [0, 0, 4, 0] };
    reflection_pad(&g, &[0.0; 4], &mut [0.0; 8]);
}

//! The three convolutions against the plain loops, bit for bit.

use crate::gemm::tests::numbers;
use crate::geometry::{ConvGeometry, Padding, TransposedPadding};
use crate::{Element, reference, simd};

fn size(shape: [usize; 4]) -> usize {
    shape.iter().product()
}

fn same_bits(what: &str, g: &ConvGeometry, got: &[f32], wanted: &[f32]) {
    let wrong = got.iter().zip(wanted).position(|(a, b)| a.to_bits() != b.to_bits());
    assert_eq!(wrong, None, "{what} {g:?} on {}", simd::current());
}

fn operands(g: &ConvGeometry) -> [Vec<f32>; 3] {
    [numbers(1, size(g.x_shape())), numbers(2, size(g.w_shape())), numbers(3, size(g.y_shape()))]
}

/// All three of one geometry on every instruction set.
fn check(g: &ConvGeometry) {
    let [x, w, gy] = operands(g);
    let [mut gx, mut gw, mut y] = [vec![f32::NAN; x.len()], vec![f32::NAN; w.len()], vec![f32::NAN; gy.len()]];
    let [mut wanted_gx, mut wanted_gw, mut wanted_y] = [gx.clone(), gw.clone(), y.clone()];
    reference::conv2d(g, &x, &w, &mut wanted_y);
    reference::conv2d_input_grad(g, &gy, &w, &mut wanted_gx);
    reference::conv2d_weight_grad(g, &x, &gy, &mut wanted_gw);
    for isa in simd::available() {
        simd::force(isa);
        f32::conv2d(g, &x, &w, &mut y);
        same_bits("conv2d", g, &y, &wanted_y);
        f32::conv2d_input_grad(g, &gy, &w, &mut gx);
        same_bits("conv2d_input_grad", g, &gx, &wanted_gx);
        f32::conv2d_weight_grad(g, &x, &gy, &mut gw);
        same_bits("conv2d_weight_grad", g, &gw, &wanted_gw);
    }
}

/// A spread of geometries: small ones of every kind, drawn by a fixed rule.
fn geometries() -> Vec<ConvGeometry> {
    let channels = [1, 3, 8, 16, 17, 32, 33];
    let mut geometries = Vec::new();
    let mut draw = {
        let words: Vec<u32> = (0..400).flat_map(|i| crate::random::words(crate::Key::new(3, 9), i)).collect();
        let mut next = 0;
        move |below: usize| {
            next += 1;
            words[next % words.len()] as usize % below
        }
    };
    while geometries.len() < 160 {
        let kernel = [1 + draw(7), 1 + draw(7)];
        let stride = [1 + draw(3), 1 + draw(3)];
        let shape = [[1, 2, 5, 33][draw(4)], 1 + draw(9), 1 + draw(11), channels[draw(7)]];
        let padding = match draw(3) {
            0 => Padding::Same,
            1 => Padding::Valid,
            _ => Padding::Explicit([draw(9), draw(9), draw(9), draw(9)]),
        };
        let g = ConvGeometry::new(shape, kernel, channels[draw(7)], stride, padding);
        geometries.extend(g.ok().filter(|g| g.dense_products() < 3_000_000));
    }
    geometries
}

#[test]
fn a_spread_of_geometries_has_the_bits_of_the_plain_loops() {
    for g in geometries() {
        check(&g);
    }
}

fn layers(batch: usize) -> Vec<ConvGeometry> {
    let conv = |size: usize, from: usize, to: usize, stride: usize| {
        ConvGeometry::new([batch, size, size, from], [5, 5], to, [stride; 2], Padding::Same).unwrap()
    };
    let transposed = |size: usize, from: usize, to: usize| {
        ConvGeometry::transposed([batch, size, size, from], [5, 5], to, [1; 2], TransposedPadding::Same).unwrap()
    };
    vec![
        conv(28, 1, 64, 2),
        conv(14, 64, 128, 2),
        conv(7, 128, 256, 2),
        conv(4, 256, 512, 1),
        transposed(14, 64, 32),
        transposed(28, 32, 16),
        transposed(28, 16, 8),
        conv(28, 8, 1, 1),
    ]
}

#[test]
fn the_layers_of_quickdraw_have_the_bits_of_the_plain_loops() {
    for g in layers(2) {
        check(&g);
    }
}

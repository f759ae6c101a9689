//! The three direct convolutions against the plain loops, bit for bit. (Those in the frequency
//! domain have their own tests.)

use super::{direct, direct_weight_grad};
use crate::gemm::tests::numbers;
use crate::geometry::{ConvGeometry, Padding, TransposedPadding};
use crate::testing::{assert_same_bits, on_each_set};
use crate::{Element, Precision, reference, simd};

fn size(shape: [usize; 4]) -> usize {
    shape.iter().product()
}

fn same_bits(what: &str, g: &ConvGeometry, got: &[f32], wanted: &[f32]) {
    assert_same_bits(got, wanted, &format!("{what} {g:?} on {}", simd::current()));
}

fn operands(g: &ConvGeometry) -> [Vec<f32>; 3] {
    [numbers(1, size(g.x_shape())), numbers(2, size(g.w_shape())), numbers(3, size(g.y_shape()))]
}

/// The convolution and its two gradients for one geometry, on the instruction set in use.
fn compare(g: &ConvGeometry) {
    let [x, w, gy] = operands(g);
    compare_operands(g, [&x, &w, &gy]);
}

fn compare_operands(g: &ConvGeometry, operands: [&[f32]; 3]) {
    for precision in Precision::ALL {
        compare_precision(&g.with_precision(precision), operands);
    }
}

fn compare_precision(g: &ConvGeometry, [x, w, gy]: [&[f32]; 3]) {
    let [mut gx, mut gw, mut y] = [vec![f32::NAN; x.len()], vec![f32::NAN; w.len()], vec![f32::NAN; gy.len()]];
    let [mut wanted_gx, mut wanted_gw, mut wanted_y] = [gx.clone(), gw.clone(), y.clone()];
    reference::conv2d(g, x, w, &mut wanted_y);
    reference::conv2d_input_grad(g, gy, w, &mut wanted_gx);
    reference::conv2d_weight_grad(g, x, gy, &mut wanted_gw);
    direct::conv2d(g, x, w, &mut y);
    same_bits("conv2d", g, &y, &wanted_y);
    direct::conv2d_input_grad(g, gy, w, &mut gx);
    same_bits("conv2d_input_grad", g, &gx, &wanted_gx);
    direct_weight_grad(g, x, gy, &mut gw);
    same_bits("conv2d_weight_grad", g, &gw, &wanted_gw);
}

/// Small geometries of many kinds, generated deterministically.
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

on_each_set! {
    fn a_spread_of_geometries_has_the_bits_of_the_plain_loops() {
        for g in geometries() {
            compare(&g);
        }
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
        transposed(14, 64, 32).of_small_images([2, 2]),
        transposed(28, 32, 16).of_small_images([2, 2]),
    ]
}

on_each_set! {
    fn the_layers_of_quickdraw_have_the_bits_of_the_plain_loops() {
        for g in layers(2) {
            compare(&g);
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let small = ConvGeometry::new([1, 13, 9, 24], [3, 5], 40, [1, 2], Padding::Same).unwrap();
    let large = ConvGeometry::new([40, 6, 7, 17], [5, 3], 36, [2, 1], Padding::Same).unwrap();
    for g in [small, large] {
        for threads in 1..=4 {
            simd::pool(simd::current(), threads).install(|| compare(&g));
        }
    }
}

on_each_set! {
    /// One image, whose weight gradient in bf16 has pairs of output rows.
    fn single_images_keep_their_bits() {
        for (height, kernel, stride, padding) in [
            (9, 3, 1, Padding::Same),
            (8, 4, 2, Padding::Explicit([1, 1, 1, 1])),
            (10, 7, 3, Padding::Explicit([5, 0, 5, 0])),
            (7, 5, 2, Padding::Valid),
            (1, 3, 1, Padding::Same),
            (5, 1, 2, Padding::Valid),
        ] {
            compare(&ConvGeometry::new([1, height, 6, 20], [kernel, 3], 35, [stride, 1], padding).unwrap());
        }
    }
}

on_each_set! {
    fn the_ends_of_the_batch_and_of_the_channels_keep_their_bits() {
        for batch in [0, 1, 13, 31, 32, 47, 128, 300] {
            compare(&ConvGeometry::new([batch, 3, 4, 5], [3, 2], 19, [1, 2], Padding::Same).unwrap());
        }
        for [from, to] in [[0, 3], [3, 0], [1, 1], [1, 64], [64, 1], [15, 31], [40, 48]] {
            compare(&ConvGeometry::new([2, 6, 5, from], [3, 3], to, [1, 1], Padding::Same).unwrap());
            compare(&ConvGeometry::new([35, 6, 5, from], [3, 3], to, [2, 1], Padding::Same).unwrap());
        }
    }
}

/// <conv(x, w), gy> is linear in each of the three factors, so the gradients give the same number.
#[test]
fn the_three_are_adjoint_to_each_other() {
    for g in geometries().iter().take(60) {
        let [x, w, gy] = operands(g);
        let [mut gx, mut gw, mut y] = [x.clone(), w.clone(), gy.clone()];
        f32::conv2d(g, &x, &w, &mut y);
        f32::conv2d_input_grad(g, &gy, &w, &mut gx);
        f32::conv2d_weight_grad(g, &x, &gy, &mut gw);
        let dot = |a: &[f32], b: &[f32]| {
            let products = || a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b));
            (products().sum::<f64>(), products().map(f64::abs).sum::<f64>())
        };
        let [(by_y, size), (by_x, _), (by_w, _)] = [dot(&y, &gy), dot(&x, &gx), dot(&w, &gw)];
        let bound = 1e-5 * size.max(1e-3);
        assert!((by_y - by_x).abs() <= bound && (by_y - by_w).abs() <= bound, "{by_y} {by_x} {by_w} for {g:?}");
    }
}

/// Each element against the sum in f64, within the bound for a chain of k fused multiply-adds: k *
/// eps * sum |products|.
#[test]
fn every_element_is_within_the_rounding_bound_of_the_sum_in_double() {
    let wide = |x: &[f32]| -> Vec<f64> { x.iter().map(|x| f64::from(*x)).collect() };
    let abs = |x: &[f64]| -> Vec<f64> { x.iter().map(|x| x.abs()).collect() };
    let within = |what: &str, depth: usize, got: &[f32], exact: &[f64], size: &[f64]| {
        for ((got, exact), size) in got.iter().zip(exact).zip(size) {
            let bound = depth as f64 * f64::from(f32::EPSILON) / 2.0 * size * 1.001;
            assert!((f64::from(*got) - exact).abs() <= bound, "{what}: {got} against {exact}");
        }
    };
    for g in geometries().iter().take(60) {
        let [x, w, gy] = operands(g);
        let [mut gx, mut gw, mut y] = [x.clone(), w.clone(), gy.clone()];
        f32::conv2d(g, &x, &w, &mut y);
        f32::conv2d_input_grad(g, &gy, &w, &mut gx);
        f32::conv2d_weight_grad(g, &x, &gy, &mut gw);
        let [x, w, gy] = [wide(&x), wide(&w), wide(&gy)];
        let taps = g.kernel[0] * g.kernel[1];

        let [mut exact, mut size] = [vec![0.0; y.len()], vec![0.0; y.len()]];
        reference::conv2d(g, &x, &w, &mut exact);
        reference::conv2d(g, &abs(&x), &abs(&w), &mut size);
        within("conv2d", taps * g.in_channels, &y, &exact, &size);

        let [mut exact, mut size] = [vec![0.0; gx.len()], vec![0.0; gx.len()]];
        reference::conv2d_input_grad(g, &gy, &w, &mut exact);
        reference::conv2d_input_grad(g, &abs(&gy), &abs(&w), &mut size);
        within("conv2d_input_grad", taps * g.out_channels, &gx, &exact, &size);

        let [mut exact, mut size] = [vec![0.0; gw.len()], vec![0.0; gw.len()]];
        reference::conv2d_weight_grad(g, &x, &gy, &mut exact);
        reference::conv2d_weight_grad(g, &abs(&x), &abs(&gy), &mut size);
        within("conv2d_weight_grad", g.batch * g.output[0] * g.output[1], &gw, &exact, &size);
    }
}

on_each_set! {
    /// An infinity or NaN reaches exactly the elements that depend on it, because padding is
    /// skipped rather than multiplied.
    fn infinities_and_nans_go_where_they_belong() {
        let same = |batch, channels| ConvGeometry::new([batch, 7, 6, channels], [3, 3], 20, [1, 1], Padding::Same);
        // In bf16, output rows 0 and 1 are a pair of which some taps read only padding.
        let flat = ConvGeometry::new([1, 1, 6, 20], [5, 3], 20, [2, 1], Padding::Explicit([2, 4, 1, 1]));
        for g in [same(1, 3), same(33, 3), same(1, 20), same(33, 20), flat].map(Result::unwrap) {
            let [mut x, mut w, mut gy] = operands(&g);
            for (at, value) in [(0, f32::INFINITY), (5, f32::NAN)] {
                x[at * g.in_channels] = value;
                w[at * g.in_channels * g.out_channels] = value;
                gy[at * g.out_channels] = value;
            }
            compare_operands(&g, [&x, &w, &gy]);
        }
    }
}

on_each_set! {
    /// Products that underflow to zeros of either sign. Adding a zero for the padding would change
    /// the sign of some.
    fn underflow_and_signed_zeros_keep_their_bits() {
        for batch in [1, 3, 40] {
            let g = ConvGeometry::new([batch, 5, 6, 2], [5, 5], 17, [1, 1], Padding::Same).unwrap();
            let [mut x, mut w, mut gy] = operands(&g);
            for (values, scale) in [(&mut x, 1e-25), (&mut w, 1e-20), (&mut gy, 1e-22)] {
                values.iter_mut().for_each(|value| *value *= scale);
            }
            compare_operands(&g, [&x, &w, &gy]);
        }
    }
}

//! Convolutions in the frequency domain against the plain loops, within the bound of their rounding
//! error.

use super::tiles::Factor;
use super::transform::Transform;
use super::*;
use crate::gemm::tests::numbers;
use crate::geometry::{Padding, TransposedPadding};
use crate::simd::{self, LANES};
use crate::{reference, shared::Region};
use transform::Forward;

fn size(shape: [usize; 4]) -> usize {
    shape.iter().product()
}

/// Geometries of small maps: those of quickdraw's networks with fewer channels, and odd ones.
fn geometries() -> Vec<ConvGeometry> {
    use Padding::{Explicit, Same, Valid};
    let plain = [
        ([3, 4, 4, 5], [5, 5], 7, [1, 1], Same),
        ([17, 7, 7, 6], [5, 5], 33, [2, 2], Same),
        ([2, 14, 14, 3], [5, 5], 4, [2, 2], Same),
        ([2, 4, 4, 70], [3, 3], 65, [1, 1], Same),
        ([1, 3, 5, 2], [2, 4], 3, [1, 1], Same),
        ([2, 6, 4, 3], [3, 3], 2, [1, 1], Valid),
        ([2, 8, 7, 3], [4, 4], 5, [2, 2], Explicit([1, 1, 1, 1])),
        ([1, 9, 4, 3], [3, 2], 2, [3, 1], Explicit([1, 0, 0, 1])),
        ([2, 2, 2, 1], [5, 5], 1, [1, 1], Same),
        ([1, 1, 1, 1], [1, 1], 1, [1, 1], Same),
        // One row of many columns: the widest panels.
        ([1, 4, 4, 3], [5, 5], 140, [1, 1], Same),
        ([1, 4, 4, 140], [5, 5], 3, [1, 1], Same),
    ]
    .map(|(x, kernel, out, stride, padding)| ConvGeometry::new(x, kernel, out, stride, padding).unwrap());
    let padding = TransposedPadding::Explicit { padding: [2, 2], output_padding: [0, 0] };
    let merged = ConvGeometry::transposed([2, 7, 7, 5], [6, 6], 3, [2, 2], padding).unwrap();
    plain.into_iter().chain([merged]).collect()
}

/// Convolutions whose maps are cut into tiles of this many points: with borders, strides, phases
/// without taps, incomplete tiles, and several pieces of the depth.
fn tiled() -> Vec<Fourier> {
    use Padding::{Explicit, Same, Valid};
    let cases: [(_, _, _, _, _, [usize; 2]); 13] = [
        ([2, 9, 13, 3], [3, 3], 5, [1, 1], Same, [6, 6]),
        ([1, 17, 11, 4], [5, 5], 3, [1, 1], Same, [12, 8]),
        ([2, 16, 16, 2], [5, 5], 2, [1, 1], Same, [10, 12]),
        ([3, 15, 14, 2], [5, 5], 3, [2, 2], Same, [8, 5]),
        ([2, 12, 12, 3], [4, 4], 2, [2, 2], Explicit([1, 1, 1, 1]), [4, 5]),
        ([1, 16, 9, 2], [7, 7], 3, [1, 1], Same, [12, 10]),
        ([1, 9, 16, 2], [7, 3], 3, [2, 1], Explicit([3, 2, 0, 1]), [8, 6]),
        ([2, 10, 9, 2], [3, 3], 2, [2, 2], Valid, [4, 6]),
        ([1, 8, 8, 2], [3, 3], 2, [1, 1], Explicit([4, 4, 5, 5]), [6, 5]),
        // A stride longer than the kernel, pixels that no output reads, and no padding.
        ([1, 11, 10, 2], [2, 1], 2, [3, 2], Valid, [4, 4]),
        // One row of many columns, and several pieces of the depth.
        ([1, 6, 6, 3], [3, 3], 140, [1, 1], Same, [10, 10]),
        ([1, 9, 8, 340], [5, 5], 2, [1, 1], Same, [12, 12]),
        ([40, 33, 33, 1], [5, 5], 1, [1, 1], Same, [12, 12]),
    ];
    let convolution = |(x, kernel, out, stride, padding, points)| {
        let g = ConvGeometry::new(x, kernel, out, stride, padding).unwrap();
        Fourier::tiled(&g, points).unwrap_or_else(|| panic!("{points:?} points for {g:?}"))
    };
    let by_winograd = |(x, kernel, out, stride, padding, winograd)| {
        let g = ConvGeometry::new(x, kernel, out, stride, padding).unwrap();
        Fourier::winograd(&g, winograd).unwrap_or_else(|| panic!("{winograd:?} for {g:?}"))
    };
    let small: [(_, _, _, _, _, Winograd); 13] = [
        ([2, 9, 7, 3], [3, 3], 5, [1, 1], Same, Winograd::F43),
        ([1, 8, 6, 350], [3, 3], 3, [1, 1], Valid, Winograd::F43),
        ([2, 10, 13, 3], [5, 6], 2, [2, 2], Same, Winograd::F43),
        // So many channels that the depth is in two pieces.
        ([1, 5, 4, 1900], [3, 3], 2, [1, 1], Same, Winograd::F43),
        // Columns of more than a panel, and channels of more than a vector.
        ([1, 5, 4, 37], [3, 3], 41, [1, 1], Same, Winograd::F43),
        // Many tiles, and many columns: each task transforms its own.
        ([4, 33, 33, 2], [3, 3], 3, [1, 1], Same, Winograd::F43),
        ([1, 4, 4, 3], [3, 3], 200, [1, 1], Same, Winograd::F43),
        ([2, 12, 9, 3], [4, 4], 4, [2, 2], Explicit([1, 1, 1, 1]), Winograd::F42),
        ([2, 9, 16, 3], [4, 4], 4, [2, 2], Explicit([1, 1, 1, 1]), Winograd::F42),
        ([3, 11, 10, 2], [3, 4], 3, [2, 2], Explicit([0, 1, 2, 1]), Winograd::F42),
        ([2, 7, 6, 20], [4, 4], 19, [2, 2], Explicit([1, 1, 1, 1]), Winograd::F42),
        // A phase without pixels.
        ([1, 1, 5, 2], [4, 4], 3, [2, 2], Explicit([2, 1, 1, 1]), Winograd::F42),
        ([50, 40, 40, 1], [2, 2], 2, [1, 1], Same, Winograd::F42),
    ];
    cases.map(convolution).into_iter().chain(small.map(by_winograd)).collect()
}

/// Several blocks of rows and columns; in the second and third, also parts of both operands.
#[test]
fn a_larger_convolution_is_near_the_direct_one() {
    let layer =
        |x, out, stride| ConvGeometry::new(x, [5, 5], out, [stride; 2], Padding::Same).expect("a valid geometry");
    let whole = |g| Fourier::whole(&g).expect("small enough");
    let tiled = |g| Fourier::tiled(&g, [12, 12]).expect("enough points");
    let small = whole(layer([70, 4, 4, 130], 300, 1));
    let g = ConvGeometry::new([3, 40, 33, 300], [3, 3], 140, [1, 1], Padding::Same).expect("a valid geometry");
    let winograd = Fourier::winograd(&g, Winograd::F43).expect("three taps");
    let large = [whole(layer([220, 14, 14, 64], 220, 2)), tiled(layer([3, 40, 33, 300], 140, 1)), winograd];
    for fourier in [small].into_iter().chain(large) {
        let g = &fourier.geometry;
        let [x, w] = [numbers(1, size(g.x_shape())), numbers(2, size(g.w_shape()))];
        let [mut y, mut direct] = [0; 2].map(|_| vec![f32::NAN; size(g.y_shape())]);
        fourier.conv2d(&x, &w, &mut y);
        crate::conv::direct::conv2d(g, &x, &w, &mut direct);
        let largest = direct.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
        let error = y.iter().zip(&direct).fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
        let most = if fourier.winograd.is_some() { 1e-5 } else { 4e-6 };
        assert!(error < most * largest, "{error} of {largest} for {g:?}");
    }
}

/// The usual errors, which are far below their bounds.
#[test]
fn the_errors_of_winograd_are_a_small_multiple_of_those_of_direct_products() {
    for (kernel, stride, winograd) in [(4, 2, Winograd::F42), (3, 1, Winograd::F43)] {
        let (x, padding) = ([2, 8 * stride, 8 * stride, 256], Padding::Explicit([1; 4]));
        let g = ConvGeometry::new(x, [kernel; 2], 6, [stride; 2], padding).unwrap();
        let tiles = Fourier::winograd(&g, winograd).expect("the kernel of this transform");
        let [x, w] = [numbers(1, size(g.x_shape())), numbers(2, size(g.w_shape()))];
        let [mut y, mut direct] = [0; 2].map(|_| vec![f32::NAN; size(g.y_shape())]);
        let mut exact = vec![0.0; y.len()];
        tiles.conv2d(&x, &w, &mut y);
        crate::conv::direct::conv2d(&g, &x, &w, &mut direct);
        reference::conv2d(&g, &doubles(&x), &doubles(&w), &mut exact);
        let squares = |got: &[f32]| got.iter().zip(&exact).map(|(a, b)| (f64::from(*a) - b).powi(2)).sum::<f64>();
        let ratio = (squares(&y) / squares(&direct)).sqrt();
        println!("{winograd:?}: {ratio:.2} times the error of direct products");
        assert!(ratio < 3.4, "{winograd:?}: {ratio}");
    }
}

#[test]
fn the_points_are_as_few_as_the_map_allows() {
    let points = |size: usize, stride: usize| {
        let g = ConvGeometry::new([1, size, size, 1], [5, 5], 1, [stride; 2], Padding::Same).unwrap();
        Fourier::whole(&g).map(|f| (f.points[0], f.products()))
    };
    assert_eq!(points(4, 1), Some((6, 52)));
    assert_eq!(points(7, 2), Some((5, 37 * 4)));
    assert_eq!(points(14, 2), Some((8, 94 * 4)));
    assert_eq!(points(28, 2), None);
}

#[test]
fn the_tiles_are_as_few_as_the_results_allow() {
    let g = ConvGeometry::new([1, 32, 32, 1], [5, 5], 1, [1, 1], Padding::Same).unwrap();
    let tiled = Fourier::tiled(&g, [12, 8]).expect("enough points");
    for call in [Convolution::Forward, Convolution::InputGrad, Convolution::WeightGrad] {
        assert_eq!(tiled.tiles(call), 4 * 8, "{call:?}");
    }
    let g = ConvGeometry::new([1, 32, 32, 1], [4, 4], 1, [2, 2], Padding::Same).unwrap();
    let tiled = Fourier::winograd(&g, Winograd::F42).expect("two taps");
    let tiles: Vec<usize> = tiled.each_phase().map(|phase| phase.tiles(Convolution::InputGrad)).collect();
    assert_eq!(tiles, [4 * 4; 4], "16 x 16 pixels each");
}

/// The absolute values of the matrix of a transform by column: the contribution of each tile
/// element to each plane.
fn absolute_values(transform: &Transform) -> Vec<Vec<f64>> {
    let size = transform.size();
    let column = |element: usize| {
        let mut tiles = vec![0.0; size * LANES];
        tiles[element * LANES] = 1.0;
        let mut planes = vec![0.0; transform.planes];
        let to = Region::whole(&mut planes);
        let (tiles, stride, count, start, plane) = (&tiles[..], LANES, 1, 0, 1);
        simd::dispatch(Forward { transform, tiles, stride, count, to, start, plane });
        planes.into_iter().map(|x| f64::from(x.abs())).collect()
    };
    (0..size).map(column).collect()
}

/// The transform of a tensor, for bounds.
struct Bounded<'a> {
    factor: Factor,
    matrix: Vec<Vec<f64>>,
    data: &'a [f32],
}

impl<'a> Bounded<'a> {
    fn new(fourier: &Fourier, call: Convolution, role: Role, data: &'a [f32]) -> Self {
        let factor = fourier.factor(call, role);
        Self { matrix: absolute_values(&factor.transform), factor, data }
    }

    /// The offsets of the tile at two indices, each an axis, a phase and a position.
    fn offsets(&self, indices: [(Axis, [usize; 2]); 2]) -> Vec<Option<usize>> {
        let phase = indices.iter().map(|(_, [phase, _])| *phase).max().unwrap_or(0);
        let places = indices.map(|(axis, [_, at])| self.factor.place(axis, at));
        // At most one of the two has tiles.
        let [tiles, other] = if indices[0].0 == Axis::Image { places } else { [places[1], places[0]] };
        self.factor.elements(phase).map(|element| Some(element.offset(tiles)? + other.base)).collect()
    }

    /// |matrix| |tile|
    fn planes(&self, indices: [(Axis, [usize; 2]); 2]) -> Vec<f64> {
        let mut sums = vec![0.0; self.factor.transform.planes];
        for (column, offset) in self.matrix.iter().zip(self.offsets(indices)) {
            let size = offset.map_or(0.0, |offset| f64::from(self.data[offset].abs()));
            sums.iter_mut().zip(column).for_each(|(sum, m)| *sum += m * size);
        }
        sums
    }
}

/// The documented bound for each element of the result of a call, by brute force.
fn bound(fourier: &Fourier, call: Convolution, [left, right, result]: [&[f32]; 3]) -> Vec<f64> {
    let (axes, roles) = (call.axes(), call.roles());
    let [left, right] =
        [(roles[0], left), (roles[1], right)].map(|(role, data)| Bounded::new(fourier, call, role, data));
    let result = Bounded::new(fourier, call, roles[2], result);
    let each = |axis: Axis| {
        let [phases, length] = fourier.extent(call, axis);
        (0..phases).flat_map(move |phase| (0..length).map(move |at| (axis, [phase, at])))
    };
    // Roundings: the entries of a transform, once; its sums along a row and down a column, which
    // may be complex; the depth, and one more for its pieces; and in the inverse transform at most
    // 3 planes for each point of a column and one number for each point of a row.
    let transform = |of: &Bounded| of.factor.transform.tile[1] + 2 * of.factor.transform.tile[0] + 2;
    let roundings = each(axes[1]).count()
        + 1
        + transform(&left)
        + transform(&right)
        + 3 * fourier.points[0]
        + fourier.points[1]
        + 2;
    let gamma = roundings as f64 * f64::from(f32::EPSILON) / 2.0 * 1.001;
    let planes = |of: &Bounded, axes: [Axis; 2]| -> Vec<Vec<Vec<f64>>> {
        each(axes[0]).map(|a| each(axes[1]).map(|b| of.planes([a, b])).collect()).collect()
    };
    let (left, right) = (planes(&left, [axes[0], axes[1]]), planes(&right, [axes[2], axes[1]]));
    let mut bounds = vec![0.0; result.data.len()];
    for (row, left) in each(axes[0]).zip(&left) {
        for (column, right) in each(axes[2]).zip(&right) {
            let mut sums = vec![0.0; result.factor.transform.planes];
            for (a, b) in left.iter().zip(right) {
                sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
            }
            for (weights, offset) in result.matrix.iter().zip(result.offsets([row, column])) {
                let Some(offset) = offset else { continue };
                bounds[offset] = gamma * sums.iter().zip(weights).map(|(sum, m)| sum * m).sum::<f64>();
            }
        }
    }
    bounds
}

fn doubles(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

/// Checks that the errors are within their bounds. Returns the largest ratio of an error to its
/// bound.
fn within(what: &str, g: &ConvGeometry, got: &[f32], wanted: &[f64], bounds: &[f64]) -> f64 {
    let mut worst: f64 = 0.0;
    for (i, ((got, wanted), bound)) in got.iter().zip(wanted).zip(bounds).enumerate() {
        let error = (f64::from(*got) - wanted).abs();
        assert!(error <= *bound, "{what} {g:?} at {i}: {got} for {wanted}, bound {bound}");
        worst = worst.max(if error > 0.0 { error / bound } else { 0.0 });
    }
    worst
}

#[test]
fn all_three_results_are_within_the_bound_and_have_the_same_bits_everywhere() {
    let whole = |g: ConvGeometry| Fourier::whole(&g).unwrap_or_else(|| panic!("{g:?} is small"));
    let mut worst = [0.0_f64; 3];
    for fourier in geometries().into_iter().map(whole).chain(tiled()) {
        use Convolution::{Forward, InputGrad, WeightGrad};
        let g = fourier.geometry;
        let [x, w, gy] = [g.x_shape(), g.w_shape(), g.y_shape()].map(size);
        let [x, w, gy] = [numbers(1, x), numbers(2, w), numbers(3, gy)];
        let [mut gx, mut gw, mut y] = [&x, &w, &gy].map(|like| vec![f32::NAN; like.len()]);
        let [dx, dw, dgy] = [&x, &w, &gy].map(|x| doubles(x));
        let [mut exact_gx, mut exact_gw, mut exact_y] = [&x, &w, &gy].map(|like| vec![0.0; like.len()]);
        reference::conv2d(&g, &dx, &dw, &mut exact_y);
        reference::conv2d_input_grad(&g, &dgy, &dw, &mut exact_gx);
        reference::conv2d_weight_grad(&g, &dx, &dgy, &mut exact_gw);
        let bounds_y = bound(&fourier, Forward, [&x, &w, &gy]);
        let bounds_gx = bound(&fourier, InputGrad, [&gy, &w, &x]);
        let bounds_gw = bound(&fourier, WeightGrad, [&x, &gy, &w]);
        let mut bits: Option<[Vec<f32>; 3]> = None;
        for (isa, threads) in simd::available().into_iter().flat_map(|isa| [(isa, 1), (isa, 2), (isa, 3)]) {
            simd::pool(isa, threads).install(|| {
                fourier.conv2d(&x, &w, &mut y);
                fourier.conv2d_input_grad(&gy, &w, &mut gx);
                fourier.conv2d_weight_grad(&x, &gy, &mut gw);
            });
            let found = [y.clone(), gx.clone(), gw.clone()];
            if let Some(first) = &bits {
                for (a, b) in first.iter().flatten().zip(found.iter().flatten()) {
                    assert_eq!(a.to_bits(), b.to_bits(), "{g:?} on {isa} with {threads} threads");
                }
                continue;
            }
            let ratios = [
                within(&format!("conv2d on {isa}"), &g, &y, &exact_y, &bounds_y),
                within(&format!("conv2d_input_grad on {isa}"), &g, &gx, &exact_gx, &bounds_gx),
                within(&format!("conv2d_weight_grad on {isa}"), &g, &gw, &exact_gw, &bounds_gw),
            ];
            worst.iter_mut().zip(ratios).for_each(|(worst, ratio)| *worst = worst.max(ratio));
            bits = Some(found);
        }
    }
    println!("the largest errors as shares of their bounds: {worst:?}");
}

#[test]
fn an_image_has_the_same_bits_alone_and_in_a_batch() {
    let tiled_again = |f: &Fourier| match f.winograd {
        Some(of) => Fourier::winograd(&f.geometry, of).expect("again"),
        None => Fourier::tiled(&f.geometry, f.points).expect("again"),
    };
    // The depth of a batch is in two pieces; that of one image would fit into one.
    let g = ConvGeometry::new([3, 40, 33, 340], [5, 5], 2, [1, 1], Padding::Same).unwrap();
    let deep = Fourier::tiled(&g, [12, 12]).expect("enough points");
    for whole in tiled().into_iter().chain([deep]) {
        let g = whole.geometry;
        let alone = Fourier { geometry: ConvGeometry { batch: 1, ..g }, ..tiled_again(&whole) };
        let [x, w, gy] = [g.x_shape(), g.w_shape(), g.y_shape()].map(size);
        let [x, w, gy] = [numbers(1, x), numbers(2, w), numbers(3, gy)];
        let [mut gx, mut y] = [&x, &gy].map(|like| vec![f32::NAN; like.len()]);
        whole.conv2d(&x, &w, &mut y);
        whole.conv2d_input_grad(&gy, &w, &mut gx);
        let [pixels, outputs] = [x.len() / g.batch, y.len() / g.batch];
        let [mut gx_alone, mut y_alone] = [pixels, outputs].map(|len| vec![f32::NAN; len]);
        let last = g.batch - 1;
        alone.conv2d(&x[last * pixels..], &w, &mut y_alone);
        alone.conv2d_input_grad(&gy[last * outputs..], &w, &mut gx_alone);
        for (a, b) in y[last * outputs..].iter().zip(&y_alone).chain(gx[last * pixels..].iter().zip(&gx_alone)) {
            assert_eq!(a.to_bits(), b.to_bits(), "{g:?}");
        }
    }
}

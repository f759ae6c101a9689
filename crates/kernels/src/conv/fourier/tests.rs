//! Convolutions in frequencies against the plain loops, within the bound of their rounding.

use super::*;
use crate::gemm::tests::numbers;
use crate::geometry::{Padding, TransposedPadding};
use crate::reference;

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
    ]
    .map(|(x, kernel, out, stride, padding)| ConvGeometry::new(x, kernel, out, stride, padding).unwrap());
    let padding = TransposedPadding::Explicit { padding: [2, 2], output_padding: [0, 0] };
    let merged = ConvGeometry::transposed([2, 7, 7, 5], [6, 6], 3, [2, 2], padding).unwrap();
    plain.into_iter().chain([merged]).collect()
}

#[test]
fn the_points_are_as_few_as_the_map_allows() {
    let points = |size: usize, stride: usize| {
        let g = ConvGeometry::new([1, size, size, 1], [5, 5], 1, [stride; 2], Padding::Same).unwrap();
        Fourier::new(&g).map(|f| (f.points[0], f.products()))
    };
    assert_eq!(points(4, 1), Some((6, 52)));
    assert_eq!(points(7, 2), Some((5, 37 * 4)));
    assert_eq!(points(14, 2), Some((8, 94 * 4)));
    assert_eq!(points(28, 2), None);
}

/// |transform| of |data|, tile by tile: what bounds the rounding.
fn moduli(fourier: &Fourier, role: Role) -> Vec<Vec<f64>> {
    let transform = fourier.factor(role).transform;
    // The transform's matrix, column by column: the planes of each unit tile.
    let size = transform.size();
    let mut columns = Vec::new();
    for number in 0..size {
        let mut tiles = vec![0.0; size * LANES];
        tiles[number * LANES] = 1.0;
        let mut planes = vec![0.0; transform.planes];
        let to = Shared::new(&mut planes);
        crate::simd::dispatch(Spread { transform: &transform, tiles: &tiles, count: 1, to, start: 0, plane: 1 });
        columns.push(planes.into_iter().map(|x| f64::from(x.abs())).collect());
    }
    columns
}

/// The bound of the documentation for each number of the member `result`, by brute force.
fn bound(
    fourier: &Fourier,
    roles: [Role; 3],
    indices: [Index; 3],
    left: &[f32],
    right: &[f32],
    len: usize,
) -> Vec<f64> {
    let [a, b, c] = roles.map(|role| (fourier.factor(role), moduli(fourier, role)));
    let [rows, depth, columns] = indices.map(|index| fourier.extent(index));
    let planes = a.0.transform.planes;
    let spread = |(factor, matrix): &(Factor, Vec<Vec<f64>>), data: &[f32], phase: usize, offset: usize| {
        let mut sums = vec![0.0; planes];
        for (number, place) in factor.places[phase].iter().enumerate() {
            let Some(place) = place else { continue };
            let x = f64::from(data[place + offset].abs());
            sums.iter_mut().zip(&matrix[number]).for_each(|(sum, m)| *sum += m * x);
        }
        sums
    };
    let phase_of = |factor: &Factor, phases: usize| phases.min(factor.places.len() - 1);
    let mut bounds = vec![0.0; len];
    // A sum of n terms, rounded at each: the stages of both transforms, the depth, the stages of the third.
    let stages: usize = [&a, &b, &c].iter().map(|(f, _)| f.transform.tile[0] * 2 + f.transform.tile[1]).sum();
    let roundings = (depth[0] * depth[1] + stages + 3 * 2 * 24 + 12) as f64;
    let gamma = roundings * f64::from(f32::EPSILON) / 2.0;
    for row in 0..rows[0] * rows[1] {
        for column in 0..columns[0] * columns[1] {
            let mut sums = vec![0.0; planes];
            for d in 0..depth[0] * depth[1] {
                let offset = |factor: &Factor, lane: (Index, usize)| {
                    lane.1 * factor.stride(lane.0) + d % depth[1] * factor.stride(indices[1])
                };
                let x = spread(
                    &a.0.places.len().checked_sub(0).map(|_| &a).unwrap(),
                    left,
                    phase_of(&a.0, (row / rows[1]).max(d / depth[1])),
                    offset(&a.0, (indices[0], row % rows[1])),
                );
                let y = spread(
                    &b,
                    right,
                    phase_of(&b.0, (column / columns[1]).max(d / depth[1])),
                    offset(&b.0, (indices[2], column % columns[1])),
                );
                sums.iter_mut().zip(x.iter().zip(&y)).for_each(|(sum, (x, y))| *sum += x * y);
            }
            let phase = phase_of(&c.0, (row / rows[1]).max(column / columns[1]));
            for (number, place) in c.0.places[phase].iter().enumerate() {
                let Some(place) = place else { continue };
                let at = place + row % rows[1] * c.0.stride(indices[0]) + column % columns[1] * c.0.stride(indices[2]);
                bounds[at] = gamma * sums.iter().zip(&c.1[number]).map(|(sum, m)| sum * m).sum::<f64>();
            }
        }
    }
    bounds
}

fn doubles(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

fn within(what: &str, g: &ConvGeometry, got: &[f32], wanted: &[f64], bounds: &[f64]) -> f64 {
    let mut worst: f64 = 0.0;
    for (i, ((got, wanted), bound)) in got.iter().zip(wanted).zip(bounds).enumerate() {
        let error = (f64::from(*got) - wanted).abs();
        assert!(error <= *bound, "{what} {g:?} at {i}: {got} for {wanted}, bound {bound}");
        if *bound > 0.0 {
            worst = worst.max(error / bound);
        }
    }
    worst
}

#[test]
fn all_three_members_are_within_the_bound_of_the_exact_sum_and_alike_everywhere() {
    use Index::{Image, Input, Output};
    use Role::{Outputs, Pixels, Taps};
    for g in geometries() {
        let fourier = Fourier::new(&g).unwrap_or_else(|| panic!("{g:?} is small"));
        let [x, w, gy] = [g.x_shape(), g.w_shape(), g.y_shape()].map(size);
        let [x, w, gy] = [numbers(1, x), numbers(2, w), numbers(3, gy)];
        let [mut gx, mut gw, mut y] = [&x, &w, &gy].map(|like| vec![f32::NAN; like.len()]);
        let [dx, dw, dgy] = [&x, &w, &gy].map(|x| doubles(x));
        let [mut exact_gx, mut exact_gw, mut exact_y] = [&x, &w, &gy].map(|like| vec![0.0; like.len()]);
        reference::conv2d(&g, &dx, &dw, &mut exact_y);
        reference::conv2d_input_grad(&g, &dgy, &dw, &mut exact_gx);
        reference::conv2d_weight_grad(&g, &dx, &dgy, &mut exact_gw);
        let bounds_y = bound(&fourier, [Pixels, Taps, Outputs], [Image, Input, Output], &x, &w, y.len());
        let bounds_gx = bound(&fourier, [Outputs, Taps, Pixels], [Image, Output, Input], &gy, &w, gx.len());
        let bounds_gw = bound(&fourier, [Pixels, Outputs, Taps], [Input, Image, Output], &x, &gy, gw.len());
        let mut bits: Option<[Vec<f32>; 3]> = None;
        for isa in simd::available() {
            simd::force(isa);
            fourier.conv2d(&x, &w, &mut y);
            within("conv2d", &g, &y, &exact_y, &bounds_y);
            fourier.conv2d_input_grad(&gy, &w, &mut gx);
            within("conv2d_input_grad", &g, &gx, &exact_gx, &bounds_gx);
            fourier.conv2d_weight_grad(&x, &gy, &mut gw);
            within("conv2d_weight_grad", &g, &gw, &exact_gw, &bounds_gw);
            let found = [y.clone(), gx.clone(), gw.clone()];
            let first = bits.get_or_insert_with(|| found.clone());
            for (a, b) in first.iter().flatten().zip(found.iter().flatten()) {
                assert_eq!(a.to_bits(), b.to_bits(), "{g:?} on {isa}");
            }
        }
    }
}

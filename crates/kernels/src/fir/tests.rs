//! The filter against the plain loop (bit for bit), a literal reading of its definition, and its
//! adjoint.

use super::{Fir, FirGeometry, fir};
use crate::reference;
use crate::testing::{assert_same_bits, same_bits_everywhere, whole_numbers, wild_numbers};

/// The filters of the models, and others: asymmetric, of even and odd length, with one tap, with
/// cropping.
fn filters() -> Vec<Fir> {
    let made = [Fir::blur(), Fir::up2(), Fir::down2(), Fir::after_transposed(3), Fir::before_strided(3)];
    let odd = [
        (vec![1.0, 2.0, -3.0], 2, 1, [1, 1]),
        (vec![1.0, -2.0, 3.0, 4.0], 1, 2, [2, 1]),
        (vec![5.0, 1.0], 3, 2, [-1, 2]),
        (vec![1.0, 2.0, 3.0, 4.0, 5.0], 2, 3, [4, 0]),
        (vec![2.0], 1, 1, [-1, -1]),
        (vec![3.0, 1.0], 2, 1, [5, -2]),
        (vec![1.0, 2.0, 4.0], 1, 1, [7, 6]),
    ];
    let odd = odd.into_iter().map(|(taps, up, down, pad)| Fir { taps, up, down, pad });
    made.into_iter().chain(odd).collect()
}

fn geometries() -> impl Iterator<Item = (Fir, FirGeometry)> {
    let shapes = [[1, 1, 1], [2, 3, 5], [0, 4, 4], [3, 7, 4], [1, 32, 13], [5, 2, 40]];
    let channels = [1, 3, 16, 17, 64];
    let all = shapes.into_iter().flat_map(move |[n, h, w]| channels.map(|c| [n, h, w, c]));
    all.flat_map(|shape| {
        filters().into_iter().filter_map(move |fir| FirGeometry::new(shape, &fir).ok().map(|g| (fir, g)))
    })
}

fn lengths(g: &FirGeometry) -> [usize; 2] {
    [g.x_shape(), g.y_shape()].map(|shape| shape.iter().product())
}

#[test]
fn it_has_the_bits_of_the_plain_loop() {
    let mut seen = 0;
    for (_, g) in geometries() {
        let [x, y] = lengths(&g);
        let x = wild_numbers(x, 1);
        let got = same_bits_everywhere("fir", || {
            let mut got = vec![f32::NAN; y];
            fir(&g, &x, &mut got);
            got
        });
        let mut wanted = vec![f32::NAN; y];
        reference::fir(&g, &x, &mut wanted);
        assert_same_bits(&got, &wanted, &format!("{g:?}"));
        seen += 1;
    }
    assert!(seen > 250, "{seen}");
}

/// A literal reading of the definition, along one axis.
fn along(filter: &Fir, x: &[f64]) -> Vec<f64> {
    let mut row = vec![0.0; x.len() * filter.up];
    x.iter().enumerate().for_each(|(i, x)| row[i * filter.up] = *x);
    let [before, after] = filter.pad;
    let zeros = |pad: isize| vec![0.0; pad.max(0) as usize];
    row = [zeros(before), row, zeros(after)].concat();
    row.drain(..(-before).max(0) as usize);
    row.truncate(row.len() - (-after).max(0) as usize);
    let window = |window: &[f64]| window.iter().zip(&filter.taps).map(|(x, tap)| x * tap).sum();
    row.windows(filter.taps.len()).step_by(filter.down).map(window).collect()
}

#[test]
fn it_does_what_the_definition_says() {
    for (filter, g) in geometries().filter(|(_, g)| g.channels == 1 && g.batch > 0) {
        let ([x, y], [h, w]) = (lengths(&g), g.input);
        let x = whole_numbers(x, 1);
        let mut got = vec![f32::NAN; y];
        fir(&g, &x, &mut got);
        let mut wanted = Vec::new();
        for image in x.chunks(h * w) {
            let rows = image.chunks(w).map(|row| row.iter().map(|x| f64::from(*x)).collect::<Vec<_>>());
            let rows: Vec<_> = rows.map(|row| along(&filter, &row)).collect();
            let columns = (0..g.output[1]).map(|c| rows.iter().map(|row| row[c]).collect::<Vec<_>>());
            let columns: Vec<_> = columns.map(|column| along(&filter, &column)).collect();
            wanted.extend((0..g.output[0]).flat_map(|r| columns.iter().map(move |column| column[r] as f32)));
        }
        assert_eq!(got, wanted, "{filter:?} on {:?}", g.x_shape());
    }
}

/// <fir(x), y> = <x, adjoint(y)>, exactly, for whole numbers and taps that are multiples of 1/8.
#[test]
fn the_adjoint_is_a_filter_again() {
    for (_, g) in geometries() {
        let back = g.adjoint();
        assert_eq!(back.adjoint(), g);
        let [x, y] = lengths(&g);
        let (x, y) = (whole_numbers(x, 3), whole_numbers(y, 4));
        let [mut to, mut from] = [y.len(), x.len()].map(|n| vec![f32::NAN; n]);
        fir(&g, &x, &mut to);
        fir(&back, &y, &mut from);
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        assert_eq!(dot(&to, &y), dot(&x, &from), "{g:?}");
    }
}

/// Up-sampling preserves a linear ramp: 1, 2, 3 become 0.75, 1.25, 1.75, ..., because the new
/// pixels lie a quarter of a step before and after the old ones. (The last pixel reads the black
/// border, and so do the two rows that one row becomes.)
#[test]
fn known_values() {
    let filtered = |shape: [usize; 4], filter: &Fir, x: &[f32]| {
        let g = FirGeometry::new(shape, filter).unwrap();
        let mut y = vec![f32::NAN; lengths(&g)[1]];
        fir(&g, x, &mut y);
        (g.output, y)
    };
    let row = [0.75, 1.25, 1.75, 2.25, 2.75, 2.25].map(|y| 0.75 * y);
    assert_eq!(filtered([1, 1, 3, 1], &Fir::up2(), &[1.0, 2.0, 3.0]), ([2, 6], [row, row].concat()));
    let image: Vec<f32> = (0..16).map(|i| if i == 5 { 16.0 } else { 0.0 }).collect();
    let blurred = [1.0, 2.0, 1.0, 0.0, 2.0, 4.0, 2.0, 0.0, 1.0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    assert_eq!(filtered([1, 4, 4, 1], &Fir::blur(), &image), ([4, 4], blurred.to_vec()));
    // Away from the border, a constant stays constant, also with the zeros that up-sampling
    // inserts.
    for filter in [Fir::blur(), Fir::up2(), Fir::down2(), Fir::before_strided(3)] {
        let ([h, w], y) = filtered([1, 8, 8, 1], &filter, &[1.0; 64]);
        assert!((2..h - 2).all(|r| (2..w - 2).all(|c| y[r * w + c] == 1.0)), "{filter:?} {y:?}");
    }
}

#[test]
fn sizes_are_those_of_stylegan2() {
    let out = |filter: &Fir, side: usize| FirGeometry::new([1, side, side, 1], filter).unwrap().output[0];
    for side in [4, 8, 30] {
        assert_eq!(out(&Fir::blur(), side), side);
        assert_eq!(out(&Fir::up2(), side), 2 * side);
        assert_eq!(out(&Fir::down2(), side), side / 2);
        for kernel in [1, 3, 5] {
            assert_eq!(out(&Fir::after_transposed(kernel), 2 * side + kernel - 2), 2 * side);
            assert_eq!((out(&Fir::before_strided(kernel), side) - kernel) / 2 + 1, side / 2);
        }
    }
    // The padding of the official code, for 4 taps and a kernel of 3.
    assert_eq!(Fir::after_transposed(3).pad, [1, 1]);
    assert_eq!(Fir::before_strided(3).pad, [2, 2]);
}

#[test]
fn a_filter_that_leaves_no_pixel_is_refused() {
    let cut = Fir { pad: [-2, -2], ..Fir::blur() };
    assert!(FirGeometry::new([1, 6, 9, 1], &cut).unwrap_err().contains("3 taps do not fit the image 6x9"));
    assert!(FirGeometry::new([1, 7, 9, 1], &cut).is_ok());
    assert!(FirGeometry::new([1, 7, 9, 1], &Fir { up: 0, ..cut }).unwrap_err().contains("at least 1"));
}

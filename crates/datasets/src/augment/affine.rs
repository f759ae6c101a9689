//! Affine transformations with the same bits on every machine.

/// Maps (row, column) of the output to (row, column) of the input: `matrix` times it plus `offset`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Affine {
    pub(super) matrix: [[f64; 2]; 2],
    pub(super) offset: [f64; 2],
}

impl Affine {
    /// Rotation · Shift · Shear · Zoom about `centre`, with angles in radians.
    pub(super) fn about(centre: [f64; 2], rotation: f64, shift: [f64; 2], shear: f64, zoom: [f64; 2]) -> Self {
        let ((sin, cos), (lean, upright)) = (sin_cos(rotation), sin_cos(shear));
        let turn = [[cos, -sin], [sin, cos]];
        // Shear and zoom combined: [[1, -lean], [0, upright]] with its columns scaled.
        let bent = [[zoom[0], -lean * zoom[1]], [0.0, upright * zoom[1]]];
        let matrix =
            [0, 1].map(|row| [0, 1].map(|column| turn[row][0] * bent[0][column] + turn[row][1] * bent[1][column]));
        let apply = |m: [[f64; 2]; 2], v: [f64; 2]| [0, 1].map(|row| m[row][0] * v[0] + m[row][1] * v[1]);
        let (moved, middle) = (apply(turn, shift), apply(matrix, centre));
        Self { matrix, offset: [0, 1].map(|axis| centre[axis] + moved[axis] - middle[axis]) }
    }
}

/// Sine and cosine of an angle of a few turns at most, in radians. A Taylor series about the
/// nearest quarter turn, correct to about 1e-15, with the same bits on every machine.
pub(super) fn sin_cos(angle: f64) -> (f64, f64) {
    use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};
    let quarters = (angle * FRAC_2_PI + 0.5).floor();
    let x = angle - quarters * FRAC_PI_2;
    let square = x * x;
    // 1 - x²/(a·b)·(1 - x²/(c·d)·(...)), from the innermost factor outwards.
    let series = |first: u32| {
        (0..8).rev().map(|k| f64::from(first + 2 * k)).fold(1.0, |sum, a| 1.0 - square / (a * (a + 1.0)) * sum)
    };
    let (sin, cos) = (x * series(2), series(1));
    match quarters.rem_euclid(4.0) as u8 {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

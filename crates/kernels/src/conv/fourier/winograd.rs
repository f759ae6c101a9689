//! The transforms of Winograd's algorithms, which hardly multiply.
//!
//! F(m, r) computes m outputs of a kernel of r taps with m + r - 1 products along an axis. With the
//! polynomials X(p) = sum of x(i) p^i, and so on, products of polynomials are products of their
//! values at enough points p. The points are 1/2, -1/2, 3/2, -3/2, "infinity" (the coefficient of
//! the highest power) and, where a sixth one is needed, 0. The polynomials of opposite points
//! share their even and their odd half, so a point costs about two multiply-adds.
//!
//! The error grows with the entries of the matrices, so the points matter (Barabasz et al., 2020).
//! Of those tried (integers, halves and roots of 2), these have the least error. For 256 channels
//! of normally distributed numbers, the root of the mean square is 1.7 times that of direct
//! products; with the usual points 0, 1, -1, 2, -2 and infinity it is 3.8 times. The matrices are
//! exact, except for the ninths and sixths of the taps.
//!
//! The construction is Toom's and Cook's (see Lavin and Gray, "Fast algorithms for convolutional
//! neural networks", 2016), with A transposed: a tensor of any role is transformed to planes by
//! its matrix, and planes to a tensor by the transpose. Values of outputs and taps are values of
//! their polynomials; taps are divided by the product of the distances to the other points. The
//! pixels get the coefficients of the Lagrange polynomials of the points.

use super::transform::{Direct, Forward, Role};
use crate::shared::Region;
use crate::simd::{LANES, Simd, prefetch_l1};

/// An algorithm with 4 outputs and some taps along both axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Winograd {
    /// F(4, 2), for a kernel of 4 taps with stride 2.
    F42,
    /// F(4, 3).
    F43,
}

impl Winograd {
    pub(crate) const ALL: [Self; 2] = [Self::F42, Self::F43];

    /// The number of outputs and of taps.
    pub(crate) fn size(self) -> [usize; 2] {
        match self {
            Self::F42 => [4, 2],
            Self::F43 => [4, 3],
        }
    }

    /// The number of points along an axis.
    pub(crate) fn points(self) -> usize {
        self.size()[0] + self.size()[1] - 1
    }
}

/// A matrix with P rows, one per point, and a column for each of L elements.
trait Matrix<const P: usize, const L: usize> {
    /// matrix * x
    fn apply<S: Simd>(s: S, x: [S::F; L]) -> [S::F; P];
    /// transposed matrix * y
    fn apply_transposed<S: Simd>(_: S, _: [S::F; P]) -> [S::F; L] {
        unreachable!("the input gradient is transformed back by the matrix of the outputs")
    }
}

/// Declares matrices by formulas: the points, given the elements `x`, and the elements, given the
/// points `y`. (No result is transformed back by the matrix of the pixels.)
macro_rules! matrices {
    ($($name:ident: $p:literal x $l:literal, $s:ident {
        $x:pat => $points:expr
        $(, $y:pat => $elements:expr)?
    })+) => {$(
        struct $name;
        impl Matrix<$p, $l> for $name {
            #[inline(always)]
            fn apply<S: Simd>($s: S, $x: [S::F; $l]) -> [S::F; $p] {
                $points
            }

            $(#[inline(always)]
            fn apply_transposed<S: Simd>($s: S, $y: [S::F; $p]) -> [S::F; $l] {
                $elements
            })?
        }
    )+};
}

/// x * factor
#[inline(always)]
fn times<S: Simd>(s: S, factor: f32, x: S::F) -> S::F {
    s.mul(x, s.splat(factor))
}

/// x * factor + y
#[inline(always)]
fn plus<S: Simd>(s: S, y: S::F, factor: f32, x: S::F) -> S::F {
    s.mul_add(x, s.splat(factor), y)
}

/// The values even + p odd at p = `at` and p = -`at`.
#[inline(always)]
fn opposite<S: Simd>(s: S, even: S::F, at: f32, odd: S::F) -> [S::F; 2] {
    [plus(s, even, at, odd), plus(s, even, -at, odd)]
}

/// The sum and the difference of the values at opposite points.
#[inline(always)]
fn halves<S: Simd>(s: S, p: S::F, q: S::F) -> [S::F; 2] {
    [s.add(p, q), s.sub(p, q)]
}

/// x + 9/16 y - 5/2 z: the polynomial (p^2 - 1/4) (p^2 - 9/4).
#[inline(always)]
fn all_roots<S: Simd>(s: S, x: S::F, y: S::F, z: S::F) -> S::F {
    plus(s, plus(s, x, -2.5, z), 0.5625, y)
}

/// a + b p + c p^2 + d p^3 at 1/2, -1/2, 3/2, -3/2.
#[inline(always)]
fn cubic<S: Simd>(s: S, [a, b, c, d]: [S::F; 4]) -> [S::F; 4] {
    let [p, q] = opposite(s, plus(s, a, 0.25, c), 0.5, plus(s, b, 0.25, d));
    let [r, t] = opposite(s, plus(s, a, 2.25, c), 1.5, plus(s, b, 2.25, d));
    [p, q, r, t]
}

/// The transpose of [`cubic`].
#[inline(always)]
fn cubic_transposed<S: Simd>(s: S, [p, q, r, t]: [S::F; 4]) -> [S::F; 4] {
    let ([even1, odd1], [even3, odd3]) = (halves(s, p, q), halves(s, r, t));
    [
        s.add(even1, even3),
        plus(s, times(s, 0.5, odd1), 1.5, odd3),
        plus(s, times(s, 0.25, even1), 2.25, even3),
        plus(s, times(s, 0.125, odd1), 3.375, odd3),
    ]
}

// In this order: the point 0 (if there is one), the points 1/2, -1/2, 3/2 and -3/2, and infinity.
matrices! {
    Pixels5: 5 x 5, s {
        [a, b, c, d, e] => {
            let [p, q] = opposite(s, plus(s, d, -2.25, b), 0.5, plus(s, c, -2.25, a));
            let [r, t] = opposite(s, plus(s, d, -0.25, b), 1.5, plus(s, c, -0.25, a));
            [p, q, r, t, all_roots(s, e, a, c)]
        }
    }
    Outputs5Four: 5 x 4, s {
        [a, b, c, d] => {
            let [p, q, r, t] = cubic(s, [a, b, c, d]);
            [p, q, r, t, d]
        },
        [p, q, r, t, last] => {
            let [a, b, c, d] = cubic_transposed(s, [p, q, r, t]);
            [a, b, c, s.add(d, last)]
        }
    }
    Taps5Two: 5 x 2, s {
        [a, b] => {
            let quarter = times(s, 0.25, b);
            let [r, t] = opposite(s, quarter, 1.0 / 6.0, a);
            let [p, q] = opposite(s, s.neg(quarter), -0.5, a);
            [p, q, r, t, b]
        },
        [p, q, r, t, last] => {
            let ([even1, odd1], [even3, odd3]) = (halves(s, p, q), halves(s, r, t));
            [plus(s, times(s, -0.5, odd1), 1.0 / 6.0, odd3), plus(s, plus(s, last, 0.25, even3), -0.25, even1)]
        }
    }
    Pixels6: 6 x 6, s {
        [a, b, c, d, e, f] => {
            let [p, q] = opposite(s, plus(s, e, -2.25, c), 0.5, plus(s, d, -2.25, b));
            let [r, t] = opposite(s, plus(s, e, -0.25, c), 1.5, plus(s, d, -0.25, b));
            [all_roots(s, e, a, c), p, q, r, t, all_roots(s, f, b, d)]
        }
    }
    Outputs6Four: 6 x 4, s {
        [a, b, c, d] => {
            let [p, q, r, t] = cubic(s, [a, b, c, d]);
            [a, p, q, r, t, d]
        },
        [first, p, q, r, t, last] => {
            let [a, b, c, d] = cubic_transposed(s, [p, q, r, t]);
            [s.add(a, first), b, c, s.add(d, last)]
        }
    }
    Taps6Three: 6 x 3, s {
        [a, b, c] => {
            let quarter = times(s, 0.25, c);
            let [p, q] = opposite(s, s.neg(s.add(a, quarter)), -0.5, b);
            let [r, t] = opposite(s, plus(s, quarter, 1.0 / 9.0, a), 1.0 / 6.0, b);
            [times(s, 16.0 / 9.0, a), p, q, r, t, c]
        },
        [first, p, q, r, t, last] => {
            let ([even1, odd1], [even3, odd3]) = (halves(s, p, q), halves(s, r, t));
            [
                s.sub(plus(s, times(s, 16.0 / 9.0, first), 1.0 / 9.0, even3), even1),
                plus(s, times(s, -0.5, odd1), 1.0 / 6.0, odd3),
                plus(s, plus(s, last, 0.25, even3), -0.25, even1),
            ]
        }
    }
}

/// Calls `$call::<S, Matrix, P, L>(...)` with the matrix of a role.
macro_rules! with_matrix {
    ($of:expr, $role:expr, $call:ident($($argument:expr),*)) => {
        match ($of, $role) {
            (Winograd::F42, Role::Pixels) => $call::<S, Pixels5, 5, 5>($($argument),*),
            (Winograd::F42, Role::Outputs) => $call::<S, Outputs5Four, 5, 4>($($argument),*),
            (Winograd::F42, Role::Taps) => $call::<S, Taps5Two, 5, 2>($($argument),*),
            (Winograd::F43, Role::Pixels) => $call::<S, Pixels6, 6, 6>($($argument),*),
            (Winograd::F43, Role::Outputs) => $call::<S, Outputs6Four, 6, 4>($($argument),*),
            (Winograd::F43, Role::Taps) => $call::<S, Taps6Three, 6, 3>($($argument),*),
        }
    };
}

/// [`Forward`] by a transform of Winograd.
#[inline(always)]
pub(super) fn forward<S: Simd>(s: S, of: Winograd, role: Role, all: Forward<'_>) {
    with_matrix!(of, role, transform(s, all));
}

#[inline(always)]
fn transform<S: Simd, M: Matrix<P, L>, const P: usize, const L: usize>(s: S, all: Forward<'_>) {
    let Forward { tiles, stride, count, mut to, start, plane, .. } = all;
    assert!(count > 0 && stride >= count.next_multiple_of(LANES) && tiles.len() >= stride * L * L);
    assert!(start + (P * P - 1) * plane + count <= to.len());
    for at in (0..count).step_by(LANES) {
        let mut rows = [[s.zero(); P]; L];
        for (i, row) in rows.iter_mut().enumerate() {
            let mut x = [s.zero(); L];
            for (j, x) in x.iter_mut().enumerate() {
                // SAFETY: inside `tiles` by the first assertion.
                *x = unsafe { s.load(&*tiles.as_ptr().add((i * L + j) * stride + at).cast()) };
            }
            *row = M::apply(s, x);
        }
        let whole = count - at >= LANES;
        for p in 0..P {
            let mut x = [s.zero(); L];
            for (x, row) in x.iter_mut().zip(&rows) {
                *x = row[p];
            }
            for (q, x) in M::apply(s, x).into_iter().enumerate() {
                let first = start + (p * P + q) * plane + at;
                if whole {
                    // SAFETY: inside `to` by the second assertion; the region owns it.
                    unsafe { s.store(x, &mut *to.as_mut_ptr().add(first).cast()) };
                } else {
                    s.store_part(x, to.part(first..first + count - at));
                }
            }
        }
    }
}

/// [`Direct`] by a transform of Winograd.
#[inline(always)]
pub(super) fn direct<S: Simd>(s: S, of: Winograd, role: Role, all: Direct<'_>) {
    with_matrix!(of, role, transform_tile(s, all));
}

#[inline(always)]
fn transform_tile<S: Simd, M: Matrix<P, L>, const P: usize, const L: usize>(s: S, all: Direct<'_>) {
    let Direct { source, tile, next, first, count, mut to, at, step, plane, room, .. } = all;
    let (Ok(down), Ok(across)): (Result<[_; L], _>, Result<[_; L], _>) =
        (tile.rows.try_into(), tile.columns.try_into())
    else {
        unreachable!("a tile of {} x {}", tile.rows.len(), tile.columns.len())
    };
    // The largest offset of each axis bounds all others.
    let (Some(row), Some(column)) = (most(&down), most(&across)) else {
        return zeros(to, at, step, [P * P, plane], count, room);
    };
    let last = tile.base + row + column + first;
    assert!(count > 0 && last + count <= source.len());
    let chunks = count.div_ceil(LANES);
    assert!(
        at + (P * P - 1) * plane + (chunks - 1) * step + (count - (chunks - 1) * LANES).max(room.min(LANES))
            <= to.len()
    );
    for chunk in 0..chunks {
        let done = chunk * LANES;
        // Reads whole vectors while they are inside the source, even beyond the last channel.
        let here = LANES.min(count - done);
        let whole = last + done + LANES <= source.len();
        if let Some(next) = &next {
            let at = source.as_ptr().wrapping_add(next.base + first + done);
            for row in next.rows {
                let Some(row) = row else { continue };
                for column in next.columns {
                    let Some(column) = column else { continue };
                    prefetch_l1(at.wrapping_add(row + column));
                }
            }
        }
        let mut rows = [[s.zero(); P]; L];
        for (row, down) in rows.iter_mut().zip(&down) {
            let Some(down) = down else { continue };
            let from = tile.base + down + first + done;
            let mut x = [s.zero(); L];
            for (x, across) in x.iter_mut().zip(&across) {
                let Some(across) = across else { continue };
                *x = if whole {
                    // SAFETY: `last` is the largest of these offsets.
                    unsafe { s.load(&*source.as_ptr().add(from + across).cast()) }
                } else {
                    s.load_part(&source[from + across..from + across + here])
                };
            }
            *row = M::apply(s, x);
        }
        let fits = room - room.min(chunk * step) >= LANES;
        for p in 0..P {
            let mut x = [s.zero(); L];
            for (x, row) in x.iter_mut().zip(&rows) {
                *x = row[p];
            }
            for (q, x) in M::apply(s, x).into_iter().enumerate() {
                let first = at + (p * P + q) * plane + chunk * step;
                if fits {
                    // SAFETY: inside `to` by the second assertion; the region owns `room` floats.
                    unsafe { s.store(x, &mut *to.as_mut_ptr().add(first).cast()) };
                } else {
                    s.store_part(x, to.part(first..first + here));
                }
            }
        }
    }
}

/// The largest offset.
#[inline(always)]
fn most<const L: usize>(offsets: &[Option<usize>; L]) -> Option<usize> {
    let mut most = None;
    for offset in offsets {
        most = if *offset > most { *offset } else { most };
    }
    most
}

/// The planes of a tile that is outside the tensor.
#[cold]
fn zeros(mut to: Region<'_>, at: usize, step: usize, [planes, plane]: [usize; 2], count: usize, room: usize) {
    for p in 0..planes {
        for chunk in 0..count.div_ceil(LANES) {
            let first = at + p * plane + chunk * step;
            let len = if room == usize::MAX { LANES } else { LANES.min(count - chunk * LANES) };
            to.part(first..first + len).fill(0.0);
        }
    }
}

/// The transposed transform of 16 tiles: calls `visit` with the index and value of each tile
/// element.
///
/// # Safety
/// `planes` is valid for reading 16 floats at each plane, `plane` floats apart.
#[inline(always)]
pub(super) unsafe fn inverse<S: Simd>(
    s: S,
    of: Winograd,
    role: Role,
    planes: *const f32,
    plane: usize,
    mut visit: impl FnMut(usize, S::F),
) {
    // SAFETY: as the caller promises.
    unsafe { with_matrix!(of, role, transposed(s, planes, plane, &mut visit)) };
}

/// # Safety
/// As for [`inverse`].
#[inline(always)]
unsafe fn transposed<S: Simd, M: Matrix<P, L>, const P: usize, const L: usize>(
    s: S,
    planes: *const f32,
    plane: usize,
    visit: &mut impl FnMut(usize, S::F),
) {
    let mut columns = [[s.zero(); L]; P];
    for (p, column) in columns.iter_mut().enumerate() {
        let mut x = [s.zero(); P];
        for (q, x) in x.iter_mut().enumerate() {
            // SAFETY: as the caller promises.
            *x = unsafe { s.load(&*planes.add((p * P + q) * plane).cast()) };
        }
        *column = M::apply_transposed(s, x);
    }
    for i in 0..L {
        let mut x = [s.zero(); P];
        for (x, column) in x.iter_mut().zip(&columns) {
            *x = column[i];
        }
        for (j, x) in M::apply_transposed(s, x).into_iter().enumerate() {
            visit(i * L + j, x);
        }
    }
}

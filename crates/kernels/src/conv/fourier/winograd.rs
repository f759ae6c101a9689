//! The transforms of Winograd's smallest algorithms, which only add.
//!
//! F(m, r) computes m outputs of a kernel of r taps with m + r - 1 products along an axis. With the
//! polynomials X(p) = sum of x(i) p^i, and so on, products of polynomials are products of their
//! values at enough points p. At the points 0, 1, -1 and "infinity" (the coefficient of the highest
//! power), all entries of the matrices are 0, 1 and -1, except for halves in the matrix of the
//! taps. So the transforms need no multiplications, halves are exact, and the rounding error hardly
//! grows. More points need powers of 2 or 1/2, and larger matrices have larger errors.
//!
//! The matrices are those of Lavin and Gray, "Fast algorithms for convolutional neural networks"
//! (2016), with A transposed: a tensor of any role is transformed to planes by its matrix, and
//! planes to a tensor by the transpose.

use super::transform::{Forward, Role};
use crate::simd::{LANES, Simd};

/// An algorithm with m outputs and r taps along both axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Winograd {
    /// F(3, 2), for a kernel of 4 taps with stride 2.
    F32,
    /// F(2, 3).
    F23,
}

impl Winograd {
    pub(crate) const ALL: [Self; 2] = [Self::F32, Self::F23];

    /// The number of outputs and of taps.
    pub(crate) fn size(self) -> [usize; 2] {
        match self {
            Self::F32 => [3, 2],
            Self::F23 => [2, 3],
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
    fn apply_transposed<S: Simd>(s: S, y: [S::F; P]) -> [S::F; L];
}

/// Declares matrices by formulas: the points, given the elements `x`, and the elements, given the
/// points `y`.
macro_rules! matrices {
    ($($name:ident: $p:literal x $l:literal, $s:ident {
        $x:pat => [$($point:expr),+],
        $y:pat => [$($element:expr),+]
    })+) => {$(
        struct $name;
        impl Matrix<$p, $l> for $name {
            #[inline(always)]
            fn apply<S: Simd>($s: S, $x: [S::F; $l]) -> [S::F; $p] {
                [$($point),+]
            }

            #[inline(always)]
            fn apply_transposed<S: Simd>($s: S, $y: [S::F; $p]) -> [S::F; $l] {
                [$($element),+]
            }
        }
    )+};
}

/// x / 2
#[inline(always)]
fn half<S: Simd>(s: S, x: S::F) -> S::F {
    s.mul(x, s.splat(0.5))
}

matrices! {
    Pixels4: 4 x 4, s {
        [a, b, c, d] => [s.sub(a, c), s.add(b, c), s.sub(c, b), s.sub(d, b)],
        [p, q, r, t] => [p, s.sub(s.sub(q, r), t), s.add(s.sub(q, p), r), t]
    }
    // Two outputs, for three taps.
    Outputs4Two: 4 x 2, s {
        [a, b] => [a, s.add(a, b), s.sub(a, b), b],
        [p, q, r, t] => [s.add(s.add(p, q), r), s.add(s.sub(q, r), t)]
    }
    // Three outputs, for two taps.
    Outputs4Three: 4 x 3, s {
        [a, b, c] => [a, s.add(s.add(a, c), b), s.sub(s.add(a, c), b), c],
        [p, q, r, t] => [s.add(s.add(p, q), r), s.sub(q, r), s.add(s.add(q, r), t)]
    }
    Taps4Two: 4 x 2, s {
        [a, b] => [a, half(s, s.add(a, b)), half(s, s.sub(a, b)), b],
        [p, q, r, t] => [s.add(p, half(s, s.add(q, r))), s.add(half(s, s.sub(q, r)), t)]
    }
    Taps4Three: 4 x 3, s {
        [a, b, c] => [a, half(s, s.add(s.add(a, c), b)), half(s, s.sub(s.add(a, c), b)), c],
        [p, q, r, t] => [
            s.add(p, half(s, s.add(q, r))),
            half(s, s.sub(q, r)),
            s.add(half(s, s.add(q, r)), t)
        ]
    }
}

/// Calls `$call::<S, Matrix, P, L>(...)` with the matrix of a role.
macro_rules! with_matrix {
    ($of:expr, $role:expr, $call:ident($($argument:expr),*)) => {
        match ($of, $role) {
            (_, Role::Pixels) => $call::<S, Pixels4, 4, 4>($($argument),*),
            (Winograd::F23, Role::Outputs) => $call::<S, Outputs4Two, 4, 2>($($argument),*),
            (Winograd::F32, Role::Outputs) => $call::<S, Outputs4Three, 4, 3>($($argument),*),
            (Winograd::F32, Role::Taps) => $call::<S, Taps4Two, 4, 2>($($argument),*),
            (Winograd::F23, Role::Taps) => $call::<S, Taps4Three, 4, 3>($($argument),*),
        }
    };
}

/// [`Forward`] by an additive transform.
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

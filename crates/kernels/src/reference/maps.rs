//! What happens to each element by itself, and the epilogue of a layer that is made of it.

use super::{dropout, sum_axis};
use crate::element::{Binary, Finish, Real, Unary};

/// 1 / (1 + e^-x), from the side that cannot overflow.
fn sigmoid<R: Real>(x: R) -> R {
    let one = R::from_f64(1.0);
    let e = (-x.abs()).exp();
    if x >= R::default() { one / (one + e) } else { e / (one + e) }
}

/// [`Unary`] of one number.
pub fn unary_at<R: Real>(op: Unary, x: R) -> R {
    let zero = R::default();
    match op {
        Unary::Affine { scale, shift } => x.mul_add(R::from_f64(scale), R::from_f64(shift)),
        Unary::Square => x * x,
        Unary::Sqrt => x.sqrt(),
        Unary::Reciprocal => R::from_f64(1.0) / x,
        Unary::Exp => x.exp(),
        Unary::Log => x.ln(),
        Unary::LeakyRelu { slope } => {
            if x > zero {
                x
            } else {
                x * R::from_f64(slope)
            }
        }
        Unary::Sigmoid => sigmoid(x),
        Unary::Tanh => x.tanh(),
        Unary::Abs => x.abs(),
        Unary::Softplus => (if x > zero { x } else { zero }) + (-x.abs()).exp().ln_1p(),
        Unary::Clamp { low, high } => {
            let (low, high) = (R::from_f64(low), R::from_f64(high));
            let x = if x < low { low } else { x };
            if x > high { high } else { x }
        }
    }
}

/// [`Binary`] of two numbers.
pub fn binary_at<R: Real>(op: Binary, a: R, b: R) -> R {
    let one = R::from_f64(1.0);
    match op {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        Binary::Div => a / b,
        Binary::LeakyReluGrad { slope } => {
            if a > R::default() {
                b
            } else {
                b * R::from_f64(slope)
            }
        }
        Binary::AbsGrad => {
            if a > R::default() {
                b
            } else if a < R::default() {
                -b
            } else {
                R::default()
            }
        }
        Binary::ClampGrad { low, high } => {
            if R::from_f64(low) <= a && a <= R::from_f64(high) {
                b
            } else {
                R::default()
            }
        }
        Binary::SigmoidGrad => b * (a * (one - a)),
        Binary::TanhGrad => b * (one - a * a),
        Binary::SoftplusGrad => b * sigmoid(a),
    }
}

/// See [`Element::unary`](crate::Element::unary).
pub fn unary<R: Real>(op: Unary, x: &[R], y: &mut [R]) {
    assert_eq!(x.len(), y.len(), "{op:?}: lengths");
    for (x, y) in x.iter().zip(y) {
        *y = unary_at(op, *x);
    }
}

/// See [`Element::binary`](crate::Element::binary).
pub fn binary<R: Real>(op: Binary, a: &[R], b: &[R], y: &mut [R]) {
    assert_eq!((a.len(), b.len()), (y.len(), y.len()), "{op:?}: lengths");
    for ((a, b), y) in a.iter().zip(b).zip(y) {
        *y = binary_at(op, *a, *b);
    }
}

/// See [`Element::binary_rows`](crate::Element::binary_rows).
pub fn binary_rows<R: Real>(op: Binary, a: &[R], row: &[R], y: &mut [R]) {
    assert_eq!(a.len(), y.len(), "{op:?}: lengths");
    assert!(a.is_empty() || !row.is_empty() && a.len().is_multiple_of(row.len()), "{op:?}: whole rows");
    for (i, (a, y)) in a.iter().zip(y).enumerate() {
        *y = binary_at(op, *a, row[i % row.len()]);
    }
}

/// See [`Element::finish`](crate::Element::finish).
pub fn finish<R: Real>(finish: Finish, bias: Option<&[R]>, x: &mut [R]) {
    let mut y = x.to_vec();
    if let Some(bias) = bias {
        binary_rows(Binary::Add, x, bias, &mut y);
        x.copy_from_slice(&y);
    }
    if let Some(slope) = finish.slope {
        unary(Unary::LeakyRelu { slope }, x, &mut y);
        x.copy_from_slice(&y);
    }
    if let Some((rate, key)) = finish.dropout {
        dropout(key, rate, &y, x);
    }
}

/// See [`Element::finish_grad`](crate::Element::finish_grad).
pub fn finish_grad<R: Real>(finish: Finish, y: &[R], gy: &[R], gx: &mut [R], gbias: Option<&mut [R]>) {
    match finish.dropout {
        Some((rate, key)) => dropout(key, rate, gy, gx),
        None => gx.copy_from_slice(gy),
    }
    if let Some(slope) = finish.slope {
        let g = gx.to_vec();
        binary(Binary::LeakyReluGrad { slope }, y, &g, gx);
    }
    if let Some(gbias) = gbias {
        sum_axis([1, gx.len() / gbias.len(), gbias.len()], gx, gbias);
    }
}

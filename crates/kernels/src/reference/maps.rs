//! Element-wise functions, and the epilogue of a layer that consists of them.

use super::{dropout, sum_axis};
use crate::arguments::BiasActivation;
use crate::elementwise::{Binary, Unary};
use crate::real::Real;

/// See [`Element::unary`](crate::Element::unary).
pub fn unary<R: Real>(op: Unary, x: &[R], y: &mut [R]) {
    assert_eq!(x.len(), y.len(), "{op:?}: lengths");
    for (x, y) in x.iter().zip(y) {
        *y = op.at([*x]);
    }
}

/// See [`Element::binary`](crate::Element::binary).
pub fn binary<R: Real>(op: Binary, a: &[R], b: &[R], y: &mut [R]) {
    assert_eq!((a.len(), b.len()), (y.len(), y.len()), "{op:?}: lengths");
    for ((a, b), y) in a.iter().zip(b).zip(y) {
        *y = op.at([*a, *b]);
    }
}

/// See [`Element::binary_repeated`](crate::Element::binary_repeated).
pub fn binary_repeated<R: Real>(op: Binary, shape: [usize; 3], a: &[R], b: &[R], y: &mut [R]) {
    let [outer, repeated, inner] = shape;
    let wanted = [outer * repeated * inner, outer * inner, outer * repeated * inner];
    assert_eq!([a.len(), b.len(), y.len()], wanted, "{op:?}: lengths");
    for (at, (a, y)) in a.iter().zip(y).enumerate() {
        *y = op.at([*a, b[at / (repeated * inner) * inner + at % inner]]);
    }
}

/// See [`Element::add_assign`](crate::Element::add_assign).
pub fn add_assign<R: Real>(x: &[R], sum: &mut [R]) {
    assert_eq!(x.len(), sum.len(), "add_assign: lengths");
    for (x, sum) in x.iter().zip(sum) {
        *sum = *sum + *x;
    }
}

/// See [`Element::bias_act`](crate::Element::bias_act).
pub fn bias_act<R: Real>(settings: BiasActivation, bias: Option<&[R]>, x: &mut [R]) {
    let mut y = x.to_vec();
    if let Some(bias) = bias {
        binary_repeated(Binary::Add, [1, x.len() / bias.len(), bias.len()], x, bias, &mut y);
        x.copy_from_slice(&y);
    }
    if let Some(slope) = settings.slope {
        unary(Unary::LeakyRelu { slope }, x, &mut y);
        x.copy_from_slice(&y);
    }
    if let Some((rate, key)) = settings.dropout {
        dropout(key, rate, &y, x);
    }
}

/// See [`Element::bias_act_grad`](crate::Element::bias_act_grad).
pub fn bias_act_grad<R: Real>(settings: BiasActivation, y: &[R], gy: &[R], gx: &mut [R], gbias: Option<&mut [R]>) {
    match settings.dropout {
        Some((rate, key)) => dropout(key, rate, gy, gx),
        None => gx.copy_from_slice(gy),
    }
    if let Some(slope) = settings.slope {
        let g = gx.to_vec();
        binary(Binary::LeakyReluGrad { slope }, y, &g, gx);
    }
    if let Some(gbias) = gbias {
        sum_axis([1, gx.len() / gbias.len(), gbias.len()], gx, gbias);
    }
}

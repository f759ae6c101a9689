//! The rules of the optimisers.

use crate::arguments::{Adam, RmsProp, Sgd};
use crate::elementwise::Unary;
use crate::real::Real;

/// See [`Element::rms_prop`](crate::Element::rms_prop).
pub fn rms_prop<R: Real>(update: RmsProp, g: &[R], mean_square: &mut [R], theta: &mut [R]) {
    let RmsProp { learning_rate, rho, epsilon, clip } = update;
    assert_eq!((g.len(), mean_square.len()), (theta.len(), theta.len()), "rms_prop: lengths");
    let (rate, epsilon) = (R::from_f64(learning_rate), R::from_f64(epsilon));
    let (rho, rest) = (R::from_f64(rho), R::from_f64(1.0 - rho));
    for ((g, s), theta) in g.iter().zip(mean_square).zip(theta) {
        let g = Unary::Clamp { low: -clip, high: clip }.at([*g]);
        *s = rho * *s + rest * (g * g);
        *theta = *theta - rate * g / (s.sqrt() + epsilon);
    }
}

/// See [`Element::adam`](crate::Element::adam).
pub fn adam<R: Real>(update: Adam, g: &[R], [m, v]: [&mut [R]; 2], theta: &mut [R]) {
    let Adam { learning_rate, beta1, beta2, epsilon, t } = update;
    assert_eq!((g.len(), m.len(), v.len()), (theta.len(), theta.len(), theta.len()), "adam: lengths");
    let [correction1, correction2] = [beta1, beta2].map(|beta| 1.0 - power(beta, t));
    let (step, root2) = (R::from_f64(learning_rate / correction1), R::from_f64(correction2.sqrt()));
    let [b1, rest1, b2, rest2] = [beta1, 1.0 - beta1, beta2, 1.0 - beta2].map(R::from_f64);
    for (((g, m), v), theta) in g.iter().zip(m).zip(v).zip(theta) {
        *m = b1 * *m + rest1 * *g;
        *v = b2 * *v + rest2 * (*g * *g);
        *theta = *theta - step * *m / (v.sqrt() / root2 + R::from_f64(epsilon));
    }
}

/// beta^t by repeated squaring, which gives the same bits on every system; `powf` of a system
/// library may not.
pub fn power(beta: f64, mut t: u64) -> f64 {
    let (mut result, mut square) = (1.0, beta);
    while t > 0 {
        if t & 1 == 1 {
            result *= square;
        }
        square *= square;
        t >>= 1;
    }
    result
}

/// See [`Element::sgd`](crate::Element::sgd).
pub fn sgd<R: Real>(update: Sgd, g: &[R], velocity: &mut [R], theta: &mut [R]) {
    assert_eq!((g.len(), velocity.len()), (theta.len(), theta.len()), "sgd: lengths");
    let (rate, momentum) = (R::from_f64(update.learning_rate), R::from_f64(update.momentum));
    for ((g, v), theta) in g.iter().zip(velocity).zip(theta) {
        *v = momentum * *v + *g;
        *theta = *theta - rate * if update.nesterov { *g + momentum * *v } else { *v };
    }
}

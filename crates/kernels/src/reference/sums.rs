//! Sums and repetitions along an axis, and a count.

use crate::real::Real;

/// See [`Element::sum_axis`](crate::Element::sum_axis).
pub fn sum_axis<R: Real>([outer, reduced, inner]: [usize; 3], x: &[R], y: &mut [R]) {
    assert_eq!((x.len(), y.len()), (outer * reduced * inner, outer * inner), "sum_axis: lengths");
    for o in 0..outer {
        for i in 0..inner {
            let mut sum = R::default();
            for r in 0..reduced {
                sum = sum + x[(o * reduced + r) * inner + i];
            }
            y[o * inner + i] = sum;
        }
    }
}

/// See [`Element::repeat_axis`](crate::Element::repeat_axis).
pub fn repeat_axis<R: Real>([outer, repeated, inner]: [usize; 3], x: &[R], y: &mut [R]) {
    assert_eq!((x.len(), y.len()), (outer * inner, outer * repeated * inner), "repeat_axis: lengths");
    for o in 0..outer {
        for r in 0..repeated {
            let to = (o * repeated + r) * inner;
            y[to..to + inner].copy_from_slice(&x[o * inner..(o + 1) * inner]);
        }
    }
}

/// See [`Element::count_non_finite`](crate::Element::count_non_finite).
pub fn count_non_finite<R: Real>(x: &[R]) -> usize {
    x.iter().filter(|x| !x.is_finite()).count()
}

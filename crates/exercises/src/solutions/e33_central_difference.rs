//! By Taylor, f(x + h) = f + h f' + h^2 f''/2 + h^3 f'''/6: in the difference of the two sides the even terms cancel, and what is
//! left over is h^2 f'''/6. The checker takes two steps h and combines them so that this cancels too.

pub fn central_difference(f: &dyn Fn(f64) -> f64, x: f64, h: f64) -> f64 {
    (f(x + h) - f(x - h)) / (2.0 * h)
}

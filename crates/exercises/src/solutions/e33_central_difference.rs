//! By Taylor's theorem, f(x + h) = f + h f' + h^2 f''/2 + h^3 f'''/6 + ... In the difference of the
//! two sides the even terms cancel, and the error is h^2 f'''/6. The checker combines two step
//! sizes h so that this term cancels too.

pub fn central_difference(f: &dyn Fn(f64) -> f64, x: f64, h: f64) -> f64 {
    (f(x + h) - f(x - h)) / (2.0 * h)
}

//! Exercise 33: a central difference. (Guide: c14_proof_and_speed)
//!
//! A derivative can be checked against its definition: move x a little and see how much f changes.
//! A step to one side has an error proportional to h. With a step to each side most of the error
//! cancels, and the rest is proportional to h * h:
//!
//!     slope  is approximately  (f(x + h) - f(x - h)) / (2 h)
//!
//! Given:   f, x, and the small step h.
//! Result:  this central difference.
//!
//! Repair the function.
//!
//!     cargo run -p exercises -- check 33

pub fn central_difference(f: &dyn Fn(f64) -> f64, x: f64, h: f64) -> f64 {
    (f(x + h) - f(x)) / h
}

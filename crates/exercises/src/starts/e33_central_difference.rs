//! Exercise 33: a check from both sides. (Guide: c14_proof_and_speed)
//!
//! A derivative can be checked against what it means: move x a little and see how much f moves. One step to one side has
//! an error that shrinks as h does; looking to both sides cancels most of it, and the error shrinks as h * h:
//!
//!     slope  is nearly  (f(x + h) - f(x - h)) / (2 h)
//!
//! Given:   f, x, and the small step h.
//! Wanted:  this central difference.
//!
//! Repair the function.
//!
//!     cargo run -p exercises -- check 33

pub fn central_difference(f: &dyn Fn(f64) -> f64, x: f64, h: f64) -> f64 {
    (f(x + h) - f(x)) / h
}

//! y moves by cos(u) when u moves by 1, and u moves by 2 x when x moves by 1. The outer slope is taken at u, not at x.

pub fn slope(x: f64) -> f64 {
    let u = x * x;
    u.cos() * 2.0 * x
}

//! dy/du is cos(u), and du/dx is 2 x. The outer derivative is taken at u, not at x.

pub fn slope(x: f64) -> f64 {
    let u = x * x;
    u.cos() * 2.0 * x
}

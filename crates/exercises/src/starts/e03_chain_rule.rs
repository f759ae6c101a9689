//! Exercise 3: the chain rule. (Guide: c03_chain_rule)
//!
//!     y = sin(u)    with    u = x * x
//!
//! Given:   x.
//! Result:  dy/dx, the derivative of y with respect to x.
//!
//! Repair the function. The derivative of the sine is the cosine. The chain rule says that the
//! slopes along a chain are multiplied.
//!
//!     cargo run -p exercises -- check 3

pub fn slope(x: f64) -> f64 {
    let u = x * x;
    u.cos()
}

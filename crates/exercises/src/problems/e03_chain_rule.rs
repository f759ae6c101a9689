//! Exercise 3: the chain rule. (Guide: c03_chain_rule)
//!
//!     y = sin(u)    with    u = x * x
//!
//! Given:   x.
//! Wanted:  dy/dx, the slope of y by x.
//!
//! Repair the function. The slope of the sine is the cosine; the chain rule says that slopes along a chain multiply.
//!
//!     cargo run -p exercises -- check 3

pub fn slope(x: f64) -> f64 {
    let u = x * x;
    u.cos()
}

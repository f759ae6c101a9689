//! Exercise 32: dead units. (Guide: c13_sick_runs)
//!
//! A unit with a ReLU that gives 0 for every image of a batch gets no gradient from it, and cannot learn its way back.
//! The share of such units is a sign of a sick run.
//!
//! Given:   activations, the values after the ReLU, shape (images, units), row by row.
//! Wanted:  the share of the units that are 0 for all images: between 0 and 1.
//!
//! Repair the function: it gives the share of the zeros, of which a healthy network has many.
//!
//!     cargo run -p exercises -- check 32

pub fn dead_share(activations: &[f64], images: usize, units: usize) -> f64 {
    let zeros = activations.iter().filter(|a| **a == 0.0).count();
    zeros as f64 / (images * units) as f64
}

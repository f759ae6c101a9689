//! Exercise 32: dead units. (Guide: c13_sick_runs)
//!
//! A ReLU unit that outputs 0 for every image of a batch receives no gradient from it, and cannot
//! recover. The share of such units shows whether a training run is sick.
//!
//! Given:   activations, the values after the ReLU, of shape (images, units), row by row.
//! Result:  the share of units that are 0 for all images, between 0 and 1.
//!
//! Repair the function: it returns the share of zeros. A healthy network has many zeros.
//!
//!     cargo run -p exercises -- check 32

pub fn dead_share(activations: &[f64], images: usize, units: usize) -> f64 {
    let zeros = activations.iter().filter(|a| **a == 0.0).count();
    zeros as f64 / (images * units) as f64
}

//! Exercise 22: dropout. (Guide: c09_activations_and_losses)
//!
//! During training, each number is dropped with the probability `rate`. The others are scaled up,
//! so that the mean stays the same:
//!
//!     y[i] = x[i] / (1 - rate)    where kept[i]
//!     y[i] = 0                    elsewhere
//!
//! Given:   kept, the random mask of the forward pass; rate; and gy, the gradient of the loss with
//!          respect to y.
//! Result:  gx, the gradient of the loss with respect to x.
//!
//! Repair the function.
//!
//!     cargo run -p exercises -- check 22

pub fn dropout_gradient(gy: &[f64], kept: &[bool], rate: f64) -> Vec<f64> {
    let mut gx = vec![0.0; gy.len()];
    for i in 0..gy.len() {
        if kept[i] {
            gx[i] = gy[i];
        }
    }
    gx
}

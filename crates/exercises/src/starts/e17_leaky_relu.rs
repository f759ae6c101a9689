//! Exercise 17: the leaky ReLU. (Guide: c09_activations_and_losses)
//!
//!     y[i] = x[i]            where x[i] > 0
//!     y[i] = slope * x[i]    elsewhere
//!
//! Given:   x; gy, the gradient of the loss with respect to y; and the slope, such as 0.2.
//! Result:  gx, the gradient of the loss with respect to x.
//!
//! Repair the function: it is the rule of another activation.
//!
//!     cargo run -p exercises -- check 17

pub fn leaky_relu_gradient(x: &[f64], gy: &[f64], slope: f64) -> Vec<f64> {
    let mut gx = vec![0.0; x.len()];
    for i in 0..x.len() {
        if x[i] > 0.0 {
            gx[i] = gy[i];
        }
    }
    gx
}

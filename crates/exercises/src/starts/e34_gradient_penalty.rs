//! Exercise 34: the gradient penalty. (Guide: c14_proof_and_speed)
//!
//! In WGAN-GP, the slope of the critic with respect to its input should be 1 everywhere. So the
//! loss contains
//!
//!     penalty = mean over the images of (|slope| - 1)^2
//!
//! where |slope| is the norm of the gradient with respect to that image. The penalty contains a
//! gradient, and the critic learns from the gradient of the penalty: a gradient of a gradient.
//!
//! Given:   critic: a function from images, of shape (n, pixels), to one number each, of shape (n,
//!          1); images, on a tape.
//! Result:  the penalty. Its value is right already, but the critic's weights do not learn from it.
//!
//! Repair the function. How does `grad` know that its result will be differentiated again? Look at
//! `Options`.
//!
//!     cargo run -p exercises -- check 34

use tensor::{Options, Var, grad};

pub fn penalty(critic: &dyn Fn(&Var<f64>) -> Var<f64>, images: &Var<f64>) -> Var<f64> {
    let n = images.shape()[0];
    let sum = critic(images).sum();
    let slopes = grad(&sum, &[images.clone()], Options::KEEP).remove(0);
    let lengths = slopes.square().sum_to([n, 1]).sqrt();
    lengths.add_scalar(-1.0).square().mean()
}

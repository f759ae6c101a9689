//! Exercise 34: the gradient penalty. (Guide: c14_proof_and_speed)
//!
//! WGAN-GP wants the slope of the critic by its input to be 1 everywhere. So it adds to the loss
//!
//!     penalty = mean over the images of (|slope| - 1)^2        |slope| = the length of the gradient by that image
//!
//! The penalty is made of a gradient, and the critic learns from the gradient of the penalty: a gradient of a gradient.
//!
//! Given:   critic: a function from images, shape (n, pixels), to a number each, shape (n, 1); images, on a tape.
//! Wanted:  the penalty. Its value is right already, but the critic's weights do not learn from it.
//!
//! Repair the function. How does `grad` know that its result will be differentiated again? Look at `Options`.
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

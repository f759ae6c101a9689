//! Exercise 29: the cut. (Guide: c12_two_players)
//!
//! In its own step, the discriminator learns to distinguish real images from fakes. The generator
//! made the fakes, but it is not trained in this step: no gradient may flow back into it.
//!
//! Given:   discriminator: a function from images to logits; reals and fakes: images. These are
//!          `Var`s of the engine: values that may know how they were computed.
//! Result:  the loss of the discriminator: mean of softplus(-logit) over the reals + mean of
//!          softplus(logit) over the fakes. Its value is right already. Its gradient must reach the
//!          discriminator, but not the generator behind the fakes.
//!
//! Repair the function. (`var.detach()` is a constant with the same value: it cuts the graph.)
//!
//!     cargo run -p exercises -- check 29

use tensor::Var;

pub fn discriminator_loss(
    discriminator: &dyn Fn(&Var<f64>) -> Var<f64>,
    reals: &Var<f64>,
    fakes: &Var<f64>,
) -> Var<f64> {
    let on_reals = discriminator(reals);
    let on_fakes = discriminator(fakes);
    &on_reals.neg().softplus().mean() + &on_fakes.softplus().mean()
}

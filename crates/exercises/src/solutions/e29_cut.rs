//! In this step, fakes are ordinary images. Cut before the discriminator, not after it, because it
//! must learn from them.

use tensor::Var;

pub fn discriminator_loss(
    discriminator: &dyn Fn(&Var<f64>) -> Var<f64>,
    reals: &Var<f64>,
    fakes: &Var<f64>,
) -> Var<f64> {
    let on_reals = discriminator(reals);
    let on_fakes = discriminator(&fakes.detach());
    &on_reals.neg().softplus().mean() + &on_fakes.softplus().mean()
}

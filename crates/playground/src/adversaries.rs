//! [`Adversaries`]: what the GANs of both playgrounds have in common, and how they take turns.

use kernels::Key;
use models::LatentKind;
use nn::{ForwardContext, Network, Optimizer, RngContext, State, Stateful, differentiate};
use tensor::{NonFinite, Tensor, Var};

use crate::session::Step;
use crate::settings::Settings;

/// The two networks, their optimisers, and the turns so far.
pub(crate) struct Adversaries {
    pub(crate) seed: u64,
    pub(crate) batch: usize,
    pub(crate) latent: usize,
    pub(crate) discriminator: Network,
    pub(crate) generator: Network,
    d_optimizer: Optimizer,
    g_optimizer: Optimizer,
    /// The turns of the discriminator and of the generator so far.
    pub(crate) turns: [u64; 2],
}

/// The outputs of the discriminator's turn, from which its loss is calculated.
pub(crate) struct Outputs {
    pub(crate) fakes: Var,
    /// D's outputs on reals and on fakes.
    pub(crate) of_reals: Var,
    pub(crate) of_fakes: Var,
}

impl Adversaries {
    pub(crate) fn new(settings: &Settings, networks: [Network; 2], optimizers: [Optimizer; 2]) -> Self {
        let [seed, batch, latent] = ["seed", "batch", "latent"].map(|key| settings.count(key));
        let [discriminator, generator] = networks;
        let [d_optimizer, g_optimizer] = optimizers;
        Self { seed: seed as u64, batch, latent, discriminator, generator, d_optimizer, g_optimizer, turns: [0, 0] }
    }

    /// The state from which the hash is calculated.
    pub(crate) fn state(&self) -> State {
        State::of([&self.discriminator as &dyn Stateful, &self.generator, &self.d_optimizer, &self.g_optimizer])
    }

    /// The key of the discriminator's next turn for random numbers called `name`.
    pub(crate) fn key(&self, name: &str) -> Key {
        Key::named(self.seed, name).at(self.turns[0] as u32)
    }

    fn latents(&self, purpose: &str, turn: u64) -> Var {
        let key = Key::named(self.seed, purpose).at(turn as u32);
        Var::constant(LatentKind::Normal.draw(self.batch, self.latent, key))
    }

    /// Latents that do not change during training, for display, shape (count, latent).
    pub(crate) fn shown_latents(&self, count: usize) -> Tensor {
        LatentKind::Normal.draw(count, self.latent, Key::named(self.seed, "shown latents"))
    }

    /// The key of the reals for display.
    pub(crate) fn shown_reals(&self) -> Key {
        Key::named(self.seed, "shown reals")
    }

    /// One turn of the discriminator. `objective` returns its loss without and with a penalty. If
    /// not `is_cut`, the gradient flows into the generator too, which is a mistake.
    ///
    /// # Errors
    /// When a value is not finite; nothing is changed then.
    pub(crate) fn discriminator_turn(
        &mut self,
        settings: &Settings,
        reals: Tensor,
        is_cut: bool,
        objective: impl Fn(&Self, &mut ForwardContext, &Outputs) -> [Var; 2],
    ) -> Result<Step, NonFinite> {
        let turn = self.turns[0];
        let (reals, latents) = (Var::constant(reals), self.latents("discriminator latents", turn));
        let random = RngContext { seed: self.seed, step: turn, purpose: "discriminator turn" };
        let (gradients, step) = differentiate(random, |ctx| {
            let fakes = if is_cut {
                ctx.frozen(|ctx| self.generator.forward(ctx, &latents)).detach()
            } else {
                self.generator.forward(ctx, &latents)
            };
            let [of_reals, of_fakes] = [&reals, &fakes].map(|points| self.discriminator.forward(ctx, points));
            let outputs = Outputs { fakes, of_reals, of_fakes };
            let [loss, with_penalty] = objective(self, ctx, &outputs);
            let step = Step {
                d_loss: Some(f64::from(loss.item())),
                d_real: Some(f64::from(outputs.of_reals.detach().mean().item())),
                d_fake: Some(f64::from(outputs.of_fakes.detach().mean().item())),
                ..Step::default()
            };
            (with_penalty, step)
        })?;
        self.d_optimizer.set_learning_rate(settings.number("d_rate"));
        self.d_optimizer.step_several(&mut [&mut self.discriminator, &mut self.generator], &gradients);
        self.turns[0] += 1;
        Ok(step)
    }

    /// One turn of the generator, whose loss is calculated from D's outputs on fakes. If not
    /// `is_frozen`, the discriminator learns too, which is a mistake.
    ///
    /// # Errors
    /// When a value is not finite; nothing is changed then.
    pub(crate) fn generator_turn(
        &mut self,
        settings: &Settings,
        is_frozen: bool,
        loss: impl Fn(&Var) -> Var,
    ) -> Result<Step, NonFinite> {
        let turn = self.turns[1];
        let latents = self.latents("generator latents", turn);
        let random = RngContext { seed: self.seed, step: turn, purpose: "generator turn" };
        let (gradients, step) = differentiate(random, |ctx| {
            let fakes = self.generator.forward(ctx, &latents);
            let judge = |ctx: &mut ForwardContext| self.discriminator.forward(ctx, &fakes);
            let outputs = if is_frozen { ctx.frozen(judge) } else { judge(ctx) };
            let loss = loss(&outputs);
            let step = Step { g_loss: Some(f64::from(loss.item())), ..Step::default() };
            (loss, step)
        })?;
        self.g_optimizer.set_learning_rate(settings.number("g_rate"));
        self.g_optimizer.step_several(&mut [&mut self.discriminator, &mut self.generator], &gradients);
        self.turns[1] += 1;
        Ok(step)
    }
}

/// The approximate multiply-adds of a turn of the discriminator and of one of the generator. The
/// two networks need these numbers for a forward pass of one example. What does not depend on the
/// networks, such as recording a turn, takes as long as 200,000 multiply-adds.
pub(crate) fn work(settings: &Settings, [discriminator, generator]: [f64; 2], penalised: f64) -> [f64; 2] {
    let batch = settings.number("batch");
    // The forward pass, the gradient of the input and that of the weights take equally many.
    let d_turn = generator + 3.0 * 2.0 * discriminator + penalised * discriminator;
    let g_turn = 3.0 * generator + 2.0 * discriminator;
    [d_turn, g_turn].map(|work| 200_000.0 + batch * work)
}

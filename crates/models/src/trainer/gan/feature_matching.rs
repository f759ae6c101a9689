//! The generator's loss of a [`GanTrainer`], also where the generator matches mean features.

use nn::losses::mse;
use nn::{ForwardContext, StepError};
use tensor::{Tensor, Var};

use super::{GENERATED, GENERATOR_TURN, GanTrainer};
use crate::trainer::adversarial::generator_loss;
use crate::trainer::services::StepContext;

impl GanTrainer {
    /// The frozen discriminator's outputs on fakes, and the generator's loss: the adversarial one,
    /// or the squared distance between the mean features of fakes and reals. With several shards,
    /// `features` are those of the whole batch.
    pub(super) fn judged(
        &self,
        ctx: &mut ForwardContext,
        at: StepContext<'_>,
        fakes: &Var,
        features: Option<&[Tensor; 2]>,
    ) -> (Var, Var) {
        if self.matched.is_none() {
            let logits = self.discriminator.forward(ctx, fakes);
            let loss = generator_loss(&self.options, &logits);
            return (logits, loss);
        }
        let [logits, of_fakes] = self.discriminator.forward_with_features(ctx, fakes);
        let of_fakes = mean_of_batch(&of_fakes);
        let loss = match features {
            None => mse(&of_fakes, &self.features_of_reals(ctx, at)),
            Some(features) => tangent_of_mse(&of_fakes, features),
        };
        (logits, loss)
    }

    /// The mean features of the reals that the generator matches.
    fn features_of_reals(&self, ctx: &mut ForwardContext, at: StepContext<'_>) -> Var {
        let reals = self.matched.as_ref().expect("called for feature matching only");
        let of_shard = match self.options.common.shards {
            1 => reals.clone(),
            _ => self.map_turns(reals, |_, reals| at.rows(&reals)),
        };
        let reals = self.augmented(at, &Var::constant(of_shard), "matched reals");
        let [_, of_reals] = self.discriminator.forward_with_features(ctx, &reals);
        mean_of_batch(&of_reals)
    }

    /// For feature matching with several shards: the mean features of all fakes and of all reals in
    /// the generator's turn on these latents. They cost another forward pass of each shard.
    pub(super) fn mean_features(
        &self,
        at: StepContext<'_>,
        latents: &Tensor,
    ) -> Result<Option<[Tensor; 2]>, StepError> {
        if self.matched.is_none() || self.options.common.shards == 1 {
            return Ok(None);
        }
        let means = at.mean_over_shards(|at| {
            let latents = Var::constant(at.rows(latents));
            let means = at.without_gradients(GENERATOR_TURN, |ctx| {
                let fakes = self.generator.forward(ctx, &latents);
                let fakes = self.augmented(at, &fakes, GENERATED);
                let [_, of_fakes] = self.discriminator.forward_with_features(ctx, &fakes);
                [mean_of_batch(&of_fakes), self.features_of_reals(ctx, at)]
            });
            Ok(means.map(Var::into_value))
        })?;
        Ok(Some(means))
    }
}

/// The mean over a batch, shape (1, ...).
fn mean_of_batch(features: &Var) -> Var {
    let mut shape = features.shape().to_vec();
    shape[0] = 1;
    features.mean_to(&shape[..])
}

/// The squared distance of the mean features a of all fakes from b of all reals is not a mean over
/// shards. But its tangent at a is linear, |a - b|^2 + 2 (a - b) (x - a): the mean of its values at
/// the means x of the shards is the distance, and the mean of their gradients is its gradient.
fn tangent_of_mse(of_shard: &Var, [fakes, reals]: &[Tensor; 2]) -> Var {
    let [a, b] = [fakes, reals].map(|features| Var::constant(features.clone()));
    let difference = &a - &b;
    &mse(&a, &b) + &(&difference * &(of_shard - &a)).mean().scale(2.0)
}

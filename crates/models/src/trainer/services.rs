//! [`StepServices`]: the services of a training step that all systems share: random streams,
//! latents, augmentation, the average of the generator, and gradients that are checked for
//! non-finite values.

use std::sync::Arc;

use kernels::Key;
use kernels::random::{fnv1a, words};
use nn::{
    Averaged, CommunicationError, Communicator, ForwardContext, Gradients, Network, RngContext, Shard, Shards,
    StepError, differentiate,
};
use tensor::{NonFinite, Tape, Tensor, Var};

use crate::trainer::averaging::{Averaging, follow};
use crate::trainer::common::{CommonOptions, InstanceNoise, ShardNorm};
use crate::trainer::diff_augment::{augmented, sometimes_augmented};
use crate::trainer::spec::Range;
use crate::{LatentKind, SettingsError};

/// What a generator makes from latents of shape (n, latent) in inference mode, `with_dropout` or
/// without. The dropped elements of an image depend only on its own latents, so it is the same in
/// any batch.
pub(crate) fn sampled(generator: &Network, latents: &Tensor, with_dropout: bool) -> Tensor {
    if !with_dropout {
        return generator.infer(latents);
    }
    let one = |row: usize| {
        let latents = latents.rows(row..row + 1);
        let seed = fnv1a(latents.data().iter().map(|x| u64::from(x.to_bits())));
        generator.infer_with_dropout(&latents, RngContext { seed, step: 0, purpose: "dropout of a sample" })
    };
    let mut images = (0..latents.shape()[0]).map(one);
    let first = images.next().expect("there are latents");
    images.fold(first, |all, image| all.concat(&image))
}

/// Like [`sampled`], but recorded in `ctx`.
///
/// # Errors
/// With dropout, whose random numbers are not recorded.
pub(crate) fn sampled_in(
    ctx: &mut ForwardContext,
    generator: &Network,
    latents: &Var,
    with_dropout: bool,
) -> Result<Var, String> {
    if with_dropout {
        return Err("`g_dropout_at_sampling` drops elements at random in each sample".into());
    }
    Ok(generator.forward(ctx, latents))
}

/// The services of a system's steps, as its settings configure them.
///
/// Everything random comes from streams keyed by (seed, name of the stream, number), so the
/// services hold no state.
///
/// A step's batch consists of [`Shards`], which several ranks may share. The tensors of a step hold
/// only the rows of this process's shards; numbers of images count the whole batch.
#[derive(Clone, Debug)]
pub(crate) struct StepServices {
    seed: u64,
    range: Range,
    common: CommonOptions,
    noise: InstanceNoise,
    latents: (LatentKind, usize),
    averaging: Averaging,
    shards: Shards,
}

impl StepServices {
    /// Services for images in `range`, without instance noise, latents or average.
    pub(crate) fn new(seed: u64, range: Range, common: &CommonOptions) -> Self {
        let (noise, latents) = (InstanceNoise::default(), (LatentKind::Normal, 0));
        let (averaging, shards) = (Averaging::constant(0.0), Shards::new(common.shards));
        let shards = match common.batch_norm {
            ShardNorm::Shard => shards,
            ShardNorm::Sync => shards.synchronised(),
        };
        Self { seed, range, common: common.clone(), noise, latents, averaging, shards }
    }

    /// With instance noise.
    pub(crate) fn noise(self, noise: &InstanceNoise) -> Self {
        Self { noise: noise.clone(), ..self }
    }

    /// With latents of `size` numbers each.
    pub(crate) fn latents(self, kind: LatentKind, size: usize) -> Self {
        Self { latents: (kind, size), ..self }
    }

    /// With an average of the generator.
    pub(crate) fn averaging(self, averaging: Averaging) -> Self {
        Self { averaging, ..self }
    }

    /// Shares the shards with other ranks.
    ///
    /// # Errors
    /// When the number of ranks does not divide that of the shards.
    pub(crate) fn share(&mut self, ranks: Arc<dyn Communicator>) -> Result<(), SettingsError> {
        self.shards = self.shards.shared_by(ranks).map_err(|why| SettingsError { key: "shards", why })?;
        Ok(())
    }

    /// The number of images in a whole batch of which this process has `own`.
    pub(crate) fn whole(&self, own: usize) -> usize {
        own * self.shards.ranks()
    }

    /// This process's part of the images of a whole batch.
    pub(crate) fn own_images(&self, whole: &[usize]) -> Vec<usize> {
        whole[self.shards.own_rows(whole.len())].to_vec()
    }

    /// The seed of the run.
    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// The distribution of the latents.
    pub(crate) fn latent_kind(&self) -> LatentKind {
        self.latents.0
    }

    /// `count` latents to sample with, shape (count, size), from a stream that no step uses.
    pub(crate) fn sample_latents(&self, seed: u64, stream: &str, count: usize) -> Tensor {
        let (kind, size) = self.latents;
        kind.draw(count, size, Key::named(seed, stream))
    }

    /// The services at step number `step`.
    pub(crate) fn at(&self, step: u64) -> StepContext<'_> {
        self.at_turn(step, step)
    }

    /// The services at turn number `turn` of a network, within step number `step`, for systems
    /// whose networks may have several turns in a step.
    pub(crate) fn at_turn(&self, step: u64, turn: u64) -> StepContext<'_> {
        StepContext { services: self, step, turn, shard: Shard::WHOLE }
    }
}

/// The services at one turn of a network.
#[derive(Clone, Copy)]
pub(crate) struct StepContext<'a> {
    services: &'a StepServices,
    /// The step number, which determines schedules.
    step: u64,
    /// The turn number, which selects the random numbers of each stream.
    turn: u64,
    /// The shard of the batch; the whole batch outside of
    /// [`mean_over_shards`](StepContext::mean_over_shards).
    shard: Shard,
}

impl<'a> StepContext<'a> {
    /// The random stream called `stream`, at this turn. Each shard has its own.
    pub(crate) fn key(self, stream: &str) -> Key {
        Key::named(self.seed(), stream).at(self.turn as u32)
    }

    /// The seed of the run, or for one of several shards a seed that depends on its number.
    fn seed(self) -> u64 {
        let (seed, Shard { number, count }) = (self.services.seed, self.shard);
        if count == 1 {
            return seed;
        }
        let [low, high, ..] = words(Key::named(seed, "shards"), number as u32);
        u64::from(low) | u64::from(high) << 32
    }

    fn rng(self, purpose: &'static str) -> RngContext {
        RngContext { seed: self.seed(), step: self.turn, purpose }
    }

    /// The same shard at another turn.
    pub(crate) fn with_turn(self, turn: u64) -> Self {
        Self { turn, ..self }
    }

    /// This process's part of the batch's `count` latents, which come from the stream called
    /// `stream`: shape (own, size).
    pub(crate) fn latents(self, stream: &str, count: usize) -> Tensor {
        let (kind, size) = self.services.latents;
        self.own(kind.draw(count, size, self.key(stream)))
    }

    /// This process's rows of a tensor for the whole batch.
    pub(crate) fn own(self, whole: Tensor) -> Tensor {
        let rows = self.services.shards.own_rows(whole.shape()[0]);
        if rows.len() == whole.shape()[0] { whole } else { whole.rows(rows) }
    }

    /// The number of the shard.
    pub(crate) fn shard(self) -> usize {
        self.shard.number
    }

    /// The position of the shard among those of this process.
    pub(crate) fn place(self) -> usize {
        self.shard.number - if self.shard.count == 1 { 0 } else { self.services.shards.own().start }
    }

    /// The shard's rows of a tensor with the rows of this process.
    pub(crate) fn rows(self, own: &Tensor) -> Tensor {
        if self.shard.count == 1 {
            return own.clone();
        }
        let (rows, place, places) = (own.shape()[0], self.place(), self.services.shards.own().len());
        own.rows(rows * place / places..rows * (place + 1) / places)
    }

    /// The services of each shard of this process.
    fn shards(self) -> impl Iterator<Item = Self> {
        let count = self.services.shards.count();
        self.services.shards.own().map(move |number| Self { shard: Shard { number, count }, ..self })
    }

    /// Whether several ranks share the shards.
    pub(crate) fn has_ranks(self) -> bool {
        self.services.shards.ranks() > 1
    }

    /// The services of each shard of other ranks.
    pub(crate) fn others(self) -> impl Iterator<Item = Self> {
        let (own, count) = (self.services.shards.own(), self.services.shards.count());
        let others = (0..count).filter(move |number| !own.contains(number));
        others.map(move |number| Self { shard: Shard { number, count }, ..self })
    }

    /// Gathers the tensors of all shards; `own` are those of this process's shards.
    ///
    /// # Errors
    /// When another rank cannot be reached.
    pub(crate) fn gathered(self, own: Vec<Tensor>) -> Result<Vec<Tensor>, CommunicationError> {
        self.services.shards.gathered(own)
    }

    /// Calls `make` for each shard of this process, and returns the results in order.
    ///
    /// # Errors
    /// When another rank cannot be reached.
    pub(crate) fn map_shards<R: Send>(self, make: impl Fn(Self) -> R + Sync) -> Result<Vec<R>, StepError> {
        self.services.shards.map(|shard| make(Self { shard, ..self }))
    }

    /// Applies `make` to the rows of each shard of this process, and concatenates the results.
    pub(crate) fn map_rows(self, own: &Tensor, mut make: impl FnMut(Self, &Tensor) -> Tensor) -> Tensor {
        let made = self.shards().map(|at| make(at, &at.rows(own)));
        made.reduce(|all, more| all.concat(&more)).expect("a process has at least one shard")
    }

    /// The mean over all shards of what `pass` returns for each, such as its
    /// [gradients](Self::differentiate) and metrics. Unless batch normalisation is synchronised,
    /// the passes run one after the other, so `pass` should create all large values itself, from
    /// the [rows](Self::rows) of its shard.
    ///
    /// # Errors
    /// When a pass fails, or another rank cannot be reached.
    pub(crate) fn mean_over_shards<R: Averaged + Send>(
        self,
        pass: impl Fn(StepContext<'a>) -> Result<R, NonFinite> + Sync,
    ) -> Result<R, StepError> {
        self.services.shards.mean(|shard| pass(Self { shard, ..self }))
    }

    /// Images as the discriminator receives them: augmented, and with instance noise. `whose` names
    /// the random streams.
    pub(crate) fn augmented(self, images: &Var, whose: &str) -> Var {
        self.augmented_with(None, images, whose)
    }

    /// Like [`augmented`](Self::augmented), but applies each augmentation with probability `p`, if
    /// given.
    pub(crate) fn augmented_with(self, p: Option<f64>, images: &Var, whose: &str) -> Var {
        let StepServices { common, noise, range, .. } = self.services;
        let key = |purpose: &str| self.key(&format!("{purpose} of {whose}"));
        let (kinds, span, augmentation) = (&common.diff_augment, range.span(), key("augmentation"));
        let images = match p {
            None => augmented(images, kinds, span, augmentation),
            Some(p) => sometimes_augmented(images, kinds, span, p, augmentation),
        };
        match noise.deviation(self.step) {
            0.0 => images,
            deviation => {
                let noise = nn::init::normal(images.shape(), 0.0, deviation, key("instance noise"));
                &images + &Var::constant(noise)
            }
        }
    }

    /// The gradients of the loss that `forward` returns with respect to all weights that it does
    /// not freeze, and its other result. `purpose` names the random stream of the layers.
    ///
    /// # Errors
    /// The first value or gradient that is not finite.
    pub(crate) fn differentiate<R>(
        self,
        purpose: &'static str,
        forward: impl Fn(&mut ForwardContext) -> (Var, R),
    ) -> Result<(Gradients, R), NonFinite> {
        differentiate(self.rng(purpose), forward)
    }

    /// Runs `forward` in training mode without gradients, for example to make fakes for the
    /// discriminator.
    pub(crate) fn without_gradients<R>(
        self,
        purpose: &'static str,
        forward: impl FnOnce(&mut ForwardContext) -> R,
    ) -> R {
        ForwardContext::training(&Tape::new(), self.rng(purpose)).frozen(forward)
    }

    /// Updates the `averages` of a generator from its `networks`, in a step with `images` images,
    /// after `steps` earlier updates.
    pub(crate) fn average<'b, 'c>(
        self,
        averages: impl IntoIterator<Item = &'b mut Network>,
        networks: impl IntoIterator<Item = &'c Network>,
        (images, steps): (usize, u64),
    ) {
        follow(averages, networks, self.services.averaging.keep(images, steps));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services(noise: f64) -> StepServices {
        let noise = InstanceNoise { instance_noise: noise, instance_noise_steps: 4 };
        StepServices::new(7, Range::Unit, &CommonOptions::default()).noise(&noise).latents(LatentKind::Uniform, 3)
    }

    #[test]
    fn streams_follow_the_turn_and_schedules_the_step() {
        let (services, images) = (services(0.5), Var::constant(Tensor::zeros([2, 2, 2, 1])));
        let at = |step, turn| services.at_turn(step, turn);
        assert_eq!(at(1, 3).key("x"), Key::named(7, "x").at(3));
        assert_eq!(at(0, 5).latents("z", 2), at(1, 5).latents("z", 2));
        assert_ne!(at(0, 5).latents("z", 2), at(0, 6).latents("z", 2));
        let largest = |step| {
            let augmented = at(step, 9).augmented(&images, "reals").into_value();
            augmented.data().iter().fold(0.0_f32, |largest, x| largest.max(x.abs()))
        };
        assert!((largest(2) - largest(0) / 2.0).abs() < 1e-6, "half of the noise is left after half of the steps");
        assert_eq!(largest(4), 0.0);
    }

    #[test]
    fn without_options_the_discriminator_sees_the_images_themselves() {
        let images = Tensor::from_fn([2, 2, 2, 1], |i| i as f32);
        let augmented = services(0.0).at(0).augmented(&Var::constant(images.clone()), "reals");
        assert_eq!(augmented.value(), &images);
    }
}

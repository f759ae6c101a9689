//! cyclegan: translates images from one domain to another; trained on two unpaired sets of images.
//!
//! Zhu, Park, Isola and Efros, "Unpaired image-to-image translation using cycle-consistent
//! adversarial networks", 2017. Two generators, A to B and B to A, are each trained against the
//! **discriminator** of their target domain. Two more losses preserve the content of an image:
//! translating it there and back should give the original (the **cycle** loss), and an image that
//! is already of the target domain should not change (the **identity** loss). The networks are in
//! [`networks`].

pub mod networks;
mod settings;

use std::sync::{Arc, Mutex, PoisonError};

use kernels::random::{index, words};
use nn::losses::{l1, least_squares};
use nn::{Adam, Communicator, ForwardContext, Network, Optimizer, StepError};
use tensor::{Tensor, Var};

pub use settings::{Settings, Upsample, Variant};

use crate::catalogue::{OriginalLog, Preset, SystemEntry, TrainingData, boxed, preset_table, settings_from};
use crate::step_metrics::{Chart, MetricDescription, StepMetrics, Unit};
use crate::trainer::adversarial::Side;
use crate::trainer::image_pool::ImagePools;
use crate::trainer::seen::{name_scores, name_seen};
use crate::trainer::services::{StepContext, StepServices};
use crate::trainer::spec::Range;
use crate::{
    Direction, LossKind, LossScale, Sampler, Settings as _, SettingsError, Sides, System, Translate, distinct_indices,
};

/// The entry in the catalogue.
pub const ENTRY: SystemEntry = SystemEntry {
    name: "cyclegan",
    about: "translates images from one domain to another; trained on two unpaired sets of images",
    presets: &[
        Preset { name: "cpu", about: "64x64, 6 residual blocks of 64 channels", steps: 6000 },
        Preset {
            name: "original",
            about: "the authors' configuration: 256x256, 9 residual blocks of 256 channels, 200 epochs of 1000 steps",
            steps: 200_000,
        },
        Preset { name: "course", about: "Udacity's smaller configuration: 128x128, batch norm, batch 16", steps: 4000 },
    ],
    settings: preset_table::<Settings>,
    build: |settings, seed| boxed(CycleGan::new(settings_from(settings)?, seed)),
    data: TrainingData::Pairs,
    log: OriginalLog::ByName,
    missing_switch: settings::missing_switch,
};

/// Four networks, an optimiser for both generators and one for both discriminators, and the image
/// pools. Pairs of generators are (A to B, B to A); all other pairs are (A, B).
pub struct CycleGan {
    settings: Settings,
    services: StepServices,
    /// The generators A to B and B to A.
    pub generators: [Network; 2],
    /// The discriminators of A and of B.
    pub discriminators: [Network; 2],
    generator_optimizer: Optimizer,
    discriminator_optimizer: Optimizer,
    pools: [ImagePools; 2],
}

/// The metrics of the generators' update, measured before the update.
#[derive(Clone, Debug)]
pub struct Translated {
    /// The adversarial losses of A to B and of B to A.
    pub adversarial: [f64; 2],
    /// The cycle losses of A and of B.
    pub cycle: [f64; 2],
    /// The identity losses of A to B and of B to A; 0 if their weight is 0.
    pub identity: [f64; 2],
    /// Fakes of A and of B, in [-1, 1].
    pub fakes: [Tensor; 2],
}

/// The metrics have the names of the authors' program, except those of the discriminators, which
/// are named after their domain.
const METRICS: [MetricDescription; 8] = [
    loss("d_a_loss", "d_a", "The loss of the discriminator of A."),
    loss("g_a_loss", "g_a", "The adversarial loss of the generator A to B."),
    loss("cycle_a_loss", "cycle_a", "The mean absolute difference between A and its translation to B and back."),
    loss(
        "idt_a_loss",
        "idt_a",
        "The mean absolute difference between B and the output of the generator A to B for it.",
    ),
    loss("d_b_loss", "d_b", "The loss of the discriminator of B."),
    loss("g_b_loss", "g_b", "The adversarial loss of the generator B to A."),
    loss("cycle_b_loss", "cycle_b", "The mean absolute difference between B and its translation to A and back."),
    loss(
        "idt_b_loss",
        "idt_b",
        "The mean absolute difference between A and the output of the generator B to A for it.",
    ),
];

const fn loss(name: &'static str, label: &'static str, description: &'static str) -> MetricDescription {
    MetricDescription::new(name, Unit::Loss, description).on(Chart::LOSS, label)
}

/// The generators end in a tanh.
const RANGE: Range = Range::Symmetric;

fn numbers(pair: &[Var; 2]) -> [f64; 2] {
    pair.each_ref().map(|var| f64::from(var.item()))
}

/// The images of the shard of `at`.
fn of_shard(at: StepContext<'_>, images: [&Tensor; 2]) -> [Var; 2] {
    images.map(|images| Var::constant(at.rows(images)))
}

/// Concatenates the images of all shards of this process, separately for each domain.
fn one_after_another(of_shards: Vec<[Tensor; 2]>) -> [Tensor; 2] {
    let both = |all: [Tensor; 2], more: [Tensor; 2]| [0, 1].map(|domain| all[domain].concat(&more[domain]));
    of_shards.into_iter().reduce(both).expect("a process has at least one shard")
}

impl CycleGan {
    /// New networks, with weights drawn from `seed`.
    ///
    /// # Errors
    /// When a setting is out of its range.
    pub fn new(settings: Settings, seed: u64) -> Result<Self, SettingsError> {
        settings.check()?;
        let mut generators = ["generator_ab", "generator_ba"].map(|name| networks::generator(&settings, name, seed));
        let mut discriminators =
            ["discriminator_a", "discriminator_b"].map(|name| networks::discriminator(&settings, name, seed));
        settings.common.check_batch_norm(generators.iter().chain(&discriminators))?;
        settings.common.configure_discriminators(&mut discriminators);
        settings.common.configure(generators.iter_mut().chain(&mut discriminators));
        let rule = Adam { beta1: settings.beta1, beta2: 0.999, epsilon: 1e-8 };
        let optimizer = |name, networks: &[Network; 2]| {
            Optimizer::of_several(name, &networks.each_ref(), rule, settings.learning_rate)
        };
        let generator_optimizer = optimizer("generators", &generators);
        let discriminator_optimizer = optimizer("discriminators", &discriminators);
        let shape = [settings.size, settings.size, 3];
        let pools =
            ["pool_a", "pool_b"].map(|name| ImagePools::new(name, settings.pool, &shape, settings.common.shards));
        let services = StepServices::new(seed, RANGE, &settings.common);
        Ok(Self { settings, services, generators, discriminators, generator_optimizer, discriminator_optimizer, pools })
    }

    fn set_learning_rate(&mut self, step: u64) {
        let epoch = step / self.settings.epoch as u64 + 1;
        let learning_rate = self.settings.learning_rate * self.settings.learning_rate_factor(epoch);
        self.generator_optimizer.set_learning_rate(learning_rate);
        self.discriminator_optimizer.set_learning_rate(learning_rate);
    }

    /// Trains the generators with the adversarial, the cycle and the identity losses; the
    /// discriminators are frozen. `reals` are images of A and of B in [-1, 1].
    ///
    /// # Errors
    /// When a value or gradient is not finite; nothing is updated then.
    pub fn train_generators(&mut self, step: u64, reals: &[Var; 2]) -> Result<Translated, StepError> {
        let [ab, ba] = &self.generators;
        let [d_a, d_b] = &self.discriminators;
        let (cycle_weight, identity_weight) = (self.settings.cycle, self.settings.cycle * self.settings.identity);
        let (reals, fakes) = (reals.each_ref().map(Var::value), Mutex::new(Vec::new()));
        let (gradients, [adversarial, cycle, identity]) = self.services.at(step).mean_over_shards(|at| {
            let [a, b] = &of_shard(at, reals);
            let (gradients, (losses, images)) = at.differentiate("generator step", |ctx| {
                let fake_b = ab.forward(ctx, a);
                let cycled_a = ba.forward(ctx, &fake_b);
                let fake_a = ba.forward(ctx, b);
                let cycled_b = ab.forward(ctx, &fake_a);
                let augmented_b = at.augmented(&fake_b, "painted B");
                let augmented_a = at.augmented(&fake_a, "painted A");
                let logits = ctx.frozen(|ctx| [d_b.forward(ctx, &augmented_b), d_a.forward(ctx, &augmented_a)]);

                let adversarial = logits.map(|logits| least_squares(&logits, 1.0));
                let cycle = [l1(&cycled_a, a), l1(&cycled_b, b)];
                let mut loss = &(&adversarial[0] + &adversarial[1]) + &(&cycle[0] + &cycle[1]).scale(cycle_weight);
                let mut losses = [numbers(&adversarial), numbers(&cycle), [0.0; 2]];
                let fakes = [fake_a.into_value(), fake_b.into_value()];
                if identity_weight > 0.0 {
                    let identity = [l1(&ab.forward(ctx, b), b), l1(&ba.forward(ctx, a), a)];
                    loss = &loss + &(&identity[0] + &identity[1]).scale(identity_weight);
                    losses[2] = numbers(&identity);
                }
                (loss, (losses, fakes))
            })?;
            fakes.lock().unwrap_or_else(PoisonError::into_inner).push(images);
            Ok((gradients, losses))
        })?;
        self.generator_optimizer.step_several(&mut self.generators.each_mut(), &gradients);
        let fakes = one_after_another(fakes.into_inner().unwrap_or_else(PoisonError::into_inner));
        Ok(Translated { adversarial, cycle, identity, fakes })
    }

    /// Trains the discriminators to tell `reals` from `fakes`, images of A and of B in [-1, 1].
    /// Returns their losses before the update.
    ///
    /// # Errors
    /// When something is not finite; nothing is updated then.
    pub fn train_discriminators(
        &mut self,
        step: u64,
        reals: &[Var; 2],
        fakes: [Tensor; 2],
    ) -> Result<[f64; 2], StepError> {
        let (reals, fakes) = (reals.each_ref().map(Var::value), fakes.each_ref());
        let weight = if self.settings.variant == Variant::Official { 0.5 } else { 1.0 };
        let (gradients, result) = self.services.at(step).mean_over_shards(|at| {
            let [reals, fakes] = [reals, fakes].map(|images| of_shard(at, images));
            at.differentiate("discriminator step", |ctx| {
                let losses = [0, 1].map(|domain| {
                    let discriminator = &self.discriminators[domain];
                    let mut score = |side, images: &[Var; 2], whose: [&str; 2]| {
                        let images = at.augmented(&images[domain], whose[domain]);
                        let logits = discriminator.forward(ctx, &images);
                        name_scores(discriminator.name(), side, logits.value());
                        name_seen(discriminator.name(), side, RANGE, || images.value().clone());
                        logits
                    };
                    let real = score(Side::Real, &reals, ["real A", "real B"]);
                    let fake = score(Side::Fake, &fakes, ["fake A", "fake B"]);
                    (&least_squares(&real, 1.0) + &least_squares(&fake, 0.0)).scale(weight)
                });
                (&losses[0] + &losses[1], numbers(&losses))
            })
        })?;
        self.discriminator_optimizer.step_several(&mut self.discriminators.each_mut(), &gradients);
        Ok(result)
    }

    /// Fakes of A and of B, in training mode but without gradients.
    fn fresh_fakes(&self, step: u64, reals: &[Var; 2]) -> Result<[Tensor; 2], StepError> {
        let ([ab, ba], reals) = (&self.generators, reals.each_ref().map(Var::value));
        let fakes = self.services.at(step).map_shards(|at| {
            let [a, b] = &of_shard(at, reals);
            let forward = |ctx: &mut ForwardContext| [ba.forward(ctx, b), ab.forward(ctx, a)];
            at.without_gradients("fresh fakes", forward).map(Var::into_value)
        });
        Ok(one_after_another(fakes?))
    }

    /// The fakes for the discriminators: those of this step, some replaced from the pools.
    fn through_pools(&self, step: u64, fakes: &[Tensor; 2]) -> Result<[Tensor; 2], StepError> {
        let at = self.services.at(step);
        let through = |domain: usize, stream| {
            let pool = &self.pools[domain];
            let shown = at.map_rows(&fakes[domain], |at, fakes| pool.query(at, stream, fakes));
            pool.share(at, stream).map(|()| shown)
        };
        Ok([through(0, "pool of A")?, through(1, "pool of B")?])
    }
}

impl System for CycleGan {
    fn name(&self) -> &'static str {
        "cyclegan"
    }

    fn image_shape(&self) -> Option<[usize; 3]> {
        Some([self.settings.size, self.settings.size, 3])
    }

    fn metrics(&self) -> &'static [MetricDescription] {
        &METRICS
    }

    fn batch_size(&self) -> usize {
        self.settings.batch
    }

    /// An epoch has as many positions as the larger domain has images, in random order. Each
    /// position takes A's image of that index (modulo the size of A) and a random image of B.
    fn batch(&self, step: u64, available: &[usize]) -> Vec<Vec<usize>> {
        let (a, b, batch) = (available[0], available[1], self.settings.batch);
        let epoch = a.max(b);
        let mut order = (u64::MAX, Vec::new());
        let place = |at: u64| {
            let number = at / epoch as u64;
            if order.0 != number {
                order = (number, distinct_indices(self.services.at(number).key("order of A"), epoch, epoch));
            }
            order.1[(at % epoch as u64) as usize] % a
        };
        let first = step * batch as u64;
        let chosen = self.services.at(step).key("choice of B");
        let any = |number| index(words(chosen, number)[0], b);
        let whole: [Vec<usize>; 2] =
            [(first..first + batch as u64).map(place).collect(), (0..batch as u32).map(any).collect()];
        whole.iter().map(|images| self.services.own_images(images)).collect()
    }

    fn share(&mut self, ranks: Arc<dyn Communicator>) -> Result<(), SettingsError> {
        self.services.share(ranks)
    }

    fn step(&mut self, step: u64, reals: &[Tensor]) -> Result<StepMetrics, StepError> {
        self.set_learning_rate(step);
        let reals = &[0, 1].map(|domain| Var::constant(RANGE.inward(&reals[domain])));
        let (g, d) = match self.settings.variant {
            Variant::Official => {
                let g = self.train_generators(step, reals)?;
                let fakes = self.through_pools(step, &g.fakes)?;
                (g, self.train_discriminators(step, reals, fakes)?)
            }
            Variant::Course => {
                let fakes = self.fresh_fakes(step, reals)?;
                let fakes = self.through_pools(step, &fakes)?;
                let d = self.train_discriminators(step, reals, fakes)?;
                (self.train_generators(step, reals)?, d)
            }
        };
        let of = |i: usize| [d[i], g.adversarial[i], g.cycle[i], g.identity[i]];
        Ok(StepMetrics::new(&METRICS, [of(0), of(1)].concat()))
    }

    fn discriminate(&self, domain: usize, images: &Var) -> Option<Var> {
        let discriminator = self.discriminators.get(domain)?;
        Some(discriminator.forward(&mut ForwardContext::inference(), &RANGE.inward_var(images)))
    }

    fn samples(&self) -> Sampler<'_> {
        Sampler::Images(self)
    }

    fn loss_scale(&self) -> Option<LossScale> {
        let summed = LossScale::summed(LossKind::LeastSquares, 1.0);
        Some(if self.settings.variant == Variant::Official { summed.halved() } else { summed })
    }

    fn networks(&self) -> Vec<&Network> {
        self.generators.iter().chain(&self.discriminators).collect()
    }

    parts!(generators, discriminators, generator_optimizer, discriminator_optimizer, pools);
}

impl Translate for CycleGan {
    fn translate(&self, direction: Direction, images: &Tensor) -> Tensor {
        let [ab, ba] = &self.generators;
        let generator = if direction == Direction::AToB { ab } else { ba };
        RANGE.outward(generator.infer_at_any_size(&RANGE.inward(images)))
    }

    /// Each convolution of stride 2 halves the size, and an up-sampling doubles it again. The least
    /// size leaves the reflection padding of the residual blocks a pixel to mirror.
    fn sides(&self) -> Option<Sides> {
        Some(match self.settings.variant {
            Variant::Official => Sides { multiple: 4, least: 8 },
            Variant::Course => Sides { multiple: 8, least: 8 },
        })
    }

    fn forward(&self, ctx: &mut ForwardContext, direction: Direction, images: &Var) -> Result<Var, String> {
        let [ab, ba] = &self.generators;
        let generator = if direction == Direction::AToB { ab } else { ba };
        Ok(RANGE.outward_var(generator.forward(ctx, &RANGE.inward_var(images))))
    }
}

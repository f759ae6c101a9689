//! cyclegan: translates pictures of one kind into another, learned from two heaps of pictures without pairs.
//!
//! Zhu, Park, Isola and Efros, "Unpaired image-to-image translation using cycle-consistent adversarial networks", 2017. Two
//! generators, A to B and B to A, each learn to please the **discriminator** of the domain that they paint; what keeps the
//! content of a picture is that the way there and back must lead home (the **cycle** loss), and that a picture which is of the
//! target domain already should stay as it is (the **identity** loss). The networks are in [`networks`].
//!
//! The numbers of a step are called as in the authors' program, but for the discriminators, which are called after the domain
//! that they judge: `g_a`, `idt_a` belong to the generator A to B, `g_b`, `idt_b` to that from B to A; `cycle_a` is how far A
//! comes home from, and `d_a` judges pictures of A.

pub mod networks;
mod settings;

use kernels::random::words;
use nn::losses::{l1, least_squares};
use nn::{ForwardContext, Network, Optimizer, Rule, Stateful};
use tensor::{NonFinite, Tensor, Var};

pub use settings::{Settings, Upsample, Variant};

use crate::catalogue::{OriginalLog, Preset, SystemEntry, TrainingData, boxed, preset_table, settings_from};
use crate::step_metrics::{Chart, MetricDescription, StepMetrics, Unit};
use crate::trainer::image_pool::ImagePool;
use crate::trainer::lint::{Remark, uneven_windows};
use crate::trainer::services::StepServices;
use crate::trainer::spec::Range;
use crate::{Direction, Sampler, Settings as _, SettingsError, System, Translate, distinct_indices};

/// The entry in the catalogue.
pub const ENTRY: SystemEntry = SystemEntry {
    name: "cyclegan",
    about: "translates pictures of one kind into another, from two heaps without pairs",
    presets: &[
        Preset { name: "cpu", about: "64x64, 6 residual blocks of 64 channels", steps: 6000 },
        Preset {
            name: "original",
            about: "the authors': 256x256, 9 residual blocks of 256 channels, 200 epochs of 1000 steps",
            steps: 200_000,
        },
        Preset { name: "course", about: "Udacity's smaller one: 128x128, batch norm, batch 16", steps: 4000 },
    ],
    settings: preset_table::<Settings>,
    build: |settings, seed| boxed(CycleGan::new(settings_from(settings)?, seed)),
    data: TrainingData::Pairs,
    log: OriginalLog::ByName,
    missing_switch: settings::missing_switch,
};

/// The four networks, the optimisers of the two generators and of the two discriminators, and the pools of fakes. Pairs are
/// (A to B, B to A) of generators, (A, B) of everything else.
pub struct CycleGan {
    settings: Settings,
    services: StepServices,
    /// Translate A to B, and B to A.
    pub generators: [Network; 2],
    /// Judge pictures of A, and of B.
    pub discriminators: [Network; 2],
    generator_optimizer: Optimizer,
    discriminator_optimizer: Optimizer,
    pools: [ImagePool; 2],
}

/// What the generators' half of a step found, before the update.
#[derive(Clone, Debug)]
pub struct Translated {
    /// The adversarial losses of A to B and of B to A.
    pub adversarial: [f64; 2],
    /// How far A and B come home from.
    pub cycle: [f64; 2],
    /// What A to B makes of B and B to A of A; 0 if nobody asks.
    pub identity: [f64; 2],
    /// Fakes of A and of B, in [-1, 1].
    pub fakes: [Tensor; 2],
}

/// The metrics have the names of the authors' program, except those of the discriminators, which are
/// named after the domain that they judge.
const METRICS: [MetricDescription; 8] = [
    loss("d_a_loss", "d_a", "The loss of the discriminator of A."),
    loss("g_a_loss", "g_a", "The adversarial loss of the generator A to B."),
    loss("cycle_a_loss", "cycle_a", "The mean absolute difference between A and its translation to B and back."),
    loss("idt_a_loss", "idt_a", "The mean absolute difference between B and what the generator A to B makes of it."),
    loss("d_b_loss", "d_b", "The loss of the discriminator of B."),
    loss("g_b_loss", "g_b", "The adversarial loss of the generator B to A."),
    loss("cycle_b_loss", "cycle_b", "The mean absolute difference between B and its translation to A and back."),
    loss("idt_b_loss", "idt_b", "The mean absolute difference between A and what the generator B to A makes of it."),
];

const fn loss(name: &'static str, label: &'static str, description: &'static str) -> MetricDescription {
    MetricDescription::new(name, Unit::Loss, description).on(Chart::LOSS, label)
}

/// The generators end in a tanh.
const RANGE: Range = Range::Symmetric;

fn numbers(pair: &[Var; 2]) -> [f64; 2] {
    pair.each_ref().map(|var| f64::from(var.item()))
}

impl CycleGan {
    /// Fresh networks, with weights decided by `seed`.
    ///
    /// # Errors
    /// When a setting is out of its range.
    pub fn new(settings: Settings, seed: u64) -> Result<Self, SettingsError> {
        settings.check()?;
        let generators = ["generator_ab", "generator_ba"].map(|name| networks::generator(&settings, name, seed));
        let discriminators =
            ["discriminator_a", "discriminator_b"].map(|name| networks::discriminator(&settings, name, seed));
        let rule = Rule::Adam { beta1: settings.beta1, beta2: 0.999, epsilon: 1e-8 };
        let optimizer = |name, networks: &[Network; 2]| {
            Optimizer::of_several(name, &networks.each_ref(), rule, settings.learning_rate)
        };
        let generator_optimizer = optimizer("generators", &generators);
        let discriminator_optimizer = optimizer("discriminators", &discriminators);
        let shape = [settings.size, settings.size, 3];
        let pools = ["pool_a", "pool_b"].map(|name| ImagePool::new(name, settings.pool, &shape));
        let services = StepServices::new(seed, RANGE, &settings.common);
        Ok(Self { settings, services, generators, discriminators, generator_optimizer, discriminator_optimizer, pools })
    }

    fn set_learning_rate(&mut self, step: u64) {
        let epoch = step / self.settings.epoch as u64 + 1;
        let learning_rate = self.settings.learning_rate * self.settings.learning_rate_factor(epoch);
        self.generator_optimizer.set_learning_rate(learning_rate);
        self.discriminator_optimizer.set_learning_rate(learning_rate);
    }

    /// The generators learn to please the frozen discriminators, to lead home, and to leave alone what is right already. `reals`
    /// are pictures of A and of B in [-1, 1].
    ///
    /// # Errors
    /// When something is not finite; nothing is updated then.
    pub fn train_generators(&mut self, step: u64, reals: &[Var; 2]) -> Result<Translated, NonFinite> {
        let [a, b] = reals;
        let [ab, ba] = &self.generators;
        let [judge_a, judge_b] = &self.discriminators;
        let (cycle_weight, identity_weight) = (self.settings.cycle, self.settings.cycle * self.settings.identity);
        let at = self.services.at(step);
        let (gradients, result) = at.differentiate("generator step", |ctx| {
            let fake_b = ab.forward(ctx, a);
            let home_a = ba.forward(ctx, &fake_b);
            let fake_a = ba.forward(ctx, b);
            let home_b = ab.forward(ctx, &fake_a);
            let shown_b = at.augmented(&fake_b, "painted B");
            let shown_a = at.augmented(&fake_a, "painted A");
            let logits = ctx.frozen(|ctx| [judge_b.forward(ctx, &shown_b), judge_a.forward(ctx, &shown_a)]);

            let adversarial = logits.map(|logits| least_squares(&logits, 1.0));
            let cycle = [l1(&home_a, a), l1(&home_b, b)];
            let mut loss = &(&adversarial[0] + &adversarial[1]) + &(&cycle[0] + &cycle[1]).scale(cycle_weight);
            let mut found = Translated {
                adversarial: numbers(&adversarial),
                cycle: numbers(&cycle),
                identity: [0.0; 2],
                fakes: [fake_a.into_value(), fake_b.into_value()],
            };
            if identity_weight > 0.0 {
                let identity = [l1(&ab.forward(ctx, b), b), l1(&ba.forward(ctx, a), a)];
                loss = &loss + &(&identity[0] + &identity[1]).scale(identity_weight);
                found.identity = numbers(&identity);
            }
            (loss, found)
        })?;
        self.generator_optimizer.step_several(&mut self.generators.each_mut(), &gradients);
        Ok(result)
    }

    /// The discriminators learn to tell `reals` from `fakes`, pictures of A and of B in [-1, 1]. Returns their losses before the
    /// update.
    ///
    /// # Errors
    /// When something is not finite; nothing is updated then.
    pub fn train_discriminators(
        &mut self,
        step: u64,
        reals: &[Var; 2],
        fakes: [Tensor; 2],
    ) -> Result<[f64; 2], NonFinite> {
        let fakes = fakes.map(Var::constant);
        let weight = if self.settings.variant == Variant::Official { 0.5 } else { 1.0 };
        let at = self.services.at(step);
        let (gradients, result) = at.differentiate("discriminator step", |ctx| {
            let losses = [0, 1].map(|domain| {
                let mut score = |images: &[Var; 2], whose: [&str; 2]| {
                    self.discriminators[domain].forward(ctx, &at.augmented(&images[domain], whose[domain]))
                };
                let (real, fake) = (score(reals, ["real A", "real B"]), score(&fakes, ["fake A", "fake B"]));
                (&least_squares(&real, 1.0) + &least_squares(&fake, 0.0)).scale(weight)
            });
            (&losses[0] + &losses[1], numbers(&losses))
        })?;
        self.discriminator_optimizer.step_several(&mut self.discriminators.each_mut(), &gradients);
        Ok(result)
    }

    /// Fakes of A and of B from generators that do not learn from it, but walk as if they did.
    fn fresh_fakes(&self, step: u64, [a, b]: &[Var; 2]) -> [Tensor; 2] {
        let [ab, ba] = &self.generators;
        let forward = |ctx: &mut ForwardContext| [ba.forward(ctx, b), ab.forward(ctx, a)];
        self.services.at(step).without_gradients("fresh fakes", forward).map(Var::into_value)
    }

    /// What the discriminators are shown instead of the fakes of this step.
    fn through_pools(&mut self, step: u64, fakes: &[Tensor; 2]) -> [Tensor; 2] {
        let (at, [a, b]) = (self.services.at(step), &mut self.pools);
        [a.query(&fakes[0], at.key("pool of A")), b.query(&fakes[1], at.key("pool of B"))]
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

    /// In a round every place of the larger domain's length comes once, in random order: A's picture of this place (again from the
    /// start, if it has fewer), with one of B at random.
    fn batch(&self, step: u64, available: &[usize]) -> Vec<Vec<usize>> {
        let (a, b, batch) = (available[0], available[1], self.settings.batch);
        let round = a.max(b);
        let mut order = (u64::MAX, Vec::new());
        let place = |at: u64| {
            let number = at / round as u64;
            if order.0 != number {
                order = (number, distinct_indices(self.services.at(number).key("order of A"), round, round));
            }
            order.1[(at % round as u64) as usize] % a
        };
        let first = step * batch as u64;
        let chosen = self.services.at(step).key("choice of B");
        let any = |number| ((u64::from(words(chosen, number)[0]) * b as u64) >> 32) as usize;
        vec![(first..first + batch as u64).map(place).collect(), (0..batch as u32).map(any).collect()]
    }

    fn step(&mut self, step: u64, reals: &[Tensor]) -> Result<StepMetrics, NonFinite> {
        self.set_learning_rate(step);
        let reals = &[0, 1].map(|domain| Var::constant(RANGE.inward(&reals[domain])));
        let (found, judged) = match self.settings.variant {
            Variant::Official => {
                let found = self.train_generators(step, reals)?;
                let shown = self.through_pools(step, &found.fakes);
                (found, self.train_discriminators(step, reals, shown)?)
            }
            Variant::Course => {
                let fakes = self.fresh_fakes(step, reals);
                let shown = self.through_pools(step, &fakes);
                let judged = self.train_discriminators(step, reals, shown)?;
                (self.train_generators(step, reals)?, judged)
            }
        };
        let of = |i: usize| [judged[i], found.adversarial[i], found.cycle[i], found.identity[i]];
        Ok(StepMetrics::new(&METRICS, [of(0), of(1)].concat()))
    }

    fn samples(&self) -> Sampler<'_> {
        Sampler::Images(self)
    }

    fn remarks(&self) -> Vec<Remark> {
        uneven_windows(&self.networks()).into_iter().collect()
    }

    fn networks(&self) -> Vec<&Network> {
        self.generators.iter().chain(&self.discriminators).collect()
    }

    fn parts(&self) -> Vec<&dyn Stateful> {
        vec![
            &self.generators,
            &self.discriminators,
            &self.generator_optimizer,
            &self.discriminator_optimizer,
            &self.pools,
        ]
    }

    fn parts_mut(&mut self) -> Vec<&mut dyn Stateful> {
        vec![
            &mut self.generators,
            &mut self.discriminators,
            &mut self.generator_optimizer,
            &mut self.discriminator_optimizer,
            &mut self.pools,
        ]
    }
}

impl Translate for CycleGan {
    fn translate(&self, direction: Direction, images: &Tensor) -> Tensor {
        let [ab, ba] = &self.generators;
        let generator = if direction == Direction::AToB { ab } else { ba };
        RANGE.outward(generator.infer(&RANGE.inward(images)))
    }
}

//! [`PointsGan`]: the GAN for points in the plane.
//!
//! Both networks are perceptrons with two hidden layers of leaky ReLUs, trained with Adam. One of
//! two mistakes of the museum can be switched on: fakes that are not detached in the
//! discriminator's turn, or a discriminator that is not frozen in the generator's turn.

use models::trainer::penalty;
use nn::layers::{Activation, Dense};
use nn::losses::{hinge, least_squares, logistic_discriminator, logistic_generator, negative_mean, wasserstein_critic};
use nn::{Adam, Dialect, ForwardContext, Network, Optimizer, State};
use tensor::{NonFinite, Options, Tape, Tensor, Var, grad};

use crate::adversaries::{self, Adversaries};
use crate::session::Step;
use crate::settings::{Choice, Kind, SEED, Setting, Settings, number};
use crate::shape;

const RATES: &[f64] = &[0.0001, 0.0003, 0.001, 0.002, 0.005, 0.01, 0.03];

/// The settings of the GAN for points.
pub(crate) static SETTINGS: [Setting; 13] = [
    Setting {
        key: "data",
        label: "Distribution",
        about: "Where real points come from. Change it while the GAN trains, and watch the generator follow.",
        kind: Kind::Choice(shape::CHOICES),
        live: true,
    },
    Setting {
        key: "loss",
        label: "Loss",
        about: "What the two networks minimise.",
        kind: Kind::Choice(&[
            Choice::new(
                "logistic",
                "Logistic, non-saturating",
                "The usual one: the generator maximises log D of its fakes, and learns most from fakes that D rejects.",
            ),
            Choice::new(
                "saturating",
                "Logistic, saturating",
                "The minimax loss of the first GAN paper: where D rejects a fake with certainty, its arrow shrinks to nothing.",
            ),
            Choice::new(
                "least-squares",
                "Least squares",
                "D is a regression to 1 and 0: smoother heights, arrows that grow with the distance.",
            ),
            Choice::new(
                "hinge",
                "Hinge",
                "D stops pushing beyond a margin of 1: flat heights far away from the border.",
            ),
            Choice::new(
                "wasserstein",
                "Wasserstein",
                "D is a critic without bounds. Without a gradient penalty its scores grow forever: choose one.",
            ),
        ]),
        live: true,
    },
    Setting {
        key: "d_rate",
        label: "Learning rate of D",
        about: "Higher: D adapts faster, and its heights flicker. Much higher than G's: D wins, and the arrows point anywhere.",
        kind: number(0.002, 0.0, 1.0, false, RATES),
        live: true,
    },
    Setting {
        key: "g_rate",
        label: "Learning rate of G",
        about: "Higher: fakes move faster, but jump together from one cloud to the next. Much higher than D's: mode collapse.",
        kind: number(0.001, 0.0, 1.0, false, RATES),
        live: true,
    },
    Setting {
        key: "k",
        label: "Turns of D per step",
        about: "The k of the first GAN paper. More turns keep D near its best answer, at the cost of time.",
        kind: number(1.0, 1.0, 20.0, true, &[1.0, 2.0, 3.0, 5.0, 10.0]),
        live: true,
    },
    Setting {
        key: "g_turns",
        label: "Turns of G per step",
        about: "More than one lets G exploit a D that stands still: all fakes move to where D is highest, a mode collapse.",
        kind: number(1.0, 1.0, 50.0, true, &[1.0, 2.0, 5.0, 10.0, 25.0]),
        live: true,
    },
    Setting {
        key: "penalty",
        label: "Gradient penalty",
        about: "A term of D's loss that limits how steep its heights are.",
        kind: Kind::Choice(&[
            Choice::new("none", "None", "D may become as steep as it likes."),
            Choice::new("r1", "R1, on reals", "Heights are flat around reals: training settles instead of circling."),
            Choice::new(
                "between",
                "WGAN-GP, between reals and fakes",
                "Slopes of length 1 between reals and fakes: arrows of even length everywhere.",
            ),
        ]),
        live: true,
    },
    Setting {
        key: "weight",
        label: "Weight of the penalty",
        about: "Higher: smoother heights and slower learning. Has no effect without a penalty.",
        kind: number(1.0, 0.0, 1000.0, false, &[0.01, 0.1, 1.0, 10.0, 100.0]),
        live: true,
    },
    Setting {
        key: "mistake",
        label: "Mistake in the step",
        about: "A programming error that is easy to make.",
        kind: Kind::Choice(&[
            Choice::new("none", "None", "Each turn updates one network."),
            Choice::new(
                "no-freeze",
                "D is not frozen in G's turn",
                "G's turn teaches D to accept fakes as well: D forgets, both losses look good, and fakes drift.",
            ),
            Choice::new(
                "no-cut",
                "Fakes are not detached in D's turn",
                "D's turn teaches G to be caught: fakes flee from the reals.",
            ),
        ]),
        live: true,
    },
    Setting {
        key: "width",
        label: "Width of the layers",
        about: "Units of each hidden layer, in both networks. Wider: finer heights, slower steps.",
        kind: number(64.0, 2.0, 256.0, true, &[4.0, 16.0, 32.0, 64.0, 128.0]),
        live: false,
    },
    Setting {
        key: "batch",
        label: "Batch",
        about: "Reals per turn, and as many fakes. Larger: steadier curves, slower steps.",
        kind: number(64.0, 2.0, 1024.0, true, &[8.0, 32.0, 64.0, 128.0, 256.0]),
        live: false,
    },
    Setting {
        key: "latent",
        label: "Latents",
        about: "Numbers from which G makes a point. One: fakes lie on a curve. Many: clouds are covered more easily.",
        kind: number(4.0, 1.0, 64.0, true, &[1.0, 2.0, 4.0, 16.0]),
        live: false,
    },
    SEED,
];

/// A classic failure of GAN training.
#[derive(Debug)]
pub struct Failure {
    /// Its name.
    pub name: &'static str,
    /// Its label on the page.
    pub label: &'static str,
    /// What to look at, why it happens, and what helps.
    pub about: &'static str,
    /// The link of its start.
    pub link: &'static str,
}

/// The classic failures.
pub static FAILURES: [Failure; 5] = [
    Failure {
        name: "collapse",
        label: "Mode collapse",
        about: "G takes 10 turns for each of D: all fakes move to the place that D rates highest, and move on once D has learned. What helps: fewer turns of G, a lower rate of G, R1.",
        link: "points&g_rate=0.002&g_turns=10",
    },
    Failure {
        name: "strong-d",
        label: "D is too strong",
        about: "D takes 20 turns, with the saturating loss: it is certain of most fakes, most of their arrows shrink to nothing, and G hardly learns. What helps: the non-saturating loss, fewer turns of D.",
        link: "points&loss=saturating&d_rate=0.005&k=20",
    },
    Failure {
        name: "no-freeze",
        label: "D is not frozen in G’s turn",
        about: "G’s turn also teaches D to accept every fake. G’s loss falls to nothing and looks like success, but most arrows are gone, and the fakes do not go where the reals are: often they drift out of the picture. What helps: no mistake in the step.",
        link: "points&g_rate=0.005&mistake=no-freeze",
    },
    Failure {
        name: "no-cut",
        label: "Fakes are not detached in D’s turn",
        about: "The gradient of D’s loss flows into G and makes its fakes easy to detect: D’s turn undoes what G’s turn did. For thousands of turns no fake stays near a real; later the fakes may gather at a few of them. What helps: no mistake in the step.",
        link: "points&mistake=no-cut",
    },
    Failure {
        name: "unbounded",
        label: "A Wasserstein critic without a penalty",
        about: "Nothing limits the scores: heights, arrows and losses grow and grow, although the fakes can look good for a long time. What helps: a gradient penalty between reals and fakes.",
        link: "points&loss=wasserstein&d_rate=0.005&k=5",
    },
];

/// Fakes that a [`PointsView`] has.
pub const SHOWN: usize = 200;
/// Places on each side of the map of D's heights.
pub const MAP: usize = 40;

/// The GAN for points.
pub struct PointsGan(Adversaries);

/// What the page shows of a [`PointsGan`].
pub struct PointsView {
    /// SHOWN fakes from latents that never change, as (x, y).
    pub fakes: Tensor,
    /// Minus the gradient of each fake's own term of the generator's loss with respect to its
    /// place: where D pushes it.
    pub arrows: Tensor,
    /// D's outputs on the map, MAP x MAP, from the top left, row by row.
    pub heights: Tensor,
}

impl PointsGan {
    pub(crate) fn new(settings: &Settings) -> Self {
        let [seed, width, latent] = ["seed", "width", "latent"].map(|key| settings.count(key));
        let network = |name: &str, input: usize, output: usize| {
            Network::new(name, &[input], Dialect::Keras, seed as u64)
                .with("dense1", Dense::new(width))
                .with("relu1", Activation::LeakyRelu(0.2))
                .with("dense2", Dense::new(width))
                .with("relu2", Activation::LeakyRelu(0.2))
                .with("dense3", Dense::new(output))
        };
        let (discriminator, generator) = (network("discriminator", 2, 1), network("generator", latent, 2));
        // A mistake can make either turn update both networks.
        let optimizer = |network: &Network| {
            let rule = Adam { beta1: 0.5, beta2: 0.999, epsilon: 1e-8 };
            Optimizer::of_several(network.name(), &[&discriminator, &generator], rule, 0.0)
        };
        let optimizers = [&discriminator, &generator].map(optimizer);
        Self(Adversaries::new(settings, [discriminator, generator], optimizers))
    }

    /// The state from which the hash is calculated.
    pub fn state(&self) -> State {
        self.0.state()
    }

    /// The turns of the discriminator and of the generator so far.
    pub fn turns(&self) -> [u64; 2] {
        self.0.turns
    }

    /// One turn of the discriminator.
    ///
    /// # Errors
    /// When a value is not finite; nothing is changed then.
    pub(crate) fn discriminator_turn(&mut self, settings: &Settings, cells: &[u16]) -> Result<Step, NonFinite> {
        let reals = shape::points(settings.word("data"), cells, self.0.batch, self.0.key("reals"));
        let is_cut = settings.word("mistake") != "no-cut";
        self.0.discriminator_turn(settings, reals.clone(), is_cut, |both, ctx, outputs| {
            let judge = |ctx: &mut ForwardContext, points: &Var| both.discriminator.forward(ctx, points);
            let loss = discriminator_loss(settings.word("loss"), &outputs.of_reals, &outputs.of_fakes);
            let weight = settings.number("weight");
            let penalty = match settings.word("penalty") {
                "r1" => Some(penalty::on_reals(ctx, judge, weight, &reals)),
                "between" => {
                    let fakes = outputs.fakes.value();
                    Some(penalty::between(ctx, judge, weight, &reals, fakes, both.key("between")))
                }
                _ => None,
            };
            let with_penalty = penalty.map_or(loss.clone(), |penalty| &loss + &penalty.loss);
            [loss, with_penalty]
        })
    }

    /// One turn of the generator.
    ///
    /// # Errors
    /// When a value is not finite; nothing is changed then.
    pub(crate) fn generator_turn(&mut self, settings: &Settings) -> Result<Step, NonFinite> {
        let is_frozen = settings.word("mistake") != "no-freeze";
        self.0.generator_turn(settings, is_frozen, |outputs| generator_loss(settings.word("loss"), outputs))
    }

    /// The discriminator's outputs on points of shape (n, 2), and minus the gradient of each
    /// point's own term of the generator's loss.
    pub fn judged(&self, settings: &Settings, points: &Tensor) -> [Tensor; 2] {
        let tape = Tape::new();
        let points = tape.variable("fakes", points.clone());
        let outputs = self.0.discriminator.forward(&mut ForwardContext::inference(), &points);
        // The loss is the mean of the terms.
        let loss = generator_loss(settings.word("loss"), &outputs).scale(-(points.shape()[0] as f64));
        let arrows = grad(&loss, &[points], Options::default()).remove(0).into_value();
        [outputs.into_value(), arrows]
    }

    /// What the page shows.
    pub fn view(&self, settings: &Settings) -> PointsView {
        let fakes = self.0.generator.infer(&self.0.shown_latents(SHOWN));
        let [_, arrows] = self.judged(settings, &fakes);
        let at = |place: usize| ((place as f64 + 0.5) * 2.0 * shape::EDGE / MAP as f64 - shape::EDGE) as f32;
        let places = Tensor::from_fn([MAP * MAP, 2], |i| {
            let (row, column) = (i / 2 / MAP, i / 2 % MAP);
            if i % 2 == 0 { at(column) } else { -at(row) }
        });
        PointsView { fakes, arrows, heights: self.0.discriminator.infer(&places) }
    }

    /// The first `count` reals of a stream for display.
    pub(crate) fn reals(&self, settings: &Settings, cells: &[u16], count: usize) -> Tensor {
        shape::points(settings.word("data"), cells, count, self.0.shown_reals())
    }
}

/// The approximate multiply-adds of a turn of the discriminator and of one of the generator.
pub(crate) fn work(settings: &Settings) -> [f64; 2] {
    let [width, latent] = ["width", "latent"].map(|key| settings.number(key));
    let perceptron = |input: f64, output: f64| width * (input + width + output);
    // A penalty is computed on one point per pair of a real and a fake. Its second-order gradient
    // takes about as long as another turn.
    let penalised = if settings.word("penalty") == "none" { 0.0 } else { 6.0 };
    adversaries::work(settings, [perceptron(2.0, 1.0), perceptron(latent, 2.0)], penalised)
}

fn discriminator_loss(name: &str, real: &Var, fake: &Var) -> Var {
    let labels = |label| Tensor::full(*real.shape(), label);
    match name {
        "least-squares" => (&least_squares(real, 1.0) + &least_squares(fake, 0.0)).scale(0.5),
        "hinge" => &hinge(real, &labels(1.0)) + &hinge(fake, &labels(0.0)),
        "wasserstein" => wasserstein_critic(real, fake),
        _ => logistic_discriminator(real, fake),
    }
}

fn generator_loss(name: &str, fake: &Var) -> Var {
    match name {
        // log(1 - D) = -softplus(logit)
        "saturating" => fake.softplus().mean().neg(),
        "least-squares" => least_squares(fake, 1.0).scale(0.5),
        "hinge" | "wasserstein" => negative_mean(fake),
        _ => logistic_generator(fake),
    }
}

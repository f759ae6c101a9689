//! The exhibits: each with its card, and the test of its symptom.

use crate::{Bug, Columns};

/// A classic mistake.
pub struct Exhibit {
    /// The mistake.
    pub bug: Bug,
    /// The name on the command line.
    pub name: &'static str,
    /// The mistake, in a few words.
    pub title: &'static str,
    /// The mistake in a program, as pseudocode in the style of PyTorch.
    pub wrong: &'static str,
    /// The correct code.
    pub right: &'static str,
    /// What can be seen.
    pub symptom: &'static str,
    /// Why it happens.
    pub why: &'static str,
    /// The number of steps within which the symptom shows.
    pub steps: u32,
    /// The learning rate of the discriminator, in the healthy run as well.
    pub d_learning_rate: f64,
    /// Whether the symptom shows in the metrics of the sick run, compared with those of the healthy
    /// one.
    pub shows: fn(&Columns, &Columns) -> bool,
    /// The [sign](runs::diagnosis::SIGNS) that the diagnosis must report; None if the training
    /// diverges.
    pub sign: Option<&'static str>,
}

/// The usual learning rate of the discriminator.
const RATE: f64 = 5e-4;

/// All exhibits.
pub static EXHIBITS: &[Exhibit] = &[
    Exhibit {
        bug: Bug::NoCut,
        name: "no-cut",
        title: "The discriminator's loss also trains the generator",
        wrong: "loss(D(G(z)), 0).backward(); both_optimizers.step()",
        right: "loss(D(G(z).detach()), 0).backward(); d_optimizer.step()",
        symptom: "d_loss falls to nearly 0 and d_acc rises to 1, while g_loss grows.",
        why: "The discriminator's loss is smallest if the fakes are easy to recognise. If its gradient reaches the generator, \
              each of the discriminator's turns makes the fakes worse again.",
        steps: 400,
        d_learning_rate: 5e-3,
        shows: |sick, healthy| sick.late("d_loss") < 0.1 * healthy.late("d_loss") && sick.late("d_acc") > 0.99,
        sign: Some("d-dominates"),
    },
    Exhibit {
        bug: Bug::NoFreeze,
        name: "no-freeze",
        title: "The generator's loss also trains the discriminator",
        wrong: "loss(D(G(z)), 1).backward(); both_optimizers.step()",
        right: "loss(D(G(z)), 1).backward(); g_optimizer.step()",
        symptom: "g_loss falls to nearly 0 and d_acc stays at one half: the discriminator calls every image real.",
        why: "It is much easier to teach the discriminator to say \"real\" than to teach the generator to draw. The update of \
              the generator takes this shortcut.",
        steps: 400,
        d_learning_rate: RATE,
        shows: |sick, healthy| sick.late("g_loss") < 0.1 * healthy.late("g_loss") && sick.late("g_acc") > 0.99,
        sign: Some("one-answer"),
    },
    Exhibit {
        bug: Bug::KeptGradients,
        name: "kept-gradients",
        title: "The gradients of earlier steps are kept",
        wrong: "loss.backward(); optimizer.step()",
        right: "optimizer.zero_grad(); loss.backward(); optimizer.step()",
        symptom: "The losses swing more and more widely; g_loss reaches hundreds.",
        why: "A framework that stores gradients on its tensors adds new ones to old ones. Each update then follows the sum of \
              all gradients since the start, most of which were computed for other weights.",
        steps: 800,
        d_learning_rate: RATE,
        shows: |sick, healthy| sick.late("g_loss") > 10.0 * healthy.late("g_loss"),
        sign: Some("saturated-d"),
    },
    Exhibit {
        bug: Bug::NaiveLoss,
        name: "naive-loss",
        title: "The cross-entropy is computed from rounded probabilities",
        wrong: "p = sigmoid(logit); -(y * log(p) + (1 - y) * log(1 - p))",
        right: "binary_cross_entropy_with_logits(logit, y)",
        symptom: "Suddenly a loss is NaN or infinite, and the training ends.",
        why: "In f32, the sigmoid of a logit above about 17 is rounded to exactly 1. The logarithm of 1 - 1 is minus infinity, and 0 \
              times infinity is NaN. Computed from the logit itself, the same loss rounds nothing to 0 or 1.",
        steps: 400,
        d_learning_rate: 5e-3,
        shows: |sick, healthy| sick.steps() < healthy.steps(),
        sign: None,
    },
    Exhibit {
        bug: Bug::DoubleSigmoid,
        name: "double-sigmoid",
        title: "The sigmoid is applied twice",
        wrong: "binary_cross_entropy_with_logits(sigmoid(logit), y)",
        right: "binary_cross_entropy_with_logits(logit, y)",
        symptom: "d_loss stays close to log 2 = 0.693, and d_acc returns to one half.",
        why: "The loss applies a sigmoid of its own. After the first one, all numbers lie between 0 and 1, which the second one \
              turns into probabilities from 0.5 to 0.73: no image can be called fake with certainty.",
        steps: 700,
        d_learning_rate: RATE,
        shows: |sick, healthy| {
            (sick.late("d_loss") - 0.693).abs() < 0.02 && sick.late("g_gradient") < 0.1 * healthy.late("g_gradient")
        },
        sign: Some("one-answer"),
    },
    Exhibit {
        bug: Bug::StaleStatistics,
        name: "stale-statistics",
        title: "The running statistics of batch normalisation are not updated",
        wrong: "the generator runs in training mode, but its running mean and variance are never stored",
        right: "the layer updates running_mean and running_var in every training step",
        symptom: "The losses look healthy, but d_sample lies below d_fake: the samples are worse than the fakes of training.",
        why: "Training normalises with the statistics of the batch, sampling with the running ones. If these still have their \
              initial values, sampling uses a different network from the one that was trained.",
        steps: 600,
        d_learning_rate: RATE,
        shows: |sick, healthy| sick.gap() > healthy.gap() + 0.01,
        sign: Some("samples-differ"),
    },
    Exhibit {
        bug: Bug::HighRate,
        name: "high-rate",
        title: "The learning rates are a hundred times too high",
        wrong: "Adam(lr=0.1)",
        right: "Adam(lr=0.001)",
        symptom: "The losses jump by factors of hundreds, then the discriminator wins and all samples look alike.",
        why: "An update is only as good as the slope that it follows, and the slope changes within a large step. Each network \
              overshoots its answer to the other.",
        steps: 800,
        d_learning_rate: RATE,
        shows: |sick, healthy| sick.late("g_loss") > 10.0 * healthy.late("g_loss") && sick.late("diversity") < 0.2,
        sign: Some("saturated-d"),
    },
    Exhibit {
        bug: Bug::SwappedLabels,
        name: "swapped-labels",
        title: "The labels of the two losses contradict each other",
        wrong: "d_loss = loss(D(x), 0) + loss(D(G(z)), 1); g_loss = loss(D(G(z)), 1)",
        right: "d_loss = loss(D(x), 1) + loss(D(G(z)), 0); g_loss = loss(D(G(z)), 1)",
        symptom: "Both losses fall to 0 at the same time, and nothing is learned.",
        why: "With swapped labels the discriminator wants fakes to be called real, and so does the generator. The two no longer \
              play against each other.",
        steps: 300,
        d_learning_rate: RATE,
        shows: |sick, _| sick.late("d_loss") < 0.05 && sick.late("g_loss") < 0.05,
        sign: Some("contradiction"),
    },
    Exhibit {
        bug: Bug::SaturatingLoss,
        name: "saturating-loss",
        title: "The generator minimises log(1 - D(G(z)))",
        wrong: "g_loss = log(1 - D(G(z)))",
        right: "g_loss = -log(D(G(z)))",
        symptom: "As soon as the discriminator is ahead, g_gradient falls to 0, and the generator stops learning.",
        why: "Both losses are smallest where D(G(z)) is 1, but where it is near 0 the first one is flat. The second one is steepest \
              there, where the generator needs it most.",
        steps: 300,
        d_learning_rate: 4e-2,
        shows: |sick, healthy| sick.late("g_gradient") < 0.01 * healthy.late("g_gradient"),
        sign: Some("d-dominates"),
    },
    Exhibit {
        bug: Bug::LargeWeights,
        name: "large-weights",
        title: "The initial weights are ten times too large",
        wrong: "normal_(weight, std=10 / sqrt(fan_in))",
        right: "normal_(weight, std=1 / sqrt(fan_in))",
        symptom: "g_loss and g_gradient are some fifty times as large as usual from the first step on.",
        why: "Each layer multiplies the scale of its input. Three layers of weights that are ten times too large make logits a \
              thousand times too large, where the sigmoid is saturated.",
        steps: 300,
        d_learning_rate: RATE,
        shows: |sick, healthy| sick.late("g_loss") > 10.0 * healthy.late("g_loss"),
        sign: Some("saturated-d"),
    },
    Exhibit {
        bug: Bug::SameLatents,
        name: "same-latents",
        title: "Every step uses the same latents",
        wrong: "z = randn(32, 32) before the loop",
        right: "z = randn(32, 32) in every step",
        symptom: "The losses look healthy, but d_sample lies below d_fake: the generator draws well only from the latents \
                  that it knows.",
        why: "The generator learns a table of 32 images instead of a distribution. Nothing asks it what lies between them.",
        steps: 1000,
        d_learning_rate: RATE,
        shows: |sick, healthy| sick.gap() > healthy.gap() + 0.01,
        sign: Some("samples-differ"),
    },
    Exhibit {
        bug: Bug::UnscaledData,
        name: "unscaled-data",
        title: "The data are not scaled to the generator's range",
        wrong: "x in [0, 255], G ends with tanh",
        right: "x = x / 127.5 - 1, G ends with tanh",
        symptom: "d_real is near 1 from the first steps on, and the samples are black.",
        why: "A tanh cannot reach 255. The discriminator tells reals from fakes by their brightness alone, and teaches the \
              generator nothing about shapes.",
        steps: 400,
        d_learning_rate: RATE,
        shows: |sick, healthy| sick.late("d_real") > 0.98 && healthy.late("d_real") < 0.8,
        sign: Some("range"),
    },
    Exhibit {
        bug: Bug::DeadUnits,
        name: "dead-units",
        title: "All units of the discriminator are switched off",
        wrong: "ReLU after a bias of -100",
        right: "leaky ReLU after a bias of 0",
        symptom: "d_loss is log 2 = 0.693 and does not change, and g_gradient is 0.",
        why: "A ReLU whose input is negative has the output 0 and the slope 0. If this holds for all images, no gradient \
              passes, and nothing ever changes that.",
        steps: 400,
        d_learning_rate: RATE,
        shows: |sick, _| (sick.late("d_loss") - 0.693).abs() < 1e-3 && sick.late("g_gradient") == 0.0,
        sign: Some("dead-d"),
    },
    Exhibit {
        bug: Bug::ForgottenReals,
        name: "forgotten-reals",
        title: "The discriminator's loss leaves out the reals",
        wrong: "d_loss = loss(D(G(z)), 0)",
        right: "d_loss = loss(D(x), 1) + loss(D(G(z)), 0)",
        symptom: "d_real falls to 0 together with d_fake, d_acc is one half, and g_loss grows.",
        why: "The discriminator never sees an image that it should call real, so \"fake\" is always the right answer.",
        steps: 400,
        d_learning_rate: RATE,
        shows: |sick, _| sick.late("d_real") < 0.05 && sick.late("d_fake") < 0.1,
        sign: Some("one-answer"),
    },
];

/// The exhibit with this name.
pub fn find(name: &str) -> Option<&'static Exhibit> {
    EXHIBITS.iter().find(|exhibit| exhibit.name == name)
}

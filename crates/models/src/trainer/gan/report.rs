//! The metrics of the turns of a [`GanTrainer`](super::GanTrainer), all measured before the update.

use nn::{Averaged, Part};

/// The metrics of a turn of the discriminator, measured before its update.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DiscriminatorTurn {
    /// The loss, penalty included.
    pub loss: f64,
    /// The fraction of images classified correctly.
    pub accuracy: f64,
    /// The mean output on reals: a probability, or the raw score for losses without one.
    pub real: f64,
    /// The mean output on fakes.
    pub fake: f64,
    /// What the gradient penalty adds to the loss.
    pub penalty: f64,
    /// The mean norm of the penalised gradients; 0 without a penalty.
    pub gradient_norm: f64,
}

/// The metrics of a turn of the generator, measured before its update.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GeneratorTurn {
    /// The loss.
    pub loss: f64,
    /// The fraction of fakes that the discriminator classifies as real.
    pub accuracy: f64,
    /// The discriminator's mean output on the fakes.
    pub fake: f64,
}

impl Averaged for GeneratorTurn {
    fn visit(&mut self, visit: &mut dyn FnMut(Part<'_>)) {
        [&mut self.loss, &mut self.accuracy, &mut self.fake].into_iter().for_each(|number| number.visit(visit));
    }
}

/// The metrics of the discriminator on reals or on fakes.
#[derive(Clone, Copy, Default)]
pub(super) struct SideReport {
    pub(super) loss: f64,
    /// The mean output, and the fraction classified correctly.
    pub(super) output: [f64; 2],
}

/// The metrics of a penalty.
#[derive(Clone, Copy, Default)]
pub(super) struct PenaltyReport {
    pub(super) loss: f64,
    pub(super) gradient_norm: f64,
}

impl Averaged for SideReport {
    fn visit(&mut self, visit: &mut dyn FnMut(Part<'_>)) {
        self.loss.visit(visit);
        self.output.visit(visit);
    }
}

impl Averaged for PenaltyReport {
    fn visit(&mut self, visit: &mut dyn FnMut(Part<'_>)) {
        self.loss.visit(visit);
        self.gradient_norm.visit(visit);
    }
}

/// The metrics on reals, on fakes, and of the penalty.
pub(super) type Report = ([SideReport; 2], PenaltyReport);

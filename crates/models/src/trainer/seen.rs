//! The names under which a step reports to its observers ([`nn::name_value`]) what a discriminator
//! saw and answered.

use nn::name_value;
use tensor::{Tensor, Var};

use crate::trainer::adversarial::Side;
use crate::trainer::spec::Range;

/// The raw outputs of a discriminator on the reals of its own update.
pub const SCORES_OF_REALS: &str = "scores of reals";
/// The raw outputs of a discriminator on the fakes of its own update.
pub const SCORES_OF_FAKES: &str = "scores of fakes";
/// The reals as a discriminator receives them: augmented, with noise; mapped to [0, 1].
pub const SEEN_REALS: &str = "reals as seen";
/// The fakes as a discriminator receives them, mapped to [0, 1].
pub const SEEN_FAKES: &str = "fakes as seen";

/// Reports the scores of `discriminator`.
pub(crate) fn name_scores(discriminator: &str, side: Side, logits: &Tensor) {
    let name = match side {
        Side::Real => SCORES_OF_REALS,
        Side::Fake => SCORES_OF_FAKES,
    };
    name_value(discriminator, name, || logits.clone());
}

/// Reports the images of `range` that `discriminator` receives; nothing for points in the plane.
pub(crate) fn name_seen(discriminator: &str, side: Side, range: Range, images: impl FnOnce() -> Tensor) {
    let name = match side {
        Side::Real => SEEN_REALS,
        Side::Fake => SEEN_FAKES,
    };
    if matches!(range, Range::Points(_)) {
        return;
    }
    name_value(discriminator, name, || range.pictures(&Var::constant(images())));
}

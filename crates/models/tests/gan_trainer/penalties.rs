//! Gradient penalties in the step of the shared trainer.

use models::trainer::gan::GanTrainer;
use models::trainer::options::{Batches, Loss, TrainingOptions};
use models::{FromLatents, System, mnist, wgan_gp};

use crate::{digits, images, updates};

fn small_wgan(options: impl FnOnce(&mut TrainingOptions)) -> GanTrainer {
    let mut s = wgan_gp::Settings { batch: 8, width: 4, latent: 5, ..Default::default() };
    options(&mut s.options);
    wgan_gp::trainer(&s, 3).expect("good settings")
}

/// Five turns of the critic per step; the loss is the sum of its parts.
#[test]
fn a_critic_reports_its_distance_and_its_gradient() {
    let mut trainer = small_wgan(|_| {});
    assert_eq!(trainer.batch_size(), 40);
    let report = trainer.step(0, &[images([28, 1], 40)]).expect("finite");
    assert_eq!(updates(&trainer), [5, 1]);
    assert!((report["w_distance"] - (report["d_real"] - report["d_fake"])).abs() < 1e-9);
    assert!((report["d_loss"] - (report["penalty"] - report["w_distance"])).abs() < 1e-5, "{report:?}");
    // By Jensen's inequality the mean of the squares is at least the square of the mean.
    assert!(
        report["penalty"] >= 10.0 * (report["gradient_norm"] - 1.0).powi(2) - 1e-6 && report["penalty"] > 0.0,
        "{report:?}"
    );
}

/// A convolution costs 3 kernels for reals and 3 for fakes, one less in the first layer, whose
/// input needs no gradient. The penalty adds a forward pass, the gradient with respect to the
/// images, and for each of these products two partial derivatives, but no second derivative of a
/// leaky ReLU and no unused weight gradient.
#[test]
fn a_penalty_computes_only_what_is_asked() {
    let convolutions = |penalty: f64| {
        let mut trainer = small_wgan(|options| (options.gradient_penalty, options.k) = (penalty, 1));
        let latents = trainer.latents(1, "a turn", 8);
        kernels::timing::start(Default::default());
        trainer.train_discriminator(0, &images([28, 1], 8), &latents).expect("finite");
        let timings = kernels::timing::stop();
        let critics = timings
            .measurements()
            .iter()
            .filter(|row| row.category == kernels::timing::Category::Convolution && row.scope.starts_with("critic"));
        critics.flat_map(|row| row.spent).map(|spent| spent.calls).sum::<u64>()
    };
    let layers = 3;
    let plain = 2 * (3 * layers - 1);
    assert_eq!(convolutions(0.0), plain);
    assert_eq!(convolutions(10.0), plain + 4 * layers);
}

/// After some turns the norm of the critic's gradient between reals and fakes is about 1.
#[test]
fn the_penalty_brings_the_slope_to_1() {
    let mut trainer = small_wgan(|options| (options.d_learning_rate, options.k) = (2e-3, 1));
    let latents = trainer.latents(1, "a turn", 8);
    let reals = images([28, 1], 8);
    let norm = |trainer: &mut GanTrainer, turn| {
        trainer.train_discriminator(turn, &reals, &latents).expect("finite").gradient_norm
    };
    let first = norm(&mut trainer, 0);
    assert!(!(0.7..1.3).contains(&first), "{first}");
    let last = (1..120).map(|turn| norm(&mut trainer, turn)).last().expect("turns");
    assert!((0.7..1.3).contains(&last), "{last}");
}

/// R1 reduces the gradient on reals, whichever loss is used.
#[test]
fn r1_flattens_the_discriminator_on_reals() {
    let gradient_norm = |r1: f64| {
        let mut trainer = small_wgan(|options| {
            *options =
                TrainingOptions { loss: Loss::Nonsaturating, r1, d_learning_rate: 2e-3, ..TrainingOptions::default() };
        });
        let (reals, latents) = (images([28, 1], 8), trainer.latents(1, "a turn", 8));
        let report = (0..60).map(|turn| trainer.train_discriminator(turn, &reals, &latents).expect("finite"));
        report.last().expect("turns").gradient_norm
    };
    let [weak, strong] = [1e-6, 1.0].map(gradient_norm);
    assert!(strong < 0.3 * weak, "{strong} and {weak}");
}

/// With reals and fakes in one batch, in two, or with one update each, the penalty gets the same
/// images: its values in the first step are equal.
#[test]
fn a_penalty_is_possible_in_every_way_of_batching() {
    let settings = |d_batches, r1, gradient_penalty| mnist::Settings {
        dropout: 0.0,
        ..digits(TrainingOptions { d_batches, r1, gradient_penalty, fake_is_one: true, ..TrainingOptions::default() })
    };
    for (r1, gradient_penalty) in [(10.0, 0.0), (0.0, 10.0)] {
        let report = [Batches::Separate, Batches::Mixed, Batches::TwoUpdates].map(|d_batches| {
            let mut trainer = mnist::trainer(&settings(d_batches, r1, gradient_penalty), 11).expect("good settings");
            let before = trainer.state();
            let report = trainer.step(0, &[images([28, 1], 4)]).expect("finite");
            let changed = |name: &str| trainer.state().tensors[name] != before.tensors[name];
            assert!(changed("discriminator.dense1.weight"), "{d_batches:?}");
            [report["penalty"], report["gradient_norm"]]
        });
        assert!(report[0][0] > 0.0 && report == [report[0]; 3], "{report:?}");
    }
}

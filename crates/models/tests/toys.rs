//! wgan-gp on toy data: points in the plane.

use models::trainer::gan::GanTrainer;
use models::{Mixture, Plane, Sampler, Settings as _, System, wgan_gp};
use tensor::Tensor;

/// Small settings that train quickly.
fn toy(change: impl FnOnce(&mut wgan_gp::Settings)) -> GanTrainer {
    let mut s = wgan_gp::Settings { batch: 64, width: 32, ..wgan_gp::Settings::preset("gauss8").expect("a preset") };
    change(&mut s);
    wgan_gp::trainer(&s, 3).expect("good settings")
}

fn plane(trainer: &GanTrainer) -> Plane<'_> {
    let Sampler::Points(plane) = trainer.samples() else { panic!("it draws points") };
    plane
}

/// The mean distance of 500 generated points from their nearest centres, and the number of centres
/// that are nearest to some point.
fn away(trainer: &GanTrainer) -> (f64, usize) {
    let plane = plane(trainer);
    let points = plane.sampler.draw(&plane.sampler.latents(1, "a test", 500));
    let centres = plane.mixture.centres();
    let nearest = |point: &[f32]| {
        let far = |[x, y]: &[f64; 2]| (f64::from(point[0]) - x).hypot(f64::from(point[1]) - y);
        centres.iter().map(far).enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).expect("there are middles")
    };
    let all: Vec<(usize, f64)> = points.data().chunks(2).map(nearest).collect();
    let found = (0..centres.len()).filter(|cloud| all.iter().filter(|(at, _)| at == cloud).count() > 10);
    (all.iter().map(|(_, far)| far).sum::<f64>() / 500.0, found.count())
}

#[test]
fn it_makes_its_reals_itself_and_finds_the_clouds() {
    let mut trainer = toy(|s| (s.options.d_learning_rate, s.options.g_learning_rate) = (1e-3, 1e-3));
    assert_eq!((trainer.image_shape(), trainer.batch(0, &[])), (None, Vec::new()));
    let (far, _) = away(&trainer);
    assert!(far > 0.6, "{far}");
    let metrics = (0..400).map(|step| trainer.step(step, &[]).expect("finite")).last().expect("steps");
    let (far, found) = away(&trainer);
    assert!(far < 0.3 && found == 8, "{far}, {found}");
    assert!(
        (0.0..1.2).contains(&metrics["w_distance"]) && (0.5..4.0).contains(&metrics["gradient_norm"]),
        "{metrics:?}"
    );
    // The score decreases towards the edge of the plane.
    let plane = plane(&trainer);
    let [clouds, edge] = [plane.mixture.points(50, kernels::Key::new(1, 1)), Tensor::full([50, 2], 2.0)];
    let mean = |points: &Tensor| plane.discriminator.infer(points).data().iter().sum::<f32>() / 50.0;
    assert!(mean(&clouds) > mean(&edge) + 0.2, "{} {}", mean(&clouds), mean(&edge));
}

#[test]
fn a_toy_goes_on_to_the_same_bits_with_every_switch_that_suits_points() {
    let make = || {
        toy(|s| {
            s.variant = wgan_gp::Variant::Gauss25;
            let options = &mut s.options;
            (options.k, options.replay_pool, options.ema, options.noise.instance_noise) = (2, 100, 0.9, 0.1);
        })
    };
    let [mut whole, mut half, mut resumed] = [make(), make(), make()];
    assert_eq!(plane(&whole).mixture, Mixture::Grid25);
    let metrics: Vec<_> = (0..6).map(|step| whole.step(step, &[]).expect("finite")).collect();
    for step in 0..3 {
        assert_eq!(half.step(step, &[]).expect("finite"), metrics[step as usize]);
    }
    resumed.restore(&half.state()).expect("its own state");
    for step in 3..6 {
        assert_eq!(resumed.step(step, &[]).expect("finite"), metrics[step as usize]);
    }
    assert_eq!(resumed.state(), whole.state());
    assert_ne!(metrics[0], metrics[1], "every step has its own points");
}

#[test]
fn what_changes_images_is_refused() {
    let mut s = wgan_gp::Settings::preset("gauss25").expect("a preset");
    s.options.common.diff_augment = vec![models::trainer::diff_augment::Augment::Cutout];
    let error = wgan_gp::trainer(&s, 1).err().expect("refused");
    assert_eq!(error.key, "diff_augment");
}

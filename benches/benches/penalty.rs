//! The cost of a gradient penalty: a turn of wgan-gp's critic for digits with batch 50, without and
//! with the penalty.
//!
//! Counted in products, the penalty adds the work of 4 passes to that of 6: a forward pass between
//! reals and fakes, a backward pass to the images, and for each product of that backward pass its
//! two partial derivatives (with respect to the incoming gradient, and to the weights); the second
//! derivative of a leaky ReLU is 0 and costs nothing. So a ratio of 10/6 is expected, and at most 2
//! is allowed. The generator has one small layer, so that almost only the critic is timed. After
//! the times, the ratio and a breakdown by kernel are printed.

use std::time::{Duration, Instant};

use benches::{testing, timed};
use criterion::{Criterion, criterion_group, criterion_main};
use models::trainer::gan::GanTrainer;
use models::wgan_gp::{self, Settings};
use models::{FromLatents, Settings as _};
use nn::layers::{Dense, Reshape};
use nn::{Dialect, Network};
use tensor::Tensor;

/// A turn of the critic of the preset `original`, with this penalty.
fn turn(gradient_penalty: f64) -> impl FnMut() {
    let mut settings = Settings::preset("original").expect("a preset");
    settings.options.gradient_penalty = gradient_penalty;
    let mut trainer: GanTrainer = wgan_gp::trainer(&settings, 1).expect("in range");
    trainer.generator = Network::new("generator", &[settings.latent], Dialect::Torch, 1)
        .with("dense", Dense::new(28 * 28))
        .with("reshape", Reshape(vec![28, 28, 1]));
    let images = datasets::digits(settings.batch, 1);
    let indices: Vec<usize> = (0..settings.batch).collect();
    let reals = Tensor::written([settings.batch, 28, 28, 1], |reals| images.gather(&indices, reals).unwrap());
    let latents = trainer.latents(1, "latents", settings.batch);
    let mut done = 0;
    move || {
        trainer.train_discriminator(done, &reals, &latents).expect("finite");
        done += 1;
    }
}

fn turns(c: &mut Criterion) {
    let mut group = c.benchmark_group("penalty");
    group.sample_size(20);
    let (mut plain, mut penalised) = (turn(0.0), turn(10.0));
    group.bench_function("plain", |b| b.iter(&mut plain));
    let mut benched = false;
    group.bench_function("with the penalty", |b| {
        benched = true;
        b.iter(&mut penalised);
    });
    group.finish();
    if benched && !testing() {
        println!("with the penalty / plain, the median of pairs: {:.2}", ratio(&mut plain, &mut penalised));
        println!("{}\n{}", timed(&mut plain), timed(&mut penalised));
    }
}

/// The median of the ratios of turns timed one right after the other, so that a slowdown of the
/// machine affects both.
fn ratio(plain: &mut impl FnMut(), penalised: &mut impl FnMut()) -> f64 {
    fn time(turn: &mut impl FnMut()) -> Duration {
        let began = Instant::now();
        turn();
        began.elapsed()
    }
    let quotient = |_| {
        let base = time(plain);
        time(penalised).as_secs_f64() / base.as_secs_f64()
    };
    let mut quotients: Vec<f64> = (0..61).map(quotient).collect();
    quotients.sort_unstable_by(f64::total_cmp);
    quotients[quotients.len() / 2]
}

criterion_group!(all, turns);
criterion_main!(all);

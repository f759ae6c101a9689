//! The whole training step of quickdraw, whose parts the other benchmarks measure: a discriminator
//! update on reals and fakes, and a generator update through the frozen discriminator. For the
//! original configuration, each is followed by a table of the time per kernel and layer, as `train
//! --timings` prints it.
//!
//! The rate is in dense FLOP (a multiply-add counts 2, products with padding zeros included), as
//! frameworks count it: three forward passes' worth for the discriminator step on 2 * batch images,
//! one generator inference, and, for the generator step, three through the generator and two
//! through the discriminator. The kernels skip padding, so this rate is higher than the actual
//! throughput of the arithmetic units.

use benches::{testing, timed};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use models::quickdraw::{Quickdraw, Settings};
use models::{Settings as _, System};
use tensor::Tensor;

/// Dense multiply-adds of a forward pass of one image, in the discriminator (presets `original` and
/// `cpu`) and the generator.
const DISCRIMINATOR: [f64; 2] = [75.9e6, 19.1e6];
const GENERATOR: f64 = 22.85e6;

fn steps(c: &mut Criterion) {
    let mut group = c.benchmark_group("train_step");
    group.sample_size(10);
    let images = datasets::apples(1000, 0).load_into_memory(u64::MAX).unwrap();
    for (preset, batch, d) in
        [("original", 128, DISCRIMINATOR[0]), ("original", 32, DISCRIMINATOR[0]), ("cpu", 32, DISCRIMINATOR[1])]
    {
        let settings = Settings { batch, ..Settings::preset(preset).expect("a preset") };
        let mut system = Quickdraw::new(settings, 0).expect("a preset is in range");
        let products = batch as f64 * (3.0 * 2.0 * d + GENERATOR + 3.0 * GENERATOR + 2.0 * d);
        group.throughput(Throughput::Elements((2.0 * products) as u64));
        let mut done = 0;
        let mut step = || {
            let indices = system.batch(done, &[images.count()]).remove(0);
            let reals = Tensor::written([batch, 28, 28, 1], |reals| images.gather(&indices, reals).unwrap());
            let metrics = system.step(done, &[reals]).expect("finite");
            done += 1;
            metrics
        };
        let mut benched = false;
        group.bench_function(format!("{preset}, batch {batch}"), |b| {
            benched = true;
            b.iter(&mut step);
        });
        if benched && preset == "original" && !testing() {
            println!("{}", timed(&mut step));
        }
    }
    group.finish();
}

criterion_group!(all, steps);
criterion_main!(all);

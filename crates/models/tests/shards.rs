//! The shards of a batch: the result of a step depends on their number, and never on how many ranks
//! share them.

use std::rc::Rc;

use kernels::Key;
use models::{System, quickdraw};
use nn::{State, in_process};
use tensor::Tensor;

/// Builds a system.
type Build<'a> = &'a (dyn Fn() -> Box<dyn System> + Sync);

/// The images with these indices.
fn images(system: &dyn System, domain: usize, indices: &[usize]) -> Tensor {
    let [h, w, c] = system.image_shape().expect("a system of images");
    let image = |index: &usize| {
        nn::init::uniform(&[1, h, w, c], 0.0, 1.0, Key::named(domain as u64, "images").at(*index as u32))
    };
    indices.iter().map(image).reduce(|all, image| all.concat(&image)).expect("a batch")
}

/// Trains some steps, and returns their metrics.
fn train(system: &mut dyn System, steps: core::ops::Range<u64>) -> Vec<Vec<f64>> {
    let steps = steps.map(|step| {
        let indices = system.batch(step, &[40, 50]);
        let reals: Vec<Tensor> =
            indices.iter().enumerate().map(|(domain, indices)| images(system, domain, indices)).collect();
        system.step(step, &reals).expect("finite").values().to_vec()
    });
    steps.collect()
}

/// The states and the metrics of all ranks after these steps, from the state `before` on.
fn on_ranks(
    ranks: usize,
    build: Build<'_>,
    before: Option<&State>,
    steps: &core::ops::Range<u64>,
) -> Vec<(State, Vec<Vec<f64>>)> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = in_process(ranks)
            .into_iter()
            .map(|rank| {
                scope.spawn(move || {
                    let mut system = build();
                    before.into_iter().for_each(|state| system.restore(state).expect("the same system"));
                    system.share(Rc::new(rank)).expect("ranks that divide the shards");
                    let metrics = train(&mut *system, steps.clone());
                    (system.state(), metrics)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

/// Compares the ranks with one process, from start to end, and resumed from it at the middle.
fn ranks_agree(build: Build<'_>, ranks: &[usize], [middle, end]: [u64; 2]) {
    let mut alone = build();
    let first = train(&mut *alone, 0..middle);
    let half = alone.state();
    let metrics = [first, train(&mut *alone, middle..end)].concat();
    let state = alone.state();
    for &ranks in ranks {
        for (rank, found) in on_ranks(ranks, build, None, &(0..end)).iter().enumerate() {
            assert!(found.0 == state, "state of rank {rank} of {ranks}: {:?}", differs(&found.0, &state));
            assert_eq!(found.1, metrics, "metrics of rank {rank} of {ranks}");
        }
        for (rank, found) in on_ranks(ranks, build, Some(&half), &(middle..end)).iter().enumerate() {
            assert!(found.0 == state, "resumed rank {rank} of {ranks}: {:?}", differs(&found.0, &state));
        }
    }
}

fn differs(a: &State, b: &State) -> Vec<String> {
    let different = a.tensors.iter().filter(|(name, tensor)| b.tensors.get(*name) != Some(*tensor));
    different.map(|(name, _)| name.clone()).collect()
}

fn quickdraw(shards: usize, change: impl Fn(&mut quickdraw::Settings)) -> Box<dyn System> {
    let mut s = quickdraw::Settings { batch: 12, depth: 4, ..quickdraw::Settings::default() };
    s.common.shards = shards;
    change(&mut s);
    Box::new(quickdraw::Quickdraw::new(s, 3).expect("good settings"))
}

#[test]
fn quickdraw_is_the_same_on_any_number_of_ranks() {
    let everything = |s: &mut quickdraw::Settings| {
        (s.replay_pool, s.label_flip, s.noise.instance_noise, s.r1, s.ema) = (7, 0.1, 0.1, 1.0, 0.9);
        s.common.diff_augment = vec![models::trainer::diff_augment::Augment::Translation];
    };
    ranks_agree(&|| quickdraw(4, everything), &[2, 4], [2, 4]);
    ranks_agree(&|| quickdraw(6, everything), &[2, 3, 6], [1, 3]);
}

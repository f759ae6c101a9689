//! Synchronised passes whose kernels have only one thread: that of the caller, which waits for the
//! passes and executes other jobs meanwhile. (The pool belongs to the whole process, so this test
//! needs its own process.)

use nn::layers::{BatchNorm, Dense};
use nn::{Dialect, ForwardContext, Network, RngContext, Shard, Shards, differentiate};
use tensor::{Tensor, Var};

#[test]
fn a_pool_of_one_thread_is_enough() {
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().expect("the first pool");
    let network = Network::new("net", &[64], Dialect::Keras, 1)
        .with("dense", Dense::new(128))
        .with("norm", BatchNorm::default())
        .with("head", Dense::new(1));
    // Large enough for kernels to be split into several pieces.
    let x = Tensor::from_fn([3 * 512, 64], |i| (i * 5 % 7) as f32);
    let pass = |shard: Shard| {
        let x = Var::constant(x.rows(512 * shard.number..512 * (shard.number + 1)));
        let rng = RngContext { seed: 1, step: 0, purpose: "a pass" };
        let forward = |ctx: &mut ForwardContext| (network.forward(ctx, &x).square().mean(), ());
        differentiate(rng, forward).map(|(gradients, ())| gradients.parameters[0].1.clone())
    };
    let step = || Shards::new(3).synchronised().mean(pass).expect("finite");
    // On a thread of the pool, as in training, and on another one.
    let alone = step();
    assert_eq!(rayon::scope(|_| step()), alone);

    // Beside another job of the pool, which this thread executes while it waits for the passes of
    // the other shards. Its batch normalisation uses the statistics of its own batch.
    let other_alone = pass(Shard::WHOLE).expect("finite");
    let mut other = None;
    let beside_another = rayon::scope(|scope| {
        scope.spawn(|_| other = Some(pass(Shard::WHOLE).expect("finite")));
        step()
    });
    assert_eq!((beside_another, other), (alone.clone(), Some(other_alone)));

    // Twice at once. In a pool of one thread, one step runs within the wait of the other.
    assert_eq!(rayon::join(step, step), (alone.clone(), alone.clone()));

    // A pool of its own for the thread that waits.
    let own = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
    assert_eq!(own.install(|| rayon::join(step, step)), (alone.clone(), alone));
}

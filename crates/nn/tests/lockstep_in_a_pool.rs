//! Synchronised passes whose kernels have only one thread: that of the caller, which waits for the
//! passes. (The pool belongs to the whole process, so this test needs its own process.)

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
    let on_the_pool = rayon::scope(|_| step());
    assert_eq!(on_the_pool, step());
}

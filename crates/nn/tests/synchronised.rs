//! Passes of shards in lockstep: sums over all shards, their gradients, and what happens when a
//! pass ends early.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use nn::layers::{BatchNorm, Dense};
use nn::{
    Communicator, Dialect, ForwardContext, Network, RngContext, Shard, Shards, StepError, StepObserver, StepResult,
    differentiate, observe, on_ranks,
};
use tensor::gradcheck::derivative;
use tensor::ops::{Domain, sample};
use tensor::{NonFinite, Options, ShardGroup, Tape, Tensor, Var, grad, vjp};

const RNG: RngContext = RngContext { seed: 1, step: 0, purpose: "a pass" };

/// The shards to which the pass on this thread belongs.
fn group() -> Rc<dyn ShardGroup> {
    ForwardContext::training(&Tape::new(), RNG).shard_group().expect("a synchronised pass")
}

/// Numbers whose sum depends on the order of additions.
fn numbers(shard: usize, round: usize) -> Vec<f64> {
    (0..3).map(|i| 1.0 / (1.0 + (7 * shard + 3 * round + i) as f64)).collect()
}

/// The sum over the shards below a node of the tree of [`Shards`].
fn sum_of(height: u32, number: usize, count: usize, round: usize) -> Vec<f64> {
    if height == 0 {
        return numbers(number, round);
    }
    let low = sum_of(height - 1, 2 * number, count, round);
    if (2 * number + 1) << (height - 1) >= count {
        return low;
    }
    let high = sum_of(height - 1, 2 * number + 1, count, round);
    low.iter().zip(high).map(|(low, high)| low + high).collect()
}

#[test]
fn every_shard_gets_the_sum_along_the_tree_on_any_number_of_ranks() {
    for count in 2..=9_usize {
        let expected: Vec<_> = (0..4).map(|round| sum_of(count.next_power_of_two().ilog2(), 0, count, round)).collect();
        for size in (1..=count).filter(|size| count.is_multiple_of(*size)) {
            let found = on_ranks(size, |rank| {
                let shards = Shards::new(count).synchronised().shared_by(Arc::new(rank)).unwrap();
                let sums = |shard: Shard| {
                    let group = group();
                    assert_eq!(group.count(), count);
                    (0..4).map(|round| group.sum(numbers(shard.number, round))).collect::<Vec<_>>()
                };
                let found = shards.map(sums).unwrap();
                assert_eq!(found.len(), shards.own().len());
                found
            });
            assert!(found.into_iter().flatten().all(|sums| sums == expected), "{count} shards, {size} ranks");
        }
    }
}

#[test]
fn one_shard_and_shards_that_are_not_synchronised_have_no_group() {
    for shards in [Shards::new(1).synchronised(), Shards::new(3)] {
        let has_group = |_| ForwardContext::training(&Tape::new(), RNG).shard_group().is_some();
        assert_eq!(shards.map(has_group).unwrap(), vec![false; shards.count()]);
    }
    let in_inference = |_| ForwardContext::inference().shard_group().is_some();
    assert_eq!(Shards::new(2).synchronised().map(in_inference).unwrap(), [false; 2]);
}

/// A function of the part of a shard and of parameters, on the group of all shards.
type Function = fn(&[Var<f64>], &Rc<dyn ShardGroup>) -> Var<f64>;

const COUNT: usize = 3;

/// <f, u> added over all shards, where each shard has a part of its own and the same parameters.
fn value(f: Function, parts: &[Tensor<f64>], parameters: &[Tensor<f64>]) -> f64 {
    let of_shard = |shard: Shard| {
        let inputs = [&parts[shard.number..=shard.number], parameters].concat();
        let y = f(&inputs.into_iter().map(Var::constant).collect::<Vec<_>>(), &group());
        (&y * &Var::constant(weights(shard, 1, y.shape()))).sum().item()
    };
    Shards::new(COUNT).synchronised().map(of_shard).unwrap().iter().sum()
}

fn weights(shard: Shard, seed: usize, shape: &[usize]) -> Tensor<f64> {
    sample(Domain::AwayFromZero, (100 * seed + shard.number) as u32, shape)
}

/// The gradients of [`value`] in the pass of each shard: with respect to its part, and its
/// contributions to those with respect to the parameters.
fn gradients(
    f: Function,
    parts: &[Tensor<f64>],
    parameters: &[Tensor<f64>],
    options: Options,
) -> Vec<Vec<Tensor<f64>>> {
    let of_shard = |shard: Shard| {
        let tape = Tape::new();
        let inputs = [&parts[shard.number..=shard.number], parameters].concat();
        let inputs: Vec<_> = inputs.into_iter().map(|x| tape.variable("x", x)).collect();
        let y = f(&inputs, &group());
        let found = vjp(&y, &Var::constant(weights(shard, 1, y.shape())), &inputs, options);
        found.into_iter().map(Var::into_value).collect()
    };
    Shards::new(COUNT).synchronised().map(of_shard).unwrap()
}

/// <gradient of [`value`] with respect to the part, d> added over all shards, and the gradients of
/// this sum with respect to the parts.
fn second(f: Function, parts: &[Tensor<f64>], parameters: &[Tensor<f64>]) -> (f64, Vec<Tensor<f64>>) {
    let of_shard = |shard: Shard| {
        let tape = Tape::new();
        let x = tape.variable("x", parts[shard.number].clone());
        let constants = parameters.iter().cloned().map(Var::constant);
        let y = f(&[x.clone()].into_iter().chain(constants).collect::<Vec<_>>(), &group());
        let cotangent = Var::constant(weights(shard, 1, y.shape()));
        let gradient = vjp(&y, &cotangent, std::slice::from_ref(&x), Options::CREATE_GRAPH).remove(0);
        let along = (&gradient * &Var::constant(weights(shard, 2, x.shape()))).sum();
        (along.item(), grad(&along, &[x], Options::default()).remove(0).into_value())
    };
    let (values, gradients): (Vec<f64>, _) =
        Shards::new(COUNT).synchronised().map(of_shard).unwrap().into_iter().unzip();
    (values.iter().sum(), gradients)
}

fn close(what: &str, got: f64, expected: f64, tolerance: f64) {
    assert!((got - expected).abs() <= tolerance * expected.abs().max(1.0), "{what}: {got}, not {expected}");
}

#[test]
fn gradients_of_first_and_second_order_are_those_of_all_shards_together() {
    let functions: [(&str, usize, Function); 3] = [
        ("all_reduce", 0, |v, group| &v[0].square().all_reduce(group) * &v[0]),
        ("sync_batch_norm", 2, |v, group| v[0].sync_batch_norm(&v[1], &v[2], 0.1, None, group).0),
        ("with a leaky ReLU", 2, |v, group| {
            // Values far from the kink.
            v[0].sync_batch_norm(&v[1], &v[2].affine(0.1, 9.0), 0.1, Some(0.3), group).0.square()
        }),
    ];
    for (name, parameters, f) in functions {
        for shape in [&[2, 3][..], &[1, 4], &[2, 2, 1, 2]] {
            let channels = [shape[shape.len() - 1]];
            let parts: Vec<_> = (0..COUNT).map(|shard| sample(Domain::Any, shard as u32, shape)).collect();
            let parameters: Vec<_> =
                (0..parameters).map(|i| sample(Domain::Positive, 50 + i as u32, &channels)).collect();
            let [ordinary, recorded] =
                [Options::default(), Options::CREATE_GRAPH].map(|options| gradients(f, &parts, &parameters, options));
            for (a, b) in ordinary.iter().flatten().zip(recorded.iter().flatten()) {
                for (a, b) in a.data().iter().zip(b.data()) {
                    close(&format!("{name}, recorded"), *a, *b, 1e-12);
                }
            }
            let (_, by_parts) = second(f, &parts, &parameters);
            for shard in 0..COUNT {
                let direction = sample(Domain::AwayFromZero, 7, shape);
                let dot = |gradient: &Tensor<f64>, direction: &Tensor<f64>| -> f64 {
                    gradient.data().iter().zip(direction.data()).map(|(g, d)| g * d).sum()
                };
                let moved = |x: &Tensor<f64>, direction: &Tensor<f64>, t: f64| {
                    Tensor::from_fn(*x.shape(), |i| x.data()[i] + t * direction.data()[i])
                };
                let at = |t: f64| {
                    let mut parts = parts.clone();
                    parts[shard] = moved(&parts[shard], &direction, t);
                    parts
                };
                let what = format!("{name} {shape:?}, shard {shard}");
                let expected = derivative(|t| value(f, &at(t), &parameters));
                close(&what, dot(&ordinary[shard][0], &direction), expected, 1e-7);
                let expected = derivative(|t| second(f, &at(t), &parameters).0);
                close(&format!("{what}, second order"), dot(&by_parts[shard], &direction), expected, 1e-5);
                for i in 0..parameters.len() {
                    let direction = sample(Domain::AwayFromZero, 8, &channels);
                    let expected = derivative(|t| {
                        let mut parameters = parameters.clone();
                        parameters[i] = moved(&parameters[i], &direction, t);
                        value(f, &parts, &parameters)
                    });
                    let got: f64 = ordinary.iter().map(|of_shard| dot(&of_shard[1 + i], &direction)).sum();
                    close(&format!("{what}, parameter {i}"), got, expected, 1e-7);
                }
            }
        }
    }
}

/// The message of a panic.
fn panic_of(body: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(body)).expect_err("a panic");
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned())).expect("a message")
}

#[test]
fn a_pass_that_panics_ends_all() {
    for bad in 0..4 {
        let pass = |shard: Shard| {
            group().sum(vec![1.0]);
            assert!(shard.number != bad, "shard {bad} is bad");
            group().sum(vec![1.0]);
            Ok(1.0)
        };
        assert_eq!(panic_of(|| drop(Shards::new(4).synchronised().mean(pass))), format!("shard {bad} is bad"));
    }
}

#[test]
fn passes_with_other_layers_than_the_others_are_a_mistake_that_ends_all() {
    for odd in 0..3 {
        let pass = |shard: Shard| (0..if shard.number == odd { 1 } else { 2 }).for_each(|_| drop(group().sum(vec![])));
        let message = panic_of(|| drop(Shards::new(3).synchronised().map(pass)));
        assert!(message.contains("needs a sum over the shards, but another one has ended"), "{message}");
    }
}

#[test]
fn a_rank_that_has_ended_ends_the_passes_of_the_others() {
    let found = on_ranks(2, |rank| {
        if rank.rank() == 1 {
            return None;
        }
        let shards = Shards::new(6).synchronised().shared_by(Arc::new(rank)).unwrap();
        shards.mean(|_| Ok(group().sum(vec![1.0])[0])).err()
    });
    assert!(matches!(found[0], Some(StepError::Communication(_))), "{found:?}");
}

/// A normalised layer between two dense ones.
fn network() -> Network {
    Network::new("net", &[3], Dialect::Keras, 1)
        .with("dense", Dense::new(4))
        .with("norm", BatchNorm::default())
        .with("head", Dense::new(1))
}

/// The gradients of a pass on the rows of this shard.
fn pass(network: &Network, x: &Tensor, shard: Shard) -> Result<nn::Gradients, NonFinite> {
    let each = x.shape()[0] / shard.count;
    let x = Var::constant(x.rows(shard.number * each..(shard.number + 1) * each));
    let forward = |ctx: &mut ForwardContext| (network.forward(ctx, &x).square().mean(), ());
    differentiate(RNG, forward).map(|(gradients, ())| gradients)
}

#[test]
fn a_non_finite_number_in_one_shard_is_found_without_the_others() {
    let network = network();
    let mut x = Tensor::from_fn([8, 3], |i| (i * 5 % 7) as f32);
    let shards = Shards::new(4).synchronised();
    assert!(shards.mean(|shard| pass(&network, &x, shard)).is_ok());
    x.data_mut()[3 * 5] = f32::NAN;
    // The statistics spread it to all shards; the first one reports it.
    let error = shards.mean(|shard| pass(&network, &x, shard)).unwrap_err().to_string();
    assert!(error.contains("net.norm"), "{error}");
    // The shard in which it began names an earlier layer.
    let of_each = shards.map(|shard| pass(&network, &x, shard).unwrap_err().to_string()).unwrap();
    assert!(of_each[2].contains("net.dense") && of_each[3].contains("net.norm"), "{of_each:?}");
}

/// If gradients overflow in one shard only, that shard repeats its step, and the others do not.
#[test]
fn one_shard_can_repeat_its_step_with_the_sums_that_it_had() {
    let (network, x) = (network(), Tensor::from_fn([8, 3], |i| (i * 5 % 7) as f32));
    let pass = |shard: Shard| {
        let x = Var::constant(x.rows(2 * shard.number..2 * shard.number + 2));
        let large = Var::constant(Tensor::full([2], if shard.number == 2 { 3e38 } else { 1.0 }));
        let forward = |ctx: &mut ForwardContext| {
            let zero = ctx.scoped("extra", |ctx| ctx.parameter("zero", &Tensor::zeros([1])));
            (&network.forward(ctx, &x).square().mean() + &(&large * &zero).sum(), ())
        };
        differentiate(RNG, forward).map_err(|error| error.to_string()).map(drop)
    };
    let of_each = Shards::new(4).synchronised().map(pass).unwrap();
    let error = of_each[2].as_ref().unwrap_err();
    assert!(error.contains("a gradient outside the networks"), "{error}");
    assert!([0, 1, 3].map(|shard| of_each[shard].is_ok()) == [true; 3], "{of_each:?}");
}

/// Applies the network to a batch when a step ends.
struct Curious(Network);

impl StepObserver for Curious {
    fn step_ends(&self, step: &StepResult<'_>) {
        assert!(step.loss_with.is_none(), "the loss depends on other shards");
        pass(&self.0, &Tensor::from_fn([8, 3], |i| i as f32), Shard::WHOLE).expect("a pass of its own");
    }
}

#[test]
fn observers_do_not_disturb_the_passes() {
    let (network, x) = (network(), Tensor::from_fn([8, 3], |i| (i * 5 % 7) as f32));
    let step = || Shards::new(4).synchronised().mean(|shard| pass(&network, &x, shard)).unwrap();
    let (plain, observed) = (step(), observe(Rc::new(Curious(self::network())), step));
    assert_eq!(plain.parameters, observed.parameters);
    assert_eq!(plain.buffers, observed.buffers);
}

#[test]
fn the_memory_of_all_shards_is_planned() {
    let network = || {
        Network::new("net", &[64], Dialect::Keras, 1).with("dense", Dense::new(256)).with("norm", BatchNorm::default())
    };
    let peak = |shards: Shards| {
        tensor::meta::run(|| {
            let (network, x) = (network(), Tensor::zeros([512, 64]));
            let before = tensor::meta::usage().live;
            drop(shards.mean(|shard| pass(&network, &x, shard)));
            tensor::meta::usage().most_live - before
        })
    };
    let [one, all] = [Shards::new(4), Shards::new(4).synchronised()].map(peak);
    // The outputs of two layers are saved for the backward pass.
    let saved = 2 * 4 * 512 * 256;
    assert!(one < saved && all > saved, "{one} with one, {all} with all, of which {saved} are saved");
}

//! The contract of an optimiser apart from its update rule (the rules are compared with PyTorch and
//! Keras in `tests/`): clipping, decay, schedules, several networks at once.

use nn::layers::Dense;
use nn::{
    Adam, Dialect, ForwardContext, Gradients, Network, Optimizer, RngContext, Sgd, State, Stateful, UpdateRule,
    differentiate,
};
use tensor::{Tensor, Var};

const RNG: RngContext = RngContext { seed: 5, step: 0, purpose: "test" };

fn empty(input: &[usize]) -> Network {
    Network::new("net", input, Dialect::Keras, 1)
}

/// One optimiser for two networks makes the same updates as two optimisers.
#[test]
fn an_optimiser_may_hold_several_networks() {
    let network = |name: &str| Network::new(name, &[4], Dialect::Torch, 1).with("dense", Dense::new(3));
    let rule = Adam { beta1: 0.5, beta2: 0.999, epsilon: 1e-8 };
    let x = Var::constant(nn::init::uniform(&[5, 4], -1.0, 1.0, kernels::Key::named(3, "batch")));
    let gradients = |networks: &[&Network]| {
        let forward = |ctx: &mut ForwardContext| {
            let sums = networks.iter().map(|network| network.forward(ctx, &x).square().sum());
            (sums.reduce(|a, b| &a + &b).expect("a network"), ())
        };
        differentiate(RNG, forward).expect("finite").0
    };
    let (mut a, mut b) = (network("a"), network("b"));
    let mut both = Optimizer::of_several("both", &[&a, &b], rule, 0.1);
    let (mut alone_a, mut alone_b) = (network("a"), network("b"));
    let mut of_a = Optimizer::new(&alone_a, rule, 0.1);
    let mut of_b = Optimizer::new(&alone_b, rule, 0.1);
    for rate in [0.1, 0.01] {
        for optimizer in [&mut both, &mut of_a, &mut of_b] {
            optimizer.set_learning_rate(rate);
        }
        let found = gradients(&[&a, &b]);
        both.step_several(&mut [&mut a, &mut b], &found);
        for (optimizer, network) in [(&mut of_a, &mut alone_a), (&mut of_b, &mut alone_b)] {
            let found = gradients(&[network]);
            optimizer.step(network, &found);
        }
    }
    let all = |networks: [&Network; 2]| {
        let mut state = State::default();
        networks.iter().for_each(|network| network.save(&mut state));
        state
    };
    assert_eq!(all([&a, &b]), all([&alone_a, &alone_b]));
    let mut state = State::default();
    both.save(&mut state);
    assert_eq!(state.counters["optimizer.both.updates"], 2);
    assert!(state.tensors.contains_key("optimizer.b.dense.weight.mean"));
}

#[test]
fn clipping_is_elementwise_for_every_rule() {
    for rule in UpdateRule::examples() {
        let updated = |gradient: [f32; 2], clip: f64| {
            let mut network = empty(&[2]).with("dense", Dense::new(1));
            let gradient = Tensor::new(&[2, 1], gradient.to_vec());
            let gradients = Gradients { parameters: vec![("net.dense.weight".into(), gradient)], buffers: vec![] };
            Optimizer::new(&network, rule, 0.1).clip(clip).step(&mut network, &gradients);
            network.tensors()[0].2.clone()
        };
        assert_eq!(updated([5.0, -0.25], 0.5), updated([0.5, -0.25], f64::INFINITY), "{rule:?}");
    }
}

#[test]
#[should_panic(expected = "net: no parameter `net.other.weight`")]
fn a_gradient_of_a_stranger_is_refused() {
    let mut network = empty(&[2]).with("dense", Dense::new(1));
    let parameters = vec![("net.other.weight".into(), Tensor::zeros([2, 1]))];
    Optimizer::rms_prop(&network, 0.1).step(&mut network, &Gradients { parameters, buffers: vec![] });
}

/// A network with the weight matrix [[3, 4]], and the gradients of the sum of its outputs for the
/// input (1): (1, 1).
fn slope() -> (Network, Gradients) {
    let mut network = empty(&[1]).with("dense", Dense::new(2).without_bias());
    network.tensors_mut()[0].2.data_mut().copy_from_slice(&[3.0, 4.0]);
    let x = Var::constant(Tensor::full([1, 1], 1.0));
    let forward = |ctx: &mut ForwardContext| (network.forward(ctx, &x).sum(), ());
    let gradients = differentiate(RNG, forward).expect("finite").0;
    (network, gradients)
}

/// The weights after one step of plain gradient descent with learning rate 1.
fn stepped(optimizer: impl Fn(Optimizer) -> Optimizer) -> Vec<f32> {
    let (mut network, gradients) = slope();
    let plain = Optimizer::new(&network, Sgd { momentum: 0.0, nesterov: false }, 1.0);
    optimizer(plain).step(&mut network, &gradients);
    network.tensors()[0].2.data().to_vec()
}

#[test]
fn gradients_are_shortened_together_and_weights_decay() {
    assert_eq!(stepped(|plain| plain), [2.0, 3.0]);
    assert_eq!(stepped(|plain| plain.clip_norm(2.0)), [2.0, 3.0], "their length is sqrt(2)");
    let short = stepped(|plain| plain.clip_norm(0.5));
    let side = 0.5 / 2f32.sqrt();
    assert!((short[0] - (3.0 - side)).abs() < 1e-5 && (short[1] - (4.0 - side)).abs() < 1e-5, "{short:?}");
    assert_eq!(stepped(|plain| plain.weight_decay(0.5)), [3.0 - 1.0 - 1.5, 4.0 - 1.0 - 2.0]);
    assert_eq!(
        stepped(|plain| plain.clip(0.25).weight_decay(0.5)),
        [3.0 - 0.25 - 1.5, 4.0 - 0.25 - 2.0],
        "clipped before"
    );
}

#[test]
fn a_schedule_changes_the_momentum_of_plain_steps() {
    let (mut network, gradients) = slope();
    let mut optimizer = Optimizer::new(&network, Sgd { momentum: 0.0, nesterov: false }, 1.0);
    optimizer.step(&mut network, &gradients);
    optimizer.set_momentum(0.5);
    optimizer.step(&mut network, &gradients);
    assert_eq!((network.tensors()[0].2.data(), optimizer.updates()), (&[3.0 - 1.0 - 1.5, 4.0 - 1.0 - 1.5][..], 2));
}

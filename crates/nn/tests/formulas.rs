//! The formulas of an update agree with the kernels, element by element, for every rule with every
//! option.

use nn::layers::Dense;
use nn::optim::StateSlot;
use nn::{Adam, Dialect, Gradients, Network, Optimizer, Sgd, State, Stateful, UpdateRule};
use tensor::Tensor;

/// The number of elements of the parameter.
const N: usize = 40;

/// Random values between -1 and 1.
fn random(seed: u32) -> Tensor {
    nn::init::uniform(&[1, N], -1.0, 1.0, kernels::Key::new(3, seed))
}

/// A gradient with some elements as small as an epsilon, and one that is 0.
fn gradient(seed: u32) -> Tensor {
    let sizes = [2.0, 1.0, 1e-3, 1e-6, 1e-8];
    let mut g = random(seed);
    g.data_mut().iter_mut().enumerate().for_each(|(i, g)| *g *= sizes[i % 5]);
    g.data_mut()[7] = 0.0;
    g
}

/// An optimiser with some of its options set: each bit of `options` selects one.
fn optimizer(network: &Network, rule: UpdateRule, options: u32) -> Optimizer {
    let mut optimizer = Optimizer::new(network, rule, 0.01);
    let set: [fn(Optimizer) -> Optimizer; 4] =
        [|o| o.decay(0.1), |o| o.clip(0.25), |o| o.clip_norm(1.5), |o| o.weight_decay(0.05)];
    for (bit, set) in set.iter().enumerate() {
        if options >> bit & 1 == 1 {
            optimizer = set(optimizer);
        }
    }
    optimizer
}

fn state(optimizer: &Optimizer) -> State {
    let mut state = State::default();
    optimizer.save(&mut state);
    state
}

/// The parameter and its optimiser state, by their names in the formulas.
fn known(network: &Network, optimizer: &Optimizer, rule: UpdateRule) -> Vec<(&'static str, Tensor)> {
    let stored = state(optimizer).tensors;
    let value = |slot: &StateSlot| stored[&format!("optimizer.net.dense.weight.{}", slot.name)].clone();
    let slots = rule.state().iter().map(|slot| (slot.symbol, value(slot)));
    slots.chain([("theta", network.tensors()[0].2.clone())]).collect()
}

#[test]
fn formulas_agree_with_the_kernels() {
    for rule in UpdateRule::examples() {
        for options in 0..16 {
            let dense = Dense::new(N).without_bias();
            let mut network = Network::new("net", &[1], Dialect::Keras, 1).with("dense", dense);
            *network.tensors_mut()[0].2 = random(9);
            let mut optimizer = optimizer(&network, rule, options);
            for step in 0..4 {
                let g = gradient(step);
                let parameters = vec![("net.dense.weight".into(), g.clone())];
                let gradients = Gradients { parameters, buffers: vec![] };
                let formulas = optimizer.formulas(&gradients);
                let before = known(&network, &optimizer, rule);
                optimizer.step(&mut network, &gradients);
                let after = known(&network, &optimizer, rule);
                for i in 0..N {
                    let at = |(name, tensor): &(&'static str, Tensor)| (*name, f64::from(tensor.data()[i]));
                    let start: Vec<_> = before.iter().chain([&("g", g.clone())]).map(at).collect();
                    let found = formulas.evaluate(&start).expect("all names are known");
                    for (name, now) in after.iter().map(at) {
                        let Some(expected) = nn::optim::formula::lookup(&found, name) else { continue };
                        let was = nn::optim::formula::lookup(&start, name).unwrap();
                        // The rounding of the value itself, and of the increment.
                        let allowed = 1.3e-7 * now.abs() + 2e-6 * (expected - was).abs();
                        assert!(
                            (now - expected).abs() <= allowed,
                            "{rule:?}, options {options:04b}, step {step}, element {i}: {name} is {now}, by the formulas {expected}"
                        );
                    }
                }
            }
        }
    }
}

/// Every slot of optimiser state has a formula, except the velocity of plain gradient descent,
/// which equals the gradient.
#[test]
fn every_state_slot_has_a_line() {
    for rule in UpdateRule::examples() {
        let set: Vec<_> = rule.lines().iter().map(|line| line.target).collect();
        assert_eq!(set.last(), Some(&"theta"));
        let plain = rule == Sgd { momentum: 0.0, nesterov: false }.into();
        assert!(plain || rule.state().iter().all(|slot| set.contains(&slot.symbol)), "{rule:?}");
    }
}

#[test]
fn each_option_that_is_set_has_its_line() {
    let network = Network::new("net", &[1], Dialect::Keras, 1).with("dense", Dense::new(1));
    let gradients = Gradients { parameters: vec![], buffers: vec![] };
    let rule = UpdateRule::from(Adam { beta1: 0.5, beta2: 0.999, epsilon: 1e-8 });
    for options in 0..16_u32 {
        let formulas = optimizer(&network, rule, options).formulas(&gradients);
        assert_eq!(formulas.lines.len(), rule.lines().len() + options.count_ones() as usize, "{options:04b}");
    }
}

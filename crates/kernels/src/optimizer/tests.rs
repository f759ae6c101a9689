//! The bits of the plain loop over several updates, and known values.

use super::{Adam, RmsProp, Sgd, Update, UpdateRule};
use crate::testing::{SIZES, assert_same_bits, numbers, same_bits_everywhere, wild_numbers};

const RMS_PROP: RmsProp = RmsProp { rho: 0.9, epsilon: 1e-7 };
const ADAM: Adam = Adam { beta1: 0.5, beta2: 0.999, epsilon: 1e-8 };
const SGD: Sgd = Sgd { momentum: 0.9, nesterov: false };

type Step = fn(UpdateRule, Update, &[f32], &mut [&mut [f32]], &mut [f32]);

/// Parameter and state after three updates.
fn three_updates(rule: UpdateRule, update: Update, len: usize, step: Step) -> Vec<f32> {
    let mut theta = numbers(len, 9);
    let mut state = vec![vec![0.0; len]; rule.state().len()];
    for t in 1..=3 {
        let mut slices: Vec<&mut [f32]> = state.iter_mut().map(Vec::as_mut_slice).collect();
        step(rule, Update { t, ..update }, &wild_numbers(len, t as u32), &mut slices, &mut theta);
    }
    [vec![theta], state].concat().concat()
}

#[test]
fn every_rule_has_the_bits_of_the_plain_loop() {
    let plain = Update::new(1, 8e-4);
    let prepared = Update { scale: Some(0.7), clip: 1.0, weight_decay: 0.01, ..plain };
    for (rule, update) in UpdateRule::examples().into_iter().flat_map(|rule| [(rule, plain), (rule, prepared)]) {
        for len in SIZES {
            let name = format!("{rule:?}, {update:?}, {len} elements");
            let got = same_bits_everywhere(&name, || three_updates(rule, update, len, UpdateRule::update));
            let wanted = three_updates(rule, update, len, UpdateRule::update_plain::<f32>);
            assert_same_bits(&got, &wanted, &name);
        }
    }
}

#[track_caller]
fn close(got: f32, wanted: f64) {
    let error = (f64::from(got) - wanted).abs();
    assert!(error <= 3e-7 * wanted.abs(), "{got} is not {wanted}");
}

/// One parameter that starts at 1 gets these gradients; the values were computed with high
/// precision from the formulas.
const GRADIENTS: [f32; 3] = [0.5, -2.0, 0.1];

/// The first number of state and the parameter after each update.
fn updates(rule: impl Into<UpdateRule>, learning_rate: impl Fn(u64) -> f64, clip: f64) -> Vec<[f32; 2]> {
    let (rule, mut theta) = (rule.into(), [1.0]);
    let mut state = [[0.0]; 2];
    let after = |(g, t)| {
        let mut slices = state.each_mut().map(|state| &mut state[..]);
        let update = Update { clip, ..Update::new(t, learning_rate(t)) };
        rule.update(update, &[g], &mut slices[..rule.state().len()], &mut theta);
        [state[0][0], theta[0]]
    };
    GRADIENTS.into_iter().zip(1..).map(after).collect()
}

#[test]
fn rms_prop_known_values() {
    let wanted = [(0.025, 0.997_470_179_5), (0.1225, 0.999_755_893_0), (0.111_25, 0.999_516_043_0)];
    let found = updates(RMS_PROP, |t| 8e-4 / (1.0 + 6e-8 * (t - 1) as f64), 1.0);
    for ([square, theta], wanted) in found.into_iter().zip(wanted) {
        close(square, wanted.0);
        close(theta, wanted.1);
    }
}

#[test]
fn adam_known_values() {
    let dcgan = [0.999_800_000_0, 0.999_960_030_0, 1.000_034_359_6];
    let progan = Adam { beta1: 0.0, beta2: 0.99, ..ADAM };
    let cases = [(ADAM, 2e-4, dcgan), (progan, 1e-3, [0.999_000_000_2, 1.000_368_957_2, 1.000_285_014_1])];
    for (rule, learning_rate, wanted) in cases {
        for ([_, theta], wanted) in updates(rule, |_| learning_rate, f64::INFINITY).into_iter().zip(wanted) {
            close(theta, wanted);
        }
    }
}

#[test]
fn sgd_known_values() {
    for (nesterov, wanted) in [(false, [0.95, 1.105, 1.234_5]), (true, [0.905, 1.244_5, 1.351_05])] {
        let found = updates(Sgd { nesterov, ..SGD }, |_| 0.1, f64::INFINITY);
        for ([_, theta], wanted) in found.into_iter().zip(wanted) {
            close(theta, wanted);
        }
    }
}

#[test]
#[should_panic(expected = "adam: g and the state must have the length of theta, 3")]
fn different_lengths_are_refused() {
    UpdateRule::from(ADAM).update(Update::new(1, 0.1), &[0.0; 3], &mut [&mut [0.0; 3], &mut [0.0; 2]], &mut [0.0; 3]);
}

#[test]
#[should_panic(expected = "adam: 1 slices of state, not 2")]
fn too_little_state_is_refused() {
    UpdateRule::from(ADAM).update(Update::new(1, 0.1), &[0.0; 3], &mut [&mut [0.0; 3]], &mut [0.0; 3]);
}

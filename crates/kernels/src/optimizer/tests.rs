//! The updates against the plain loop over several steps, bit for bit, and known values.

use super::{adam, rms_prop, sgd};
use crate::arguments::{Adam, RmsProp, Sgd};
use crate::reference;
use crate::testing::{SIZES, assert_same_bits, numbers, same_bits_everywhere, wild_numbers};

const RMS_PROP: RmsProp = RmsProp { learning_rate: 8e-4, rho: 0.9, epsilon: 1e-7, clip: 1.0 };
const ADAM: Adam = Adam { learning_rate: 2e-4, beta1: 0.5, beta2: 0.999, epsilon: 1e-8, t: 1 };
const SGD: Sgd = Sgd { learning_rate: 0.1, momentum: 0.9, nesterov: false };

/// Parameters and state after three steps of `update(t, g, [state, state], theta)` from a common
/// start.
fn three_steps(len: usize, update: impl Fn(u64, &[f32], [&mut [f32]; 2], &mut [f32])) -> Vec<f32> {
    let (mut m, mut v, mut theta) = (vec![0.0; len], vec![0.0; len], numbers(len, 9));
    for t in 1..=3 {
        update(t, &wild_numbers(len, t as u32), [&mut m, &mut v], &mut theta);
    }
    [theta, m, v].concat()
}

macro_rules! same_as_the_plain_loop {
    ($name:literal, |$t:ident, $g:ident, $m:ident, $v:ident, $theta:ident| $fast:expr, $plain:expr) => {
        for len in SIZES {
            let got = same_bits_everywhere($name, || three_steps(len, |$t, $g, [$m, $v], $theta| $fast));
            let wanted = three_steps(len, |$t, $g, [$m, $v], $theta| $plain);
            assert_same_bits(&got, &wanted, &format!("{}, {len} parameters", $name));
        }
    };
}

#[test]
fn rms_prop_has_the_bits_of_the_plain_loop() {
    for clip in [1.0, f64::INFINITY] {
        let update = RmsProp { clip, ..RMS_PROP };
        same_as_the_plain_loop!(
            "rms_prop",
            |_t, g, m, _v, theta| rms_prop(update, g, m, theta),
            reference::rms_prop(update, g, m, theta)
        );
    }
}

#[test]
fn adam_has_the_bits_of_the_plain_loop() {
    same_as_the_plain_loop!(
        "adam",
        |t, g, m, v, theta| adam(Adam { t, ..ADAM }, g, [m, v], theta),
        reference::adam(Adam { t, ..ADAM }, g, [m, v], theta)
    );
}

#[test]
fn sgd_has_the_bits_of_the_plain_loop() {
    for nesterov in [false, true] {
        let update = Sgd { nesterov, ..SGD };
        same_as_the_plain_loop!(
            "sgd",
            |_t, g, m, _v, theta| sgd(update, g, m, theta),
            reference::sgd(update, g, m, theta)
        );
    }
}

#[track_caller]
fn close(got: f32, wanted: f64) {
    let error = (f64::from(got) - wanted).abs();
    assert!(error <= 3e-7 * wanted.abs(), "{got} is not {wanted}");
}

/// One parameter that starts at 1 and receives these gradients; the values were computed from the
/// formulas with high precision.
const GRADIENTS: [f32; 3] = [0.5, -2.0, 0.1];

#[test]
fn rms_prop_known_values() {
    let (mut square, mut theta) = ([0.0], [1.0]);
    let wanted = [(0.025, 0.997_470_179_5), (0.1225, 0.999_755_893_0), (0.111_25, 0.999_516_043_0)];
    for (t, (g, wanted)) in GRADIENTS.into_iter().zip(wanted).enumerate() {
        let learning_rate = 8e-4 / (1.0 + 6e-8 * t as f64);
        rms_prop(RmsProp { learning_rate, ..RMS_PROP }, &[g], &mut square, &mut theta);
        close(square[0], wanted.0);
        close(theta[0], wanted.1);
    }
}

#[test]
fn adam_known_values() {
    let dcgan = [0.999_800_000_0, 0.999_960_030_0, 1.000_034_359_6];
    let progan = Adam { learning_rate: 1e-3, beta1: 0.0, beta2: 0.99, ..ADAM };
    for (update, wanted) in [(ADAM, dcgan), (progan, [0.999_000_000_2, 1.000_368_957_2, 1.000_285_014_1])] {
        let (mut m, mut v, mut theta) = ([0.0], [0.0], [1.0]);
        for (t, (g, wanted)) in (1..).zip(GRADIENTS.into_iter().zip(wanted)) {
            adam(Adam { t, ..update }, &[g], [&mut m, &mut v], &mut theta);
            close(theta[0], wanted);
        }
    }
}

#[test]
fn sgd_known_values() {
    for (nesterov, wanted) in [(false, [0.95, 1.105, 1.234_5]), (true, [0.905, 1.244_5, 1.351_05])] {
        let (mut velocity, mut theta) = ([0.0], [1.0]);
        for (g, wanted) in GRADIENTS.into_iter().zip(wanted) {
            sgd(Sgd { nesterov, ..SGD }, &[g], &mut velocity, &mut theta);
            close(theta[0], wanted);
        }
    }
}

#[test]
#[should_panic(expected = "adam: lengths of g, m and v, and of theta")]
fn different_lengths_are_refused() {
    adam(ADAM, &[0.0; 3], [&mut [0.0; 3], &mut [0.0; 2]], &mut [0.0; 3]);
}

//! The bounds of the initialisers against Keras and PyTorch: the formula, and the weights that the
//! layers really draw.

use models::quickdraw::{self, Settings};
use nn::layers::{Conv2d, ConvTranspose2d, Dense};
use nn::{Dialect, Fan, Initializer, Network};
use serde_json::Value;
use tensor::Tensor;
use tests::{Report, cases, golden, number, relative, sizes, text, values};

/// The drawn values stay within the limit and come near it, and their mean square is that of the
/// uniform distribution.
fn check_draws(report: &mut Report, name: &str, drawn: &Tensor, case: &Value) {
    let (limit, deviation) = (number(&case["limit"]), number(&case["std"]));
    let drawn = values(drawn);
    let largest = drawn.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
    // All of n values are below limit * (1 - 12 / n) only with a probability of e^-12.
    let near = 1.0 - 12.0 / drawn.len() as f64;
    assert!(largest <= limit * (1.0 + 1e-7) && largest >= near * limit, "{name}: {largest} of {limit}");
    let square = drawn.iter().map(|x| x * x).sum::<f64>() / drawn.len() as f64;
    // The square of a uniform number has a standard deviation of sqrt(4/5) times its mean; five
    // standard deviations are allowed.
    let allowed = 5.0 * (0.8 / drawn.len() as f64).sqrt();
    assert!(relative(square - deviation * deviation, deviation * deviation) < allowed, "{name}: mean square {square}");
    report.note(name, relative(largest.max(limit) - limit, limit));
}

#[test]
fn glorot_limits_agree_and_bound_the_quickdraw_weights() {
    let mut limits = Report::new("Glorot limits", 1e-15);
    let mut draws = Report::new("draws beyond Glorot limits", 1e-7);
    let settings = Settings::default();
    let networks = [quickdraw::discriminator(&settings, 1), quickdraw::generator(&settings, 1)];
    let tensors: Vec<_> = networks.iter().flat_map(Network::tensors).collect();
    for (name, case) in cases(&golden("initializers")).filter(|(_, case)| case["scheme"] == "glorot_uniform") {
        let shape = sizes(&case["shape"]);
        let (&[input, output], taps) = (shape.last_chunk().expect("two axes"), shape.iter().rev().skip(2));
        let taps: usize = taps.product();
        let limit =
            Initializer::GlorotUniform.limit(Fan { input: taps * input, output: taps * output }).expect("a limit");
        limits.note(name, relative(limit - number(&case["limit"]), limit));
        let (_, _, weight) = tensors.iter().find(|(weight, _, _)| weight == name).expect("a weight of the network");
        assert_eq!(**weight.shape(), shape, "{name}");
        check_draws(&mut draws, name, weight, case);
    }
    limits.finish();
    draws.finish();
}

#[test]
fn torch_limits_agree_and_bound_weights_and_biases() {
    let mut limits = Report::new("Kaiming limits", 1e-15);
    let mut draws = Report::new("draws beyond Kaiming limits", 1e-7);
    for (name, case) in cases(&golden("initializers")).filter(|(_, case)| case["scheme"] == "kaiming_uniform_torch") {
        let shape = sizes(&case["shape"]);
        let fan = Fan { input: number(&case["fan_in"]) as usize, output: 1 };
        let limit = Dialect::Torch.weight_init().limit(fan).expect("a limit");
        limits.note(name, relative(limit - number(&case["limit"]), limit));
        assert_eq!(Dialect::Torch.bias_init().limit(fan), Some(limit));

        let empty = |input: &[usize]| Network::new("net", input, Dialect::Torch, 1);
        let network = match (text(&case["layer"]), &*shape) {
            ("linear", &[input, output]) => empty(&[input]).with("layer", Dense::new(output)),
            ("conv2d", &[kh, kw, input, output]) => {
                empty(&[8, 8, input]).with("layer", Conv2d::new(output, 1).kernel([kh, kw]))
            }
            ("conv_transpose2d", &[kh, kw, output, input]) => {
                empty(&[8, 8, input]).with("layer", ConvTranspose2d::new(output, 1).kernel([kh, kw]))
            }
            (other, shape) => panic!("no such layer: {other} {shape:?}"),
        };
        let tensors = network.tensors();
        let [(_, _, weight), (_, _, bias)] = &tensors[..] else { panic!("{name}: a weight and a bias") };
        assert_eq!(**weight.shape(), shape, "{name}");
        check_draws(&mut draws, name, weight, case);
        let bias_limit = number(&case["bias_limit"]);
        let largest = values(bias).into_iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
        assert!(largest <= bias_limit * (1.0 + 1e-7) && largest > 0.0, "{name}: bias {largest} of {bias_limit}");
    }
    limits.finish();
    draws.finish();
}

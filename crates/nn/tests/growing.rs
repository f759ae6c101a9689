//! The layers of growing GANs, and networks that are parts of a whole.

use kernels::Key;
use nn::layers::{Activation, Bias, Conv2d, Dense, Equalised, Flatten, MinibatchStddev, PixelNorm};
use nn::{Dialect, ForwardContext, Network, Optimizer, RngContext, Stateful, differentiate};
use tensor::{Tape, Tensor, Var};

fn network(input: &[usize]) -> Network {
    Network::new("net", input, Dialect::Torch, 1)
}

fn normal(shape: &[usize]) -> Tensor {
    nn::init::normal(shape, 0.0, 1.0, Key::named(2, "a batch"))
}

fn deviation(tensor: &Tensor) -> f64 {
    let square = tensor.data().iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
    (square / tensor.size() as f64).sqrt()
}

/// Weights with standard deviation 1 that behave as if drawn with gain / sqrt(fan in); biases that
/// start at 0.
#[test]
fn equalised_weights_start_alike_and_are_scaled_at_run_time() {
    let layers = |equalised: Equalised| {
        let dense = network(&[200]).with("layer", Dense::new(100).equalised(equalised));
        let conv = network(&[8, 8, 30]).with("layer", Conv2d::new(60, 3).equalised(equalised));
        [(dense, 200.0_f64), (conv, 270.0)]
    };
    let slow = Equalised { gain: 2.0, multiplier: 0.01 };
    for (equalised, start) in [(Equalised::RELU, 1.0), (Equalised::LINEAR, 1.0), (slow, 100.0)] {
        for (mut network, fan_in) in layers(equalised) {
            let (weight, bias) = (network.tensors()[0].2.clone(), network.tensors()[1].2.clone());
            assert!((deviation(&weight) / start - 1.0).abs() < 0.05, "{equalised:?}: {}", deviation(&weight));
            assert!(bias.data().iter().all(|b| *b == 0.0));
            let x = normal(&[&[4], network.input_shape()].concat());
            let found = network.infer(&x);
            // The same layer without equalising, with its weight and bias scaled beforehand.
            let factor = equalised.gain / fan_in.sqrt() * equalised.multiplier;
            let weight = Var::constant(weight).scale(factor).into_value();
            let wanted = match network.input_shape() {
                [_] => Var::constant(x.clone()).matmul(&Var::constant(weight)),
                _ => Var::constant(x.clone()).conv2d(&Var::constant(weight), [1, 1], kernels::Padding::Same),
            };
            assert_eq!(found, wanted.clone().into_value(), "{equalised:?}");
            network.tensors_mut()[1].2.data_mut().fill(3.0);
            let moved = network.infer(&x);
            let by = (3.0 * equalised.multiplier) as f32;
            assert!(moved.data().iter().zip(wanted.value().data()).all(|(a, b)| (a - b - by).abs() < 1e-4));
        }
    }
}

#[test]
fn pixels_get_the_mean_square_1() {
    let flat = network(&[4]).with("norm", PixelNorm);
    let y = flat.infer(&Tensor::new(&[1, 4], vec![3.0, 4.0, 0.0, 0.0]));
    assert!(y.data().iter().zip([1.2, 1.6, 0.0, 0.0]).all(|(a, b)| (a - b).abs() < 1e-6), "{y:?}");
    let y = network(&[3, 2, 5]).with("norm", PixelNorm).infer(&normal(&[2, 3, 2, 5]));
    for pixel in y.data().chunks(5) {
        assert!((pixel.iter().map(|x| x * x).sum::<f32>() / 5.0 - 1.0).abs() < 1e-4);
    }
}

/// One more channel, constant within a group; the images of a group are strided through the batch.
#[test]
fn the_deviation_of_a_group_is_a_channel() {
    let layer = |group| network(&[1, 2, 1]).with("stddev", MinibatchStddev(group));
    let batch = |images: &[f32]| Tensor::new(&[images.len(), 1, 2, 1], images.iter().flat_map(|x| [*x; 2]).collect());
    let channel = |y: Tensor| -> Vec<f32> { y.data().chunks(4).map(|image| (image[1] + image[3]) / 2.0).collect() };
    let near = |found: Vec<f32>, wanted: &[f32]| {
        assert!(
            found.len() == wanted.len() && found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 2e-4),
            "{found:?}"
        );
    };
    near(channel(layer(2).infer(&batch(&[0.0, 2.0]))), &[1.0; 2]);
    // {0, 2, 4, 6} and {1, 3, 5, 7}
    let eight = batch(&[0.0, 5.0, 2.0, 5.0, 0.0, 5.0, 2.0, 5.0]);
    near(channel(layer(4).infer(&eight)), &[1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
    // Six is not a multiple of four, so the groups have three images.
    let six = batch(&[0.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
    near(channel(layer(4).infer(&six)), &[0.0; 6]);
    assert_eq!(channel(layer(4).infer(&batch(&[7.0]))).len(), 1);
    assert_eq!(layer(4).output_shape(), [1, 2, 2]);
}

#[test]
fn a_bias_may_come_later_than_the_weights() {
    let mut network = network(&[2, 1, 2]).with("bias", Bias::default()).with("lrelu", Activation::LeakyRelu(0.5));
    network.tensors_mut()[0].2.data_mut().copy_from_slice(&[1.0, -3.0]);
    assert_eq!(network.infer(&Tensor::full([1, 2, 1, 2], 1.0)).data(), [2.0, -1.0, 2.0, -1.0]);
}

#[test]
fn parts_are_applied_and_summarised_as_one_whole() {
    let part = |name: &str, input: &[usize]| Network::new(name, input, Dialect::Torch, 1);
    let first = part("whole.first", &[3]).with("dense", Dense::new(4));
    let second = part("whole.second", &[4]).with("dense", Dense::new(2));
    let other = part("other", &[2]).with("dense", Dense::new(1));
    let x = Var::constant(normal(&[5, 3]));
    let forward = |ctx: &mut ForwardContext| {
        let y = ctx.forward_of("whole", &x, |ctx| {
            let y = first.forward_part(ctx, &x);
            second.forward_part(ctx, &y)
        });
        (y.square().mean(), ())
    };
    let rng = RngContext { seed: 1, step: 0, purpose: "a test" };
    let (gradients, ()) = differentiate(rng, forward).expect("finite");
    let names: Vec<&str> = gradients.parameters.iter().map(|(name, _)| &**name).collect();
    let wanted =
        ["whole.first.dense.weight", "whole.first.dense.bias", "whole.second.dense.weight", "whole.second.dense.bias"];
    assert_eq!(names, wanted);
    let wholes = nn::wholes(&[&first, &other, &second]);
    assert_eq!(wholes.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(nn::totals(&wholes[0]), "whole: 26 parameters");
    let summary = nn::summary(&wholes[0]);
    assert!(summary.contains("\nfirst: input") && summary.contains("\nsecond: input"), "{summary}");
    assert!(summary.ends_with("Total params: 26\nTrainable params: 26\nRunning statistics: 0\n"), "{summary}");
}

#[test]
#[should_panic(expected = "net.dense: the layer needs a style")]
fn a_layer_that_asks_for_a_style_needs_one() {
    let rng = RngContext { seed: 1, step: 0, purpose: "a test" };
    let mut ctx = ForwardContext::training(&Tape::new(), rng);
    let style = Var::constant(normal(&[2, 3]));
    assert_eq!(ctx.styled(&style, |ctx| ctx.style()).value(), style.value());
    ctx.scoped("net", |ctx| ctx.scoped("dense", |ctx| ctx.style()));
}

#[test]
fn an_optimiser_that_is_reset_is_as_new() {
    let fresh = || network(&[3]).with("flatten", Flatten).with("dense", Dense::new(2));
    let x = Var::constant(normal(&[4, 3]));
    let gradients = |network: &Network| {
        let rng = RngContext { seed: 1, step: 0, purpose: "a test" };
        differentiate(rng, |ctx: &mut ForwardContext| (network.forward(ctx, &x).square().mean(), ())).expect("finite").0
    };
    let mut trained = fresh();
    let mut optimizer = Optimizer::adam(&trained, 0.01, 0.9, 0.99);
    for _ in 0..3 {
        let found = gradients(&trained);
        optimizer.step(&mut trained, &found);
    }
    assert_eq!(optimizer.updates(), 3);
    optimizer.reset();
    let of = |optimizer: &Optimizer| nn::State::of([optimizer as &dyn Stateful]);
    assert_eq!(of(&optimizer), of(&Optimizer::adam(&trained, 0.01, 0.9, 0.99)));
}

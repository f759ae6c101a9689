//! The contract of a network: its summary, how it rejects layers that do not fit, its modes, and
//! its state.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use kernels::Padding;
use nn::layers::{
    Activation, BatchNorm, Conv2d, ConvTranspose2d, Dense, Dropout, Flatten, InstanceNorm, ReflectionPad2d, Reshape,
    Residual, Running, UpSampling2d,
};
use nn::{
    Dialect, ForwardContext, Gradients, InitScheme, Network, Optimizer, RngContext, State, Stateful, TensorKind,
    differentiate,
};
use tensor::{FirstNonFinite, Tape, Tensor, Var};

const RNG: RngContext = RngContext { seed: 5, step: 0, purpose: "test" };

fn empty(input: &[usize]) -> Network {
    Network::new("net", input, Dialect::Keras, 1)
}

/// Differentiates the sum of the network's output for `x`, in training mode.
fn train(network: &Network, x: &Tensor, rng: RngContext) -> (Gradients, Tensor) {
    let x = Var::constant(x.clone());
    let forward = |ctx: &mut ForwardContext| {
        let y = network.forward(ctx, &x);
        (y.sum(), y.into_value())
    };
    differentiate(rng, forward).expect("finite")
}

fn set(network: &mut Network, name: &str, value: &[f32]) {
    let mut tensors = network.tensors_mut();
    let (_, _, tensor) = tensors.iter_mut().find(|(found, _, _)| found == name).expect("a tensor of the network");
    tensor.data_mut().copy_from_slice(value);
}

#[test]
fn the_summary_is_a_table_with_totals() {
    let network = empty(&[8, 6, 3])
        .with("conv", Conv2d::new(16, 5).stride(2))
        .with("relu", Activation::LeakyRelu(0.2))
        .with("norm", BatchNorm::with_momentum(0.9))
        .with("up", UpSampling2d([2, 2]))
        .with("convt", ConvTranspose2d::new(4, 3))
        .with("dropout", Dropout(0.4))
        .with("flatten", Flatten)
        .with("dense", Dense::new(10));
    let expected = "\
net
layer    kind                        output  parameters
-------------------------------------------------------
input                                8x6x3            0
conv     Conv2d 5x5 stride 2x2 same  4x3x16       1,216
relu     LeakyReLU 0.2               4x3x16           0
norm     BatchNorm momentum 0.9      4x3x16          64
up       UpSampling2d 2x2            8x6x16           0
convt    ConvTranspose2d 3x3 same    8x6x4          580
dropout  Dropout 0.4                 8x6x4            0
flatten  Flatten                     192              0
dense    Dense 10                    10           1,930
-------------------------------------------------------
Total params: 3,790
Trainable params: 3,758
Non-trainable params: 32
";
    assert_eq!(network.summary(), expected);
    assert_eq!(network.totals(), "net: 3,790 parameters, 32 of them not trainable");
}

#[test]
fn an_impossible_stack_names_the_layer_and_the_shapes() {
    let cases: Vec<(&dyn Fn() -> Network, &[&str])> = vec![
        (&|| empty(&[10]).with("conv", Conv2d::new(4, 3)), &["net.conv", "[10]", "(h, w, c)", "Reshape"]),
        (&|| empty(&[10]).with("convt", ConvTranspose2d::new(4, 3)), &["net.convt", "[10]", "Reshape"]),
        (&|| empty(&[4, 4, 1]).with("dense", Dense::new(3)), &["net.dense", "[4, 4, 1]", "Flatten"]),
        (&|| empty(&[10]).with("up", UpSampling2d([2, 2])), &["net.up", "[10]", "(h, w, c)"]),
        (&|| empty(&[10]).with("reshape", Reshape(vec![3, 4])), &["net.reshape", "10 numbers", "[3, 4]", "12"]),
        (&|| empty(&[]).with("norm", BatchNorm::default()), &["net.norm", "channel axis"]),
        (&|| empty(&[10]).with("dropout", Dropout(1.0)), &["net.dropout", "[0, 1)", "1"]),
        (
            &|| empty(&[4, 4, 1]).with("conv", Conv2d::new(1, 5).padding(Padding::Valid)),
            &["net.conv", "[4, 4, 1]", "5"],
        ),
        (&|| empty(&[4, 4, 1]).with("pad", ReflectionPad2d(4)), &["net.pad", "[4, 4, 1]", "less than the image's 4x4"]),
        (&|| empty(&[10]).with("norm", InstanceNorm), &["net.norm", "[10]", "(h, w, c)"]),
        (
            &|| empty(&[10]).with("res", Residual::new().with("dense", Dense::new(4))),
            &["net.res", "[10]", "[4]", "cannot be added"],
        ),
        (
            &|| empty(&[10]).with("res", Residual::new().with("conv", Conv2d::new(4, 3))),
            &["net.res.conv", "[10]", "(h, w, c)"],
        ),
        (&|| empty(&[1]).with("a", Dense::new(1)).with("a", Dense::new(1)), &["net.a", "taken"]),
    ];
    for (build, parts) in cases {
        let payload = catch_unwind(AssertUnwindSafe(build)).map(|_| ()).expect_err("an impossible stack");
        let message = payload.downcast_ref::<String>().expect("a message");
        for part in parts {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    }
}

fn residual() -> Network {
    let block = Residual::new()
        .with("pad", ReflectionPad2d(1))
        .with("conv", Conv2d::new(3, 3).padding(Padding::Valid))
        .with("norm", InstanceNorm)
        .with("relu", Activation::Relu);
    empty(&[4, 4, 3]).with("conv", Conv2d::new(3, 1)).with("block", block).with("out", Conv2d::new(1, 4))
}

#[test]
fn a_residual_block_is_a_layer_with_layers_of_its_own() {
    let network = residual();
    let names: Vec<String> = network.tensors().into_iter().map(|(name, _, _)| name).collect();
    let expected = ["conv.weight", "conv.bias", "block.conv.weight", "block.conv.bias", "out.weight", "out.bias"];
    assert_eq!(names, expected.map(|name| format!("net.{name}")));
    let expected = "\
net
layer  kind                  output  parameters
-----------------------------------------------
input                        4x4x3            0
conv   Conv2d 1x1 same       4x4x3           12
block  Residual of 4 layers  4x4x3           84
out    Conv2d 4x4 same       4x4x1           49
-----------------------------------------------
Total params: 145
";
    assert!(network.summary().starts_with(expected), "{}", network.summary());
}

/// x + layers(x), where the layers have names and gradients as in any network.
#[test]
fn a_residual_block_adds_its_input() {
    let network = residual();
    let x = nn::init::uniform(&[2, 4, 4, 3], -1.0, 1.0, kernels::Key::named(3, "batch"));
    let (gradients, y) = train(&network, &x, RNG);
    let tape = Tape::new();
    let of = |name: &str| {
        let (_, _, tensor) = network.tensors().into_iter().find(|(found, _, _)| found == name).expect("a tensor");
        tape.variable(name, tensor.clone())
    };
    let names = gradients.parameters.iter().map(|(name, _)| &**name);
    let leaves: Vec<Var> = names.map(of).collect();
    let [w1, b1, w2, b2, w3, b3] = &leaves[..] else { panic!("six parameters") };
    let x = &Var::constant(x).conv2d(w1, [1, 1], Padding::Same) + b1;
    let inner = &x.reflection_pad([1; 4]).conv2d(w2, [1, 1], Padding::Valid) + b2;
    let by_hand = &(&x + &inner.instance_norm(1e-5, None).relu()).conv2d(w3, [1, 1], Padding::Same) + b3;
    assert_eq!(y, *by_hand.value());
    let wanted = tensor::grad(&by_hand.sum(), &leaves, tensor::Options::default());
    for ((name, gradient), wanted) in gradients.parameters.iter().zip(wanted) {
        assert_eq!(gradient, wanted.value(), "{name}");
    }
}

#[test]
#[should_panic(expected = "net: a batch of shape [2, 5], not (batch, [4])")]
fn a_batch_of_another_shape_is_refused() {
    empty(&[4]).with("dense", Dense::new(1)).infer(&Tensor::zeros([2, 5]));
}

#[test]
fn dropout_drops_only_in_training_and_never_twice_the_same() {
    let network = empty(&[1000]).with("dropout", Dropout(0.4));
    let other_layer = empty(&[1000]).with("dropout2", Dropout(0.4));
    let ones = Tensor::full([2, 1000], 1.0);
    assert_eq!(network.infer(&ones), ones);

    let drop = |network: &Network, rng: RngContext| train(network, &ones, rng).1;
    let y = drop(&network, RNG);
    let dropped = y.data().iter().filter(|x| **x == 0.0).count() as f64 / 2000.0;
    assert!((dropped - 0.4).abs() < 0.05, "{dropped}");
    assert!(y.data().iter().all(|x| *x == 0.0 || (x - 1.0 / 0.6).abs() < 1e-6), "the others make up for it");

    assert_eq!(y, drop(&network, RNG), "the same step drops the same");
    for (what, other) in [
        ("step", drop(&network, RngContext { step: 1, ..RNG })),
        ("purpose", drop(&network, RngContext { purpose: "other", ..RNG })),
        ("seed", drop(&network, RngContext { seed: 6, ..RNG })),
        ("layer", drop(&other_layer, RNG)),
    ] {
        let same = y.data().iter().zip(other.data()).filter(|(a, b)| a == b).count() as f64 / 2000.0;
        // Independent masks agree where both keep or both drop: 0.36 + 0.16.
        assert!((same - 0.52).abs() < 0.06, "another {what}: {same} of the mask is the same");
    }
}

fn small() -> Network {
    empty(&[6])
        .with("dense", Dense::new(200))
        .with("norm", BatchNorm::with_momentum(0.9))
        .with("dropout", Dropout(0.5))
        .with("relu", Activation::LeakyRelu(0.3))
}

fn batch(rows: usize, width: usize) -> Tensor {
    nn::init::uniform(&[rows, width], -1.0, 1.0, kernels::Key::named(3, "batch"))
}

#[test]
fn a_frozen_stretch_gives_no_gradient_and_no_update_but_stays_in_training() {
    let network = small();
    let x = batch(7, 6);
    let forward = |frozen: bool| {
        let pass = |ctx: &mut ForwardContext| {
            let x = ctx.scoped("outside", |ctx| ctx.parameter("x", &x));
            let y = if frozen { ctx.frozen(|ctx| network.forward(ctx, &x)) } else { network.forward(ctx, &x) };
            assert!(ctx.is_training());
            (y.square().sum(), y.into_value())
        };
        differentiate(RNG, pass).expect("finite")
    };
    let ((learning, y), (frozen, same)) = (forward(false), forward(true));
    let names = |gradients: &Gradients| gradients.parameters.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let all = ["outside.x", "net.dense.weight", "net.dense.bias", "net.norm.gamma", "net.norm.beta"];
    assert_eq!(names(&learning), all);
    assert_eq!(names(&frozen), all[..1], "what lies before the frozen stretch still learns");
    assert_eq!(frozen.parameters[0], learning.parameters[0], "the gradient flows through unchanged");
    assert_eq!((learning.buffers.len(), frozen.buffers.len()), (2, 0));
    assert_eq!(y, same, "batch statistics and dropout are the same");
    assert!(same.data().iter().filter(|x| **x == 0.0).count() > 500, "dropout drops in a frozen stretch");
}

#[test]
fn freezing_ends_with_its_stretch() {
    let network = small();
    let x = Var::constant(batch(3, 6));
    let (gradients, ()) = differentiate(RNG, |ctx: &mut ForwardContext| {
        let frozen = ctx.frozen(|ctx| ctx.frozen(|ctx| network.forward(ctx, &x)));
        ((&frozen + &network.forward(ctx, &x)).sum(), ())
    })
    .expect("finite");
    assert_eq!((gradients.parameters.len(), gradients.buffers.len()), (4, 2));
}

#[test]
fn weights_met_twice_in_a_pass_get_one_gradient_the_sum() {
    let network = empty(&[2]).with("dense", Dense::new(1));
    let x = Var::constant(Tensor::new(&[1, 2], vec![3.0, 5.0]));
    let (gradients, ()) = differentiate(RNG, |ctx: &mut ForwardContext| {
        ((&network.forward(ctx, &x) + &network.forward(ctx, &x)).sum(), ())
    })
    .expect("finite");
    assert_eq!(gradients.parameters[0].1.data(), [6.0, 10.0]);
    assert_eq!(gradients.parameters.len(), 2);
}

#[test]
fn inference_uses_the_running_statistics_and_changes_nothing() {
    let mut network = empty(&[2]).with("norm", BatchNorm::default());
    set(&mut network, "net.norm.running_mean", &[1.0, -2.0]);
    set(&mut network, "net.norm.running_var", &[4.0 - 1e-3, 0.25 - 1e-3]);
    set(&mut network, "net.norm.gamma", &[2.0, 1.0]);
    set(&mut network, "net.norm.beta", &[0.0, 10.0]);
    let y = network.infer(&Tensor::new(&[2, 2], vec![5.0, -1.0, 1.0, -2.5]));
    for (got, wanted) in y.data().iter().zip([4.0, 12.0, 0.0, 9.0]) {
        assert!((got - wanted).abs() < 1e-5, "{y:?}");
    }
    let mut ctx = ForwardContext::inference();
    assert!(!ctx.is_training() && ctx.key().is_none());
    let one = Var::constant(Tensor::new(&[1, 2], vec![5.0, -1.0]));
    assert!(!network.forward(&mut ctx, &one).is_tracked(), "a batch of one is as good as any");
}

#[test]
fn a_debiased_average_forgets_its_start() {
    let mut network = empty(&[1]).with("norm", BatchNorm::with_momentum(0.9).running(Running::EmaDebiased));
    let batches = [[1.0_f32, 2.0, 3.0, 4.0], [-5.0, 0.0, 5.0, 10.0]];
    // Means 2.5 and 2.5 + 0; unbiased variances 5/3 and 125/3.
    let expected = [[2.5, 5.0 / 3.0], [2.5, (0.09 * 5.0 / 3.0 + 0.1 * 125.0 / 3.0) / 0.19]];
    for (batch, expected) in batches.iter().zip(expected) {
        let (gradients, _) = train(&network, &Tensor::new(&[4, 1], batch.to_vec()), RNG);
        for (name, value) in &gradients.buffers {
            set(&mut network, name, value.data());
        }
        for (name, expected) in ["net.norm.running_mean", "net.norm.running_var"].into_iter().zip(expected) {
            let tensors = network.tensors();
            let got = tensors.iter().find(|(found, _, _)| found == name).expect("a buffer").2.item();
            assert!((f64::from(got) - expected).abs() < 1e-5 * expected, "{name}: {got}, not {expected}");
        }
    }
}

#[test]
fn the_first_tensors_do_not_depend_on_later_layers() {
    let short = empty(&[6]).with("dense", Dense::new(4));
    let long = empty(&[6]).with("dense", Dense::new(4)).with("more", Dense::new(2));
    assert_eq!(short.tensors()[0].2, long.tensors()[0].2);
    assert_ne!(long.tensors()[0].2.data()[..4], long.tensors()[2].2.data()[..4], "each weight has its own stream");
    assert_eq!((long.count(TensorKind::Parameter), long.count(TensorKind::Buffer)), (38, 0));
}

#[test]
fn a_state_lists_all_that_does_not_fit() {
    let state = |network: &Network| {
        let mut state = State::default();
        network.save(&mut state);
        Optimizer::rms_prop(network, 0.1).save(&mut state);
        state
    };
    let ours = state(&empty(&[3]).with("a", Dense::new(2)).with("b", Dense::new(1)));
    assert_eq!(ours.accepts(&ours.clone()), Ok(()));
    let mut theirs = state(&empty(&[3]).with("a", Dense::new(4)).with("c", Dense::new(1)));
    theirs.counters.clear();
    theirs.counters.insert("optimizer.other.updates".into(), 3);
    let error = ours.accepts(&theirs).expect_err("much is different");
    let with_memory = |name: &str| [name.into(), format!("optimizer.{name}.mean_square")];
    let mut missing = ["net.b.bias", "net.b.weight"].map(with_memory).concat();
    let mut unexpected = ["net.c.bias", "net.c.weight"].map(with_memory).concat();
    missing.sort();
    unexpected.sort();
    missing.push("optimizer.net.updates".into());
    unexpected.push("optimizer.other.updates".into());
    assert_eq!((&error.missing, &error.unexpected), (&missing, &unexpected));
    let reshaped = ("net.a.weight".into(), vec![3, 2], vec![3, 4]);
    assert!(error.reshaped.len() == 4 && error.reshaped.contains(&reshaped));
    let text = error.to_string();
    for part in ["net.a.weight has shape [3, 4], not [3, 2]", "missing: net.b.bias", "not expected: net.c.bias"] {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

#[test]
fn a_bad_weight_is_reported_by_name_and_nothing_is_updated() {
    let mut network =
        empty(&[3]).with("first", Dense::new(3)).with("relu", Activation::Relu).with("last", Dense::new(1));
    set(&mut network, "net.last.weight", &[1.0, f32::NAN, 1.0]);
    let before = network.tensors().iter().map(|(_, _, tensor)| (*tensor).clone()).collect::<Vec<_>>();
    let error = differentiate(RNG, |ctx: &mut ForwardContext| {
        (network.forward(ctx, &Var::constant(Tensor::full([2, 3], 1.0))).sum(), ())
    })
    .expect_err("a NaN weight");
    assert_eq!((error.op, &*error.what, error.count), ("variable", "net.last.weight", 1));
    for ((_, _, now), before) in network.tensors().iter().zip(&before) {
        assert!(now.data().iter().zip(before.data()).all(|(a, b)| a.to_bits() == b.to_bits()));
    }
}

#[test]
fn an_overflow_is_reported_with_its_op_and_layer() {
    let mut network = empty(&[2]).with("first", Dense::new(1)).with("last", Dense::new(1));
    set(&mut network, "net.first.weight", &[3e38, 3e38]);
    let differentiate = |network: &Network, x: f32| {
        let x = Var::constant(Tensor::full([1, 2], x));
        differentiate(RNG, |ctx: &mut ForwardContext| (network.forward(ctx, &x).sum(), ()))
    };
    let error = differentiate(&network, 1.0).map(|_| ()).expect_err("an infinity");
    assert_eq!((error.op, &*error.what), ("matmul", "the value of `net.first`"));
    differentiate(&network, 0.25).map(|_| ()).expect("within range");
}

#[test]
fn a_nan_that_arises_only_on_the_way_back_is_reported() {
    let network = empty(&[2]).with("dense", Dense::new(2));
    let x = Var::constant(Tensor::zeros([1, 2]));
    let error = differentiate(RNG, |ctx: &mut ForwardContext| {
        let y = network.forward(ctx, &x);
        (ctx.scoped("norm", |_| y.sqrt()).sum(), ())
    })
    .map(|_| ())
    .expect_err("the slope of sqrt at 0");
    assert_eq!((error.op, &*error.what), ("sqrt", "the gradient that reaches the input of `norm`"));
}

#[test]
fn the_tape_tells_which_layer_asked() {
    let network = small();
    let tape = Tape::new();
    network.forward(&mut ForwardContext::training(&tape, RNG), &Var::constant(batch(3, 6)));
    let table = tape.to_string();
    let scope_of = |op: &str| table.lines().find(|line| line.contains(op)).expect("the op").rsplit(' ').next();
    assert_eq!(scope_of("matmul"), Some("net.dense"));
    assert_eq!(scope_of("batch_norm"), Some("net.norm"));
    assert_eq!(scope_of("dropout"), Some("net.dropout"));
    assert_eq!(scope_of("leaky_relu"), Some("net.relu"));
}

/// Up-sampling and the convolution after it are one op on the tape; a reshape between them prevents
/// this, and the results agree up to rounding.
#[test]
fn a_convolution_after_up_sampling_reads_the_small_images() {
    let up = || empty(&[4, 5, 4]).with("up", UpSampling2d([2, 2]));
    let reshape = || up().with("reshape", Reshape(vec![8, 10, 4]));
    let transposed = |network: Network| network.with("conv", ConvTranspose2d::new(3, 5));
    let plain = |network: Network| network.with("conv", Conv2d::new(3, 5).padding(Padding::Valid));
    let strided = |network: Network| network.with("conv", ConvTranspose2d::new(3, 5).stride(2));
    let x = batch(3, 80).reshape([3, 4, 5, 4]);
    let apply = |network: &Network, ctx: &mut ForwardContext| {
        let x = ctx.scoped("input", |ctx| ctx.parameter("x", &x));
        network.forward(ctx, &x)
    };
    let makes_the_large_images = |network: &Network| {
        let tape = Tape::new();
        apply(network, &mut ForwardContext::training(&tape, RNG));
        tape.to_string().contains("upsample")
    };
    let all = |network: &Network| {
        let forward = |ctx: &mut ForwardContext| {
            let y = apply(network, ctx);
            (y.square().sum(), y.into_value())
        };
        let (gradients, y) = differentiate(RNG, forward).expect("finite");
        assert_eq!(network.infer(&x), y, "in every mode the same");
        gradients.parameters.into_iter().chain([("y".into(), y)]).collect::<Vec<_>>()
    };
    for [merged, apart] in [[transposed(up()), transposed(reshape())], [plain(up()), plain(reshape())]] {
        assert!(!makes_the_large_images(&merged) && makes_the_large_images(&apart));
        let (merged, apart) = (all(&merged), all(&apart));
        assert_eq!(merged.len(), 4, "x, weight, bias, y");
        for ((name, a), (same, b)) in merged.iter().zip(&apart) {
            assert_eq!((name, a.shape()), (same, b.shape()));
            let size = a.data().iter().fold(0.0_f32, |size, x| size.max(x.abs()));
            // The bound covers two successive sums, of at most 3 * 8 * 10 and of 5 * 5 * 4
            // products, and the addition of 4 taps before them.
            assert!(a.data().iter().zip(b.data()).all(|(a, b)| (a - b).abs() <= 344.0 * f32::EPSILON * size), "{name}");
        }
    }
    assert!(makes_the_large_images(&strided(up())), "only a stride of 1 is merged");
}

#[test]
fn a_layer_that_is_met_twice_in_a_pass_drops_differently_and_updates_twice() {
    let dropping = empty(&[64]).with("dropout", Dropout(0.5));
    let tape = Tape::new();
    let mut ctx = ForwardContext::training(&tape, RNG);
    let ones = Var::constant(Tensor::full([2, 64], 1.0));
    let (first, second) = (dropping.forward(&mut ctx, &ones), dropping.forward(&mut ctx, &ones));
    assert_ne!(first.value(), second.value());

    let mut network = empty(&[1]).with("norm", BatchNorm::with_momentum(0.5));
    let (low, high) = (Tensor::new(&[2, 1], vec![0.0, 2.0]), Tensor::new(&[2, 1], vec![8.0, 10.0]));
    let (gradients, ()) = differentiate(RNG, |ctx| {
        let y =
            &network.forward(ctx, &Var::constant(low.clone())) + &network.forward(ctx, &Var::constant(high.clone()));
        (y.sum(), ())
    })
    .expect("finite");
    Optimizer::rms_prop(&network, 0.1).step(&mut network, &gradients);
    let mean =
        network.tensors().into_iter().find(|(name, ..)| name == "net.norm.running_mean").expect("a buffer").2.item();
    assert_eq!(mean, 0.5 * (0.5 * 0.0 + 0.5 * 1.0) + 0.5 * 9.0, "from 0 over the mean 1 to the mean 9");
}

/// A layer is fused with the activation and the dropout after it. A reshape between them prevents
/// that, as does an observed tape. Values, gradients and statistics are bit-identical with and
/// without fusion, in training and in inference, on every instruction set.
#[test]
fn fusing_layers_changes_no_bit() {
    type Add = fn(Network) -> Network;
    let first: [Add; 5] = [
        |network| network.with("layer", Conv2d::new(5, 3).stride(2)),
        |network| network.with("layer", Conv2d::new(5, 3).stride(2).without_bias()),
        |network| network.with("layer", ConvTranspose2d::new(4, 3)),
        |network| network.with("flat", Flatten).with("layer", Dense::new(70)),
        |network| network.with("layer", BatchNorm::with_momentum(0.9)),
    ];
    let second: [Add; 5] = [
        |network| network,
        |network| network.with("act", Activation::Relu),
        |network| network.with("act", Activation::LeakyRelu(0.3)),
        |network| network.with("act", Activation::LeakyRelu(-0.5)),
        |network| network.with("act", Activation::Tanh),
    ];
    let third: [Add; 3] = [
        |network| network,
        |network| network.with("drop", Dropout(0.4)),
        |network| network.with("drop", Dropout(0.0)).with("again", Activation::Relu),
    ];
    let joined: Add = |network| network;
    let cut: Add = |network| {
        let shape = network.output_shape().to_vec();
        let name = format!("cut{}", shape.len() + network.summary().lines().count());
        network.with(&name, Reshape(shape))
    };
    // Zeros in the image: the sign of such a value does not show on which side of a kink it was.
    let mut x = batch(3, 6 * 5 * 2).reshape([3, 6, 5, 2]);
    x.data_mut().iter_mut().step_by(3).for_each(|x| *x = 0.0);
    let forward = |network: &Network, ctx: &mut ForwardContext| {
        let x = ctx.scoped("input", |ctx| ctx.parameter("x", &x));
        network.forward(ctx, &x)
    };
    let bits = |tensors: Vec<(String, Tensor)>| -> Vec<(String, Vec<u32>)> {
        tensors.into_iter().map(|(name, t)| (name, t.data().iter().map(|x| x.to_bits()).collect())).collect()
    };
    let train = |network: &Network| {
        let loss = |ctx: &mut ForwardContext| {
            let y = forward(network, ctx);
            (y.square().sum(), y.into_value())
        };
        let (Gradients { parameters, buffers }, y) = differentiate(RNG, loss).expect("finite");
        bits([parameters, buffers, vec![("y".into(), y), ("inferred".into(), network.infer(&x))]].concat())
    };
    let check = |isa: kernels::simd::Isa| {
        for (a, b, c) in (0..5).flat_map(|a| (0..5).flat_map(move |b| (0..3).map(move |c| (a, b, c)))) {
            let (first, second, third) = (first[a], second[b], third[c]);
            let network = |between: Add| third(between(second(between(first(empty(&[6, 5, 2]))))));
            let (joined, cut) = (network(joined), network(cut));
            let (found, wanted) = (train(&joined), train(&cut));
            assert!(found == wanted, "{isa}:\n{}", joined.summary());

            let lengths = [Tape::new(), Tape::observed(Rc::new(FirstNonFinite::default()))].map(|tape| {
                forward(&joined, &mut ForwardContext::training(&tape, RNG));
                tape.len()
            });
            let bent = (b == 1 || b == 2) && a != 1;
            assert!(!bent || lengths[0] < lengths[1], "{lengths:?} nodes:\n{}", joined.summary());
        }
    };
    for isa in kernels::simd::available() {
        kernels::simd::pool(isa, 2).install(|| check(isa));
    }
}

#[test]
fn a_moving_average_averages_parameters_and_copies_statistics() {
    let new = || empty(&[1]).with("dense", Dense::new(2)).with("norm", BatchNorm::default());
    let (mut source, mut average) = (new(), new().renamed("average"));
    set(&mut source, "net.dense.weight", &[4.0, 8.0]);
    set(&mut source, "net.norm.running_mean", &[1.0, 2.0]);
    set(&mut average, "average.dense.weight", &[0.0, 4.0]);
    average.update_average(&source, 0.75);
    let found = |name: &str| {
        average.tensors().into_iter().find(|(found, _, _)| found == name).expect("a tensor").2.data().to_vec()
    };
    assert_eq!(found("average.dense.weight"), [1.0, 5.0]);
    assert_eq!(found("average.norm.running_mean"), [1.0, 2.0]);
}

#[test]
fn an_init_scheme_reaches_every_layer() {
    let network = Network::new("net", &[8, 8, 3], Dialect::Torch, 1)
        .with_init(InitScheme::dcgan())
        .with("conv", Conv2d::new(64, 4))
        .with("norm", BatchNorm::default())
        .with("flatten", Flatten)
        .with("dense", Dense::new(4));
    let deviation = |name: &str, mean: f64| {
        let tensors = network.tensors();
        let (_, _, tensor) = tensors.iter().find(|(found, _, _)| found.ends_with(name)).expect("a tensor");
        let squares = tensor.data().iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>();
        (squares / tensor.size() as f64).sqrt()
    };
    for (name, mean) in [("conv.weight", 0.0), ("dense.weight", 0.0), ("norm.gamma", 1.0)] {
        assert!((deviation(name, mean) - 0.02).abs() < 0.005, "{name}: {}", deviation(name, mean));
    }
    assert_eq!((deviation("conv.bias", 0.0), deviation("norm.beta", 0.0)), (0.0, 0.0));
}

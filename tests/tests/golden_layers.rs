//! Every layer against PyTorch and Keras: the output, and the gradients of <output, cotangent> with
//! respect to input and parameters. Each case runs as ops in `f64`, where any difference is a
//! mistake, as ops in `f32`, and as layers of a network.

use kernels::{Element, Padding, TransposedPadding};
use nn::layers::{
    Activation, BatchNorm, Conv2d, ConvTranspose2d, Dense, Dropout, InstanceNorm, MaxPool2d, ReflectionPad2d,
    UpSampling2d,
};
use nn::{Dialect, ForwardContext, Gradients, Network, RngContext, Shards, differentiate};
use serde_json::Value;
use tensor::{Options, Tape, Tensor, Var, vjp};
use tests::{Report, cases, entries, error, golden, number, pair, sizes, tensor, text};

const DRAW: RngContext = RngContext { seed: 1, step: 0, purpose: "golden values" };
/// The inputs with respect to which gradients are computed; the others are settings of the case.
const DIFFERENTIATED: [&str; 5] = ["input", "weight", "bias", "gamma", "beta"];

fn padding(options: &Value) -> Padding {
    match text(&options["padding"]) {
        "same" => Padding::Same,
        "valid" => Padding::Valid,
        _ => Padding::Explicit(["top", "bottom", "left", "right"].map(|side| number(&options["pads"][side]) as usize)),
    }
}

fn transposed_padding(options: &Value) -> TransposedPadding {
    match text(&options["padding"]) {
        "same" => TransposedPadding::Same,
        "valid" => TransposedPadding::Valid,
        _ => TransposedPadding::Explicit {
            padding: [number(&options["torch_padding"]) as usize; 2],
            output_padding: [number(&options["torch_output_padding"]) as usize; 2],
        },
    }
}

/// The layer as ops on the inputs of the case.
fn apply<T: Element>(case: &Value, input: impl Fn(&str) -> Var<T>) -> Var<T> {
    let (options, x) = (&case["options"], input("input"));
    match text(&case["layer"]) {
        "dense" => &x.matmul(&input("weight")) + &input("bias"),
        "conv2d" => &x.conv2d(&input("weight"), pair(&options["stride"]), padding(options)) + &input("bias"),
        "conv_transpose2d" => {
            let y = x.conv_transpose2d(&input("weight"), pair(&options["stride"]), transposed_padding(options));
            &y + &input("bias")
        }
        "batch_norm" if text(&options["mode"]) == "training" => {
            x.batch_norm(&input("gamma"), &input("beta"), number(&options["eps"])).0
        }
        "batch_norm" => {
            let deviation = input("running_var").add_scalar(number(&options["eps"])).sqrt();
            &(&(&(&x - &input("running_mean")) / &deviation) * &input("gamma")) + &input("beta")
        }
        "relu" => x.relu(),
        "leaky_relu" => x.leaky_relu(number(&options["slope"])),
        "sigmoid" => x.sigmoid(),
        "tanh" => x.tanh(),
        "softplus" => x.softplus(),
        "upsampling2d" => x.upsample(pair(&options["factor"])),
        "max_pool2d" => x.max_pool(pair(&options["factor"])),
        "instance_norm" => x.instance_norm(number(&options["eps"]), None),
        "reflection_pad2d" => x.reflection_pad([number(&options["pad"]) as usize; 4]),
        "dropout" => x,
        other => panic!("no such layer: {other}"),
    }
}

fn compare_ops<T: Element>(report: &mut Report) {
    for (name, case) in cases(&golden("layers")) {
        let tape = Tape::<T>::new();
        let inputs = &case["inputs"];
        let variables: Vec<_> = entries(inputs).map(|(key, spec)| (key, tape.variable(key, tensor(spec)))).collect();
        let find = |key: &str| variables.iter().find(|(name, _)| *name == key).expect("a listed input").1.clone();
        let y = apply(case, find);
        report.note(format!("{name} output"), error(&case["outputs"]["output"], y.value()));
        let wanted: Vec<_> = DIFFERENTIATED.into_iter().filter(|key| inputs.get(key).is_some()).collect();
        let by: Vec<_> = wanted.iter().map(|key| find(key)).collect();
        let gradients = vjp(&y, &find("cotangent").detach(), &by, Options::default());
        for (key, gradient) in wanted.iter().zip(gradients) {
            let expected = &case["outputs"][format!("grad_{key}")];
            report.note(format!("{name} gradient by {key}"), error(expected, gradient.value()));
        }
    }
}

#[test]
fn ops_in_f64_agree_to_rounding() {
    let mut report = Report::new("layers, ops in f64", 1e-9);
    compare_ops::<f64>(&mut report);
    report.finish();
}

#[test]
fn ops_in_f32_agree() {
    let mut report = Report::new("layers, ops in f32", 1e-5);
    compare_ops::<f32>(&mut report);
    report.finish();
}

/// A network with only the case's layer, with its weights; None if the layer does not support the
/// case.
fn network(case: &Value) -> Option<Network> {
    let (options, inputs) = (&case["options"], &case["inputs"]);
    let shape = |key: &str| sizes(&inputs[key]["shape"]);
    let dialect = match options.get("dialect").map(text) {
        Some("pytorch") => Dialect::Torch,
        _ => Dialect::Keras,
    };
    let empty = Network::new("net", &shape("input")[1..], dialect, 1);
    let stride = options.get("stride").map(pair);
    if stride.is_some_and(|[down, right]| down != right) {
        return None;
    }
    let activation = |activation| Network::new("net", &shape("input")[1..], dialect, 1).with("layer", activation);
    let mut network = match text(&case["layer"]) {
        "dense" => empty.with("layer", Dense::new(shape("weight")[1])),
        "conv2d" => {
            let &[kh, kw, _, filters] = &*shape("weight") else { panic!("a weight has four axes") };
            let layer = Conv2d::new(filters, 1).kernel([kh, kw]).stride(stride?[0]).padding(padding(options));
            empty.with("layer", layer)
        }
        "conv_transpose2d" => {
            let &[kh, kw, filters, _] = &*shape("weight") else { panic!("a weight has four axes") };
            let layer = ConvTranspose2d::new(filters, 1).kernel([kh, kw]).stride(stride?[0]);
            empty.with("layer", layer.padding(transposed_padding(options)))
        }
        // Keras' momentum is the weight of the old value; PyTorch's, 0.1 by default, is that of the
        // new value.
        "batch_norm" if dialect == Dialect::Keras => empty.with("layer", BatchNorm::with_momentum(0.9)),
        "batch_norm" => empty.with("layer", BatchNorm::default()),
        "relu" => activation(Activation::Relu),
        "leaky_relu" => activation(Activation::LeakyRelu(number(&options["slope"]))),
        "sigmoid" => activation(Activation::Sigmoid),
        "tanh" => activation(Activation::Tanh),
        "softplus" => activation(Activation::Softplus),
        "upsampling2d" => empty.with("layer", UpSampling2d(pair(&options["factor"]))),
        "max_pool2d" => empty.with("layer", MaxPool2d(pair(&options["factor"]))),
        "instance_norm" => empty.with("layer", InstanceNorm),
        "reflection_pad2d" => empty.with("layer", ReflectionPad2d(number(&options["pad"]) as usize)),
        "dropout" => empty.with("layer", Dropout(number(&options["rate"]))),
        other => panic!("no such layer: {other}"),
    };
    for (name, _, weight) in network.tensors_mut() {
        if let Some(spec) = inputs.get(name.trim_start_matches("net.layer.")) {
            *weight = tensor(spec);
        }
    }
    Some(network)
}

/// A training pass: the output, and the gradients; that with respect to the input is named `input`.
fn training_pass(network: &Network, x: &Tensor, cotangent: &Tensor) -> (Tensor, Gradients) {
    let result = differentiate(DRAW, |ctx: &mut ForwardContext| {
        let x = ctx.scoped("net.layer", |ctx| ctx.parameter("input", x));
        let y = network.forward(ctx, &x);
        ((&y * &Var::constant(cotangent.clone())).sum(), y.value().clone())
    });
    let (gradients, y) = result.expect("finite gradients");
    (y, gradients)
}

#[test]
fn layers_agree() {
    let mut report = Report::new("layers, as networks in f32", 1e-5);
    for (name, case) in cases(&golden("layers")) {
        let Some(network) = network(case) else { continue };
        let (inputs, outputs) = (&case["inputs"], &case["outputs"]);
        let (x, cotangent) = (tensor(&inputs["input"]), tensor(&inputs["cotangent"]));
        if case["options"].get("mode").map(text) == Some("inference") {
            report.note(format!("{name} output"), error(&outputs["output"], &network.infer(&x)));
            let tape = Tape::new();
            let x = tape.variable("x", x);
            let y = network.forward(&mut ForwardContext::inference(), &x);
            let gradient = &vjp(&y, &Var::constant(cotangent), &[x], Options::default())[0];
            report.note(format!("{name} gradient by input"), error(&outputs["grad_input"], gradient.value()));
            continue;
        }
        let (y, gradients) = training_pass(&network, &x, &cotangent);
        report.note(format!("{name} output"), error(&outputs["output"], &y));
        let expected = DIFFERENTIATED.into_iter().filter(|key| inputs.get(key).is_some()).count();
        assert_eq!(gradients.parameters.len(), expected, "{name}");
        for (key, gradient) in &gradients.parameters {
            let key = key.trim_start_matches("net.layer.");
            report.note(format!("{name} gradient by {key}"), error(&outputs[format!("grad_{key}")], gradient));
        }
    }
    report.finish();
}

/// In both dialects, the unbiased variance enters the average: n / (n - 1) times the batch's.
#[test]
fn running_statistics_follow_in_both_dialects() {
    let mut report = Report::new("running statistics", 1e-6);
    for (name, case) in cases(&golden("layers")).filter(|(name, _)| name.starts_with("batch_norm_training")) {
        let mut network = network(case).expect("a batch norm has no stride");
        for (update, input) in ["input", "input2"].into_iter().enumerate() {
            let x: Tensor = tensor(&case["inputs"][input]);
            let (_, gradients) = training_pass(&network, &x, &Tensor::zeros(*x.shape()));
            assert_eq!(gradients.buffers.len(), 2, "{name}");
            for (key, value) in gradients.buffers {
                let what = format!("{}_after_{}", key.trim_start_matches("net.layer."), update + 1);
                report.note(format!("{name} {what}"), error(&case["outputs"][&what], &value));
                let mut tensors = network.tensors_mut();
                *tensors.iter_mut().find(|(name, _, _)| *name == key).expect("a buffer of the layer").2 = value;
            }
        }
    }
    report.finish();
}

/// With synchronised batch normalisation, the shards of a batch together have the values of the
/// whole batch.
#[test]
fn shards_of_a_synchronised_batch_agree() {
    let mut report = Report::new("synchronised batch normalisation", 1e-5);
    for (name, case) in cases(&golden("layers")).filter(|(name, _)| name.starts_with("batch_norm_training")) {
        let (network, outputs) = (network(case).expect("a batch norm has no stride"), &case["outputs"]);
        let (x, cotangent): (Tensor, Tensor) = (tensor(&case["inputs"]["input"]), tensor(&case["inputs"]["cotangent"]));
        let rows = x.shape()[0];
        for count in (2..=rows).filter(|count| rows.is_multiple_of(*count)) {
            let passes = Shards::new(count).synchronised().map(|shard| {
                let [x, cotangent] = [&x, &cotangent].map(|all| {
                    let of_shard = rows * shard.number / count..rows * (shard.number + 1) / count;
                    all.rows(of_shard)
                });
                training_pass(&network, &x, &cotangent)
            });
            let passes = passes.expect("a single process");
            let what = |value: &str| format!("{name} in {count} shards: {value}");
            let output = passes.iter().map(|(y, _)| y.clone()).reduce(|all, more| all.concat(&more)).unwrap();
            report.note(what("output"), error(&outputs["output"], &output));
            for key in ["input", "gamma", "beta"] {
                let of_shard = |(_, gradients): &(Tensor, Gradients)| {
                    let found = gradients.parameters.iter().find(|(name, _)| name.ends_with(key));
                    found.expect("a gradient").1.clone()
                };
                // Each shard has rows of its own, and a copy of the parameters.
                let add = |sum: Tensor, more: Tensor| (&Var::constant(sum) + &Var::constant(more)).into_value();
                let all = passes.iter().map(of_shard);
                let whole = if key == "input" { all.reduce(|all, more| all.concat(&more)) } else { all.reduce(add) };
                report.note(what(key), error(&outputs[format!("grad_{key}")], &whole.unwrap()));
            }
            for (key, value) in passes.iter().flat_map(|(_, gradients)| &gradients.buffers) {
                let key = format!("{}_after_1", key.trim_start_matches("net.layer."));
                report.note(what(&key), error(&outputs[&key], value));
            }
        }
    }
    report.finish();
}

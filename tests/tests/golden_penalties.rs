//! Gradient penalties against PyTorch: gradients of gradients through complete small critics.

use kernels::{Padding, TransposedPadding};
use serde_json::Value;
use tensor::{Options, Tape, Var, grad};
use tests::{Report, cases, entries, error, golden, number, relative, tensor, text};

/// The critic's score of every image.
fn score(case: &Value, input: impl Fn(&str) -> Var<f64>) -> Var<f64> {
    let x = input("images");
    let flat = |x: &Var<f64>| x.reshape(&[x.shape()[0], x.shape()[1..].iter().product()][..]);
    let dense = |x: &Var<f64>| &flat(x).matmul(&input("dense.weight")) + &input("dense.bias");
    let conv = || &x.conv2d(&input("conv.weight"), [2, 2], Padding::Same) + &input("conv.bias");
    match text(&case["critic"]) {
        "linear" => x.matmul(&input("dense.weight")),
        "conv_leaky" => dense(&conv().leaky_relu(0.2)),
        "conv_softplus" => dense(&conv().softplus()),
        "conv_tanh" => dense(&conv().tanh()),
        "conv_transpose_batch_norm" => {
            let y = x.conv_transpose2d(&input("convt.weight"), [2, 2], TransposedPadding::Same);
            let y = (&y + &input("convt.bias")).batch_norm(&input("bn.gamma"), &input("bn.beta"), 1e-3).0;
            dense(&y.tanh())
        }
        other => panic!("no such critic: {other}"),
    }
}

/// The penalty on the score's gradient with respect to the images.
fn penalty(case: &Value, slopes: &Var<f64>) -> Var<f64> {
    let axes = slopes.shape().len();
    let per_image = [&slopes.shape()[..1], &vec![1; axes - 1]].concat();
    let squares = slopes.square().sum_to(&per_image[..]);
    match text(&case["penalty"]) {
        "wgan_gp" => {
            let norms = squares.add_scalar(number(&case["options"]["root_eps"])).sqrt();
            norms.add_scalar(-1.0).square().mean()
        }
        "r1" => squares.mean().scale(number(&case["options"]["gamma"]) / 2.0),
        other => panic!("no such penalty: {other}"),
    }
}

#[test]
fn penalties_and_their_gradients_agree() {
    let mut report = Report::new("penalties", 1e-8);
    for (name, case) in cases(&golden("penalties")) {
        let tape = Tape::<f64>::new();
        let variables: Vec<_> =
            entries(&case["inputs"]).map(|(key, spec)| (key, tape.variable(key, tensor(spec)))).collect();
        let find = |key: &str| variables.iter().find(|(name, _)| *name == key).expect("a listed input").1.clone();
        let scores = score(case, find);
        report.note(format!("{name} scores"), error(&case["scores"], scores.value()));
        let slopes = grad(&scores.sum(), &[find("images")], Options::CREATE_GRAPH).remove(0);
        report.note(format!("{name} image gradient"), error(&case["image_gradient"], slopes.value()));
        let value = penalty(case, &slopes);
        let expected = number(&case["value"]);
        report.note(format!("{name} value"), relative(value.item() - expected, expected));
        let (keys, wanted): (Vec<_>, Vec<_>) = variables.iter().cloned().unzip();
        for (key, gradient) in keys.iter().zip(grad(&value, &wanted, Options::default())) {
            let what = format!("{name} gradient by {key}");
            if *key == "convt.bias" {
                // The bias is followed by a batch normalisation, which cancels it: its gradient is
                // 0 except for rounding.
                report.note(what, gradient.value().data().iter().fold(0.0, |most, g| most.max(g.abs())));
            } else {
                report.note(what, error(&case["grads"][key], gradient.value()));
            }
        }
    }
    report.finish();
}

//! Layers with spectral norm against PyTorch (`torch.nn.utils.spectral_norm`): two training passes,
//! each with its gradients and one power iteration.

use nn::layers::{Conv2d, Dense};
use nn::{Dialect, ForwardContext, Network, RngContext, differentiate};
use tensor::{Tensor, Var};
use tests::{Report, cases, error, golden, sizes, tensor, text};

#[test]
fn two_passes_agree() {
    let mut report = Report::new("spectral norm", 1e-5);
    for (name, case) in cases(&golden("spectral_norm")) {
        let input = |key: &str| tensor::<f32>(&case["inputs"][key]);
        let shape = sizes(&case["inputs"]["weight"]["shape"]);
        let outputs = shape[shape.len() - 1];
        let empty = Network::new("net", &input("input").shape()[1..], Dialect::Keras, 1).spectral_norm(true);
        let mut network = match text(&case["layer"]) {
            "conv2d" => empty.with("layer", Conv2d::new(outputs, 3)),
            _ => empty.with("layer", Dense::new(outputs)),
        };
        for (tensor_name, _, own) in network.tensors_mut() {
            *own = input(tensor_name.trim_start_matches("net.layer."));
            if tensor_name.ends_with("spectral_u") {
                let length = own.data().iter().map(|x| x * x).sum::<f32>().sqrt();
                own.data_mut().iter_mut().for_each(|x| *x /= length);
            }
        }
        let (x, cotangent) = (input("input"), Var::constant(input("cotangent")));
        for pass in ["walk1", "walk2"] {
            let expected = &case["outputs"][pass];
            let (found, y) =
                differentiate(RngContext { seed: 1, step: 0, purpose: "golden values" }, |ctx: &mut ForwardContext| {
                    let x = ctx.scoped("net.layer", |ctx| ctx.parameter("input", &x));
                    let y = network.forward(ctx, &x);
                    ((&y * &cotangent).sum(), y.into_value())
                })
                .expect("finite");
            report.note(format!("{name} {pass} output"), error(&expected["output"], &y));
            for key in ["input", "weight"] {
                let (_, gradient) =
                    found.parameters.iter().find(|(name, _)| name.ends_with(key)).expect("a gradient of each");
                report.note(
                    format!("{name} {pass} gradient by {key}"),
                    error(&expected[format!("grad_{key}")], gradient),
                );
            }
            let [(_, u)] = &found.buffers[..] else { panic!("one buffer is updated") };
            report.note(format!("{name} {pass} u"), error(&expected["spectral_u"], u));
            let u: Tensor = u.clone();
            *network.tensors_mut().pop().expect("tensors").2 = u;
        }
    }
    report.finish();
}

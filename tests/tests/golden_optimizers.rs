//! Several steps of every optimiser against PyTorch and Keras: the weights and the optimiser state.

use nn::layers::Dense;
use nn::{Adam, AdamTf, Dialect, Gradients, Network, Optimizer, RmsProp, Sgd, State, Stateful, UpdateRule};
use serde_json::Value;
use tensor::Tensor;
use tests::{Report, cases, entries, error_of_values, golden, list, number, numbers, tensor, text, values};

const WEIGHT: &str = "net.layer.weight";

fn optimizer(network: &Network, case: &Value) -> Optimizer {
    let options = &case["options"];
    let option = |key: &str| number(&options[key]);
    let adam = || (option("beta1"), option("beta2"), option("eps"));
    let rule: UpdateRule = match text(&case["optimizer"]) {
        "rms_prop_keras" | "rms_prop_torch" => RmsProp { rho: option("rho"), epsilon: option("eps") }.into(),
        "adam_torch" => {
            let (beta1, beta2, epsilon) = adam();
            Adam { beta1, beta2, epsilon }.into()
        }
        "adam_tf" => {
            let (beta1, beta2, epsilon) = adam();
            AdamTf { beta1, beta2, epsilon }.into()
        }
        "sgd" => Sgd { momentum: option("momentum"), nesterov: options["nesterov"] == true }.into(),
        other => panic!("no such optimiser: {other}"),
    };
    let mut optimizer = Optimizer::new(network, rule, option("lr"));
    if let Some(decay) = options.get("decay") {
        optimizer = optimizer.decay(number(decay));
    }
    match options.get("clip_value") {
        Some(Value::Null) | None => optimizer,
        Some(clip) => optimizer.clip(number(clip)),
    }
}

/// Our name for a state tensor of the golden file.
fn memory(key: &str) -> &str {
    match key {
        "m" => "mean",
        "v" => "mean_square",
        same => same,
    }
}

#[test]
fn optimizers_agree() {
    let mut report = Report::new("optimisers", 1e-6);
    for (name, case) in cases(&golden("optimizers")) {
        let theta: Tensor = tensor(&case["theta"]);
        // A dense layer with one input has a single row of weights.
        let row = [1, theta.size()];
        let mut network = Network::new("net", &[1], Dialect::Keras, 1).with("layer", Dense::new(theta.size()));
        *network.tensors_mut().remove(0).2 = theta.reshape(row);
        let mut optimizer = optimizer(&network, case);
        for (t, (gradient, step)) in list(&case["grads"]).iter().zip(list(&case["steps"])).enumerate() {
            let gradient = tensor(gradient).reshape(row);
            let gradients = Gradients { parameters: vec![(WEIGHT.into(), gradient)], buffers: Vec::new() };
            optimizer.step(&mut network, &gradients);
            let mut state = State::default();
            network.save(&mut state);
            optimizer.save(&mut state);
            assert_eq!(state.counters["optimizer.net.updates"], t as u64 + 1);
            for (key, expected) in entries(step) {
                let ours = match key {
                    "theta" => WEIGHT.into(),
                    _ => format!("optimizer.{WEIGHT}.{}", memory(key)),
                };
                let error = error_of_values(&numbers(&expected["values"]), &values(&state.tensors[&ours]));
                report.note(format!("{name}, {key} after step {}", t + 1), error);
            }
        }
    }
    report.finish();
}

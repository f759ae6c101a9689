//! Inception against torch-fidelity's own network, with the same filled weights; and the numbers
//! that are called FID, KID and IS against torch-fidelity's functions.

use std::collections::BTreeMap;

use metrics::suite::{INCEPTION_METRICS, Number, Sample};
use metrics::{Matrix, Pictures};
use models::inception::{self, Inception, SIDE};
use tensor::Tensor;
use tests::{Report, cases, entries, error, fill, golden, number, relative, sizes, text, values};

/// The weights of the golden file, in PyTorch's layouts turned into those of this project.
fn weights() -> BTreeMap<String, Tensor> {
    let filled = |(name, shape): (String, Vec<usize>)| {
        let count = shape.iter().product();
        // The number of inputs of each output, and of outputs.
        let (inputs, outputs) = shape.split_at(shape.len() - 1);
        let (low, high) = match &*name {
            _ if shape.len() > 1 => {
                let bound = (6.0 / inputs.iter().product::<usize>() as f64).sqrt();
                (-bound, bound)
            }
            name if name.ends_with("running_var") => (0.5, 1.5),
            name if name.ends_with("weight") => (0.8, 1.2),
            _ => (-0.2, 0.2),
        };
        let flat = fill(&format!("inception.{name}"), count, low, high);
        // PyTorch has the outputs first, then the inputs, then the window.
        let window: usize = inputs.iter().rev().skip(1).product();
        let channels = inputs.last().copied().unwrap_or(1);
        let at = |i: usize| {
            let (place, channel, output) = (i / outputs[0] / channels, i / outputs[0] % channels, i % outputs[0]);
            flat[(output * channels + channel) * window + place] as f32
        };
        let tensor = Tensor::from_fn(&shape[..], at);
        (name, tensor)
    };
    Inception::tensors().into_iter().map(filled).collect()
}

#[test]
fn features_and_logits_are_those_of_torch_fidelity() {
    let network = Inception::new(weights());
    let mut report = Report::new("inception", 1e-4);
    for (name, case) in cases(&golden("inception")) {
        let size: [usize; 3] = sizes(&case["size"]).try_into().unwrap();
        let one: usize = size.iter().product();
        let bytes: Vec<u8> = fill(name, 2 * one, 0.0, 256.0).into_iter().map(|x| x.floor() as u8).collect();
        let pictures = Pictures::new(bytes, size);
        let resized = Tensor::written([2, SIDE, SIDE, 3], |out| {
            for (i, out) in out.chunks_exact_mut(SIDE * SIDE * 3).enumerate() {
                inception::resize(pictures.image(i), size, out);
            }
        });
        let [features, logits] = network.infer(&resized);
        report.note(format!("{name} features"), error(&case["features"], &features));
        report.note(format!("{name} logits"), error(&case["logits"], &logits));
    }
    report.finish();
}

#[test]
fn fid_and_the_inception_score_are_those_of_torch_fidelity() {
    let golden = golden("inception");
    let matrix = |name: &str| {
        let spec = &golden["measures"]["inputs"][name];
        let shape = sizes(&spec["shape"]);
        Matrix::new(shape[0], shape[1], values(&tests::tensor::<f64>(spec)))
    };
    let [real, fake, logits] = ["real", "fake", "logits"].map(matrix);
    let sample = |features, logits| Sample::of_features(features, logits).unwrap();
    let (real, fake) = (sample(real, None), sample(fake, Some(logits)));
    let measured: Vec<Number> = INCEPTION_METRICS.iter().flat_map(|metric| (metric.measure)(&real, &fake)).collect();
    let mut report = Report::new("FID, KID, IS", 1e-9);
    for (name, expected) in entries(&golden["measures"]["values"]) {
        let (of, deviation) = name.strip_suffix("_deviation").map_or((name, false), |of| (of, true));
        let found = measured.iter().find(|number| number.name == of).unwrap();
        let found = if deviation { found.deviation.unwrap() } else { found.value };
        report.note(name, relative(found - number(expected), number(expected)));
    }
    report.finish();
    assert_eq!(text(&golden["made_by"]["script"]), "tools/import_vectors.py");
}

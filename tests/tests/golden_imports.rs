//! Networks of PyTorch programs, saved as they save them, imported, and compared with what PyTorch
//! computes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use runs::config::Assignment;
use runs::import::{ImportRequest, import};
use runs::{Failure, Output, open_trained};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;
use tensor::Tensor;
use tests::{Report, cases, entries, error, golden};

/// The tensors of a case, under its program's names.
fn state_dict(case: &Value) -> BTreeMap<String, Tensor> {
    entries(&case["tensors"]).map(|(name, spec)| (name.to_owned(), tests::tensor(spec))).collect()
}

/// Writes tensors as PyTorch programs do, with the counter of each batch normalisation.
fn write(path: &Path, tensors: &BTreeMap<String, Tensor>) {
    let bytes = |tensor: &Tensor| -> Vec<u8> { tensor.data().iter().flat_map(|x| x.to_le_bytes()).collect() };
    let mut all: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .map(|(name, tensor)| (name.clone(), Dtype::F32, tensor.shape().to_vec(), bytes(tensor)))
        .collect();
    let counters = tensors.keys().filter_map(|name| name.strip_suffix("running_var"));
    all.extend(counters.map(|start| (format!("{start}num_batches_tracked"), Dtype::I64, vec![], vec![0; 8])));
    let views = all.iter().map(|(name, dtype, shape, bytes)| {
        (name, TensorView::new(*dtype, shape.clone(), bytes).expect("the shape fits the bytes"))
    });
    std::fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

/// A folder with the file of every case.
struct Files {
    folder: tempfile::TempDir,
    golden: Value,
}

impl Files {
    fn new() -> Self {
        let files = Self { folder: tempfile::tempdir().unwrap(), golden: golden("imports") };
        cases(&files.golden).for_each(|(name, case)| write(&files.path(name), &state_dict(case)));
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.safetensors"))
    }

    fn case(&self, name: &str) -> &Value {
        cases(&self.golden).find(|(case, _)| *case == name).unwrap().1
    }

    fn request(&self, file: &str, system: &str, others: &[(&str, &str)]) -> ImportRequest {
        let size = Assignment::option("--set", "cyclegan.size", 32);
        ImportRequest {
            file: self.path(file),
            system: Some(system.into()),
            others: others.iter().map(|(network, file)| ((*network).to_owned(), self.path(file))).collect(),
            assignments: if system == "cyclegan" { vec![size] } else { vec![] },
            out: Some(self.folder.path().join("run")),
            output: Output::Silent,
        }
    }

    /// Imports the networks, each from its case, and compares their outputs.
    fn compare(&self, system: &str, networks: &[(&str, &str)], report: &mut Report) {
        let ((_, first), others) = networks.split_first().unwrap();
        let request = self.request(first, system, others);
        let imported = import(&request).unwrap();
        let trained = open_trained(&imported.run, None).unwrap();
        for (network, name) in networks {
            let case = self.case(name);
            let all = trained.system.networks();
            let network = all.into_iter().find(|one| one.name() == *network).unwrap();
            let input: Tensor = tests::tensor(&case["input"]);
            let shape = [&[input.shape()[0]], network.input_shape()].concat();
            let output = network.infer(&input.reshape(&shape[..]));
            let expected = tests::sizes(&case["output"]["shape"]);
            report.note(*name, error(&case["output"], &output.reshape(&expected[..])));
        }
        std::fs::remove_dir_all(imported.run).unwrap();
    }
}

#[test]
fn imported_networks_compute_what_pytorch_computes() {
    let files = Files::new();
    let mut report = Report::new("imports", 1e-5);
    files.compare("dcgan", &[("generator", "dcgan_generator"), ("discriminator", "dcgan_discriminator")], &mut report);
    files.compare("cyclegan", &[("generator_ab", "resnet_6"), ("discriminator_b", "patch_discriminator")], &mut report);
    files.compare("cyclegan", &[("generator_ab", "resnet_9"), ("generator_ba", "resnet_9")], &mut report);

    // As `DataParallel` saves it, and with the statistics that older versions kept.
    let mut tensors = state_dict(files.case("resnet_9"));
    tensors.extend(["running_mean", "running_var"].map(|name| (format!("model.2.{name}"), Tensor::zeros([2]))));
    let tensors = tensors.into_iter().map(|(name, tensor)| (format!("module.{name}"), tensor)).collect();
    write(&files.path("resnet_9"), &tensors);
    files.compare("cyclegan", &[("generator_ab", "resnet_9")], &mut report);
    report.finish();
}

#[test]
fn a_state_dict_that_does_not_fit_is_named_in_full_and_imports_nothing() {
    let files = Files::new();
    let mut tensors = state_dict(files.case("dcgan_generator"));
    tensors.remove("main.4.bias");
    tensors.insert("main.9.weight".into(), Tensor::zeros([3, 6, 3, 3]));
    tensors.insert("extra.weight".into(), Tensor::zeros([7]));
    write(&files.path("dcgan_generator"), &tensors);
    let refused = |request: &ImportRequest| -> Failure {
        let failure = import(request).unwrap_err();
        assert!(!files.folder.path().join("run").exists(), "{failure}");
        failure
    };
    let failure = refused(&files.request("dcgan_generator", "dcgan", &[])).to_string();
    for line in [
        "nothing was imported",
        "`main.9.weight`: expected [6x3x4x4], found [3x6x3x3]",
        "`main.4.bias`: missing",
        "`extra.weight`: not expected",
    ] {
        assert!(failure.contains(line), "{line}: {failure}");
    }

    // Two files, each with its own differences.
    let both = files.request("dcgan_generator", "dcgan", &[("discriminator", "patch_discriminator")]);
    let failure = refused(&both).to_string();
    assert!(
        failure.contains("`main.4.bias`: missing") && failure.contains("`model.0.bias`: not expected"),
        "{failure}"
    );

    // A file whose weights say too little about the network.
    write(&files.path("dcgan_generator"), &BTreeMap::from([("x".to_owned(), Tensor::zeros([2]))]));
    let failure = refused(&files.request("dcgan_generator", "dcgan", &[])).to_string();
    assert!(failure.contains("`main.0.weight`: missing") && failure.contains("`x`: not expected"), "{failure}");
    let failure = refused(&files.request("dcgan_generator", "cyclegan", &[])).to_string();
    assert!(failure.contains("`model.1.weight`: missing"), "{failure}");
}

#[test]
fn damaged_files_are_named_and_import_nothing() {
    let files = Files::new();
    let request = files.request("resnet_6", "cyclegan", &[]);
    let path = files.path("resnet_6");
    let sound = std::fs::read(&path).unwrap();
    let refused = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let failure = import(&request).unwrap_err().to_string();
        assert!(failure.contains("resnet_6") && !files.folder.path().join("run").exists(), "{failure}");
        failure
    };
    assert!(refused(&sound[..sound.len() / 2]).contains("incomplete"));
    assert!(refused(&[]).contains("incomplete"));
    assert!(refused(b"PK\x03\x04 and more bytes").contains("pickle"));
    assert!(refused(&[&sound[..], &[0]].concat()).contains("1 more than its header"));
    let mut infinite = sound.clone();
    let end = infinite.len();
    infinite[end - 4..].copy_from_slice(&f32::INFINITY.to_le_bytes());
    assert!(refused(&infinite).contains("not finite"));
    // Another type of numbers, of the same size.
    let mut whole = sound.clone();
    let place = whole.windows(3).position(|word| word == b"F32").unwrap();
    whole[place..place + 3].copy_from_slice(b"I32");
    assert!(refused(&whole).contains("of type I32, expected F32"));
}

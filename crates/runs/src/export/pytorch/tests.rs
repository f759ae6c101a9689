use super::*;
use crate::checkpoint::Checkpoint;
use crate::export::onnx::tests::{Sampled, shrinking, small};
use crate::import::exported::KEY;
use nn::layers::{
    Activation, BatchNorm, Bias, Conv2d, ConvTranspose2d, Dense, Equalised, Reshape, Residual, RunningMean,
};
use nn::{Dialect, Network, State, Stateful};
use safetensors::SafeTensors;
use serde_json::{Value, json};

const FILES: FileNames<'static> = FileNames { weights: "w.safetensors", inputs: "latents.npy", samples: "samples.npy" };

/// The lines of a part of the code: those after `from` that are indented as it is or more.
fn part(code: &str, from: &str) -> Vec<String> {
    let start = code.find(from).unwrap_or_else(|| panic!("no {from} in {code}"));
    let lines = code[start..].lines().skip(1).skip_while(|line| line.contains("super()") || line.contains("\"\"\""));
    lines.take_while(|line| line.starts_with("        ")).map(|line| line.trim().to_owned()).collect()
}

#[test]
fn a_small_generator_is_this_module() {
    let generator = Generator::of_latents(&small()).unwrap();
    let Module { code, weights } = module(&generator, FILES, &["of \"\"\" a test".to_owned()], None).unwrap();
    let class = &code[code.find("class Generator").unwrap()..];
    let init = [
        "self.dense = nn.Linear(3, 16)",
        "self.bn = nn.BatchNorm1d(16, eps=0.001)",
        "self.relu = nn.ReLU()",
        "self.up = nn.Upsample(scale_factor=2, mode=\"nearest\")",
        "self.conv = nn.Conv2d(4, 3, 3, padding=1)",
        "self.b8x8___quoted_ = nn.ConvTranspose2d(3, 2, 4, stride=2, padding=1, bias=False)",
        "self.tanh = nn.Tanh()",
    ];
    assert_eq!(part(class, "def __init__"), init);
    let forward = [
        "x = self.dense(latents)",
        "x = self.bn(x)",
        "x = self.relu(x)",
        "x = x.reshape(-1, 2, 2, 4).permute(0, 3, 1, 2)",
        "x = self.up(x)",
        "x = self.conv(x)",
        "x = self.b8x8___quoted_(x)",
        "x = self.tanh(x)",
        "x = x * 0.5 + 0.5",
        "return x",
    ];
    assert_eq!(part(class, "def forward"), forward);
    assert!(code.contains("of \\\"\\\"\\\" a test") && code.contains("folder / \"latents.npy\""), "{code}");

    let file = SafeTensors::deserialize(&weights).unwrap();
    let shapes: Vec<(String, Vec<usize>)> =
        file.iter().map(|(name, tensor)| (name.to_owned(), tensor.shape().to_vec())).collect();
    let shape = |name: &str| shapes.iter().find(|(of, _)| of == name).unwrap_or_else(|| panic!("{name}")).1.clone();
    assert_eq!(shape("dense.weight"), [16, 3]);
    assert_eq!(shape("conv.weight"), [3, 4, 3, 3]);
    assert_eq!(shape("bn.num_batches_tracked"), [0; 0]);
    assert_eq!(shapes.len(), 2 + 5 + 2 + 1);
    let again = module(&generator, FILES, &["of \"\"\" a test".to_owned()], None).unwrap();
    assert!(again.code == code && again.weights == weights, "the same run gives the same bytes");
}

#[test]
fn layers_that_shrink_are_these_modules() {
    let code = module(&Generator::of_latents(&shrinking()).unwrap(), FILES, &[], None).unwrap().code;
    let class = &code[code.find("class Generator").unwrap()..];
    assert_eq!(part(class, "def __init__"), ["self.max = nn.MaxPool2d((2, 1))", "self.average = nn.AvgPool2d((1, 2))"]);
    let forward = [
        "x = latents.reshape(-1, 4, 2, 4).permute(0, 3, 1, 2)",
        "x = self.max(x)",
        "x = self.average(x)",
        "x = x.mean((2, 3))",
        "x = x.unflatten(1, (-1, 2)).amax(2)",
        "return x",
    ];
    assert_eq!(part(class, "def forward"), forward);
}

/// A value that is read twice keeps a name of its own; borders that are not symmetric are padded or
/// cut beside the layer.
#[test]
fn branches_and_borders_are_written_out() {
    let block = Residual::new().with("conv", Conv2d::new(1, 3)).with("relu", Activation::Relu);
    let network = Network::new("generator", &[16], Dialect::Torch, 1)
        .with("reshape", Reshape(vec![4, 4, 1]))
        .with("res", block)
        .with("down", Conv2d::new(2, 5).stride(2))
        .with("convt", ConvTranspose2d::new(1, 5).stride(2));
    let generator = Generator::of_latents(&Sampled { network, end: |y| y.clamp(0.0, f64::INFINITY) }).unwrap();
    let code = module(&generator, FILES, &[], None).unwrap().code;
    let class = &code[code.find("class Generator").unwrap()..];
    let forward = [
        "reshape = latents.reshape(-1, 1, 4, 4)",
        "x = self.res_conv(reshape)",
        "x = self.res_relu(x)",
        "x = reshape + x",
        "x = self.down(F.pad(x, (1, 2, 1, 2)))",
        "x = self.convt(x)[:, :, :-1, :-1]",
        "x = x.clamp(min=0.0)",
        "return x",
    ];
    assert_eq!(part(class, "def forward"), forward);
    let init = part(class, "def __init__");
    assert!(init.contains(&"self.down = nn.Conv2d(1, 2, 5, stride=2)".to_owned()), "{init:?}");
    assert!(init.contains(&"self.convt = nn.ConvTranspose2d(2, 1, 5, stride=2, padding=1)".to_owned()), "{init:?}");
}

/// The metadata names the tensors of this project.
#[test]
fn the_metadata_says_what_an_import_needs() {
    let entry = |network: Network, others: &[&Network], factors: BTreeMap<String, f64>| {
        let others = others.iter().map(|other| *other as &dyn Stateful);
        let state = State::of([&network as &dyn Stateful].into_iter().chain(others));
        let generator = Generator::of_latents(&Sampled { network, end: Clone::clone }).unwrap();
        let [system, config, data, layouts] = ["own", "the configuration", "", ""].map(str::to_owned);
        let checkpoint = Checkpoint { system, step: 1, seed: 1, config, data, layouts, state };
        let origin = Origin { checkpoint: &checkpoint, factors, schedule: vec![("resume_kimg", 0.5)] };
        let weights = module(&generator, FILES, &[], Some(&origin)).unwrap().weights;
        let (_, header) = SafeTensors::read_metadata(&weights).unwrap();
        let metadata = header.metadata().clone().unwrap();
        assert_eq!(metadata["format"], "pt");
        metadata.get(KEY).map(|text| serde_json::from_str::<Value>(text).unwrap())
    };
    let network = |name: &str| {
        Network::new(name, &[3], Dialect::Torch, 1)
            .with("dense", Dense::new(4).equalised(Equalised::LINEAR))
            .with("bn", BatchNorm::default())
            .with("own_bias", Bias::default())
            .with("styles", RunningMean::new(0.9))
    };
    let names = json!({
        "dense.weight": "generator.dense.weight",
        "dense.bias": "generator.dense.bias",
        "bn.weight": "generator.bn.gamma",
        "bn.bias": "generator.bn.beta",
        "bn.running_mean": "generator.bn.running_mean",
        "bn.running_var": "generator.bn.running_var",
        "own_bias.bias": "generator.own_bias.bias",
        "styles_mean": "generator.styles.mean",
    });
    let mut wanted = json!({
        "version": 2,
        "config": "the configuration",
        "network": "generator",
        "names": names,
        "images": ["own_bias.bias"],
        "unused": [],
        "schedule": {"resume_kimg": 0.5},
    });
    let factors = || network("generator").factors().into_iter().collect::<BTreeMap<_, _>>();
    assert_eq!(factors().keys().collect::<Vec<_>>(), ["generator.dense.weight"]);
    assert_eq!(entry(network("generator"), &[], factors()), Some(wanted.clone()));
    assert_eq!(entry(network("average"), &[&network("generator")], factors()), Some(wanted.clone()));
    // A part that the generator does not apply.
    let part = Network::new("average.16x16", &[3], Dialect::Torch, 1).with("dense", Dense::new(4).without_bias());
    wanted["unused"] = json!(["generator.16x16.dense.weight"]);
    assert_eq!(entry(network("average"), &[&part], factors()), Some(wanted));
    // An import would scale weights once more if the layer did not say that it scales them.
    assert_eq!(entry(network("generator"), &[], BTreeMap::new()), None);
}

#[test]
fn what_cannot_be_written_is_named() {
    let network = Network::new("generator", &[4], Dialect::Torch, 1).with("own", Dense::new(4));
    let sampled = Sampled { network, end: |y| y.embed(1, 1, 1) };
    let refused = module(&Generator::of_latents(&sampled).unwrap(), FILES, &[], None).err().unwrap();
    assert_eq!(refused.what, "the op `embed`");
}

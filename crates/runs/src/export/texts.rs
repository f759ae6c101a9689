//! The texts of an export: the README of each format, the configuration of a model for the Hub, and
//! the facts about the run in all of them.

use std::fmt::Write as _;

use models::{Direction, LatentKind, System};
use serde_json::{Value, json};
use tensor::Tensor;

use super::ExportFormat;
use super::generator::{Generator, Source};
use crate::checkpoint::{averaged, part_of};
use crate::folder::resume::Trained;
use crate::layouts;

/// The software that reads a format.
pub(super) fn software(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Pytorch => "PyTorch",
        ExportFormat::Onnx => "ONNX",
        ExportFormat::Hub => "the Hugging Face Hub",
        ExportFormat::Npz => "NumPy",
    }
}

/// The name of the inputs.
pub(super) fn inputs(source: Source) -> &'static str {
    match source {
        Source::Latents { .. } => "latents",
        Source::Images(_) => "inputs",
    }
}

/// The conventions and the layers of a system.
pub(super) fn layouts(system: &dyn System) -> String {
    pretty(&layouts::of(system))
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// The weights and the running statistics of a run's networks by name, without the state of
/// optimisers and pools.
pub(super) fn of_networks(trained: &Trained) -> Vec<(&String, &Tensor)> {
    let networks = trained.system.networks();
    let is_of_network = |name: &str| {
        averaged(name).is_some() || networks.iter().any(|network| part_of(network.name()) == part_of(name))
    };
    let state = &trained.found.checkpoint.state;
    state.tensors.iter().filter(|(name, _)| is_of_network(name)).collect()
}

/// What a reader should know about the run.
pub(super) struct Facts<'a> {
    trained: &'a Trained,
}

impl<'a> Facts<'a> {
    pub(super) fn of(trained: &'a Trained) -> Self {
        Self { trained }
    }

    fn system(&self) -> &str {
        self.trained.config.entry.name
    }

    /// The settings of the system.
    fn settings(&self) -> toml::Table {
        let whole = self.trained.config.to_toml().parse::<toml::Table>().unwrap_or_default();
        whole.get(self.system()).and_then(toml::Value::as_table).cloned().unwrap_or_default()
    }

    /// Whether the products of the run have fewer digits than those of the export.
    fn is_bf16(&self) -> bool {
        self.settings().get("precision").and_then(toml::Value::as_str) == Some("bf16")
    }

    /// One line each.
    pub(super) fn about(&self, generator: &Generator) -> Vec<String> {
        let checkpoint = &self.trained.found.checkpoint;
        let (system, step, seed) = (self.system(), checkpoint.step, checkpoint.seed);
        let mut lines = vec![format!("System {system}, step {step}, seed {seed}.")];
        lines.push(match generator.source {
            Source::Latents { size, kind } => format!("Latents have {size} numbers: {}.", layouts::latents(kind)),
            Source::Images(Direction::AToB) => "It translates images of A to images of B.".to_owned(),
            Source::Images(Direction::BToA) => "It translates images of B to images of A.".to_owned(),
        });
        if self.is_bf16() {
            lines.push(
                "The run multiplies bf16 numbers (precision = bf16), but the export float32: samples can differ by several levels."
                    .to_owned(),
            );
        }
        lines
    }

    /// The facts as keys and values of ONNX.
    pub(super) fn metadata(&self, generator: &Generator) -> Vec<(&'static str, String)> {
        let checkpoint = &self.trained.found.checkpoint;
        let mut facts = vec![
            ("system", self.system().to_owned()),
            ("step", checkpoint.step.to_string()),
            ("seed", checkpoint.seed.to_string()),
        ];
        if generator.makes_images() {
            facts.push(("layout", "NCHW".to_owned()));
            facts.push(("range", "[0, 1]".to_owned()));
        }
        match generator.source {
            Source::Latents { kind, .. } => facts.push(("latents", layouts::latents(kind).to_owned())),
            Source::Images(direction) => facts.push(("direction", layouts::direction(direction).to_owned())),
        }
        facts
    }

    /// The `config.json` of a model.
    pub(super) fn config(&self, generators: &[Generator]) -> String {
        let checkpoint = &self.trained.found.checkpoint;
        let models: Vec<Value> = generators
            .iter()
            .map(|generator| {
                let output: Vec<usize> = generator.shape(generator.output()).iter().skip(1).copied().collect();
                let (layout, output) = match output[..] {
                    [height, width, channels] => ("NCHW", vec![channels, height, width]),
                    _ => ("NC", output),
                };
                let mut model =
                    json!({ "code": format!("{}.py", generator.stem), "layout": layout, "output_shape": output });
                match generator.source {
                    Source::Latents { size, kind } => {
                        model["latent_size"] = size.into();
                        model["latents"] = layouts::latents(kind).into();
                    }
                    Source::Images(direction) => model["direction"] = layouts::direction(direction).into(),
                }
                if generator.makes_images() {
                    model["range"] = json!([0, 1]);
                }
                model
            })
            .collect();
        let settings = serde_json::to_value(self.settings()).unwrap_or_default();
        pretty(&json!({
            "library": "backdraw",
            "library_version": env!("CARGO_PKG_VERSION"),
            "model_type": "gan",
            "architectures": ["Generator"],
            "system": self.system(),
            "preset": self.trained.config.preset(),
            "step": checkpoint.step,
            "seed": checkpoint.seed,
            "settings": settings,
            "models": models,
        }))
    }
}

/// The README of a generator.
pub(super) fn readme(format: ExportFormat, facts: &Facts<'_>, generators: &[Generator]) -> String {
    let first = &generators[0];
    let translates = first.is_of_any_size();
    let mut text = String::new();
    if format == ExportFormat::Hub {
        let task = if translates { "image-to-image" } else { "unconditional-image-generation" };
        let system = Value::from(facts.system());
        let _ = write!(
            text,
            "---\nlibrary_name: pytorch\npipeline_tag: {task}\ntags:\n- gan\n- backdraw\n- {system}\n---\n\n"
        );
    }
    let _ = write!(text, "# {}\n\nA generator that was trained with Backdraw.\n\n", code(facts.system()));
    for generator in generators {
        let _ = writeln!(text, "`{}`:\n", generator.stem);
        facts.about(generator).iter().for_each(|line| _ = writeln!(text, "* {line}"));
        text.push('\n');
    }
    if first.makes_images() {
        for generator in generators {
            let suffix = generator.stem.trim_start_matches("generator");
            let _ = writeln!(text, "![Samples](samples{suffix}.png)\n");
        }
        text.push_str(IMAGES);
        if first.shape(first.output()).last() == Some(&4) {
            text.push_str(PREMULTIPLIED);
        }
    } else {
        text.push_str("It generates points in the plane: an array of shape (n, 2).\n\n");
    }
    let (stem, suffix) = (first.stem, first.stem.trim_start_matches("generator"));
    match format {
        ExportFormat::Onnx => {
            let input = if translates { "input" } else { "latents" };
            let load = match translates {
                true => format!("numpy.load(\"inputs{suffix}.npy\").transpose(0, 3, 1, 2).astype(\"float32\") / 255"),
                false => "numpy.load(\"latents.npy\")".to_owned(),
            };
            let compare = if first.makes_images() { COMPARE_IMAGES } else { COMPARE_POINTS };
            let compare = compare.replace("SAMPLES", &format!("samples{suffix}.npy"));
            let _ = write!(
                text,
                "## How to check it\n\n```python\nimport numpy\nimport onnxruntime\n\n\
                 session = onnxruntime.InferenceSession(\"{stem}.onnx\")\n\
                 inputs = {load}\n\
                 (drawn,) = session.run(None, {{\"{input}\": inputs}})\n{compare}```\n\n\
                 The batch size is free{}. Inputs and outputs are float32, and the operators are those of opset 17. The\n\
                 metadata of the model say which run it is from.\n",
                if translates { ", and so are height and width" } else { "" }
            );
        }
        _ => {
            let _ = write!(
                text,
                "## How to use it\n\n```python\nimport torch\nfrom {stem} import load\n\nwith torch.no_grad():\n    images = load()({})\n```\n\n\
                 `python {stem}.py` draws the samples again and compares them with those of Backdraw. A few bytes may\n\
                 differ, by at most one level of 255.\n\n\
                 The weights are in PyTorch's layouts. Those of layers with an equalised learning rate are already\n\
                 multiplied by their factor.\n",
                match first.source {
                    Source::Latents { size, kind } => drawn_in_python(kind, size),
                    Source::Images(_) => "torch.rand(1, 3, 256, 256)".to_owned(),
                }
            );
        }
    }
    text
}

/// Four latents, as Python draws them.
fn drawn_in_python(kind: LatentKind, size: usize) -> String {
    match kind {
        LatentKind::Normal => format!("torch.randn(4, {size})"),
        LatentKind::Uniform => format!("2 * torch.rand(4, {size}) - 1"),
        LatentKind::UnitUniform => format!("(2 * torch.rand(4, {size}) - 1) * 3**0.5"),
        LatentKind::Sphere => format!("torch.nn.functional.normalize(torch.randn(4, {size})) * {size}**0.5"),
    }
}

const IMAGES: &str = "Images are float32 arrays of shape (n, channels, height, width) with values in [0, 1]. The samples in the\n\
    .npy file are bytes of shape (n, height, width), or (n, height, width, channels) in colour: 255 times the value,\n\
    rounded half to even.\n\n";

/// About images with transparency.
const PREMULTIPLIED: &str = "Colours are multiplied by their alpha (premultiplied), also in the .npy file. For a PNG file, divide them by\n\
    alpha, and clamp them to 1.\n\n";

const COMPARE_IMAGES: &str = "drawn = (drawn * 255).round().clip(0, 255).transpose(0, 2, 3, 1)\n\
    samples = numpy.load(\"SAMPLES\")\n\
    print(abs(drawn.reshape(samples.shape) - samples).max(), \"levels of 255\")\n";

const COMPARE_POINTS: &str = "print(abs(drawn - numpy.load(\"SAMPLES\")).max())\n";

/// The README of the weights alone.
pub(super) fn of_arrays(facts: &Facts<'_>) -> String {
    let checkpoint = &facts.trained.found.checkpoint;
    format!(
        "# {}\n\nThe weights of all networks of a run of Backdraw: step {}, seed {}.\n\n\
         ```python\nimport numpy\n\nweights = numpy.load(\"weights.npz\")\nfor name in weights:\n    print(name, weights[name].shape)\n```\n\n\
         `layouts.json` describes the layouts of the arrays, and lists every layer.\n",
        code(facts.system()),
        checkpoint.step,
        checkpoint.seed
    )
}

/// A name as code in Markdown.
fn code(name: &str) -> String {
    let plain: String = name.chars().filter(|letter| *letter != '`' && !letter.is_control()).collect();
    format!("`{plain}`")
}

//! PyTorch: the weights of a generator as safetensors, in PyTorch's layouts, and a readable Python
//! file with the `nn.Module` that they belong to.

mod helpers;
mod layers;
mod names;
mod ops;
mod origin;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use nn::{Computation, TraceInput, TraceStep, ValueId};
use safetensors::Dtype;
use tensor::{Shape, Tensor};

use super::generator::{Generator, Refused, Source, constant, local_name, reorders};
use super::onnx::described;
use crate::import::state_dict::Layout;
use helpers::Helper;
use names::Names;
pub(super) use origin::Origin;

/// A generator for PyTorch.
pub(super) struct Module {
    /// The text of the Python file.
    pub(super) code: String,
    /// The bytes of the safetensors file.
    pub(super) weights: Vec<u8>,
}

/// The names of the other files that the Python file reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileNames<'a> {
    pub(super) weights: &'a str,
    pub(super) inputs: &'a str,
    pub(super) samples: &'a str,
}

/// The module; `about` describes it in its documentation. The metadata of the weights relates
/// them to the run `origin`.
///
/// # Errors
/// The layer or op that cannot be written as PyTorch.
pub(super) fn module(
    generator: &Generator,
    files: FileNames<'_>,
    about: &[String],
    origin: Option<&Origin<'_>>,
) -> Result<Module, Refused> {
    let mut builder = Builder::new(generator);
    for step in generator.steps() {
        builder.step(step).map_err(|why| Refused { what: described(step), why })?;
    }
    generator.means().for_each(|(step, mean)| builder.mean(step, mean));
    let weights = builder.weights(origin).map_err(|why| Refused { what: "the weights".to_owned(), why })?;
    Ok(Module { code: builder.code(files, about), weights })
}

/// A tensor of the state dictionary.
enum Stored {
    Floats {
        tensor: Tensor,
        /// The name in the state of the run, and what became of its axes; None if it is no tensor
        /// of a layer.
        source: Option<(String, Layout)>,
    },
    /// A whole number: the batches that a normalisation has seen.
    Count(i64),
}

struct Builder<'a> {
    generator: &'a Generator,
    helpers: BTreeSet<Helper>,
    /// The lines of `__init__`.
    init: Vec<String>,
    /// The lines of `forward`.
    forward: Vec<String>,
    tensors: BTreeMap<String, Stored>,
    attributes: Names,
    /// The attributes of the layers by path: a layer that is applied twice has one.
    of_path: HashMap<String, String>,
    variables: Names,
    /// The variables of the values.
    values: Vec<Option<String>>,
    /// For each value, the number of steps that read it, and the last of them.
    readers: Vec<(usize, usize)>,
    /// The number of the current step.
    at: usize,
}

impl<'a> Builder<'a> {
    fn new(generator: &'a Generator) -> Self {
        let mut readers = vec![(0, 0); generator.trace.shapes.len()];
        for (at, step) in generator.steps().enumerate() {
            let read: BTreeSet<ValueId> = step
                .inputs
                .iter()
                .filter_map(|input| match input {
                    TraceInput::Value(id) => Some(generator.same(*id)),
                    TraceInput::Constant(_) => None,
                })
                .collect();
            for id in read {
                readers[id] = (readers[id].0 + 1, at);
            }
        }
        let mut values = vec![None; readers.len()];
        values[0] = Some(input_name(generator).to_owned());
        let mut variables = Names::of_variables();
        variables.reserve(input_name(generator));
        Self {
            generator,
            helpers: BTreeSet::new(),
            init: Vec::new(),
            forward: Vec::new(),
            tensors: BTreeMap::new(),
            attributes: Names::of_attributes(),
            of_path: HashMap::new(),
            variables,
            values,
            readers,
            at: 0,
        }
    }

    fn step(&mut self, step: &TraceStep) -> Result<(), String> {
        let to = *self.generator.shape(step.output);
        let from = self.generator.shape_of(&step.inputs[0]);
        let inputs: Vec<String> = step.inputs.iter().map(|input| self.operand(step, input, to.len())).collect();
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let expression = match &step.computation {
            Computation::Layer(spec) => self.layer(step, spec, &inputs, [from, to])?,
            Computation::Op { name, attributes } => self.op(step, name, attributes, &inputs, [from, to])?,
        };
        let name = self.variable(step);
        self.forward.push(format!("{name} = {expression}"));
        self.values[step.output] = Some(name);
        self.at += 1;
        Ok(())
    }

    /// The variable for the result of a step: `x` if only the next step reads it.
    fn variable(&mut self, step: &TraceStep) -> String {
        let (count, last) = self.readers[step.output];
        let is_output = step.output == self.generator.output();
        if (is_output && count == 0) || (!is_output && count == 1 && last == self.at + 1) {
            return "x".to_owned();
        }
        let name = match &step.computation {
            Computation::Layer(_) => local_name(step).to_owned(),
            Computation::Op { name, .. } if local_name(step).is_empty() => (*name).to_owned(),
            Computation::Op { .. } => local_name(step).to_owned(),
        };
        self.variables.of(&name)
    }

    /// An input of a step as an expression: a variable, or a constant of the module.
    fn operand(&mut self, step: &TraceStep, input: &TraceInput, rank: usize) -> String {
        match input {
            TraceInput::Value(id) => {
                self.values[self.generator.same(*id)].clone().expect("a step comes after those that it reads")
            }
            TraceInput::Constant(tensor) => {
                let name = format!("{}.constant", local_name(step));
                let name = self.attributes.of(name.trim_start_matches('.'));
                let tensor = constant(tensor, rank);
                self.init.push(format!("self.register_buffer(\"{name}\", torch.empty({}))", python(tensor.shape())));
                self.tensors.insert(name.clone(), Stored::Floats { tensor, source: None });
                format!("self.{name}")
            }
        }
    }

    /// The same elements, in memory order of (h, w, c), in the shape `to`.
    fn reshaped(&self, x: &str, [from, to]: [Shape; 2]) -> Result<String, String> {
        let [before, after] = reorders([&from, &to])?;
        let mut x = x.to_owned();
        if before {
            x = format!("{x}.permute(0, 2, 3, 1)");
        }
        Ok(match *to {
            [_, _] if before => format!("{x}.flatten(1)"),
            [_, h, w, c] if after => format!("{x}.reshape(-1, {h}, {w}, {c}).permute(0, 3, 1, 2)"),
            [_, h, w, c] => format!("{x}.reshape(-1, {c}, {h}, {w})"),
            _ => format!("{x}.reshape(-1{})", to[1..].iter().map(|size| format!(", {size}")).collect::<String>()),
        })
    }

    /// The bytes of the weights.
    fn weights(&self, origin: Option<&Origin<'_>>) -> Result<Vec<u8>, String> {
        let tensors = self.tensors.iter().map(|(name, tensor)| match tensor {
            Stored::Floats { tensor, .. } => {
                let bytes: Vec<u8> = tensor.data().iter().flat_map(|number| number.to_le_bytes()).collect();
                (name, (Dtype::F32, tensor.shape().to_vec(), bytes))
            }
            Stored::Count(count) => (name, (Dtype::I64, Vec::new(), count.to_le_bytes().to_vec())),
        });
        let tensors: Vec<_> = tensors.collect();
        let views = tensors.iter().map(|(name, (dtype, shape, bytes))| {
            safetensors::tensor::TensorView::new(*dtype, shape.clone(), bytes).map(|view| (*name, view))
        });
        let views = views.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
        let mut metadata = BTreeMap::from([("format", "pt".to_owned())]);
        metadata.extend(origin.and_then(|origin| origin.entry(&self.tensors)));
        // safetensors writes metadata in no fixed order.
        let bytes = safetensors::serialize(views, None).map_err(|error| error.to_string())?;
        origin::with_metadata(&bytes, &metadata)
    }

    /// The text of the Python file.
    fn code(&self, files: FileNames<'_>, about: &[String]) -> String {
        let title = match self.generator.source {
            Source::Latents { .. } => "A generator, exported by Backdraw.",
            Source::Images(_) => "The generator of a translation, exported by Backdraw.",
        };
        let about: String = about.iter().map(|line| format!("\n{}", names::documented(line))).collect();
        let input = input_name(self.generator);
        let indented = |lines: &[String]| lines.iter().map(|line| format!("        {line}\n")).collect::<String>();
        let helpers: String = self.helpers.iter().map(|helper| format!("{}\n\n\n", helper.code().trim())).collect();
        let output = self.values[self.generator.output()].as_deref().unwrap_or(input);
        let functional = if self.uses("F.") { "import torch.nn.functional as F\n" } else { "" };
        let range = if self.generator.makes_images() {
            "images (n, channels, height, width) in [0, 1]"
        } else {
            "points (n, 2)"
        };
        let from = match self.generator.source {
            Source::Latents { size, .. } => format!("latents (n, {size})"),
            Source::Images(_) => "images (n, 3, height, width) in [0, 1]".to_owned(),
        };
        format!(
            r#""""{title}
{about}

`python {stem}.py` draws the samples again and compares them with those of Backdraw.
It needs the packages torch, safetensors and numpy.
"""

from pathlib import Path

import numpy
import torch
{functional}from safetensors.torch import load_file
from torch import nn


{helpers}class Generator(nn.Module):
    """From {from} to {range}."""

    def __init__(self):
        super().__init__()
{init}
    def forward(self, {input}):
{forward}        return {output}


def load(folder=Path(__file__).parent):
    """The generator with its weights, for inference."""
    generator = Generator()
    generator.load_state_dict(load_file(Path(folder) / "{weights}"))
    return generator.eval()


{check}"#,
            stem = self.generator.stem,
            init = indented(&self.init),
            forward = indented(&self.forward),
            weights = files.weights,
            check = helpers::check(self.generator, files),
        )
    }

    fn uses(&self, word: &str) -> bool {
        self.forward.iter().any(|line| line.contains(word))
            || self.helpers.iter().any(|helper| helper.code().contains(word))
    }
}

/// The argument of `forward`.
fn input_name(generator: &Generator) -> &'static str {
    match generator.source {
        Source::Latents { .. } => "latents",
        Source::Images(_) => "images",
    }
}

/// Sizes as the arguments of a call.
fn python(sizes: &[usize]) -> String {
    match sizes {
        [] => "()".to_owned(),
        sizes => sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// A pair of sizes, as one number if they are equal.
fn pair<T: PartialEq + std::fmt::Display>([first, second]: [T; 2]) -> String {
    if first == second { first.to_string() } else { format!("({first}, {second})") }
}

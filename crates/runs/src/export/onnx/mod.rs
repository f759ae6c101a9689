//! ONNX: a generator as one file that onnxruntime and other programs run.
//!
//! Images are (batch, channels, height, width); the batch size is free, and for a translation
//! height and width are too. Every layer becomes one or a few standard operators (opset 17).

mod layers;
mod ops;
#[cfg(test)]
pub(super) mod tests;
mod writer;

use nn::{Computation, TraceInput, TraceStep, ValueId};
use tensor::Shape;

use super::generator::{Generator, Refused, Source, constant, local_name, reorders};
use writer::{Dimension, Writer};

/// Where the noise of a style-based generator comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NoiseSource {
    /// The maps of the network, so that an image depends on its latent only.
    #[default]
    Fixed,
    /// Inputs of the model, whose default values are the maps of the network.
    Input,
}

/// The bytes of the model, with these facts as its metadata.
///
/// # Errors
/// The layer or op that ONNX, or this module, does not have.
pub(super) fn model(generator: &Generator, noise: NoiseSource, facts: &[(&str, String)]) -> Result<Vec<u8>, Refused> {
    let mut builder =
        Builder { writer: Writer::default(), generator, noise, names: vec![None; generator.trace.shapes.len()] };
    builder.input();
    for step in generator.steps() {
        builder.step(step).map_err(|why| Refused { what: described(step), why })?;
    }
    builder.output();
    let whole = |why| Refused { what: "the model".to_owned(), why };
    builder.writer.finish(generator.stem, facts).map_err(whole)
}

/// A step as users know it.
pub(super) fn described(step: &TraceStep) -> String {
    match &step.computation {
        Computation::Layer(_) => format!("the layer `{}`", step.path),
        Computation::Op { name, .. } if step.path.is_empty() => format!("the op `{name}`"),
        Computation::Op { name, .. } => format!("the op `{name}` in `{}`", step.path),
    }
}

/// The output of a model.
fn output_name(generator: &Generator) -> &'static str {
    if generator.makes_images() { "images" } else { "points" }
}

struct Builder<'a> {
    writer: Writer,
    generator: &'a Generator,
    noise: NoiseSource,
    /// The names of the values in the model.
    names: Vec<Option<String>>,
}

/// The first axis of every value.
const BATCH: Dimension = Dimension::Free("batch");

/// A shape with the batch size free and the channels of images before height and width.
fn dimensions(shape: &Shape) -> Vec<Dimension> {
    let sizes: Vec<usize> = match **shape {
        [_, height, width, channels] => vec![channels, height, width],
        _ => shape.iter().skip(1).copied().collect(),
    };
    std::iter::once(BATCH).chain(sizes.into_iter().map(Dimension::Fixed)).collect()
}

impl Builder<'_> {
    fn input(&mut self) {
        let shape = dimensions(self.generator.shape(0));
        let (name, shape, about) = match self.generator.source {
            Source::Latents { .. } => ("latents", shape, "latents, as the metadata describes them"),
            Source::Images(_) => {
                let sides = ["height", "width"].map(Dimension::Free);
                let shape = shape.into_iter().take(2).chain(sides).collect();
                ("input", shape, "images in [0, 1] to translate")
            }
        };
        self.writer.input(name, &shape, about);
        self.writer.reserve(output_name(self.generator));
        self.names[0] = Some(name.to_owned());
    }

    fn output(&mut self) {
        let shape = dimensions(self.generator.shape(self.generator.output()));
        let (shape, about) = match self.generator.source {
            Source::Images(_) => {
                let sides = ["output_height", "output_width"].map(Dimension::Free);
                (shape.into_iter().take(2).chain(sides).collect(), "images in [0, 1]")
            }
            Source::Latents { .. } if self.generator.makes_images() => (shape, "images in [0, 1]"),
            Source::Latents { .. } => (shape, "points in the plane"),
        };
        self.writer.output(output_name(self.generator), &shape, about);
    }

    fn step(&mut self, step: &TraceStep) -> Result<(), String> {
        let out = if step.output == self.generator.output() {
            output_name(self.generator).to_owned()
        } else {
            let name = match &step.computation {
                Computation::Layer(_) => local_name(step).to_owned(),
                Computation::Op { name, .. } => {
                    format!("{}.{name}", local_name(step)).trim_start_matches('.').to_owned()
                }
            };
            self.writer.unique(&name)
        };
        match &step.computation {
            Computation::Layer(spec) => self.layer(step, spec, &out)?,
            Computation::Op { name, attributes } => self.op(step, name, attributes, &out)?,
        }
        if !self.generator.is_of_any_size() && step.output != self.generator.output() {
            let shape = dimensions(self.generator.shape(step.output));
            self.writer.shape(&out, &shape);
        }
        self.names[step.output] = Some(out);
        Ok(())
    }

    /// The name of an input of a step whose values have `rank` axes.
    fn operand(&mut self, input: &TraceInput, rank: usize) -> String {
        match input {
            TraceInput::Value(id) => self.value(*id),
            TraceInput::Constant(tensor) => self.writer.floats("constant", &constant(tensor, rank)),
        }
    }

    fn value(&self, id: ValueId) -> String {
        self.names[self.generator.same(id)].clone().expect("a step comes after those that it reads")
    }

    /// The same elements, in memory order of (h, w, c), in the shape `to`.
    fn reshaped(&mut self, x: &str, from: &Shape, to: &Shape, out: &str) -> Result<(), String> {
        let [before, after] = reorders([from, to])?;
        let plain =
            |sizes: &[usize]| std::iter::once(0).chain(sizes.iter().map(|size| *size as i64)).collect::<Vec<i64>>();
        let mut x = x.to_owned();
        if before {
            let order = vec![0, 2, 3, 1];
            x = self.writer.inner(
                "Transpose",
                &[&x],
                &format!("{out}.hwc"),
                &[("perm", writer::Attribute::Ints(order))],
            );
        }
        if after {
            let shape = self.writer.ints(&format!("{out}.shape"), &plain(&to[1..]));
            let hwc = self.writer.inner("Reshape", &[&x, &shape], &format!("{out}.hwc"), &[]);
            self.writer.node("Transpose", &[&hwc], out, &[("perm", writer::Attribute::Ints(vec![0, 3, 1, 2]))]);
        } else {
            let sizes = match **to {
                [_, h, w, c] => plain(&[c, h, w]),
                _ => plain(&to[1..]),
            };
            let shape = self.writer.ints(&format!("{out}.shape"), &sizes);
            self.writer.node("Reshape", &[&x, &shape], out, &[]);
        }
        Ok(())
    }
}

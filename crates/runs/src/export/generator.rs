//! [`Generator`]: what is exported, as the graph that `nn` traces; and the geometry of its layers
//! as other software describes it.

use kernels::{ConvGeometry, FirGeometry, Padding, TransposedPadding};
use models::{Direction, FromLatents, LatentKind, Translate};
use nn::{Computation, LayerSpec, Trace, TraceInput, TraceStep, ValueId, trace};
use tensor::{Shape, Tensor};

use crate::layouts::permuted;

/// A generator in inference.
pub(super) struct Generator {
    /// The name of its files.
    pub(super) stem: &'static str,
    /// What it computes, traced with one image.
    pub(super) trace: Trace,
    pub(super) source: Source,
    /// For each value, the value that it equals: the one before layers that change nothing.
    same: Vec<ValueId>,
}

/// What a generator starts from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Source {
    /// Latents of this many numbers.
    Latents { size: usize, kind: LatentKind },
    /// Images in [0, 1], of the size of the training images or another.
    Images(Direction),
}

/// Why a format cannot hold a generator.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refused {
    /// The layer or op.
    pub(super) what: String,
    pub(super) why: String,
}

impl Generator {
    /// The generator of a system that draws from latents.
    ///
    /// # Errors
    /// Why it cannot be traced.
    pub(super) fn of_latents(sampler: &dyn FromLatents) -> Result<Self, String> {
        let kind = sampler.kind();
        // What the program computes outside of the tape would be a constant in the graph, so the
        // graph of another latent must be the same.
        let [first, second] = [0, 1].map(|seed| {
            let latents = sampler.latents(seed, "export", 1);
            let size = latents.size();
            trace(latents, |ctx, latents| sampler.forward(ctx, latents)).map(|trace| (trace, size))
        });
        let ((trace, size), (other, _)) = (first?, second?);
        if trace != other {
            return Err("its sampler computes numbers that depend on the latents outside of the tape".into());
        }
        Ok(Self::new("generator", trace, Source::Latents { size, kind }))
    }

    /// The generator of one direction of a translation.
    ///
    /// # Errors
    /// Why it cannot be traced.
    pub(super) fn of_images(
        sampler: &dyn Translate,
        direction: Direction,
        [height, width, channels]: [usize; 3],
    ) -> Result<Self, String> {
        let image = Tensor::from_fn([1, height, width, channels], |i| (i % 7) as f32 / 7.0);
        let trace = trace(image, |ctx, image| sampler.forward(ctx, direction, image))?;
        let stem = match direction {
            Direction::AToB => "generator_AtoB",
            Direction::BToA => "generator_BtoA",
        };
        Ok(Self::new(stem, trace, Source::Images(direction)))
    }

    fn new(stem: &'static str, trace: Trace, source: Source) -> Self {
        let mut same: Vec<ValueId> = (0..trace.shapes.len()).collect();
        for step in trace.steps.iter().filter(|step| is_identity(step)) {
            if let TraceInput::Value(id) = step.inputs[0] {
                same[step.output] = same[id];
            }
        }
        Self { stem, trace, source, same }
    }

    /// The steps that compute something.
    pub(super) fn steps(&self) -> impl Iterator<Item = &TraceStep> {
        self.trace.steps.iter().filter(|step| !is_identity(step))
    }

    /// The steps with a running mean that the computation does not use, each with its mean.
    pub(super) fn means(&self) -> impl Iterator<Item = (&TraceStep, &Tensor)> {
        self.trace.steps.iter().filter_map(|step| match &step.computation {
            Computation::Layer(LayerSpec::RunningMean(mean)) => Some((step, mean)),
            _ => None,
        })
    }

    /// The value that `id` equals.
    pub(super) fn same(&self, id: ValueId) -> ValueId {
        self.same[id]
    }

    pub(super) fn output(&self) -> ValueId {
        self.same(self.trace.output)
    }

    pub(super) fn shape(&self, id: ValueId) -> &Shape {
        &self.trace.shapes[id]
    }

    /// The shape of an input of a step.
    pub(super) fn shape_of(&self, input: &TraceInput) -> Shape {
        match input {
            TraceInput::Value(id) => *self.shape(*id),
            TraceInput::Constant(tensor) => *tensor.shape(),
        }
    }

    /// Checks that the values that an op reads have as many axes as its result, so that their axes
    /// still meet when the channels come first.
    ///
    /// # Errors
    /// When one has more or fewer.
    pub(super) fn check_ranks(&self, step: &TraceStep, name: &str) -> Result<(), String> {
        let rank = self.shape(step.output).len();
        let values = step.inputs.iter().filter(|input| matches!(input, TraceInput::Value(_)));
        let mixed = values.map(|input| self.shape_of(input).len()).any(|other| other != rank);
        if mixed && !matches!(name, "reshape" | "matmul") {
            return Err(format!("its inputs do not have {rank} axes like its result"));
        }
        Ok(())
    }

    /// Whether height and width are free: those of the images that are translated.
    pub(super) fn is_of_any_size(&self) -> bool {
        matches!(self.source, Source::Images(_))
    }

    /// Whether some of its layers add noise.
    pub(super) fn has_noise(&self) -> bool {
        let is_noise = |step: &TraceStep| matches!(step.computation, Computation::Layer(LayerSpec::Noise { .. }));
        self.trace.steps.iter().any(is_noise)
    }

    /// Whether it makes images, and not points in the plane.
    pub(super) fn makes_images(&self) -> bool {
        self.shape(self.output()).len() == 4
    }
}

fn is_identity(step: &TraceStep) -> bool {
    matches!(step.computation, Computation::Layer(LayerSpec::Identity | LayerSpec::RunningMean(_)))
        && matches!(step.inputs[0], TraceInput::Value(_))
}

/// The name of a step within the generator: its path without the network's name.
pub(super) fn local_name(step: &TraceStep) -> &str {
    step.path.split_once('.').map_or("", |(_, rest)| rest)
}

/// The kernel of a convolution, or of a transposed one, as PyTorch and ONNX have it: (kh, kw, in,
/// out) to (out, in, kh, kw), and (kh, kw, out, in) to (in, out, kh, kw).
pub(super) fn kernel(weight: &Tensor) -> Tensor {
    permuted(weight, &[3, 2, 0, 1])
}

/// A constant for an operation with a value of `rank` axes: with as many axes, and the channels of
/// images before height and width.
pub(super) fn constant(tensor: &Tensor, rank: usize) -> Tensor {
    let shape = tensor.shape();
    let padded = [&vec![1; rank.saturating_sub(shape.len())][..], shape].concat();
    let tensor = tensor.reshape(&*padded);
    if padded.len() == 4 { permuted(&tensor, &[0, 3, 1, 2]) } else { tensor }
}

/// For a reshape in memory order of (h, w, c): whether the elements before it, and those after it,
/// have another order when the channels come first.
///
/// # Errors
/// When the first axis of both shapes is not the batch.
pub(super) fn reorders([from, to]: [&Shape; 2]) -> Result<[bool; 2], String> {
    if from.first() != to.first() {
        return Err(format!("it reshapes {from} to {to}, and mixes the images of a batch"));
    }
    // Where height and width, or the channels, are 1, both layouts have the same memory order.
    Ok([from, to].map(|shape| matches!(**shape, [_, h, w, c] if h * w > 1 && c > 1)))
}

/// Height, width and channels of a batch of images.
pub(super) fn image(shape: &Shape) -> Result<[usize; 3], String> {
    match **shape {
        [_, height, width, channels] => Ok([height, width, channels]),
        _ => Err(format!("its input of shape {shape} is not a batch of images")),
    }
}

/// The zeros before and after each axis.
pub(super) type Borders = [[usize; 2]; 2];

/// The zeros that a convolution reads around an image: at the top and left, and at the bottom and
/// right.
pub(super) fn zeros(
    [height, width, channels]: [usize; 3],
    weight: &Tensor,
    stride: [usize; 2],
    padding: Padding,
) -> Result<Borders, String> {
    if let Padding::Explicit([top, bottom, left, right]) = padding {
        return Ok([[top, left], [bottom, right]]);
    }
    let kernel = [weight.shape()[0], weight.shape()[1]];
    let g = ConvGeometry::new([1, height, width, channels], kernel, weight.shape()[3], stride, padding)?;
    let after =
        |axis: usize| ((g.output[axis] - 1) * stride[axis] + kernel[axis]).saturating_sub(g.input[axis] + g.pad[axis]);
    Ok([g.pad, [after(0), after(1)]])
}

/// What a transposed convolution cuts off its full output, of (size - 1) * stride + kernel pixels:
/// at the top and left, and at the bottom and right. Negative numbers add zeros.
pub(super) fn cuts(
    [height, width, channels]: [usize; 3],
    weight: &Tensor,
    stride: [usize; 2],
    padding: TransposedPadding,
) -> Result<[[isize; 2]; 2], String> {
    let kernel = [weight.shape()[0], weight.shape()[1]];
    let g = ConvGeometry::transposed([1, height, width, channels], kernel, weight.shape()[2], stride, padding)?;
    let after = |axis: usize| {
        let full = (g.output[axis] - 1) * stride[axis] + kernel[axis];
        full as isize - g.pad[axis] as isize - g.input[axis] as isize
    };
    Ok([g.pad.map(|pad| pad as isize), [after(0), after(1)]])
}

/// The zeros that a filter adds after an image. Negative numbers crop.
pub(super) fn after(g: &FirGeometry) -> isize {
    ((g.output[0] - 1) * g.down + g.taps.len()) as isize - (g.input[0] * g.up) as isize - g.before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_have_the_rank_of_what_they_meet() {
        assert_eq!(constant(&Tensor::from_fn([3], |i| i as f32), 4).shape().to_vec(), [1, 3, 1, 1]);
        assert_eq!(constant(&Tensor::scalar(1.0), 2).shape().to_vec(), [1, 1]);
    }

    #[test]
    fn paddings_are_those_of_the_layers() {
        let weight = Tensor::zeros([5, 5, 1, 1]);
        let zeros = |padding, stride| zeros([28, 28, 1], &weight, [stride; 2], padding).unwrap();
        assert_eq!(zeros(Padding::Same, 1), [[2, 2], [2, 2]]);
        assert_eq!(zeros(Padding::Same, 2), [[1, 1], [2, 2]], "the odd zero is at the bottom and right");
        assert_eq!(zeros(Padding::Valid, 2), [[0, 0], [0, 0]]);
        assert_eq!(zeros(Padding::Explicit([1, 2, 3, 4]), 1), [[1, 3], [2, 4]]);
        let cuts = |padding, stride| cuts([7, 7, 1], &weight, [stride; 2], padding).unwrap();
        assert_eq!(cuts(TransposedPadding::Same, 1), [[2, 2], [2, 2]]);
        assert_eq!(cuts(TransposedPadding::Same, 2), [[1, 1], [2, 2]]);
        let explicit = TransposedPadding::Explicit { padding: [0, 2], output_padding: [1, 0] };
        assert_eq!(cuts(explicit, 2), [[0, 2], [-1, 2]]);
        for (filter, wanted) in [(kernels::Fir::up2(), 1), (kernels::Fir::down2(), 1), (kernels::Fir::blur(), 1)] {
            assert_eq!(after(&FirGeometry::new([1, 8, 8, 1], &filter).unwrap()), wanted);
        }
    }
}

//! [`trace`]: records what networks compute in inference, as a graph of layers.
//!
//! A layer with a [specification](crate::Layer::spec) is one step of the graph. What other layers
//! and the code between networks compute is recorded op by op. Nothing is fused.

use std::cell::RefCell;
use std::rc::Rc;

use tensor::{Attributes, RecordedNode, Shape, SweptNode, Tape, TapeObserver, Tensor, Var};

use crate::context::ForwardContext;
use crate::layer::Layer;
use crate::spec::LayerSpec;

/// The number of a value of a trace; value 0 is the input.
pub type ValueId = usize;

/// A recorded computation from one input to one output.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The steps, each after those that it reads.
    pub steps: Vec<TraceStep>,
    /// The shapes of all values, by number. The first axis is the batch.
    pub shapes: Vec<Shape>,
    /// The output.
    pub output: ValueId,
}

/// A step of a [`Trace`].
#[derive(Clone, Debug, PartialEq)]
pub struct TraceStep {
    /// The full name of the layer, or the scope of the op: `generator.conv1`.
    pub path: String,
    /// What is computed.
    pub computation: Computation,
    /// The inputs. A layer that takes a style has it as the second one.
    pub inputs: Vec<TraceInput>,
    /// The result.
    pub output: ValueId,
}

/// What a step of a [`Trace`] computes.
#[derive(Clone, Debug, PartialEq)]
pub enum Computation {
    /// A layer.
    Layer(LayerSpec),
    /// An op of the tape.
    Op {
        /// The name in the registry.
        name: &'static str,
        /// Its attributes.
        attributes: Attributes,
    },
}

/// An input of a step.
#[derive(Clone, Debug, PartialEq)]
pub enum TraceInput {
    /// A value of the trace.
    Value(ValueId),
    /// A tensor that does not depend on the input of the trace.
    Constant(Tensor),
}

impl TraceInput {
    fn of(var: &Var) -> Self {
        var.node().map_or_else(|| Self::Constant(var.value().clone()), |(_, id)| Self::Value(id))
    }
}

/// Records the steps of a tape.
#[derive(Default)]
pub(crate) struct Recorder {
    steps: RefCell<Vec<TraceStep>>,
    shapes: RefCell<Vec<Shape>>,
}

impl TapeObserver for Recorder {
    fn node_recorded(&self, node: &RecordedNode<'_, f32>) {
        self.shapes.borrow_mut().push(*node.value.shape());
        if let Some(op) = node.op {
            self.steps.borrow_mut().push(TraceStep {
                path: node.scope.to_owned(),
                computation: Computation::Op { name: op.name(), attributes: op.attribute_data() },
                inputs: node.inputs.iter().map(|input| TraceInput::of(input)).collect(),
                output: node.id,
            });
        }
    }

    fn node_swept(&self, _node: &SweptNode<'_, f32>) {}
}

impl Recorder {
    /// Records a layer that computes `y`, a new variable of the tape.
    fn layer(&self, path: String, spec: LayerSpec, inputs: &[&Var], y: &Var) {
        let Some((_, output)) = y.node() else { unreachable!("a variable has a node") };
        let inputs = inputs.iter().map(|input| TraceInput::of(input)).collect();
        self.steps.borrow_mut().push(TraceStep { path, computation: Computation::Layer(spec), inputs, output });
    }
}

/// Records what `forward` computes in inference from the input `x`, whose first axis is the batch.
///
/// # Errors
/// The error of `forward`. When the output does not depend on the input.
pub fn trace(
    x: Tensor,
    forward: impl FnOnce(&mut ForwardContext, &Var) -> Result<Var, String>,
) -> Result<Trace, String> {
    let recorder = Rc::new(Recorder::default());
    let tape = Tape::observed(recorder.clone());
    let x = tape.variable("input", x);
    let y = forward(&mut ForwardContext::traced(&tape, recorder.clone()), &x)?;
    let (_, output) = y.node().ok_or("its output does not depend on its input")?;
    Ok(Trace { steps: recorder.steps.take(), shapes: recorder.shapes.take(), output })
}

/// Applies `layer` in a recorded forward pass, as one step if it has a specification.
pub(crate) fn apply(ctx: &mut ForwardContext, recorder: &Recorder, layer: &dyn Layer, x: &Var) -> Var {
    let Some(spec) = layer.spec() else { return layer.forward(ctx, x) };
    // The inputs are constants for the layer, so that its ops are not recorded.
    let style = spec.takes_style().then(|| ctx.style());
    let y = match &style {
        Some(style) => ctx.styled(&style.detach(), |ctx| layer.forward(ctx, &x.detach())),
        None => layer.forward(ctx, &x.detach()),
    };
    let path = ctx.path();
    let y = ctx.variable(&path, y.into_value());
    recorder.layer(path, spec, &[x].into_iter().chain(&style).collect::<Vec<_>>(), &y);
    y
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{Activation, Conv2d, Dense, Dropout, Residual, UpSampling2d};
    use crate::{BuildContext, Dialect, Network};

    /// A layer without a specification: x^2 + 1.
    struct Own;

    impl Layer for Own {
        fn describe(&self) -> String {
            "Own".into()
        }
        fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
            Ok(ctx.input.to_vec())
        }
        fn forward(&self, _ctx: &mut ForwardContext, x: &Var) -> Var {
            x.square().add_scalar(1.0)
        }
    }

    fn names(trace: &Trace) -> Vec<String> {
        let name = |step: &TraceStep| match &step.computation {
            Computation::Layer(spec) => {
                let text = format!("{spec:?}");
                format!("{}: {}", step.path, text.split([' ', '(']).next().unwrap_or_default())
            }
            Computation::Op { name, .. } => format!("{}: op {name}", step.path),
        };
        trace.steps.iter().map(name).collect()
    }

    #[test]
    fn layers_are_steps_and_the_rest_is_recorded_op_by_op() {
        let block = Residual::new().with("conv", Conv2d::new(2, 3)).with("relu", Activation::Relu);
        let network = Network::new("net", &[4, 4, 2], Dialect::Torch, 1)
            .with("up", UpSampling2d([2, 2]))
            .with("conv", Conv2d::new(2, 3))
            .with("relu", Activation::Relu)
            .with("dropout", Dropout(0.5))
            .with("res", block)
            .with("own", Own);
        let x = Tensor::from_fn([1, 4, 4, 2], |i| i as f32 / 32.0 - 0.5);
        let mut value = None;
        let trace = trace(x.clone(), |ctx, x| {
            let y = network.forward(ctx, x).scale(0.5);
            value = Some(y.value().clone());
            Ok(y)
        });
        let trace = trace.unwrap();
        let expected = [
            "net.up: UpSampling2d",
            "net.conv: Conv2d",
            "net.relu: Activation",
            "net.dropout: Identity",
            "net.res.conv: Conv2d",
            "net.res.relu: Activation",
            "net.res: op add",
            "net.own: op square",
            "net.own: op affine",
            ": op affine",
        ];
        assert_eq!(names(&trace), expected);
        assert_eq!(trace.steps[6].inputs, [4, 6].map(TraceInput::Value), "the shortcut and the layers");
        assert_eq!(trace.output, 10);
        assert_eq!(trace.shapes[trace.output].to_vec(), [1, 8, 8, 2]);
        let usual = network.infer(&x);
        let near = |(a, b): (&f32, &f32)| (a - 0.5 * b).abs() < 1e-5;
        assert!(value.unwrap().data().iter().zip(usual.data()).all(near), "a traced pass computes the same");
    }

    #[test]
    fn what_does_not_depend_on_the_input_is_refused() {
        let network = Network::new("net", &[3], Dialect::Torch, 1).with("dense", Dense::new(2));
        let detached = trace(Tensor::zeros([1, 3]), |ctx, x| Ok(network.forward(ctx, x).detach()));
        assert_eq!(detached.unwrap_err(), "its output does not depend on its input");
        assert_eq!(trace(Tensor::zeros([1, 3]), |_, _| Err("no".into())).unwrap_err(), "no");
    }
}

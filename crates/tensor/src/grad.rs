//! [`grad`]: the reverse sweep.
//!
//! The nodes of a tape are in topological order, so one loop from the output back to the first node
//! reaches every node after all its users, when its gradient is complete. At each node the op's
//! rules compute, from the gradient with respect to its value, the contributions to the gradients
//! of its inputs. Three things keep this small and fast:
//!
//! * Only what is needed is computed: a first pass marks the nodes that depend on a wanted one, and
//!   the rules are evaluated only for these inputs.
//! * The first contribution to a gradient is moved, further ones are added in place.
//! * An ordinary sweep drops the saved values of a node as soon as it has processed it.

use std::collections::HashMap;

use kernels::Element;
use kernels::timing::Direction;

use crate::observer::SweptNode;
use crate::op::Call;
use crate::tape::{NodeId, Tape};
use crate::tensor::Tensor;
use crate::var::Var;

/// Options of the reverse sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Record the sweep itself, so that the gradients can be differentiated again. Implies `keep`.
    pub create_graph: bool,
    /// Keep the saved values of the nodes, so that the tape can be swept again.
    pub keep: bool,
}

impl Options {
    /// Gradients that can be differentiated again.
    pub const CREATE_GRAPH: Self = Self { create_graph: true, keep: true };
    /// Gradients that cannot be differentiated, on a tape that can be swept again.
    pub const KEEP: Self = Self { create_graph: false, keep: true };
}

/// The gradients of `output`, a single number, with respect to each of `wanted`, in their shapes;
/// zeros for those on which `output` does not depend.
///
/// # Panics
/// When `output` is not a single number, a wanted variable is not on its tape, or the tape was
/// already swept without [`Options::keep`].
#[track_caller]
pub fn grad<T: Element>(output: &Var<T>, wanted: &[Var<T>], options: Options) -> Vec<Var<T>> {
    let size = output.value().size();
    assert!(size == 1, "grad: the output, of shape {}, is not a single number; use `vjp`", output.shape());
    vjp(output, &Var::constant(Tensor::full(*output.shape(), T::from_f64(1.0))), wanted, options)
}

/// The vector-Jacobian products: the gradients of <output, cotangent> with respect to each of
/// `wanted`.
///
/// # Panics
/// When the shapes of `cotangent` and `output` differ; otherwise as [`grad`].
#[track_caller]
pub fn vjp<T: Element>(output: &Var<T>, cotangent: &Var<T>, wanted: &[Var<T>], options: Options) -> Vec<Var<T>> {
    vjp_with(output, cotangent, wanted, options, &mut |_, _| {})
}

/// As [`vjp`], panics included. Passes each gradient to `completed` once it is computed, with the
/// last index of its variable in `wanted`, except where `output` does not depend on the variable.
#[track_caller]
pub fn vjp_with<T: Element>(
    output: &Var<T>,
    cotangent: &Var<T>,
    wanted: &[Var<T>],
    options: Options,
    completed: &mut dyn FnMut(usize, &Tensor<T>),
) -> Vec<Var<T>> {
    let (shape, given) = (output.shape(), cotangent.shape());
    assert!(shape == given, "vjp: the cotangent's shape {given} is not the output's {shape}");
    let zeros = |wanted: &Var<T>| Var::constant(Tensor::zeros(*wanted.shape()));
    let Some((tape, last)) = output.node() else { return wanted.iter().map(zeros).collect() };
    let mut numbers = HashMap::new();
    for (number, wanted) in wanted.iter().enumerate() {
        match wanted.node() {
            Some((other, node)) if other.is(tape) => numbers.insert(node, number),
            _ => panic!("grad: variable number {number}, of shape {}, is not on the output's tape", wanted.shape()),
        };
    }
    let found = sweep(tape, last, cotangent.clone(), &numbers, options, completed);
    let gradient = |wanted: &Var<T>| found.get(&wanted.node()?.1).cloned();
    wanted.iter().map(|wanted| gradient(wanted).unwrap_or_else(|| zeros(wanted))).collect()
}

/// For each node up to `last`, whether it is a wanted one or depends on one.
fn depend<T: Element>(tape: &Tape<T>, last: NodeId, wanted: &HashMap<NodeId, usize>) -> Vec<bool> {
    let record = tape.0.borrow();
    let mut depends = vec![false; last + 1];
    for (id, node) in record.nodes[..=last].iter().enumerate() {
        depends[id] =
            wanted.contains_key(&id) || node.inputs.iter().any(|input| input.node.is_some_and(|i| depends[i]));
    }
    depends
}

fn sweep<T: Element>(
    tape: &Tape<T>,
    last: NodeId,
    seed: Var<T>,
    wanted: &HashMap<NodeId, usize>,
    options: Options,
    completed: &mut dyn FnMut(usize, &Tensor<T>),
) -> HashMap<NodeId, Var<T>> {
    let (depends, observer) = (depend(tape, last, wanted), tape.observer());
    let mut found = HashMap::new();
    let mut gradients: Vec<Option<Var<T>>> = vec![None; last + 1];
    gradients[last] = Some(seed);
    for id in (0..=last).rev() {
        let Some(gradient) = gradients[id].take() else { continue };
        let sent = contributions(tape, id, &gradient, &depends, options);
        if let Some(observer) = &observer {
            let (op, scope) = tape.op_and_scope(id);
            let contributions: Vec<_> = sent.iter().map(|(i, node, sent)| (*i, *node, sent.value())).collect();
            let (gradient, contributions) = (gradient.value(), &*contributions);
            observer.node_swept(&SweptNode { id, op, scope: &scope, gradient, contributions });
        }
        for (_, node, contribution) in sent {
            accumulate(&mut gradients[node], contribution);
        }
        if let Some(number) = wanted.get(&id) {
            completed(*number, gradient.value());
            found.insert(id, gradient);
        }
    }
    found
}

/// The contributions of node `id`, whose `gradient` is complete: for each input that needs a
/// gradient, its number, the node there, and the addend. None for a variable.
fn contributions<T: Element>(
    tape: &Tape<T>,
    id: NodeId,
    gradient: &Var<T>,
    depends: &[bool],
    options: Options,
) -> Vec<(usize, NodeId, Var<T>)> {
    // The rules may append to the tape, so it must not stay borrowed while they run.
    let (op, inputs, output, shape, scope) = {
        let mut record = tape.0.borrow_mut();
        let node = &mut record.nodes[id];
        let Some(op) = node.op.clone() else { return Vec::new() };
        let name = op.name();
        assert!(!node.freed, "grad: an earlier sweep freed what `{name}` had saved; sweep with `Options::KEEP`");
        node.freed = !options.keep;
        let inputs = node.inputs.clone();
        let output = if options.keep { node.output.clone() } else { node.output.take() };
        if !options.keep {
            node.inputs.iter_mut().for_each(|input| input.value = None);
        }
        (op, inputs, output, node.shape, node.scope.clone())
    };
    let wants: Vec<bool> = inputs.iter().map(|input| input.node.is_some_and(|i| depends[i])).collect();
    let recording = options.create_graph.then_some(tape);
    let name = op.name();
    let call = Call { op: name, inputs: &inputs, output: output.as_ref(), shape, id, wants: &wants, recording };
    // The rules are computed in the scope of the layer that recorded the node.
    let found = tape.on_behalf_of(scope, Direction::Backward, || op.vjp(&call, gradient));
    assert_eq!(found.len(), inputs.len(), "op `{name}` must have one rule per input");
    let mut sent = Vec::new();
    for (i, (input, contribution)) in inputs.iter().zip(found).enumerate() {
        let (Some(node), true) = (input.node, wants[i]) else { continue };
        let contribution =
            contribution.unwrap_or_else(|| panic!("op `{name}` returned no gradient for an input that needs one"));
        let (got, shape) = (contribution.shape(), input.shape);
        assert_eq!(*got, shape, "op `{name}`: a gradient of shape {got} for an input of shape {shape}");
        sent.push((i, node, contribution));
    }
    sent
}

/// Adds the contribution of one user of a value to the value's gradient, in place (or by an op, if
/// the sweep is recorded). The first contribution is moved.
fn accumulate<T: Element>(gradient: &mut Option<Var<T>>, contribution: Var<T>) {
    *gradient = Some(match gradient.take() {
        None => contribution,
        Some(sum) if sum.is_tracked() || contribution.is_tracked() => &sum + &contribution,
        Some(sum) => {
            let mut sum = sum.into_value();
            sum.add_assign(contribution.value());
            Var::constant(sum)
        }
    });
}

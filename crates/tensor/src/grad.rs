//! [`grad`]: the reverse sweep.
//!
//! The tape's order is a topological order, so one loop from the output back to the front meets every node after all its
//! users: by then its gradient is complete. At each node the op's rule turns the gradient by its value into gradients by
//! its inputs, and these are added to what the inputs have. Three things keep it small and fast:
//!
//! * Only what is asked is computed: a first pass marks the nodes that depend on something wanted, and rules are asked
//!   only for those inputs.
//! * A gradient that arrives first is moved in; a second one is added in place.
//! * An ordinary sweep drops what a node kept as soon as it has passed it.

use std::collections::{HashMap, HashSet};

use kernels::Element;
use kernels::timing::Direction;

use crate::observer::Swept;
use crate::op::Call;
use crate::tape::{NodeId, Tape};
use crate::tensor::Tensor;
use crate::var::Var;

/// How to sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Record the sweep itself, so that the gradients can be differentiated again. The tape is then kept.
    pub create_graph: bool,
    /// Keep what the nodes saved, so that another sweep can be made over them.
    pub keep: bool,
}

impl Options {
    /// Gradients that can be differentiated again.
    pub const CREATE_GRAPH: Self = Self { create_graph: true, keep: true };
    /// An ordinary sweep after which the tape can be swept again.
    pub const KEEP: Self = Self { create_graph: false, keep: true };
}

/// The gradients of `output`, a single number, by each of the `wanted`, in their shapes. One that `output` does not
/// depend on gets zeros.
///
/// # Panics
/// When `output` is not a single number, when something wanted is not on its tape, or when the tape was already swept
/// without [`Options::keep`].
#[track_caller]
pub fn grad<T: Element>(output: &Var<T>, wanted: &[Var<T>], options: Options) -> Vec<Var<T>> {
    let size = output.value().size();
    assert!(size == 1, "grad: the output, of shape {}, is not a single number; use `vjp`", output.shape());
    vjp(output, &Var::constant(Tensor::full(*output.shape(), T::from_f64(1.0))), wanted, options)
}

/// The vector-Jacobian products: the gradients of <output, cotangent> by each of the `wanted`.
///
/// # Panics
/// When the cotangent's shape is not the output's; else as [`grad`].
#[track_caller]
pub fn vjp<T: Element>(output: &Var<T>, cotangent: &Var<T>, wanted: &[Var<T>], options: Options) -> Vec<Var<T>> {
    let (shape, given) = (output.shape(), cotangent.shape());
    assert!(shape == given, "vjp: the cotangent's shape {given} is not the output's {shape}");
    let zeros = |wanted: &Var<T>| Var::constant(Tensor::zeros(*wanted.shape()));
    let Some((tape, last)) = output.place() else { return wanted.iter().map(zeros).collect() };
    let mut nodes = HashSet::new();
    for (number, wanted) in wanted.iter().enumerate() {
        match wanted.place() {
            Some((other, node)) if other.is(tape) => nodes.insert(node),
            _ => panic!("grad: wanted number {number}, of shape {}, is not on the output's tape", wanted.shape()),
        };
    }
    let found = sweep(tape, last, cotangent.clone(), &nodes, options);
    let gradient = |wanted: &Var<T>| {
        let node = wanted.place().map(|(_, node)| node);
        node.and_then(|node| found.get(&node).cloned()).unwrap_or_else(|| zeros(wanted))
    };
    wanted.iter().map(gradient).collect()
}

/// Which nodes up to `last` depend on a wanted one (or are one).
fn depend<T: Element>(tape: &Tape<T>, last: NodeId, wanted: &HashSet<NodeId>) -> Vec<bool> {
    let record = tape.0.borrow();
    let mut depends = vec![false; last + 1];
    for (id, node) in record.nodes[..=last].iter().enumerate() {
        depends[id] = wanted.contains(&id) || node.inputs.iter().any(|input| input.node.is_some_and(|i| depends[i]));
    }
    depends
}

fn sweep<T: Element>(
    tape: &Tape<T>,
    last: NodeId,
    seed: Var<T>,
    wanted: &HashSet<NodeId>,
    options: Options,
) -> HashMap<NodeId, Var<T>> {
    let (depends, observer) = (depend(tape, last, wanted), tape.observer());
    let mut found = HashMap::new();
    let mut gradients: Vec<Option<Var<T>>> = vec![None; last + 1];
    gradients[last] = Some(seed);
    for id in (0..=last).rev() {
        let Some(gradient) = gradients[id].take() else { continue };
        let sent = contributions(tape, id, &gradient, &depends, options);
        if let Some(observer) = &observer {
            let (op, scope) = tape.who(id);
            let contributions: Vec<_> = sent.iter().map(|(i, node, sent)| (*i, *node, sent.value())).collect();
            let (gradient, contributions) = (gradient.value(), &*contributions);
            observer.swept(&Swept { node: id, op, scope: &scope, gradient, contributions });
        }
        for (_, node, contribution) in sent {
            accumulate(&mut gradients[node], contribution);
        }
        if wanted.contains(&id) {
            found.insert(id, gradient);
        }
    }
    found
}

/// What node `id`, whose `gradient` is complete, sends back by its op's rules: the number of each input that wants a gradient, the
/// node there, and what is to be added to that one's gradient. A variable sends nothing.
fn contributions<T: Element>(
    tape: &Tape<T>,
    id: NodeId,
    gradient: &Var<T>,
    depends: &[bool],
    options: Options,
) -> Vec<(usize, NodeId, Var<T>)> {
    // The rules may append to the tape, so nothing of it stays borrowed while they run.
    let (op, inputs, output, shape, scope) = {
        let mut record = tape.0.borrow_mut();
        let node = &mut record.nodes[id];
        let Some(op) = node.op.clone() else { return Vec::new() };
        let name = op.name();
        assert!(!node.freed, "grad: an earlier sweep freed what `{name}` had kept; sweep with `Options::KEEP`");
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
    // What the rules compute is on behalf of the layer that made the node.
    let found = tape.on_behalf_of(scope, Direction::Backward, || op.vjp(&call, gradient));
    assert_eq!(found.len(), inputs.len(), "op `{name}` must have one rule per input");
    let mut sent = Vec::new();
    for (i, (input, contribution)) in inputs.iter().zip(found).enumerate() {
        let (Some(node), true) = (input.node, wants[i]) else { continue };
        let contribution =
            contribution.unwrap_or_else(|| panic!("op `{name}` gave no gradient for an input that wants one"));
        let (got, shape) = (contribution.shape(), input.shape);
        assert_eq!(*got, shape, "op `{name}`: a gradient of shape {got} for an input of shape {shape}");
        sent.push((i, node, contribution));
    }
    sent
}

/// Adds what one more user of a value has sent back to the value's gradient: moved in if it is the first, added in place otherwise
/// (by an op, if the sweep is recorded).
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

//! A small graph in full, for the page to change a number in and compute both sweeps again.

use std::collections::BTreeMap;

use crate::atlas::{Atlas, Place};
use crate::document::{Editable, EditableNode};
use crate::recorder::{NodeRecord, Recording};

/// A graph of more numbers than this is not given in full.
const MOST: usize = 2000;

/// The ops that the page can compute.
const OPS: [&str; 20] = [
    "add",
    "sub",
    "mul",
    "div",
    "affine",
    "tanh",
    "sigmoid",
    "softplus",
    "leaky_relu",
    "exp",
    "log",
    "sqrt",
    "square",
    "abs",
    "reciprocal",
    "reshape",
    "sum_to",
    "broadcast_to",
    "bias_act",
    "matmul",
];

/// The graph of the only tape, if it is small and made of ops that the page knows.
pub(crate) fn editable(recording: &Recording, atlas: &Atlas<'_>) -> Option<Editable> {
    let [tape] = &recording.tapes[..] else { return None };
    let numbers: usize = atlas.places.iter().map(|place| atlas.value(*place).size()).sum();
    if numbers > MOST {
        return None;
    }
    let node = |place: &Place| {
        let value = atlas.value(*place);
        let record = atlas.record(*place);
        let op = record.and_then(|record| record.op.as_ref());
        let kind = if record.is_some() { "variable" } else { "constant" };
        let inputs = record.map_or(&[][..], |record| &record.inputs);
        Some(EditableNode {
            node: atlas.id(*place),
            op: op.map_or(kind, |op| op.name()).into(),
            attributes: record.map_or_else(|| Some(BTreeMap::new()), attributes)?,
            inputs: inputs.iter().map(|source| atlas.source(0, *source)).collect(),
            shape: value.shape().to_vec(),
            values: value.data().iter().map(|x| f64::from(*x)).collect(),
            free: op.is_none(),
        })
    };
    let nodes = atlas.places.iter().map(node).collect::<Option<Vec<_>>>()?;
    Some(Editable { nodes, loss: atlas.id(Place::Node(0, *tape.order.first()?)) })
}

/// The numbers of an op; None for one that the page cannot compute.
fn attributes(record: &NodeRecord) -> Option<BTreeMap<String, f64>> {
    let Some(op) = &record.op else { return Some(BTreeMap::new()) };
    let text = op.attributes();
    if !OPS.contains(&op.name()) || (op.name() == "matmul" && text.contains("^T")) || text.contains("rate") {
        return None;
    }
    let after = |word: &str| text.split_once(word)?.1.split([' ', ',']).next()?.parse::<f64>().ok();
    let named = |name: &str, number: Option<f64>| Some((name.to_owned(), number?));
    let all = match op.name() {
        // `x * 0.1 + 0`
        "affine" => vec![named("scale", after("x * "))?, named("shift", after(" + "))?],
        _ => named("slope", after("slope ")).into_iter().collect(),
    };
    Some(all.into_iter().collect())
}

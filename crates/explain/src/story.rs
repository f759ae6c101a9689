//! The phases of a step and its timeline: everything that happens, in order of time.

use tensor::Tensor;

use crate::atlas::{Atlas, Place};
use crate::document::{Document, Phase, PhaseKind, Step, StepKind};
use crate::recorder::{CallRecord, Examples, Moment, Origin, Recording, TapeRecord, UpdateRecord};
use crate::summary::l2;

/// Adds the phases and the timeline, and to each node the steps in which it is computed and swept.
pub(crate) fn add_timeline(document: &mut Document, recording: &Recording, atlas: &Atlas<'_>) {
    let mut at = 0;
    while let Some(moment) = recording.moments.get(at) {
        at += 1;
        match *moment {
            Moment::Inferred(call) => infer(document, recording, atlas, call),
            Moment::Tape(tape) => {
                forward(document, recording, atlas, tape);
                backward(document, recording, atlas, tape);
            }
            Moment::Updated(first) => {
                let more = recording.moments[at..].iter().take_while(|moment| matches!(moment, Moment::Updated(_)));
                let count = 1 + more.count();
                at += count - 1;
                update(document, recording, first..first + count);
            }
        }
    }
}

fn begin(document: &mut Document, name: String, kind: PhaseKind, network: String, text: String) -> usize {
    let id = document.phases.len();
    document.phases.push(Phase { id, name, kind, network, text, steps: Vec::new() });
    id
}

fn step(
    document: &mut Document,
    phase: usize,
    kind: StepKind,
    node: Option<usize>,
    update: Option<usize>,
    text: String,
) -> usize {
    let number = document.steps.len();
    document.steps.push(Step { phase, kind, node, update, text });
    document.phases[phase].steps.push(number);
    number
}

/// `a, b and c`.
pub(crate) fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The distinct networks of these forward calls, in order, as words: `generator_ab` is `generator
/// ab`.
fn networks<'a>(calls: impl Iterator<Item = &'a CallRecord>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for call in calls {
        let name = call.network.replace('_', " ");
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The networks that learn on a tape; the purpose of a tape without networks.
fn learners(tape: &TapeRecord) -> Vec<String> {
    let names = networks(tape.calls.iter().filter(|call| !call.frozen));
    if names.is_empty() { vec![tape.purpose.clone()] } else { names }
}

/// The abbreviated names of the learners: `D`, `G ab`.
fn initials(learners: &[String]) -> String {
    let short = |name: &String| match name.split_once(' ') {
        Some((first, rest)) => format!("{} {rest}", initial(first)),
        None => initial(name),
    };
    listed(&learners.iter().map(short).collect::<Vec<_>>())
}

fn initial(name: &str) -> String {
    match name {
        "discriminator" => "D".into(),
        "generator" => "G".into(),
        other => capital(other),
    }
}

fn plural(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{} {thing}s", thousands(count)) }
}

/// 4311553 as 4,311,553.
pub(crate) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| core::str::from_utf8(group).unwrap_or_default()).collect();
    groups.join(",")
}

/// Whether a network is a discriminator or a critic.
fn is_judge(network: &str) -> bool {
    ["discriminator", "critic"].iter().any(|name| network.starts_with(name))
}

fn infer(document: &mut Document, recording: &Recording, atlas: &Atlas<'_>, number: usize) {
    let call = &recording.inferred[number];
    let (name, rows) = (call.network.replace('_', " "), call.input.shape().first().copied().unwrap_or(1));
    let mode = if call.training {
        "It runs in training mode: dropout is active, and batch normalisation uses the statistics of the batch, if there are such layers"
    } else {
        "It runs in inference mode: batch normalisation uses running statistics, and dropout is off"
    };
    let text = format!(
        "The {name} makes {}. {mode}. Nothing is recorded, because no gradient will be needed here. The result is a plain tensor.",
        plural(rows, if atlas.value(Place::Inferred(number)).shape().len() == 4 { "image" } else { "sample" })
    );
    let phase =
        begin(document, format!("{} makes fakes", initials(&[name])), PhaseKind::Infer, call.network.clone(), text);
    let node = atlas.id(Place::Inferred(number));
    let shape = atlas.value(Place::Inferred(number)).shape();
    let number =
        step(document, phase, StepKind::Make, Some(node), None, format!("Computed without a tape: the fakes, {shape}"));
    document.nodes[node].made = Some(number);
}

fn forward(document: &mut Document, recording: &Recording, atlas: &Atlas<'_>, tape: usize) {
    let record = &recording.tapes[tape];
    let learners = learners(record);
    let mut text = String::new();
    for call in &record.calls {
        let rows = call.input.shape().first().copied().unwrap_or(1);
        let (name, frozen) = (call.network.replace('_', " "), if call.frozen { ", frozen," } else { "" });
        let does = if is_judge(&call.network) { "judges" } else { "works on" };
        let does =
            if call.input.shape().len() == 2 && call.network.starts_with("generator") { "draws from" } else { does };
        let what = match (call.input.shape().len(), does) {
            (4, _) => "image",
            (_, "draws from") => "latent",
            (_, "judges") => "sample",
            _ => "row",
        };
        let examples = match record.examples_of(call) {
            Examples::Reals => plural(rows, "real"),
            Examples::Fakes { call, row } => {
                let made = atlas.value(Place::Inferred(call)).shape()[0];
                if made < rows {
                    format!("{}, of which rows {row} to {} are fakes", plural(rows, what), row + made - 1)
                } else {
                    plural(rows, "fake")
                }
            }
            Examples::Unknown => plural(rows, what),
        };
        text += &format!("The {name}{frozen} {does} {examples}. ");
    }
    if record.calls.is_empty() {
        text += "Every op computes its value and records itself and its inputs on the tape. ";
    } else {
        text +=
            &format!("The last node is the loss, a single number that the {} should make smaller. ", listed(&learners));
    }
    let frozen = networks(record.calls.iter().filter(|call| call.frozen));
    if !frozen.is_empty() {
        text += &format!(
            "The weights of the {} are frozen: on this tape they are constants. Gradients flow through its layers to the {}, but \
             none is computed for its weights, so the {} does not change. ",
            listed(&frozen),
            listed(&learners),
            listed(&frozen)
        );
    }
    let cut =
        record.constants.iter().any(|constant| matches!(constant.origin, Origin::Inferred(..) | Origin::Node(..)));
    if cut {
        text += &format!(
            "Some of the inputs were computed earlier. They are constants here: the graph is cut, so only the {} learns from this \
             loss.",
            listed(&learners)
        );
    }
    let title = format!("{} forward", initials(&learners));
    let phase = begin(document, title, PhaseKind::Forward, listed(&learners), text.trim_end().into());
    let count = record.nodes.len();
    for (place, node) in record.nodes.iter().enumerate() {
        let id = atlas.id(Place::Node(tape, place));
        let label = &document.nodes[id].label;
        let text = format!(
            "Forward {} of {count}: {label}, shape {}, {}",
            place + 1,
            node.value.shape(),
            size_of(&node.value, "value", "norm")
        );
        document.nodes[id].made = Some(step(document, phase, StepKind::Make, Some(id), None, text));
    }
}

fn backward(document: &mut Document, recording: &Recording, atlas: &Atlas<'_>, tape: usize) {
    let record = &recording.tapes[tape];
    if record.order.is_empty() {
        return;
    }
    let (name, short_name) = (listed(&learners(record)), initials(&learners(record)));
    let (count, parameters) =
        (record.order.len(), record.order.iter().filter(|node| record.nodes[**node].op.is_none()).count());
    let text = format!(
        "The reverse sweep processes the tape from the loss back to the first node. When it reaches a node, the node's gradient is complete, \
         because all its users come later on the tape and have already sent their contributions. The op's rule then computes the \
         contributions to its inputs. {} get a gradient, and {} of them are the parameters of the {name}.",
        plural(count, "node"),
        parameters
    );
    let phase = begin(document, format!("{short_name} backward"), PhaseKind::Backward, name, text);
    for (place, node) in record.order.iter().enumerate() {
        let id = atlas.id(Place::Node(tape, *node));
        let gradient = record.nodes[*node].gradient.as_ref();
        let gradient = gradient.map_or_else(String::new, |gradient| size_of(gradient, "gradient", "gradient norm"));
        let label = &document.nodes[id].label;
        let text = format!("Backward {} of {count}: {label}, {gradient}", place + 1);
        document.nodes[id].swept = Some(step(document, phase, StepKind::Sweep, Some(id), None, text));
    }
}

fn update(document: &mut Document, recording: &Recording, range: core::ops::Range<usize>) {
    let updates: Vec<&UpdateRecord> = recording.updates[range.clone()].iter().collect();
    let tape = updates.first().map_or(0, |update| update.tape);
    let learners = recording.tapes.get(tape).map_or_else(Vec::new, learners);
    let (name, short_name) = (listed(&learners), initials(&learners));
    let numbers: usize = updates.iter().map(|update| update.before.size()).sum();
    let text = format!(
        "The optimiser updates each parameter of the {name} by its gradient: {}, {} in all. The weights change only now; all values and \
         gradients were computed with the old weights.",
        plural(updates.len(), "tensor"),
        plural(numbers, "number")
    );
    let phase = begin(document, format!("{short_name} update"), PhaseKind::Update, name, text);
    let count = range.len();
    for (place, number) in range.enumerate() {
        let (update, record) = (&document.updates[number], &recording.updates[number]);
        let moved = if record.before.size() == 1 {
            format!("from {} to {}", short(record.before.item()), short(record.after.item()))
        } else {
            format!("by {} from norm {}", short(update.step_l2), short(update.before_l2))
        };
        let text = format!("Update {} of {count}: {}, moved {moved}", place + 1, update.parameter);
        let node = update.node;
        step(document, phase, StepKind::Update, Some(node), Some(number), text);
    }
}

/// The element of a tensor with one element, otherwise its norm; with three digits.
pub(crate) fn size_text(number: Option<f32>, l2: f32) -> String {
    short(number.unwrap_or(l2))
}

/// `value -1.00` for one element, `norm 3.16` for several.
fn size_of(tensor: &Tensor, one: &str, many: &str) -> String {
    let number = (tensor.size() == 1).then(|| tensor.item());
    format!("{} {}", if number.is_some() { one } else { many }, size_text(number, l2(tensor)))
}

/// A number with three digits.
pub(crate) fn short(x: f32) -> String {
    let size = x.abs();
    if x == 0.0 || !x.is_finite() {
        format!("{x}")
    } else if (1e-3..1e5).contains(&size) {
        let digits = (2 - (kernels::scalar::log10(f64::from(size)) as f32).floor() as i32).clamp(0, 5) as usize;
        format!("{x:.digits$}")
    } else {
        format!("{x:.2e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        let found = [0.0, 0.031_25, 31.25, 1234.6, 1.5e-7, -2.0].map(short);
        assert_eq!(found, ["0", "0.0312", "31.2", "1235", "1.50e-7", "-2.00"]);
        assert_eq!((thousands(999), thousands(4_311_553)), ("999".into(), "4,311,553".into()));
        assert_eq!(listed(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }
}

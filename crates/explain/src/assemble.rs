//! Builds a [`Document`] from a [`Recording`].

use crate::atlas::{Atlas, Place};
use crate::cost;
use crate::document::{
    Contribution, Document, Header, Hop, Input, NoGradient, Node, Path, Role, SCHEMA, Update, WhatIf,
};
use crate::layout::lay_out;
use crate::picture::{Kind, picture};
use crate::recorder::{Examples, NodeRecord, Origin, Recording, Source, TapeRecord, UpdateRecord};
use crate::story;
use crate::summary::{l2, squares, summary};
use crate::update;

/// How much detail a document has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detail {
    /// The largest number of pixels per side of a picture; 0 for no pictures.
    pub picture: usize,
    /// The number of elements of each node that are shown in full.
    pub probes: usize,
    /// Whether only parameters and the last node of each layer have pictures and probes.
    pub outlines: bool,
}

impl Detail {
    /// Full detail.
    pub const FULL: Self = Self { picture: 64, probes: 4, outlines: false };
}

/// Everything that needs no recomputation: no probes, no checks, no dictionary.
pub(crate) fn assemble(recording: &Recording, atlas: &Atlas<'_>, header: Header) -> Document {
    let mut document = Document { schema: SCHEMA, header, modules: atlas.modules.clone(), ..Document::default() };
    document.nodes = atlas.places.iter().map(|place| node(recording, atlas, *place)).collect();
    contributions(&mut document, recording, atlas);
    document.updates = recording.updates.iter().map(|update| updated(recording, atlas, update)).collect();
    story::add_timeline(&mut document, recording, atlas);
    add_paths(&mut document, recording, atlas);
    document.what_if = what_if(recording);
    lay_out(&mut document);
    document
}

fn node(recording: &Recording, atlas: &Atlas<'_>, place: Place) -> Node {
    let id = atlas.id(place);
    let value = atlas.value(place);
    let module = atlas.module_of[id].clone();
    let mut node = Node {
        id,
        tape: atlas.tape(place),
        module,
        shape: value.shape().to_vec(),
        value: summary(value),
        ..Node::default()
    };
    match place {
        Place::Inferred(call) => {
            let name = recording.inferred[call].network.replace('_', " ");
            node.op = "constant".into();
            node.label = format!("fakes of the {name}");
            node.role = Role::Activation;
            node.no_gradient = Some(NoGradient::Cut);
            node.no_gradient_text = Some(format!(
                "The {name} computed it without a tape, so no gradient can flow back into the {name} from here."
            ));
        }
        Place::Constant(tape, number) => constant(&mut node, recording, atlas, tape, number),
        Place::Node(tape, number) => recorded(&mut node, &recording.tapes[tape], atlas, tape, number),
    }
    node
}

fn constant(node: &mut Node, recording: &Recording, atlas: &Atlas<'_>, tape: usize, number: usize) {
    let record = &recording.tapes[tape];
    let constant = &record.constants[number];
    node.op = "constant".into();
    let cut = |from: Place| Input { node: atlas.id(from), slot: "copy".into(), wants_gradient: false, wall: true };
    let (role, why, text) = match &constant.origin {
        Origin::Frozen(name) => {
            node.label = last_two(name);
            let text = format!(
                "The {} is frozen: another network learns on this tape, and these weights are constants. The gradient flows through the op \
                 that reads this weight to the op's other input.",
                name.split('.').next().unwrap_or_default().replace('_', " ")
            );
            (Role::Frozen, NoGradient::Frozen, text)
        }
        Origin::Inferred(call, row) => {
            let (name, rows) = (recording.inferred[*call].network.replace('_', " "), constant.value.shape()[0]);
            let fakes = atlas.value(Place::Inferred(*call)).shape()[0];
            let things = if node.shape.len() == 4 { "images" } else { "samples" };
            node.label = if fakes < rows { format!("{things}, real and fake") } else { format!("fakes of the {name}") };
            node.inputs.push(cut(Place::Inferred(*call)));
            let which = if fakes < rows {
                format!("Rows {row} to {} of these {rows} are", row + fakes - 1)
            } else {
                "These are".to_owned()
            };
            let text = format!(
                "{which} fakes of the {name}, as a constant: the graph is cut here. A gradient with respect to them could be computed, but \
                 no tape connects it to the weights of the {name}."
            );
            (Role::Input, NoGradient::Cut, text)
        }
        Origin::Node(other, made) => {
            let from = Place::Node(*other, *made);
            node.label = "cut off".into();
            node.inputs.push(cut(from));
            let text = "It was computed on a tape and then used as a constant: the graph is cut here, so no gradient flows back through it.";
            (Role::Constant, NoGradient::Cut, text.to_owned())
        }
        Origin::Data => {
            let call = record.calls.iter().find(|call| call.input == constant.value);
            let labels = node.module.ends_with("loss") && node.shape.len() == 2 && node.shape[1] == 1;
            node.label = match call {
                Some(call) if record.examples_of(call) == Examples::Reals => "reals".into(),
                Some(_) if node.shape.len() == 4 => "images".into(),
                Some(call) if call.network.starts_with("generator") => "latents".into(),
                Some(_) => "input".into(),
                None if labels => "labels".into(),
                None => "constant".into(),
            };
            let role = if call.is_some() || labels { Role::Input } else { Role::Constant };
            let text = "It is an input, not a parameter, so no gradient with respect to it is needed or computed.";
            (role, NoGradient::Constant, text.to_owned())
        }
    };
    (node.role, node.no_gradient, node.no_gradient_text) = (role, Some(why), Some(text));
}

fn recorded(node: &mut Node, tape: &TapeRecord, atlas: &Atlas<'_>, number: usize, place: usize) {
    let record = &tape.nodes[place];
    node.tape_index = Some(place);
    (node.file, node.line) = (Some(from_root(record.at.0)), Some(record.at.1));
    node.gradient = record.gradient.as_ref().map(summary);
    if record.gradient.is_none() {
        node.no_gradient = Some(NoGradient::NotReached);
        node.no_gradient_text = Some("The loss does not depend on it, so the sweep does not reach it.".into());
    }
    let Some(op) = &record.op else {
        (node.op, node.label, node.role) = ("variable".into(), last_two(&record.scope), Role::Parameter);
        return;
    };
    node.op = op.name().into();
    node.attributes = op.attributes();
    let layer = record.scope.rsplit('.').next().unwrap_or_default();
    node.label = if layer.is_empty() { op.name().into() } else { format!("{layer} · {}", op.name()) };
    node.role = if tape.order.first() == Some(&place) { Role::Loss } else { Role::Activation };
    let names = cost::slots(op.name(), record.inputs.len());
    let wanted = |i: usize| record.sent.iter().any(|(input, _)| *input == i);
    let wall = |source: &Source| match source {
        Source::Constant(number) => tape.constants[*number].origin != Origin::Data,
        Source::Node(_) => false,
    };
    node.inputs = record
        .inputs
        .iter()
        .enumerate()
        .map(|(i, source)| Input {
            node: atlas.source(number, *source),
            slot: names[i].clone(),
            wants_gradient: wanted(i),
            wall: wall(source),
        })
        .collect();
    let inputs: Vec<_> = node.inputs.iter().map(|input| atlas.value(atlas.places[input.node])).collect();
    node.saved = cost::saved(record, &inputs, &names);
    node.cost = cost::cost(record, &inputs);
}

/// `conv1.weight` of `discriminator.conv1.weight`.
fn last_two(name: &str) -> String {
    let parts: Vec<&str> = name.split('.').collect();
    parts[parts.len().saturating_sub(2)..].join(".")
}

/// A file's path relative to the root of the project.
fn from_root(file: &str) -> String {
    let file = file.replace('\\', "/");
    let from = ["crates/", "tests/", "benches/"].iter().filter_map(|room| file.find(room)).min();
    from.map_or_else(|| file.rsplit('/').next().unwrap_or_default().to_owned(), |from| file[from..].to_owned())
}

/// The contributions to every gradient, in the order in which the sweep adds them.
fn contributions(document: &mut Document, recording: &Recording, atlas: &Atlas<'_>) {
    for (tape, record) in recording.tapes.iter().enumerate() {
        for sender in &record.order {
            let NodeRecord { inputs, sent, .. } = &record.nodes[*sender];
            for (input, addend) in sent {
                let consumer = atlas.id(Place::Node(tape, *sender));
                let to = atlas.source(tape, inputs[*input]);
                let slot = document.nodes[consumer].inputs[*input].slot.clone();
                document.nodes[to].contributions.push(Contribution {
                    consumer,
                    slot,
                    l2: l2(addend),
                    number: (addend.size() == 1).then(|| addend.item()),
                    picture: None,
                });
            }
        }
    }
}

/// Draws all pictures again, with the current detail.
pub(crate) fn draw(document: &mut Document, recording: &Recording, atlas: &Atlas<'_>, detail: Detail) {
    let shown: Vec<bool> = document.nodes.iter().map(|node| !detail.outlines || is_outline(document, node)).collect();
    for (node, shown) in document.nodes.iter_mut().zip(shown) {
        let place = atlas.places[node.id];
        let weight = matches!(node.role, Role::Parameter | Role::Frozen);
        let kind = if weight { Kind::Weight } else { Kind::Batch };
        let drawn = |tensor| if detail.picture > 0 && shown { picture(tensor, kind, detail.picture) } else { None };
        node.value_picture = Some(atlas.value(place)).and_then(drawn);
        let record = atlas.record(place);
        node.gradient_picture = record.and_then(|record| record.gradient.as_ref()).and_then(drawn);
        let fork = node.contributions.len() > 1;
        let mut addends: Vec<_> = Vec::new();
        if let (Place::Node(tape, number), true) = (place, fork) {
            let tape = &recording.tapes[tape];
            for sender in &tape.order {
                let NodeRecord { inputs, sent, .. } = &tape.nodes[*sender];
                addends
                    .extend(sent.iter().filter(|(i, _)| inputs[*i] == Source::Node(number)).map(|(_, addend)| addend));
            }
        }
        for (number, contribution) in node.contributions.iter_mut().enumerate() {
            contribution.picture = addends.get(number).copied().and_then(drawn);
        }
    }
}

/// Whether a node is always shown: parameters, the loss, inputs of the step, and the last node of a
/// layer.
pub(crate) fn is_outline(document: &Document, node: &Node) -> bool {
    let last = document.modules.iter().find(|module| module.path == node.module).and_then(|module| module.nodes.last());
    node.role != Role::Activation || last == Some(&node.id)
}

fn updated(recording: &Recording, atlas: &Atlas<'_>, record: &UpdateRecord) -> Update {
    let tape = &recording.tapes[record.tape];
    let number = tape.nodes.iter().position(|node| node.op.is_none() && node.scope == record.parameter);
    let (before, after) = (record.before.data(), record.after.data());
    let step_l2 = squares(before.iter().zip(after).map(|(before, after)| after - before)).sqrt() as f32;
    let before_l2 = l2(&record.before);
    Update {
        parameter: record.parameter.clone(),
        node: number.map_or(0, |number| atlas.id(Place::Node(record.tape, number))),
        before_l2,
        after_l2: l2(&record.after),
        step_l2,
        ratio: if before_l2 > 0.0 { step_l2 / before_l2 } else { 0.0 },
        gradient_l2: l2(&record.gradient),
        rule: update::title(record),
        formulas: update::formulas(record),
        constants: update::constants(record),
        worked: update::worked(record),
        state: update::state(record),
    }
}

/// For each parameter the path back to the loss, at every fork along the largest contribution.
fn add_paths(document: &mut Document, recording: &Recording, atlas: &Atlas<'_>) {
    for (tape, record) in recording.tapes.iter().enumerate() {
        for (number, node) in record.nodes.iter().enumerate() {
            if node.op.is_some() || node.gradient.is_none() {
                continue;
            }
            let parameter = atlas.id(Place::Node(tape, number));
            let mut hops = Vec::new();
            let mut at = Some(parameter);
            while let Some(id) = at {
                let node = &document.nodes[id];
                hops.push(Hop { node: id, gradient_l2: node.gradient.as_ref().map_or(0.0, |gradient| gradient.l2) });
                let largest =
                    node.contributions.iter().reduce(|most, next| if next.l2 > most.l2 { next } else { most });
                at = largest.map(|contribution| contribution.consumer);
            }
            hops.reverse();
            document.follow.push(Path { parameter, hops });
        }
    }
}

fn what_if(recording: &Recording) -> Vec<WhatIf> {
    let of = |(tape, record): (usize, &TapeRecord)| {
        let moved = record.what_if.as_ref()?;
        let straight = moved.sizes.iter().map(|size| moved.loss[0] - size * moved.square).collect();
        let text = format!(
            "The loss of the {} with all its parameters moved along the negative gradient, theta - size * g, on the same data and with the same random \
             numbers. A gradient predicts the loss for small steps: each loss is compared with the prediction loss - size * |g|^2, where |g|^2 = \
             {:.3e}. The optimiser's own update is different: see the updates.",
            record.purpose, moved.square
        );
        Some(WhatIf { tape, text, sizes: moved.sizes.clone(), loss: moved.loss.clone(), straight })
    };
    recording.tapes.iter().enumerate().filter_map(of).collect()
}

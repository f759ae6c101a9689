//! A [`Document`] from a [`Recording`].

use crate::atlas::{Atlas, Place};
use crate::cost;
use crate::document::{
    Contribution, Document, Header, Hop, Input, NoGradient, Node, Path, Role, SCHEMA, Update, WhatIf,
};
use crate::layout::lay_out;
use crate::picture::{Kind, picture};
use crate::recorder::{NodeRecord, Origin, Recording, Source, TapeRecord, UpdateRecord};
use crate::story;
use crate::summary::{l2, squares, summary};
use crate::update;

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detail {
    /// Pictures have at most so many places on a side; 0 for no pictures.
    pub picture: usize,
    /// So many elements of each node are told in full.
    pub probes: usize,
    /// Whether only the last node of each layer has pictures and probes, and the parameters.
    pub outlines: bool,
}

impl Detail {
    /// All there is.
    pub const FULL: Self = Self { picture: 64, probes: 4, outlines: false };
}

/// All that can be told without making anything again: no probes, no checks, no dictionary.
pub(crate) fn assemble(recording: &Recording, atlas: &Atlas<'_>, header: Header) -> Document {
    let mut document = Document { schema: SCHEMA, header, modules: atlas.modules.clone(), ..Document::default() };
    document.nodes = atlas.places.iter().map(|place| node(recording, atlas, *place)).collect();
    contributions(&mut document, recording, atlas);
    document.updates = recording.updates.iter().map(|update| updated(recording, atlas, update)).collect();
    story::tell(&mut document, recording, atlas);
    follow(&mut document, recording, atlas);
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
        Place::Inferred(walk) => {
            let name = recording.inferred[walk].network.replace('_', " ");
            node.op = "constant".into();
            node.label = format!("fakes of the {name}");
            node.role = Role::Activation;
            node.no_gradient = Some(NoGradient::Cut);
            node.no_gradient_text = Some(format!(
                "The {name} made it without a tape, so that no gradient can go back into it from here: in this pass only somebody else learns."
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
                "The {} is frozen: in this pass somebody else learns, and its weights are constants. The gradient flows past this one, through the op \
                 that reads it, to that op's other input.",
                name.split('.').next().unwrap_or_default().replace('_', " ")
            );
            (Role::Frozen, NoGradient::Frozen, text)
        }
        Origin::Inferred(walk, row) => {
            let (name, rows) = (recording.inferred[*walk].network.replace('_', " "), constant.value.shape()[0]);
            let fakes = atlas.value(Place::Inferred(*walk)).shape()[0];
            let things = if node.shape.len() == 4 { "images" } else { "samples" };
            node.label = if fakes < rows { format!("{things}, real and fake") } else { format!("fakes of the {name}") };
            node.inputs.push(cut(Place::Inferred(*walk)));
            let which = if fakes < rows {
                format!("Rows {row} to {} of these {rows} are", row + fakes - 1)
            } else {
                "These are".to_owned()
            };
            let text = format!(
                "{which} fakes of the {name}, as plain numbers: the graph is cut here. A gradient by one of them could be had, but there is no \
                 tape behind it that would lead it to the {name}'s weights."
            );
            (Role::Input, NoGradient::Cut, text)
        }
        Origin::Node(other, made) => {
            let from = Place::Node(*other, *made);
            node.label = "cut off".into();
            node.inputs.push(cut(from));
            let text = "It was computed on a tape, and then taken as a plain number: the graph is cut here, so that no gradient flows back behind it.";
            (Role::Constant, NoGradient::Cut, text.to_owned())
        }
        Origin::Data => {
            let walk = record.walks.iter().find(|walk| walk.input == constant.value);
            let labels = node.module.ends_with("loss") && node.shape.len() == 2 && node.shape[1] == 1;
            node.label = match walk {
                Some(_) if node.shape.len() == 4 => "images".into(),
                Some(walk) if walk.network.starts_with("generator") => "latents".into(),
                Some(_) => "input".into(),
                None if labels => "labels".into(),
                None => "constant".into(),
            };
            let role = if walk.is_some() || labels { Role::Input } else { Role::Constant };
            let text = "It is given, not learned: nobody asks how the loss would change with it, so no gradient by it is computed.";
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
        node.no_gradient_text = Some("The loss does not depend on it: the sweep never comes here.".into());
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

/// A file's name from the root of the project, without the place where that lies.
fn from_root(file: &str) -> String {
    let file = file.replace('\\', "/");
    let from = ["crates/", "tests/", "benches/"].iter().filter_map(|room| file.find(room)).min();
    from.map_or_else(|| file.rsplit('/').next().unwrap_or_default().to_owned(), |from| file[from..].to_owned())
}

/// The addends of every gradient, in the order in which the sweep adds them.
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

/// Draws all pictures anew.
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

/// Whether a node is one of those that are always shown: a parameter, the loss, what the step is given, and the last of a layer.
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

/// From each parameter back to the loss, at every fork the way on which most of its gradient came.
fn follow(document: &mut Document, recording: &Recording, atlas: &Atlas<'_>) {
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
            "The loss of the {} if all its parameters were moved along the negative gradient, theta - size * g, on the same data, with the same random \
             draws. A gradient is a promise about small steps: beside each loss stands what it promises, loss - size * |g|^2, with |g|^2 = \
             {:.3e}. The optimiser then goes its own way: see the updates.",
            record.purpose, moved.square
        );
        Some(WhatIf { tape, text, sizes: moved.sizes.clone(), loss: moved.loss.clone(), straight })
    };
    recording.tapes.iter().enumerate().filter_map(of).collect()
}

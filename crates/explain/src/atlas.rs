//! [`Atlas`]: assigns ids and modules of the document to the contents of a recording.

use std::collections::BTreeMap;

use tensor::Tensor;

use crate::document::Module;
use crate::recorder::{Moment, NodeRecord, Origin, Recording, Source, TapeRecord};

/// The origin of a node of the document in the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The output of a forward call without a tape.
    Inferred(usize),
    /// A constant of a tape.
    Constant(usize, usize),
    /// A node of a tape.
    Node(usize, usize),
}

/// The nodes and the modules of a document.
pub struct Atlas<'a> {
    recording: &'a Recording,
    /// The origin of each node, by its id.
    pub places: Vec<Place>,
    ids: BTreeMap<Place, usize>,
    /// The modules, parents first.
    pub modules: Vec<Module>,
    /// The path of each node's module.
    pub module_of: Vec<String>,
}

impl<'a> Atlas<'a> {
    /// Numbers everything that was recorded, in order of time; the constants of a tape come before
    /// its nodes.
    pub fn new(recording: &'a Recording) -> Self {
        let mut places = Vec::new();
        for moment in &recording.moments {
            match *moment {
                Moment::Inferred(call) => places.push(Place::Inferred(call)),
                Moment::Tape(tape) => {
                    let record = &recording.tapes[tape];
                    places.extend((0..record.constants.len()).map(|number| Place::Constant(tape, number)));
                    places.extend((0..record.nodes.len()).map(|node| Place::Node(tape, node)));
                }
                Moment::Updated(_) => {}
            }
        }
        let ids = places.iter().enumerate().map(|(id, place)| (*place, id)).collect();
        let mut atlas = Self { recording, places, ids, modules: Vec::new(), module_of: Vec::new() };
        atlas.draw_modules();
        atlas
    }

    /// The id of the node with this origin.
    pub fn id(&self, place: Place) -> usize {
        self.ids[&place]
    }

    /// The id of an input of a tape.
    pub fn source(&self, tape: usize, source: Source) -> usize {
        match source {
            Source::Node(node) => self.id(Place::Node(tape, node)),
            Source::Constant(number) => self.id(Place::Constant(tape, number)),
        }
    }

    /// The tape of a node. A forward call without a tape belongs to the next tape.
    pub fn tape(&self, place: Place) -> usize {
        match place {
            Place::Constant(tape, _) | Place::Node(tape, _) => tape,
            Place::Inferred(call) => {
                let moments = &self.recording.moments;
                let later = moments.iter().skip_while(|moment| **moment != Moment::Inferred(call));
                let next =
                    later.filter_map(|moment| if let Moment::Tape(tape) = moment { Some(*tape) } else { None }).next();
                next.unwrap_or(self.recording.tapes.len().saturating_sub(1))
            }
        }
    }

    /// The value of a node.
    pub fn value(&self, place: Place) -> &'a Tensor {
        match place {
            Place::Inferred(call) => {
                let call = &self.recording.inferred[call];
                call.output.as_ref().unwrap_or(&call.input)
            }
            Place::Constant(tape, number) => &self.recording.tapes[tape].constants[number].value,
            Place::Node(tape, node) => &self.recording.tapes[tape].nodes[node].value,
        }
    }

    /// The record of a node of a tape.
    pub fn record(&self, place: Place) -> Option<&'a NodeRecord> {
        match place {
            Place::Node(tape, node) => Some(&self.recording.tapes[tape].nodes[node]),
            Place::Inferred(_) | Place::Constant(..) => None,
        }
    }

    fn draw_modules(&mut self) {
        let tapes: Vec<Leaves> =
            self.recording.tapes.iter().enumerate().map(|(tape, record)| Leaves::of(tape, record)).collect();
        self.module_of = self
            .places
            .iter()
            .map(|place| match *place {
                Place::Inferred(_) => format!("{}/given", self.tape(*place)),
                Place::Constant(tape, number) => tapes[tape].of_constant(&self.recording.tapes[tape], number),
                Place::Node(tape, node) => tapes[tape].of_node[node].clone(),
            })
            .collect();
        // Modules are in the order of their first op; the inputs of the step come first.
        let mut members: Vec<(usize, String, Vec<usize>)> = Vec::new();
        let mut order: Vec<usize> = (0..self.places.len()).collect();
        order.sort_by_key(|id| {
            let place = self.places[*id];
            let given = self.module_of[*id].ends_with("/given");
            let first = match place {
                Place::Node(tape, node) => {
                    tapes[tape].first_op(&self.recording.tapes[tape], &self.module_of[*id], node)
                }
                Place::Constant(tape, _) => {
                    tapes[tape].first_op(&self.recording.tapes[tape], &self.module_of[*id], usize::MAX)
                }
                Place::Inferred(_) => 0,
            };
            (self.tape(place), !given, first, *id)
        });
        for id in order {
            let path = &self.module_of[id];
            match members.iter_mut().find(|(_, other, _)| other == path) {
                Some((_, _, nodes)) => nodes.push(id),
                None => members.push((self.tape(self.places[id]), path.clone(), vec![id])),
            }
        }
        for (tape, path, mut nodes) in members {
            nodes.sort_unstable();
            self.add_module(tape, &path, nodes);
        }
        self.separate_own();
    }

    /// Adds a module, and before it its parents, unless they exist.
    fn add_module(&mut self, tape: usize, path: &str, nodes: Vec<usize>) {
        let parent = path.rsplit_once('.').map(|(parent, _)| parent.to_owned());
        if let Some(parent) = &parent {
            self.add_module(tape, parent, Vec::new());
        }
        match self.modules.iter_mut().find(|module| module.path == path) {
            Some(module) => module.nodes.extend(nodes),
            None => {
                let name = path.rsplit(['.', '/']).next().unwrap_or(path).to_owned();
                let [x, y, w, h, open_x, open_y, open_w, open_h] = [0.0; 8];
                let path = path.to_owned();
                self.modules.push(Module {
                    path,
                    name,
                    parent,
                    tape,
                    nodes,
                    x,
                    y,
                    w,
                    h,
                    open_x,
                    open_y,
                    open_w,
                    open_h,
                });
            }
        }
    }

    /// A module with children has no nodes of its own: they become a further child, the last.
    fn separate_own(&mut self) {
        let holds = |path: &str| self.modules.iter().any(|module| module.parent.as_deref() == Some(path));
        let mixed: Vec<usize> = (0..self.modules.len())
            .filter(|number| !self.modules[*number].nodes.is_empty() && holds(&self.modules[*number].path))
            .collect();
        // In reverse order, because an insertion shifts the modules after it.
        for number in mixed.into_iter().rev() {
            let own = core::mem::take(&mut self.modules[number].nodes);
            let (tape, path) = (self.modules[number].tape, format!("{}.itself", self.modules[number].path));
            own.iter().for_each(|node| self.module_of[*node].clone_from(&path));
            // The new module is inserted after the last child.
            let inside = format!("{}.", self.modules[number].path);
            self.add_module(tape, &path, own);
            let added = self.modules.pop().expect("it was just added");
            let last = self.modules.iter().rposition(|module| module.path.starts_with(&inside)).unwrap_or(number);
            self.modules.insert(last + 1, added);
        }
    }
}

/// The modules of a tape's nodes.
struct Leaves {
    of_node: Vec<String>,
}

impl Leaves {
    fn of(tape: usize, record: &TapeRecord) -> Self {
        let mut visits: BTreeMap<&str, usize> = BTreeMap::new();
        let roots: Vec<String> = record
            .calls
            .iter()
            .map(|call| {
                let visit = visits.entry(&call.network).or_default();
                *visit += 1;
                numbered(&call.network, *visit)
            })
            .collect();
        let mut outside = 0;
        let mut before = None;
        let mut of_node: Vec<String> = record
            .nodes
            .iter()
            .map(|node| {
                let path = match node.call {
                    Some(call) => {
                        let rest = node.scope.strip_prefix(&record.calls[call].network).unwrap_or("");
                        format!("{tape}/{}{rest}", roots[call])
                    }
                    None if node.scope.is_empty() || node.op.is_none() => {
                        // Consecutive ops outside of networks are one module.
                        outside += usize::from(before != Some(None) && node.op.is_some());
                        format!("{tape}/{}", numbered("loss", outside.max(1)))
                    }
                    None => format!("{tape}/{}", node.scope),
                };
                if node.op.is_some() {
                    before = Some(node.call);
                }
                path
            })
            .collect();
        // A variable belongs to the module that uses it first.
        for node in 0..of_node.len() {
            if record.nodes[node].op.is_none() {
                let user = record.nodes.iter().position(|user| user.inputs.contains(&Source::Node(node)));
                if let Some(user) = user {
                    of_node[node] = of_node[user].clone();
                }
            }
        }
        if record.calls.is_empty() {
            of_node.iter_mut().for_each(|path| *path = path.replace("/loss", "/graph"));
        }
        Self { of_node }
    }

    /// Inputs of networks form a module of their own; other constants belong to the module that
    /// uses them first.
    fn of_constant(&self, record: &TapeRecord, number: usize) -> String {
        let constant = &record.constants[number];
        let user = record.nodes.iter().position(|user| user.inputs.contains(&Source::Constant(number)));
        let Some(user) = user else { return format!("{}/given", 0) };
        let path = &self.of_node[user];
        let data = matches!(constant.origin, Origin::Data | Origin::Inferred(..) | Origin::Node(..));
        match path.split_once('/') {
            Some((tape, _)) if data && record.nodes[user].call.is_some() => format!("{tape}/given"),
            _ => path.clone(),
        }
    }

    /// The number on the tape of the first op of a module.
    fn first_op(&self, record: &TapeRecord, path: &str, otherwise: usize) -> usize {
        let first =
            (0..self.of_node.len()).find(|node| record.nodes[*node].op.is_some() && self.of_node[*node] == path);
        first.unwrap_or(otherwise)
    }
}

/// `name`, `name#2`, ...
fn numbered(name: &str, number: usize) -> String {
    if number == 1 { name.to_owned() } else { format!("{name}#{number}") }
}

//! The layout of the graph, computed here so that the page only draws.
//!
//! A forward call of a network is a column, from top to bottom: its layers in order, and in each
//! layer its nodes in rows, with every input above its users. The inputs of a network are above it,
//! computations on its output below. Columns are side by side in the order of the calls. Two
//! layouts of the same columns are computed: with all layers closed, one box each, and with all
//! layers open. If only some are open, every box has its size from one of the two.

use std::collections::BTreeMap;

use crate::document::{Document, Module};

/// The width and height of a node.
pub(crate) const NODE: [f32; 2] = [150.0, 40.0];
/// The width and height of a closed layer.
pub(crate) const BOX: [f32; 2] = [190.0, 44.0];
/// The gap between neighbours.
const GAP: f32 = 20.0;
/// The margin inside a frame.
const MARGIN: f32 = 12.0;
/// The space for the name of a frame.
const TITLE: f32 = 24.0;

/// Sets the positions of all modules and nodes.
pub(crate) fn lay_out(document: &mut Document) {
    let inner: Vec<Inner> = document.modules.iter().map(|module| Inner::of(document, module)).collect();
    let columns = columns(document);
    for open in [false, true] {
        let mut left = 0.0;
        for column in &columns {
            let mut stack = Stack { document, inner: &inner, open, boxes: BTreeMap::new() };
            let [width, _] = stack.up(column, [left, 0.0]);
            left += width + 3.0 * GAP;
            for (number, [x, y, w, h]) in stack.boxes {
                let module = &mut document.modules[number];
                if open {
                    (module.open_x, module.open_y, module.open_w, module.open_h) = (x, y, w, h);
                } else {
                    (module.x, module.y, module.w, module.h) = (x, y, w, h);
                }
            }
        }
    }
    for (number, inner) in inner.into_iter().enumerate() {
        let Module { open_x, open_y, .. } = document.modules[number];
        for (node, [x, y]) in inner.places {
            (document.nodes[node].x, document.nodes[node].y) = (open_x + x, open_y + y);
        }
    }
}

/// A module's own nodes, in rows.
struct Inner {
    /// Each node with its position in the module's frame.
    places: Vec<(usize, [f32; 2])>,
    /// The size of the open frame.
    size: [f32; 2],
}

impl Inner {
    fn of(document: &Document, module: &Module) -> Self {
        let mut rows: Vec<Vec<usize>> = Vec::new();
        let mut row_of = BTreeMap::new();
        let own = |node: &usize| module.nodes.contains(node);
        // A node is one row below the lowest of its inputs; one without inputs just above its first
        // user.
        let inputs = |node: usize| document.nodes[node].inputs.iter().map(|input| input.node).filter(|node| own(node));
        let (results, sources): (Vec<usize>, Vec<usize>) = module
            .nodes
            .iter()
            .partition(|node| document.nodes[**node].tape_index.is_some() && inputs(**node).next().is_some());
        for &node in &results {
            let row = inputs(node).map(|input| row_of.get(&input).map_or(0, |row| row + 1)).max().unwrap_or(0).max(1);
            row_of.insert(node, row);
        }
        for &node in &sources {
            let readers = results.iter().filter(|reader| inputs(**reader).any(|input| input == node));
            row_of.insert(node, readers.map(|reader| row_of[reader] - 1).min().unwrap_or(0));
        }
        for &node in &module.nodes {
            let row = row_of[&node];
            if rows.len() <= row {
                rows.resize(row + 1, Vec::new());
            }
            rows[row].push(node);
        }
        rows.retain(|row| !row.is_empty());
        // A node is below the mean position of its inputs, as far as the order in its row allows.
        let mut at: BTreeMap<usize, f32> = BTreeMap::new();
        for row in &mut rows {
            let middle = |node: usize| {
                let above: Vec<f32> = inputs(node).filter_map(|input| at.get(&input).copied()).collect();
                if above.is_empty() { f32::INFINITY } else { above.iter().sum::<f32>() / above.len() as f32 }
            };
            let mut order: Vec<(f32, usize)> = row.iter().map(|node| (middle(*node), *node)).collect();
            order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            *row = order.into_iter().map(|(_, node)| node).collect();
            at.extend(row.iter().enumerate().map(|(place, node)| (*node, place as f32)));
        }
        let widest = rows.iter().map(Vec::len).max().unwrap_or(0).max(1) as f32;
        let [w, h] = NODE;
        let width = widest * (w + GAP) - GAP + 2.0 * MARGIN;
        let height = TITLE + rows.len().max(1) as f32 * (h + GAP) - GAP + MARGIN;
        let mut places = Vec::new();
        for (number, row) in rows.iter().enumerate() {
            let left = (width - (row.len() as f32 * (w + GAP) - GAP)) / 2.0;
            for (place, node) in row.iter().enumerate() {
                places.push((*node, [left + place as f32 * (w + GAP), TITLE + number as f32 * (h + GAP)]));
            }
        }
        Self { places, size: [width, height] }
    }
}

/// The outermost modules of each column, from the top.
fn columns(document: &Document) -> Vec<Vec<usize>> {
    let mut columns: Vec<Vec<usize>> = Vec::new();
    let (mut tape, mut has_network) = (usize::MAX, false);
    for (number, module) in document.modules.iter().enumerate() {
        if module.parent.is_some() {
            continue;
        }
        let network = holds_modules(document, module);
        // A network starts a column, except for the first one of a tape, which is below the inputs
        // of the tape.
        if module.tape != tape || (network && has_network) {
            columns.push(Vec::new());
            has_network = false;
        }
        tape = module.tape;
        has_network |= network;
        if let Some(column) = columns.last_mut() {
            column.push(number);
        }
    }
    columns
}

fn holds_modules(document: &Document, module: &Module) -> bool {
    document.modules.iter().any(|other| other.parent.as_deref() == Some(&module.path))
}

/// Modules, one below the other.
struct Stack<'a> {
    document: &'a Document,
    inner: &'a [Inner],
    open: bool,
    boxes: BTreeMap<usize, [f32; 4]>,
}

impl Stack<'_> {
    /// Places these modules and their contents from `at` downwards. Returns their total width and
    /// height.
    fn up(&mut self, numbers: &[usize], at: [f32; 2]) -> [f32; 2] {
        let document = self.document;
        let [x, mut y] = at;
        let mut widest = 0.0f32;
        for &number in numbers {
            let module = &document.modules[number];
            let inside: Vec<usize> = (0..document.modules.len())
                .filter(|other| document.modules[*other].parent.as_deref() == Some(&module.path))
                .collect();
            let [w, h] = if !inside.is_empty() {
                let [w, h] = self.up(&inside, [x + MARGIN, y + TITLE]);
                [w + 2.0 * MARGIN, h + TITLE + MARGIN]
            } else if self.open {
                self.inner[number].size
            } else {
                BOX
            };
            self.boxes.insert(number, [x, y, w, h]);
            widest = widest.max(w);
            y += h + GAP;
        }
        // Centre them on a common axis, with their contents.
        for number in numbers {
            let shift = (widest - self.boxes[number][2]) / 2.0;
            let path = &document.modules[*number].path;
            for (other, place) in &mut self.boxes {
                if other == number || lies_in(document, *other, path) {
                    place[0] += shift;
                }
            }
        }
        [widest, y - at[1] - GAP]
    }
}

/// Whether a module is inside the one with this path, at any depth.
fn lies_in(document: &Document, number: usize, path: &str) -> bool {
    let mut parent = document.modules[number].parent.as_deref();
    while let Some(at) = parent {
        if at == path {
            return true;
        }
        parent = document.modules.iter().find(|module| module.path == at).and_then(|module| module.parent.as_deref());
    }
    false
}

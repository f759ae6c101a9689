//! The nodes of the tapes, the modules that group them, and what is shown of each node.

use serde::Serialize;

/// A group of nodes: a layer, a network, a part of the step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Module {
    /// `0/discriminator.conv1`: the tape and the layer's name.
    pub path: String,
    /// The name to show: `conv1`.
    pub name: String,
    /// The path of its parent.
    pub parent: Option<String>,
    /// The number of its tape.
    pub tape: usize,
    /// Its own nodes.
    pub nodes: Vec<usize>,
    /// The left edge with all modules closed.
    pub x: f32,
    /// The upper edge with all modules closed.
    pub y: f32,
    /// The width with all modules closed.
    pub w: f32,
    /// The height with all modules closed.
    pub h: f32,
    /// The left edge with all modules open.
    pub open_x: f32,
    /// The upper edge with all modules open.
    pub open_y: f32,
    /// The width with all modules open.
    pub open_w: f32,
    /// The height with all modules open.
    pub open_h: f32,
}

/// A node of a tape, or a constant that one reads.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Node {
    /// Its position in [`Document::nodes`](super::Document::nodes).
    pub id: usize,
    /// The number of its tape in the step.
    pub tape: usize,
    /// Its number on the tape; None for a constant.
    pub tape_index: Option<usize>,
    /// The name of the op in the dictionary; `variable` or `constant` for nodes without an op.
    pub op: String,
    /// `conv1 · conv2d`.
    pub label: String,
    /// The module's path.
    pub module: String,
    /// Its role in the step.
    pub role: Role,
    /// Its inputs.
    pub inputs: Vec<Input>,
    /// The lengths of its axes.
    pub shape: Vec<usize>,
    /// `stride 2x2`; empty if there are none.
    pub attributes: String,
    /// The step of the timeline in which it is computed; None for a constant.
    pub made: Option<usize>,
    /// The step in which it is swept.
    pub swept: Option<usize>,
    /// Why it gets no gradient.
    pub no_gradient: Option<NoGradient>,
    /// The same in a sentence.
    pub no_gradient_text: Option<String>,
    /// The file that called the op, relative to the root of the project.
    pub file: Option<String>,
    /// The line in it.
    pub line: Option<u32>,
    /// What it saves for the sweep.
    pub saved: Option<Saved>,
    /// Its cost.
    pub cost: Option<Cost>,
    /// Its value in numbers.
    pub value: Summary,
    /// The gradient of the loss with respect to it.
    pub gradient: Option<Summary>,
    /// Its value as a picture.
    pub value_picture: Option<Picture>,
    /// Its gradient as a picture.
    pub gradient_picture: Option<Picture>,
    /// The contributions to its gradient, one per use.
    pub contributions: Vec<Contribution>,
    /// Some of its elements in full.
    pub probes: Vec<Probe>,
    /// The check of its rule by finite differences.
    pub check: Option<Check>,
    /// Its left edge in the open graph.
    pub x: f32,
    /// Its upper edge there.
    pub y: f32,
}

/// The role of a node in the step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// An input of the step: images, latents, labels.
    Input,
    /// A weight that is being learned.
    Parameter,
    /// A weight of a frozen network.
    Frozen,
    /// Another constant.
    Constant,
    /// The result of an op.
    #[default]
    Activation,
    /// The loss, where the sweep starts.
    Loss,
}

/// Why a node gets no gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum NoGradient {
    /// It is data.
    #[serde(rename = "constant")]
    Constant,
    /// It is a weight of a frozen network.
    #[serde(rename = "frozen")]
    Frozen,
    /// It was computed earlier, and the graph is cut there.
    #[serde(rename = "cut here")]
    Cut,
    /// The loss does not depend on it, or its gradient is not needed.
    #[serde(rename = "not reached")]
    NotReached,
}

/// An input of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Input {
    /// The node that is read.
    pub node: usize,
    /// The name of the input in the op's formulas.
    pub slot: String,
    /// Whether a gradient flows to it.
    pub wants_gradient: bool,
    /// Whether the gradient is blocked here, by a cut or a frozen weight.
    pub wall: bool,
}

/// What a node saves for the sweep.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Saved {
    /// `the input and the weight`.
    pub text: String,
    /// Its memory.
    pub bytes: u64,
}

/// The cost of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// Of the forward pass: `1.2 GFLOP`.
    pub forward: String,
    /// Of the backward pass.
    pub backward: String,
}

/// Statistics of a tensor. Elements that are not finite are counted and left out of the rest.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// The minimum.
    pub min: f32,
    /// The maximum.
    pub max: f32,
    /// The mean.
    pub mean: f32,
    /// The standard deviation.
    pub std: f32,
    /// The Euclidean norm.
    pub l2: f32,
    /// The fraction that is exactly 0.
    pub zeros: f32,
    /// The number of NaNs.
    pub nan: usize,
    /// The number of infinities.
    pub inf: usize,
    /// The distribution.
    pub histogram: Histogram,
    /// All elements in memory order, if there are at most 64.
    pub exact: Option<Vec<f32>>,
}

impl Summary {
    /// The element, if there is only one: unlike the norm it has a sign.
    pub fn only(&self) -> Option<f32> {
        self.exact.as_ref().filter(|all| all.len() == 1).map(|all| all[0])
    }
}

/// The distribution of the elements of a tensor.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Histogram {
    /// The lower end of the first bin.
    pub low: f32,
    /// The upper end of the last bin.
    pub high: f32,
    /// 64 bins of equal width; one bin if all elements are equal.
    pub counts: Vec<u32>,
}

/// A tensor as a small picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Picture {
    /// The layout.
    pub layout: Layout,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Columns and rows of a tile; those of the picture if it is not tiled.
    pub tile: [usize; 2],
    /// The value of one byte step.
    pub scale: f32,
    /// The byte for 0: the value is (byte - zero) * scale.
    pub zero: u8,
    /// One byte per pixel, or three if `color`, row by row, in base64.
    pub data: String,
    /// Whether the bytes are red, green, blue.
    pub color: bool,
    /// What is shown: `image 1 of 128, the first 16 of 64 channels tiled 4 x 4, every 2nd pixel`.
    pub rule: String,
}

/// The layout of a picture of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// As an image.
    Image,
    /// Channels side by side.
    Tiles,
    /// Rows and columns.
    Matrix,
    /// A row of numbers.
    Vector,
}

/// One contribution to a gradient.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contribution {
    /// The node that sent it.
    pub consumer: usize,
    /// The name of the input as which the node was used.
    pub slot: String,
    /// Its Euclidean norm.
    pub l2: f32,
    /// The contribution itself, if it is one number.
    pub number: Option<f32>,
    /// Its picture, if there is more than one contribution.
    pub picture: Option<Picture>,
}

/// One element of a node, in full.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Probe {
    /// Its index along each axis.
    pub index: Vec<usize>,
    /// Why it was chosen.
    pub why: String,
    /// Its value.
    pub value: f32,
    /// The op's formula with numbers; empty for a node without an op. With `value_rest` added it
    /// gives the value.
    pub value_expression: String,
    /// The difference to the value: the rounding of `f32`.
    pub value_rest: f64,
    /// Its gradient, if it has one.
    pub gradient: Option<f32>,
    /// The largest terms of the gradient, the largest first.
    pub gradient_terms: Vec<GradientTerm>,
    /// The number of further terms.
    pub gradient_terms_more: usize,
    /// The sum of the terms as arithmetic. With `gradient_rest` added it gives the gradient.
    pub gradient_expression: String,
    /// The difference to the gradient.
    pub gradient_rest: f64,
    /// What the difference consists of.
    pub gradient_rest_text: String,
}

/// One product of the chain rule: an upstream gradient times a local slope.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GradientTerm {
    /// The node that sent it.
    pub node: usize,
    /// The gradient at an element of that node.
    pub upstream: f32,
    /// The derivative of that element with respect to this one.
    pub slope: f32,
    /// Their product.
    pub product: f32,
}

/// The check of a gradient rule by finite differences.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// The derivative along a direction, by the rule.
    pub analytic: f64,
    /// The same by finite differences.
    pub numeric: f64,
    /// Their relative difference.
    pub error: f64,
    /// The largest allowed relative difference.
    pub tolerance: f64,
    /// Whether they agree.
    pub pass: bool,
    /// What was compared, as text.
    pub text: String,
}

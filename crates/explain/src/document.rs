//! [`Document`]: all that the teaching page tells, as plain data.
//!
//! The page only draws: every number, every word and every place in the picture is decided here, so that all of it can be
//! tested without a browser. The page holds the document as JSON, under the names of these fields. Nothing in it depends on
//! the clock, the machine or the number of threads: the same seed gives the same bytes.

use std::collections::BTreeMap;

use serde::Serialize;

/// The version of this form.
pub const SCHEMA: u32 = 1;

/// A recorded training step.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Document {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What was recorded.
    pub header: Header,
    /// The parts of the step, in order of time.
    pub phases: Vec<Phase>,
    /// The timeline: one step of the page after the other.
    pub steps: Vec<Step>,
    /// The boxes that nodes are gathered in; a parent stands before its children.
    pub modules: Vec<Module>,
    /// The nodes of all tapes of the step, with the constants that they read.
    pub nodes: Vec<Node>,
    /// What the optimisers did.
    pub updates: Vec<Update>,
    /// For each parameter, the way on which the loss reaches it.
    pub follow: Vec<Path>,
    /// For each tape: what if the step were longer or shorter?
    pub what_if: Vec<WhatIf>,
    /// A small graph in full, to be computed again in the page.
    pub editable: Option<Editable>,
    /// Every op of the engine, by name.
    pub dictionary: BTreeMap<String, Word>,
    /// Questions that a student can answer by looking.
    pub questions: Vec<Question>,
}

/// What was recorded.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Header {
    /// For the head of the page.
    pub title: String,
    /// `quickdraw`, ...
    pub system: String,
    /// Its settings.
    pub preset: String,
    /// The class of the images, if one is chosen.
    pub class: Option<String>,
    /// Where the images come from, without a path.
    pub data: String,
    /// The run's seed.
    pub seed: u64,
    /// The training step, from 1.
    pub step: u64,
    /// Real images in it.
    pub batch: usize,
    /// The number type: `f32`.
    pub dtype: String,
    /// The program with its version.
    pub tool: String,
    /// Hash of all weights before the step.
    pub hash_before: String,
    /// Hash of all weights after it.
    pub hash_after: String,
    /// How many parameters there are.
    pub weights: usize,
    /// What is shown of large things, and what was left out for the size of the page.
    pub notes: Vec<String>,
}

/// A part of the step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Phase {
    /// Its position in [`Document::phases`].
    pub id: usize,
    /// `Discriminator: forward`.
    pub name: String,
    /// What happens in it.
    pub kind: PhaseKind,
    /// The network that learns (or, in inference, draws).
    pub network: String,
    /// What happens, in a sentence or two: what is frozen, where the graph is cut, and why.
    pub text: String,
    /// Its steps.
    pub steps: Vec<usize>,
}

/// What happens in a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PhaseKind {
    /// A network computes, and nobody will ask for a gradient.
    Infer,
    /// Values are computed and recorded.
    Forward,
    /// Gradients flow back.
    Backward,
    /// Parameters change.
    Update,
}

/// A moment of the timeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// The phase.
    pub phase: usize,
    /// What happens.
    pub kind: StepKind,
    /// The node that is made or swept.
    pub node: Option<usize>,
    /// The update, an index of [`Document::updates`].
    pub update: Option<usize>,
    /// `Backward 37 of 212: matmul, gradient norm 0.031`.
    pub text: String,
}

/// What happens at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    /// A node gets its value.
    Make,
    /// A node has its gradient, and hands it on.
    Sweep,
    /// A parameter changes.
    Update,
    /// Something worth a word.
    Note,
}

/// A box of nodes: a layer, a network, a part of the step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Module {
    /// `0/discriminator.conv1`: the tape and the layer's name.
    pub path: String,
    /// The name to show: `conv1`.
    pub name: String,
    /// The box that it lies in.
    pub parent: Option<String>,
    /// The tape that it belongs to.
    pub tape: usize,
    /// The nodes directly in it.
    pub nodes: Vec<usize>,
    /// The left edge where all layers are closed.
    pub x: f32,
    /// The upper edge there.
    pub y: f32,
    /// The width there.
    pub w: f32,
    /// The height there.
    pub h: f32,
    /// The left edge where all layers are open.
    pub open_x: f32,
    /// The upper edge there.
    pub open_y: f32,
    /// The width there.
    pub open_w: f32,
    /// The height there.
    pub open_h: f32,
}

/// A node of a tape, or a constant that one reads.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Node {
    /// Its position in [`Document::nodes`].
    pub id: usize,
    /// The number of its tape in the step.
    pub tape: usize,
    /// Its place on the tape; None for a constant.
    pub tape_index: Option<usize>,
    /// The op, by its name in the dictionary; `variable` and `constant` for what no op made.
    pub op: String,
    /// `conv1 · conv2d`.
    pub label: String,
    /// The module's path.
    pub module: String,
    /// What it is in the step.
    pub role: Role,
    /// What it is computed from.
    pub inputs: Vec<Input>,
    /// The lengths of its axes.
    pub shape: Vec<usize>,
    /// `stride 2x2`; empty if there are none.
    pub attributes: String,
    /// The step of the timeline that makes it; None for a constant.
    pub made: Option<usize>,
    /// The step that sweeps it.
    pub swept: Option<usize>,
    /// Why it gets no gradient, in a word.
    pub no_gradient: Option<NoGradient>,
    /// The same in a sentence.
    pub no_gradient_text: Option<String>,
    /// The file that asked for it, from the root of the project.
    pub file: Option<String>,
    /// The line in it.
    pub line: Option<u32>,
    /// What it keeps for the sweep.
    pub saved: Option<Saved>,
    /// What it costs.
    pub cost: Option<Cost>,
    /// Its value in numbers.
    pub value: Summary,
    /// The gradient of the loss by it.
    pub gradient: Option<Summary>,
    /// Its value as a picture.
    pub value_picture: Option<Picture>,
    /// Its gradient as a picture.
    pub gradient_picture: Option<Picture>,
    /// The addends of its gradient: one for each use of it.
    pub contributions: Vec<Contribution>,
    /// Some elements in full.
    pub probes: Vec<Probe>,
    /// Its rule against differences.
    pub check: Option<Check>,
    /// The place of its left edge in the open graph.
    pub x: f32,
    /// The place of its upper edge.
    pub y: f32,
}

/// What a node is in the step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Images, latents, labels: what the step is given.
    Input,
    /// A weight that is being learned.
    Parameter,
    /// A weight of a network that does not learn now.
    Frozen,
    /// A number that nobody learns.
    Constant,
    /// The result of an op.
    #[default]
    Activation,
    /// What the sweep starts from.
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
    /// It was computed, but the graph is cut behind it.
    #[serde(rename = "cut here")]
    Cut,
    /// The loss does not depend on it, or nobody wanted it.
    #[serde(rename = "not reached")]
    NotReached,
}

/// An input of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Input {
    /// The node that is read.
    pub node: usize,
    /// What it is to the op: `x`, `weight`, `0`.
    pub slot: String,
    /// Whether a gradient flows along here.
    pub wants_gradient: bool,
    /// Whether a wall stands here: a cut or a frozen weight.
    pub wall: bool,
}

/// What a node keeps for the sweep.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Saved {
    /// `the input and the weight`.
    pub text: String,
    /// How much memory that is.
    pub bytes: u64,
}

/// What a node costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// On the way forward: `1.2 GFLOP`.
    pub forward: String,
    /// On the way back.
    pub backward: String,
}

/// A tensor in numbers. Numbers that are not finite are counted and left out of the rest.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// The smallest.
    pub min: f32,
    /// The largest.
    pub max: f32,
    /// The mean.
    pub mean: f32,
    /// The standard deviation.
    pub std: f32,
    /// The length as a vector: the root of the sum of squares.
    pub l2: f32,
    /// The share that is exactly 0.
    pub zeros: f32,
    /// How many are no numbers.
    pub nan: usize,
    /// How many are infinite.
    pub inf: usize,
    /// How they are spread.
    pub histogram: Histogram,
    /// All of them in memory order, if there are at most 64.
    pub exact: Option<Vec<f32>>,
}

impl Summary {
    /// The number, if there is only one: it has a sign, which its length has not.
    pub fn only(&self) -> Option<f32> {
        self.exact.as_ref().filter(|all| all.len() == 1).map(|all| all[0])
    }
}

/// How numbers are spread.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Histogram {
    /// The lower end of the first bin.
    pub low: f32,
    /// The upper end of the last bin.
    pub high: f32,
    /// 64 bins of equal width; one bin if all numbers are the same.
    pub counts: Vec<u32>,
}

/// A tensor as a small picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Picture {
    /// How it is laid out.
    pub layout: Layout,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Columns and rows of a tile: the whole picture, if it is not tiled.
    pub tile: [usize; 2],
    /// How much a step of a byte stands for.
    pub scale: f32,
    /// The byte that stands for 0: the value is (byte - zero) * scale.
    pub zero: u8,
    /// A byte for each place, row by row, in base64. If there is `color`, three.
    pub data: String,
    /// Whether the bytes are red, green, blue.
    pub color: bool,
    /// What is shown: `image 1 of 128, the first 16 of 64 channels tiled 4 x 4, every 2nd pixel`.
    pub rule: String,
}

/// How a picture shows a tensor.
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

/// One addend of a gradient.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contribution {
    /// The node that sent it.
    pub consumer: usize,
    /// As which of its inputs the node was used.
    pub slot: String,
    /// Its length as a vector.
    pub l2: f32,
    /// The addend itself, if it is one number.
    pub number: Option<f32>,
    /// Its picture, where there is more than one addend.
    pub picture: Option<Picture>,
}

/// One element of a node, in full.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Probe {
    /// Which.
    pub index: Vec<usize>,
    /// Why this one.
    pub why: String,
    /// Its value.
    pub value: f32,
    /// The op's formula with the numbers filled in; empty for what no op made. Adding `value_rest` gives the value.
    pub value_expression: String,
    /// What is left to the value: the rounding of `f32`.
    pub value_rest: f64,
    /// Its gradient, if it has one.
    pub gradient: Option<f32>,
    /// The largest addends of the gradient, element by element, the largest first.
    pub gradient_terms: Vec<GradientTerm>,
    /// How many further ones there are.
    pub gradient_terms_more: usize,
    /// Their sum, written out. Adding `gradient_rest` gives the gradient.
    pub gradient_expression: String,
    /// What is left to the gradient.
    pub gradient_rest: f64,
    /// What that is: `the other 127 images, and rounding`.
    pub gradient_rest_text: String,
}

/// One product of the chain rule: an upstream gradient times a local slope.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GradientTerm {
    /// The node that sent it.
    pub node: usize,
    /// The gradient at an element of that node.
    pub upstream: f32,
    /// How much that element changes when this one does.
    pub slope: f32,
    /// Their product.
    pub product: f32,
}

/// A rule against differences.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// The derivative along a direction, by the rule.
    pub analytic: f64,
    /// The same by differences.
    pub numeric: f64,
    /// How far they are apart, relative to the parts that the derivative is made of.
    pub error: f64,
    /// How far they may be.
    pub tolerance: f64,
    /// Whether they agree.
    pub pass: bool,
    /// What was compared: `f64 replay of the first 2 of 128 images`.
    pub text: String,
}

/// What an optimiser did to a parameter.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Update {
    /// The parameter's name.
    pub parameter: String,
    /// Its node.
    pub node: usize,
    /// Its length before.
    pub before_l2: f32,
    /// Its length after.
    pub after_l2: f32,
    /// The length of the step.
    pub step_l2: f32,
    /// step_l2 / before_l2; 0 for a parameter that was zero.
    pub ratio: f32,
    /// The length of the gradient.
    pub gradient_l2: f32,
    /// `RMSprop, update 3`.
    pub rule: String,
    /// The formulas, one a line: `s <- rho * s + (1 - rho) * g^2`.
    pub formulas: Vec<String>,
    /// `rate = 0.0008, rho = 0.9, ...`.
    pub constants: String,
    /// One element of it in full.
    pub worked: WorkedUpdate,
    /// What the optimiser remembers about it.
    pub state: String,
}

/// The update of one element, line by line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkedUpdate {
    /// Which.
    pub index: Vec<usize>,
    /// Why this one.
    pub why: String,
    /// The formulas with the numbers filled in.
    pub lines: Vec<WorkedLine>,
}

/// A formula of an update with the numbers of an element.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkedLine {
    /// What it sets: `theta`.
    pub target: String,
    /// `0.5 - 0.1 * -0.4`.
    pub expression: String,
    /// What it comes to.
    pub value: f64,
    /// What the step has stored, if it is stored.
    pub stored: Option<f32>,
    /// What is left from the expression to what is stored: the rounding of `f32`.
    pub rest: f64,
}

/// The way on which the loss reaches a parameter.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Path {
    /// The parameter's node.
    pub parameter: usize,
    /// From the loss to the parameter.
    pub hops: Vec<Hop>,
}

/// A node on the way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hop {
    /// The node.
    pub node: usize,
    /// The length of its gradient.
    pub gradient_l2: f32,
}

/// What if the parameters went further along the negative gradient?
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WhatIf {
    /// The tape.
    pub tape: usize,
    /// What is shown, in a sentence.
    pub text: String,
    /// Five step sizes, the first 0: theta - size * gradient.
    pub sizes: Vec<f64>,
    /// The loss there.
    pub loss: Vec<f64>,
    /// What the gradient alone predicts: loss - size * |gradient|^2.
    pub straight: Vec<f64>,
}

/// A small graph in full: the page can change a number and compute both sweeps again.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Editable {
    /// The nodes, each after those that it reads.
    pub nodes: Vec<EditableNode>,
    /// The loss: an id of [`Document::nodes`].
    pub loss: usize,
}

/// A node of a small graph.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EditableNode {
    /// The id in [`Document::nodes`].
    pub node: usize,
    /// The op, `variable` or `constant`.
    pub op: String,
    /// Its numbers: `slope`, `factor`, `shift`, ...
    pub attributes: BTreeMap<String, f64>,
    /// The ids of its inputs.
    pub inputs: Vec<usize>,
    /// The lengths of its axes.
    pub shape: Vec<usize>,
    /// All its numbers.
    pub values: Vec<f64>,
    /// Whether it may be changed: a variable or a constant.
    pub free: bool,
}

/// An op in the dictionary.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Word {
    /// What it does, in a sentence.
    pub idea: String,
    /// The formula of its value.
    pub forward: String,
    /// The formula of its gradients.
    pub rule: String,
    /// How the rule comes about, step by step.
    pub derivation: Vec<String>,
    /// What it keeps for the sweep, and why.
    pub saved: String,
    /// Which shapes it takes and gives.
    pub shape: String,
    /// What it costs both ways.
    pub cost: String,
    /// The chapter of the guide.
    pub chapter: String,
    /// The file of the op, from the root of the project.
    pub source_file: String,
    /// The formula of its value as MathML.
    pub mathml_forward: String,
    /// The formula of its gradients as MathML.
    pub mathml_rule: String,
    /// The formula of its value, to be read aloud.
    pub text_forward: String,
    /// The formula of its gradients, to be read aloud.
    pub text_rule: String,
}

/// A question, and the way to its answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Question {
    /// The question.
    pub question: String,
    /// At most three things to do.
    pub actions: Vec<Action>,
    /// Where the answer then stands.
    pub answer_at: String,
    /// The answer, in a sentence.
    pub answer: String,
    /// A text that can be read there.
    pub expect: String,
}

/// One thing to do in the page.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub enum Action {
    /// Press a key of the page's keyboard map.
    Key {
        /// As the browser names it.
        key: String,
    },
    /// Choose a node.
    Node {
        /// Its id.
        node: usize,
    },
    /// Open a tab of the node panel: `value`, `gradient`, `rule`, `numbers`, `forks`, `check`, `source`.
    Tab {
        /// Its name.
        tab: String,
    },
    /// Open a view: `graph`, `table`, `updates`, `whatif`.
    View {
        /// Its name.
        view: String,
    },
    /// Choose a phase.
    Phase {
        /// Its id.
        phase: usize,
    },
    /// Follow a parameter.
    Follow {
        /// Its node.
        node: usize,
    },
}

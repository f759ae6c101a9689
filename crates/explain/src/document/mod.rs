//! [`Document`]: the content of the page as plain data.
//!
//! The page only draws: every number, every text and every position is decided here, so that all of
//! it can be tested without a browser. The page has the document as JSON with the names of these
//! fields. Nothing in it depends on the clock, the machine or the number of threads: the same seed
//! gives the same bytes.

use std::collections::BTreeMap;

use serde::Serialize;

mod lesson;
mod node;
mod update;

pub use lesson::{Action, Editable, EditableNode, Question, Word};
pub use node::{
    Check, Contribution, Cost, GradientTerm, Histogram, Input, Layout, Module, NoGradient, Node, Picture, Probe, Role,
    Saved, Summary,
};
pub use update::{Hop, Path, Update, WhatIf, WorkedLine, WorkedUpdate};

/// The version of the format.
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
    /// The timeline, one step of the page after the other.
    pub steps: Vec<Step>,
    /// The modules that group the nodes; a parent comes before its children.
    pub modules: Vec<Module>,
    /// The nodes of all tapes of the step, with the constants that they read.
    pub nodes: Vec<Node>,
    /// The updates of the parameters.
    pub updates: Vec<Update>,
    /// For each parameter, the path of its gradient from the loss.
    pub follow: Vec<Path>,
    /// For each tape, the loss at other step sizes.
    pub what_if: Vec<WhatIf>,
    /// A small graph in full, which the page can recompute.
    pub editable: Option<Editable>,
    /// Every op of the engine, by name.
    pub dictionary: BTreeMap<String, Word>,
    /// Questions that a student can answer from the page.
    pub questions: Vec<Question>,
}

/// What was recorded.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Header {
    /// The title of the page.
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
    /// The number of real images in it.
    pub batch: usize,
    /// The number type: `f32`.
    pub dtype: String,
    /// The program and its version.
    pub tool: String,
    /// Hash of all weights before the step.
    pub hash_before: String,
    /// Hash of all weights after it.
    pub hash_after: String,
    /// The number of parameters.
    pub weights: usize,
    /// Remarks on what is shown of large tensors, and what was left out to limit the size of the
    /// page.
    pub notes: Vec<String>,
}

/// A part of the step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Phase {
    /// Its position in [`Document::phases`].
    pub id: usize,
    /// `Discriminator: forward`.
    pub name: String,
    /// Its kind.
    pub kind: PhaseKind,
    /// The network that learns or, in inference, is applied.
    pub network: String,
    /// What happens in it: what is frozen, where the graph is cut, and why.
    pub text: String,
    /// Its steps.
    pub steps: Vec<usize>,
}

/// The kind of a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PhaseKind {
    /// A network is applied without recording.
    Infer,
    /// Values are computed and recorded.
    Forward,
    /// Gradients flow back.
    Backward,
    /// Parameters change.
    Update,
}

/// A step of the timeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// The phase.
    pub phase: usize,
    /// Its kind.
    pub kind: StepKind,
    /// The node that is computed or swept.
    pub node: Option<usize>,
    /// The update, an index of [`Document::updates`].
    pub update: Option<usize>,
    /// `Backward 37 of 212: matmul, gradient norm 0.031`.
    pub text: String,
}

/// The kind of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    /// A node gets its value.
    Make,
    /// A node has its gradient, and contributes to those of its inputs.
    Sweep,
    /// A parameter changes.
    Update,
    /// A remark.
    Note,
}

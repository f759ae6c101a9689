//! What the page offers beyond the recording: the editable graph, the dictionary of ops, and the
//! questions.

use std::collections::BTreeMap;

use serde::Serialize;

/// A small graph in full: the page can change a number and recompute values and gradients.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Editable {
    /// The nodes, each after its inputs.
    pub nodes: Vec<EditableNode>,
    /// The loss: an id of [`Document::nodes`](super::Document::nodes).
    pub loss: usize,
}

/// A node of a small graph.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EditableNode {
    /// The id in [`Document::nodes`](super::Document::nodes).
    pub node: usize,
    /// The op, `variable` or `constant`.
    pub op: String,
    /// Its attributes: `slope`, `factor`, `shift`, ...
    pub attributes: BTreeMap<String, f64>,
    /// The ids of its inputs.
    pub inputs: Vec<usize>,
    /// The lengths of its axes.
    pub shape: Vec<usize>,
    /// All its elements.
    pub values: Vec<f64>,
    /// Whether it can be changed: a variable or a constant.
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
    /// The derivation of the rule, step by step.
    pub derivation: Vec<String>,
    /// What it saves for the sweep, and why.
    pub saved: String,
    /// The shapes of its inputs and its value.
    pub shape: String,
    /// Its cost in both directions.
    pub cost: String,
    /// The chapter of the guide.
    pub chapter: String,
    /// The file of the op, relative to the root of the project.
    pub source_file: String,
    /// The formula of its value as MathML.
    pub mathml_forward: String,
    /// The formula of its gradients as MathML.
    pub mathml_rule: String,
    /// The formula of its value for screen readers.
    pub text_forward: String,
    /// The formula of its gradients for screen readers.
    pub text_rule: String,
}

/// A question with the actions that lead to its answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Question {
    /// The question.
    pub question: String,
    /// At most three actions.
    pub actions: Vec<Action>,
    /// The part of the page that has the answer.
    pub answer_at: String,
    /// The answer, in a sentence.
    pub answer: String,
    /// A text that is found there.
    pub expect: String,
}

/// An action of the user.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub enum Action {
    /// Press a key of the page's keyboard map.
    Key {
        /// Its name in the browser.
        key: String,
    },
    /// Select a node.
    Node {
        /// Its id.
        node: usize,
    },
    /// Open a tab of the node panel: `value`, `gradient`, `rule`, `numbers`, `forks`, `check`,
    /// `source`.
    Tab {
        /// Its name.
        tab: String,
    },
    /// Open a view: `graph`, `table`, `updates`, `whatif`.
    View {
        /// Its name.
        view: String,
    },
    /// Select a phase.
    Phase {
        /// Its id.
        phase: usize,
    },
    /// Follow the gradient of a parameter.
    Follow {
        /// Its node.
        node: usize,
    },
}

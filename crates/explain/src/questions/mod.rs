//! Questions that a student can answer from the page, each within three actions. A question is only
//! asked if the step has its subject: there is none about a frozen network if no network is frozen.
//! Every number in an answer is computed from the recorded step.

mod nodes;

use tensor::Tensor;

use crate::atlas::{Atlas, Place};
use crate::document::{Action, Document, NoGradient, Node, PhaseKind, Question, Role, Update};
use crate::recorder::{Origin, Recording};
use crate::story::{listed, short, thousands};

/// The largest number of questions.
const MOST: usize = 20;

/// The questions of a document that is otherwise complete.
pub(crate) fn questions(document: &Document, recording: &Recording, atlas: &Atlas<'_>) -> Vec<Question> {
    let mut asked = Asked { document, recording, atlas, questions: Vec::new() };
    asked.about_the_step();
    asked.about_nodes();
    asked.about_walls();
    asked.about_updates();
    asked.about_parameters();
    asked.questions.truncate(MOST);
    asked.questions
}

struct Asked<'a> {
    document: &'a Document,
    recording: &'a Recording,
    atlas: &'a Atlas<'a>,
    questions: Vec<Question>,
}

fn node(node: &Node) -> Action {
    Action::Node { node: node.id }
}

fn tab(tab: &str) -> Action {
    Action::Tab { tab: tab.into() }
}

fn view(view: &str) -> Action {
    Action::View { view: view.into() }
}

/// The number of elements of a node.
fn count(node: &Node) -> usize {
    node.shape.iter().product()
}

impl Asked<'_> {
    fn ask(
        &mut self,
        question: impl Into<String>,
        actions: Vec<Action>,
        answer_at: &str,
        answer: impl Into<String>,
        expect: impl Into<String>,
    ) {
        self.questions.push(Question {
            question: question.into(),
            actions,
            answer_at: answer_at.into(),
            answer: answer.into(),
            expect: expect.into(),
        });
    }

    fn about_the_step(&mut self) {
        let document = self.document;
        let forward = document.phases.iter().find(|phase| phase.kind == PhaseKind::Forward);
        if let Some(phase) = forward {
            let start = |text: &str| text.chars().take(40).collect::<String>();
            self.ask(
                "What happens while the tape is recorded?",
                vec![Action::Phase { phase: phase.id }],
                "phase",
                &*phase.text,
                start(&phase.text),
            );
        }
        if let Some(phase) = document.phases.iter().find(|phase| phase.kind == PhaseKind::Backward) {
            let first = &document.steps[phase.steps[0]];
            let gradient = first.node.and_then(|node| document.nodes[node].gradient.as_ref());
            self.ask(
                "Where does the reverse sweep begin, and with which gradient?",
                vec![Action::Phase { phase: phase.id }],
                "timeline",
                format!(
                    "At the loss, with the gradient {}: the derivative of the loss with respect to itself.",
                    gradient.map_or(0.0, |gradient| gradient.mean)
                ),
                &*first.text,
            );
        }
        let answer = if document.header.hash_before == document.header.hash_after {
            "No: the hash of all weights is the same before and after the step."
        } else {
            "Yes: the hash of all weights after the step differs from the hash before it."
        };
        self.ask(
            "Do the weights change in this step?",
            vec![Action::Key { key: "o".into() }],
            "header",
            answer,
            document.header.hash_after.chars().take(8).collect::<String>(),
        );
        let parameters = || document.nodes.iter().filter(|node| node.role == Role::Parameter);
        if let Some(most) = parameters().map(count).max() {
            let largest: Vec<&Node> = parameters().filter(|node| count(node) == most).collect();
            let others = match largest.len() - 1 {
                0 => String::new(),
                1 => ", and one more has as many".into(),
                more => format!(", and {more} more have as many"),
            };
            self.ask(
                "Which parameter has the most elements?",
                vec![view("table"), node(largest[0])],
                "value",
                format!("{}, with {}{others}.", largest[0].label, thousands(most)),
                "",
            );
        }
    }

    /// The networks that learn on a tape.
    fn learners(&self, tape: usize) -> String {
        let document = self.document;
        let made = |step: &usize| document.steps[*step].node.map(|node| document.nodes[node].tape);
        let phase = |phase: &&crate::document::Phase| {
            phase.kind == PhaseKind::Forward && phase.steps.iter().any(|step| made(step) == Some(tape))
        };
        document.phases.iter().find(phase).map_or_else(String::new, |phase| phase.network.clone())
    }

    fn about_walls(&mut self) {
        let (document, recording) = (self.document, self.recording);
        let origin = |node: &Node| match self.atlas.places[node.id] {
            Place::Constant(tape, number) => Some(&recording.tapes[tape].constants[number].origin),
            Place::Inferred(_) | Place::Node(..) => None,
        };
        let frozen = document.nodes.iter().find_map(|node| match origin(node) {
            Some(Origin::Frozen(name)) => Some((node, name.split('.').next().unwrap_or_default().replace('_', " "))),
            _ => None,
        });
        let cut = document.nodes.iter().find_map(|node| match origin(node) {
            Some(Origin::Inferred(call, _)) => Some((node, recording.inferred[*call].network.replace('_', " "))),
            _ => None,
        });
        if let Some((weight, network)) = frozen {
            self.ask(
                format!(
                    "Why does this weight of the {network} get no gradient while the {} learns?",
                    self.learners(weight.tape)
                ),
                vec![node(weight), tab("gradient")],
                "gradient",
                weight.no_gradient_text.clone().unwrap_or_default(),
                "frozen",
            );
        }
        if let Some((fakes, network)) = cut {
            self.ask(
                format!("Why can the loss of the {} not change the {network}?", self.learners(fakes.tape)),
                vec![node(fakes), tab("gradient")],
                "gradient",
                fakes.no_gradient_text.clone().unwrap_or_default(),
                "cut",
            );
        }
        let given = |node: &&Node| node.no_gradient == Some(NoGradient::Constant) && node.role == Role::Input;
        if let Some(data) = document.nodes.iter().find(given) {
            let (action, text) = (node(data), data.no_gradient_text.clone().unwrap_or_default());
            self.ask("Why does the data get no gradient?", vec![action, tab("gradient")], "gradient", text, "");
        }
    }

    fn about_updates(&mut self) {
        let document = self.document;
        if !document.updates.is_empty() {
            self.ask(
                "By how much does each parameter change, relative to its norm?",
                vec![view("updates")],
                "updates",
                ratios(&document.updates),
                &*document.updates[0].parameter,
            );
            self.ask(
                "By which formulas does the optimiser update the first parameter?",
                vec![view("updates"), Action::Node { node: document.updates[0].node }],
                "updates",
                format!("{}; with {}.", document.updates[0].formulas.join("; "), document.updates[0].constants),
                &*document.updates[0].rule,
            );
        }
        if let Some(path) =
            document.follow.iter().max_by_key(|path| (path.hops.len(), core::cmp::Reverse(path.parameter)))
        {
            let (first, last) = (path.hops.first(), path.hops.last());
            let [first, last] = [first, last].map(|hop| hop.map_or(0.0, |hop| hop.gradient_l2));
            let label = &document.nodes[path.parameter].label;
            self.ask(
                format!("Does the gradient vanish on the long path from the loss to {label}?"),
                vec![Action::Follow { node: path.parameter }],
                "follow",
                format!(
                    "Its norm is {} at the loss and, after {} hops, {}; the curve shows it at every hop.",
                    short(first),
                    path.hops.len() - 1,
                    short(last)
                ),
                "",
            );
        }
        if let Some(what_if) = document.what_if.first() {
            let [first, last] = [1, what_if.sizes.len() - 1].map(|i| {
                let by = |losses: &[f64]| short((losses[i] - losses[0]) as f32);
                format!(
                    "step of size {} changes the loss by {}; the gradient predicts {}",
                    short(what_if.sizes[i] as f32),
                    by(&what_if.loss),
                    by(&what_if.straight)
                )
            });
            self.ask(
                "For which step sizes is the prediction of the gradient accurate?",
                vec![view("whatif")],
                "whatif",
                format!("A {first}; a {last}."),
                "",
            );
        }
        if let Some(phase) = document.phases.iter().find(|phase| phase.kind == PhaseKind::Update) {
            self.ask(
                "When do the weights change?",
                vec![Action::Phase { phase: phase.id }],
                "phase",
                "Only after the sweep: all gradients were computed with the same weights.",
                "optimiser",
            );
        }
    }

    fn about_parameters(&mut self) {
        let document = self.document;
        let parameters =
            || document.nodes.iter().filter(|node| node.role == Role::Parameter && node.gradient.is_some());
        // A bias that a single op adds.
        let added = |node: &&Node| {
            let [only] = &node.contributions[..] else { return false };
            node.label.ends_with(".bias") && ["add", "bias_act"].contains(&&*document.nodes[only.consumer].op)
        };
        if let Some(bias) = parameters().find(added) {
            let sums = count(&document.nodes[bias.contributions[0].consumer]) / count(bias);
            let what = if sums == 1 { "one gradient".into() } else { format!("{} gradients", thousands(sums)) };
            self.ask(
                "What is the gradient of a bias?",
                vec![node(bias), tab("numbers")],
                "numbers",
                format!(
                    "The sum of the gradients of everything to which it was added: here each element is the sum of {what}."
                ),
                "",
            );
        }
        if let Some(parameter) = parameters().find(|node| count(node) > 1) {
            let gradient =
                self.atlas.record(self.atlas.places[parameter.id]).and_then(|record| record.gradient.as_ref());
            let sizes = || gradient.into_iter().flat_map(Tensor::data).map(|g| g.abs());
            let largest = sizes().fold(0.0, f32::max);
            let small = sizes().filter(|size| *size < 0.1 * largest).count();
            self.ask(
                format!("How are the elements of the gradient of {} distributed?", parameter.label),
                vec![node(parameter), tab("gradient")],
                "gradient",
                format!(
                    "The largest of the {} is {}; {} are less than a tenth of that. The histogram shows all.",
                    thousands(count(parameter)),
                    short(largest),
                    if small == 0 { "none".into() } else { thousands(small) }
                ),
                "",
            );
        }
        if let Some(parameter) = parameters().next() {
            self.ask(
                "In which order are the nodes on a tape, and why?",
                vec![view("table")],
                "table",
                "In the order in which they were computed, because a node can only read earlier ones. So the reverse sweep needs no sorting.",
                &*parameter.label,
            );
            let readers: Vec<String> = (parameter.contributions.iter())
                .map(|contribution| document.nodes[contribution.consumer].label.clone())
                .collect();
            self.ask(
                format!("Which nodes read {}?", parameter.label),
                vec![node(parameter), tab("forks")],
                "forks",
                format!("{}. Each of them contributes to its gradient.", listed(&readers)),
                readers.first().cloned().unwrap_or_default(),
            );
        }
        if let Some(last) = document.nodes.iter().rfind(|node| node.role == Role::Loss && node.gradient.is_some()) {
            let gradient = last.gradient.as_ref().map_or(0.0, |gradient| gradient.mean);
            self.ask(
                "What is the gradient of the loss with respect to itself?",
                vec![node(last), tab("gradient")],
                "gradient",
                format!("{gradient}: the sweep starts with it."),
                "",
            );
        }
    }
}

/// The smallest and the largest update relative to the norm of its parameter.
fn ratios(updates: &[Update]) -> String {
    let measured = || updates.iter().filter(|update| update.before_l2 > 0.0);
    let by_ratio = |a: &&Update, b: &&Update| a.ratio.total_cmp(&b.ratio);
    let ends = (measured().min_by(by_ratio), measured().max_by(by_ratio));
    let mut text = match ends {
        (Some(least), Some(most)) if least.parameter != most.parameter => {
            format!("From {} ({}) to {} ({}).", short(least.ratio), least.parameter, short(most.ratio), most.parameter)
        }
        (Some(only), _) => format!("By {}.", short(only.ratio)),
        _ => String::new(),
    };
    let zero = updates.len() - measured().count();
    if zero > 0 {
        let were = if zero == 1 { "1 parameter was".into() } else { format!("{} parameters were", thousands(zero)) };
        text += &format!(" {were} 0 before the update, so there is no ratio.");
    }
    text.trim_start().into()
}

//! Questions that a student can answer by looking, each within three actions. They are asked of what is in the page: a step
//! without a frozen network is not asked about one. Every number in an answer is computed from the recorded step.

use tensor::{Op, Tensor};

use crate::atlas::{Atlas, Place};
use crate::document::{Action, Document, NoGradient, Node, PhaseKind, Question, Role, Update};
use crate::recorder::{Origin, Recording};
use crate::story::{listed, short, size_text, thousands};

/// So many at most.
const MOST: usize = 20;

/// The questions of a document that is complete but for them.
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

/// How many numbers a node has.
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
                "What happens while the tape is written?",
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
                    "At the loss, with the gradient {}: the loss changes by as much as it changes.",
                    gradient.map_or(0.0, |gradient| gradient.mean)
                ),
                &*first.text,
            );
        }
        let answer = if document.header.hash_before == document.header.hash_after {
            "No: the hash of all weights before the step is the same as after it."
        } else {
            "Yes: the hash of all weights before the step is another one than after it."
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
                "Which parameter has the most numbers?",
                vec![view("table"), node(largest[0])],
                "value",
                format!("{}, with {}{others}.", largest[0].label, thousands(most)),
                "",
            );
        }
    }

    fn about_nodes(&mut self) {
        let document = self.document;
        let reached = |node: &&Node| node.gradient.is_some();
        let mut asked = Vec::new();
        for loss in document.nodes.iter().filter(|node| node.role == Role::Loss) {
            let network =
                document.phases.iter().find(|phase| loss.made.is_some_and(|made| phase.steps.contains(&made)));
            let whose = network.map_or_else(String::new, |phase| format!(" of the {}", phase.network));
            if asked.len() < 2 && !asked.contains(&whose) {
                self.ask(
                    format!("How large is the loss{whose}?"),
                    vec![node(loss), tab("value")],
                    "value",
                    format!("{}.", loss.value.mean),
                    "",
                );
                asked.push(whose);
            }
        }
        let products = ["conv2d", "matmul", "conv2d_input_grad"];
        if let Some(product) = document.nodes.iter().filter(reached).find(|node| products.contains(&&*node.op)) {
            self.about_a_product(product);
        }
        if let Some(fork) = document.nodes.iter().find(|node| node.contributions.len() > 1) {
            let sent: Vec<String> = fork.contributions.iter().map(|one| size_text(one.number, one.l2)).collect();
            let sum = fork.gradient.as_ref().map_or(0.0, |gradient| gradient.l2);
            let number = fork.gradient.as_ref().and_then(|gradient| gradient.only());
            let what = if number.is_some() { "" } else { " of length" };
            self.ask(
                format!("A value is used {} times. What becomes of the gradients that come back?", sent.len()),
                vec![node(fork), tab("forks")],
                "forks",
                format!("They are added: gradients{what} {} make one{what} {}.", listed(&sent), size_text(number, sum)),
                "",
            );
        }
        self.about_an_activation();
        self.about_dropout();
        let norms = ["batch_norm", "instance_norm"];
        if let Some(norm) = document.nodes.iter().filter(reached).find(|node| norms.contains(&&*node.op)) {
            self.ask(
                format!("Why does the gradient of a {} have more than one term?", norm.op),
                vec![node(norm), tab("rule")],
                "rule",
                "Each number also moves the mean and the variance that it is part of, and through them all the others.",
                "",
            );
        }
    }

    fn about_a_product(&mut self, product: &Node) {
        let word = &self.document.dictionary[&product.op];
        self.ask(
            format!("By which rule does a {} hand its gradient on?", product.op),
            vec![node(product), tab("rule")],
            "rule",
            &*word.rule,
            &*word.idea,
        );
        if let Some(saved) = &product.saved {
            self.ask(
                format!("What does a {} keep for the way back, and why?", product.op),
                vec![node(product), tab("rule")],
                "rule",
                format!("Here: {}. In general: {}.", saved.text, word.saved),
                "",
            );
        }
        if let Some(probe) = product.probes.first() {
            let start: String = probe.value_expression.chars().take(120).collect();
            let more = if start.len() < probe.value_expression.len() { " ..." } else { "" };
            self.ask(
                "Which products and sums make one number of it?",
                vec![node(product), tab("numbers")],
                "numbers",
                format!("{start}{more}"),
                "",
            );
        }
        if let Some(check) = &product.check {
            self.ask(
                "How do we know that its rule is right?",
                vec![node(product), tab("check")],
                "check",
                &*check.text,
                "",
            );
        }
        if let Some(file) = &product.file {
            self.ask(
                "Which line of code asked for it?",
                vec![node(product), tab("source")],
                "source",
                format!("{file}, line {}.", product.line.unwrap_or(0)),
                &**file,
            );
        }
    }

    /// What goes through an activation stands in the numbers of what it reads.
    fn about_an_activation(&mut self) {
        let document = self.document;
        let bends = ["leaky_relu", "tanh", "sigmoid", "softplus"];
        let found = document.nodes.iter().filter(|bend| bends.contains(&&*bend.op)).find_map(|bend| {
            let below = &document.nodes[bend.inputs[0].node];
            let through =
                |probe: &crate::document::Probe| probe.gradient_terms.iter().find(|t| t.node == bend.id).cloned();
            Some((bend, below, below.probes.iter().find_map(through)?))
        });
        if let Some((bend, below, term)) = found {
            self.ask(
                format!("How much of the gradient does a {} let through, for one number?", bend.op),
                vec![node(below), tab("numbers")],
                "numbers",
                format!(
                    "The part that its slope says. Of the gradient {} that arrives at it, {} goes on: the slope is {}.",
                    short(term.upstream),
                    short(term.product),
                    short(term.slope)
                ),
                "",
            );
        }
    }

    fn about_dropout(&mut self) {
        let document = self.document;
        let Some(dropped) = document.nodes.iter().find(|node| node.op == "dropout") else { return };
        let Some(record) = self.atlas.record(self.atlas.places[dropped.id]) else { return };
        let Some(op) = &record.op else { return };
        let x = self.atlas.value(self.atlas.places[dropped.inputs[0].node]);
        let Some([set, already]) = forgotten(&**op, x) else { return };
        let zeros = record.value.data().iter().filter(|y| **y == 0.0).count();
        let share = |of: usize| of as f64 / x.size() as f64;
        let others = if already > 0 || zeros > set {
            format!(
                " The value has {} zeros, a share of {:.3}: {} were zeros before.",
                thousands(zeros),
                share(zeros),
                thousands(zeros - (set - already))
            )
        } else {
            String::new()
        };
        self.ask(
            "How many numbers did dropout forget?",
            vec![node(dropped), tab("value")],
            "value",
            format!(
                "{} of {}, a share of {:.3} ({}).{others}",
                thousands(set),
                thousands(x.size()),
                share(set),
                dropped.attributes
            ),
            "",
        );
    }

    /// Who learns on a tape.
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
            Some(Origin::Inferred(walk, _)) => Some((node, recording.inferred[*walk].network.replace('_', " "))),
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
            self.ask("Why do data get no gradient?", vec![action, tab("gradient")], "gradient", text, "");
        }
    }

    fn about_updates(&mut self) {
        let document = self.document;
        if !document.updates.is_empty() {
            self.ask(
                "By how much does each parameter move, compared with its own length?",
                vec![view("updates")],
                "updates",
                ratios(&document.updates),
                &*document.updates[0].parameter,
            );
            self.ask(
                "By which formula does the optimiser move the first of them?",
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
                format!("Does the gradient vanish on its long way from the loss to {label}?"),
                vec![Action::Follow { node: path.parameter }],
                "follow",
                format!(
                    "It begins with length {} and arrives after {} hops with {}: the curve shows it at every hop.",
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
                    "step of size {} changes the loss by {}, where the straight line says {}",
                    short(what_if.sizes[i] as f32),
                    by(&what_if.loss),
                    by(&what_if.straight)
                )
            });
            self.ask(
                "For how long a step does the gradient keep its promise?",
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
                "Only after the sweep: all gradients were measured at the same place.",
                "optimiser",
            );
        }
    }

    fn about_parameters(&mut self) {
        let document = self.document;
        let parameters =
            || document.nodes.iter().filter(|node| node.role == Role::Parameter && node.gradient.is_some());
        // A bias that one op adds, as it is, to what it reads.
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
                    "What comes back from all that it was added to: here each of its numbers is the sum of {what}."
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
                format!("How are the gradients of {} spread?", parameter.label),
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
                "In which order do nodes stand on a tape, and why?",
                vec![view("table")],
                "table",
                "In the order in which they were made: a node can only read what is there already. So the way back needs no sorting.",
                &*parameter.label,
            );
            let readers: Vec<String> = (parameter.contributions.iter())
                .map(|contribution| document.nodes[contribution.consumer].label.clone())
                .collect();
            self.ask(
                format!("Which nodes does {} act on?", parameter.label),
                vec![node(parameter), tab("forks")],
                "forks",
                format!("On {}: what reads it sends a part of its gradient back.", listed(&readers)),
                readers.first().cloned().unwrap_or_default(),
            );
        }
        if let Some(last) = document.nodes.iter().rfind(|node| node.role == Role::Loss && node.gradient.is_some()) {
            let gradient = last.gradient.as_ref().map_or(0.0, |gradient| gradient.mean);
            self.ask(
                "What is the gradient of the loss by itself?",
                vec![node(last), tab("gradient")],
                "gradient",
                format!("{gradient}: this is what the sweep begins with."),
                "",
            );
        }
    }
}

/// How many numbers a dropout sets to 0, and how many of these were 0 before. It is linear, so what it makes of ones is its mask.
fn forgotten(op: &dyn Op<f32>, x: &Tensor) -> Option<[usize; 2]> {
    let ones = Tensor::full(*x.shape(), 1.0);
    let probe = tensor::Probe::new(op, &[&ones], *x.shape(), None)?;
    let set = || probe.value().data().iter().zip(x.data()).filter(|(mask, _)| **mask == 0.0);
    Some([set().count(), set().filter(|(_, x)| **x == 0.0).count()])
}

/// The smallest and the largest step beside the length of its parameter.
fn ratios(updates: &[Update]) -> String {
    let measured = || updates.iter().filter(|update| update.before_l2 > 0.0);
    let by_ratio = |a: &&Update, b: &&Update| a.ratio.total_cmp(&b.ratio);
    let ends = (measured().min_by(by_ratio), measured().max_by(by_ratio));
    let mut text = match ends {
        (Some(least), Some(most)) if least.parameter != most.parameter => format!(
            "From {} of it ({}) to {} ({}).",
            short(least.ratio),
            least.parameter,
            short(most.ratio),
            most.parameter
        ),
        (Some(only), _) => format!("By {} of it.", short(only.ratio)),
        _ => String::new(),
    };
    let zero = updates.len() - measured().count();
    if zero > 0 {
        let were = if zero == 1 { "1 parameter was".into() } else { format!("{} parameters were", thousands(zero)) };
        text += &format!(" {were} 0 before, so that there is nothing to compare with.");
    }
    text.trim_start().into()
}

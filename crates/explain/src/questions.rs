//! Questions that a student can answer by looking, each within three actions. They are asked of what is in the page: a step
//! without a frozen network is not asked about one.

use crate::document::{Action, Document, NoGradient, Node, PhaseKind, Question, Role};
use crate::story::thousands;

/// So many at most.
const MOST: usize = 20;

/// The questions of a document that is complete but for them.
pub(crate) fn questions(document: &Document) -> Vec<Question> {
    let mut asked = Asked { document, questions: Vec::new() };
    asked.about_the_step();
    asked.about_nodes();
    asked.about_walls();
    asked.about_updates();
    asked.questions.truncate(MOST);
    asked.questions
}

struct Asked<'a> {
    document: &'a Document,
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

impl Asked<'_> {
    fn ask(
        &mut self,
        question: &str,
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

    fn find(&self, wanted: impl Fn(&Node) -> bool) -> Option<&'_ Node> {
        self.document.nodes.iter().find(|node| wanted(node))
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
            self.ask(
                "Where does the reverse sweep begin, and with which gradient?",
                vec![Action::Phase { phase: phase.id }],
                "timeline",
                "At the loss, with the gradient 1: the loss changes by as much as it changes.",
                &*first.text,
            );
        }
        self.ask(
            "Do the weights change in this step?",
            vec![Action::Key { key: "o".into() }],
            "header",
            "Yes: the hash of all weights before the step is another one than after it.",
            document.header.hash_after.chars().take(8).collect::<String>(),
        );
        let largest = document
            .nodes
            .iter()
            .filter(|node| node.role == Role::Parameter)
            .max_by_key(|node| (node.shape.iter().product::<usize>(), core::cmp::Reverse(node.id)));
        if let Some(parameter) = largest {
            let numbers = thousands(parameter.shape.iter().product());
            self.ask(
                "Which parameter has the most numbers?",
                vec![view("table"), node(parameter)],
                "value",
                format!("{}, with {numbers}.", parameter.label),
                "",
            );
        }
    }

    fn about_nodes(&mut self) {
        let document = self.document;
        let reached = |node: &&Node| node.gradient.is_some();
        let losses: Vec<&Node> = document.nodes.iter().filter(|node| node.role == Role::Loss).collect();
        for loss in losses.iter().take(2) {
            let network =
                document.phases.iter().find(|phase| loss.made.is_some_and(|made| phase.steps.contains(&made)));
            let whose = network.map_or_else(String::new, |phase| format!(" of the {}", phase.network));
            self.ask(
                &format!("How large is the loss{whose}?"),
                vec![node(loss), tab("value")],
                "value",
                format!("{}.", loss.value.mean),
                "",
            );
        }
        let products = ["conv2d", "matmul", "conv2d_input_grad"];
        if let Some(product) = document.nodes.iter().filter(reached).find(|node| products.contains(&&*node.op)) {
            let word = &document.dictionary[&product.op];
            self.ask(
                &format!("By which rule does a {} hand its gradient on?", product.op),
                vec![node(product), tab("rule")],
                "rule",
                &*word.rule,
                &*word.idea,
            );
            if let Some(saved) = &product.saved {
                self.ask(
                    &format!("What does a {} keep for the way back, and why?", product.op),
                    vec![node(product), tab("rule")],
                    "rule",
                    format!("{}. {}", saved.text, word.saved),
                    "",
                );
            }
            self.ask(
                "Which products and sums make one number of it?",
                vec![node(product), tab("numbers")],
                "numbers",
                product
                    .probes
                    .first()
                    .map_or_else(String::new, |probe| probe.value_expression.chars().take(120).collect()),
                "",
            );
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
        if let Some(fork) = document.nodes.iter().find(|node| node.contributions.len() > 1) {
            self.ask(
                "A value is used twice. What becomes of the two gradients that come back?",
                vec![node(fork), tab("forks")],
                "forks",
                "They are added: if a value acts on two ways, its effects add up.",
                "",
            );
        }
        let bends = ["leaky_relu", "tanh", "sigmoid", "softplus"];
        if let Some(bend) = document.nodes.iter().filter(reached).find(|node| bends.contains(&&*node.op)) {
            self.ask(
                "How much of the gradient does the activation let through, for one number?",
                vec![node(bend), tab("numbers")],
                "numbers",
                "The slope at that number: it stands in the worked gradient, times what came from above.",
                "",
            );
        }
        if let Some(dropped) = document.nodes.iter().find(|node| node.op == "dropout") {
            self.ask(
                "How many numbers did dropout forget?",
                vec![node(dropped), tab("value")],
                "value",
                format!("The share of zeros is {}.", dropped.value.zeros),
                "",
            );
        }
        if let Some(norm) = document.nodes.iter().find(|node| node.op == "batch_norm") {
            self.ask(
                "Why does the gradient of a batch normalisation have more than one term?",
                vec![node(norm), tab("rule")],
                "rule",
                "Each number also moves the mean and the variance of its channel, and through them all the others.",
                "",
            );
        }
    }

    fn about_walls(&mut self) {
        if let Some(frozen) = self.find(|node| node.no_gradient == Some(NoGradient::Frozen)) {
            let (action, text) = (node(frozen), frozen.no_gradient_text.clone().unwrap_or_default());
            self.ask(
                "Why does this weight of the discriminator get no gradient while the generator learns?",
                vec![action, tab("gradient")],
                "gradient",
                text,
                "frozen",
            );
        }
        if let Some(cut) = self.find(|node| node.no_gradient == Some(NoGradient::Cut) && node.role == Role::Input) {
            let (action, text) = (node(cut), cut.no_gradient_text.clone().unwrap_or_default());
            self.ask(
                "Why can the discriminator's loss not change the generator?",
                vec![action, tab("gradient")],
                "gradient",
                text,
                "cut",
            );
        }
        if let Some(data) = self.find(|node| node.no_gradient == Some(NoGradient::Constant)) {
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
                "The column of ratios tells: around a thousandth is usual.",
                &*document.updates[0].parameter,
            );
        }
        if let Some(path) =
            document.follow.iter().max_by_key(|path| (path.hops.len(), core::cmp::Reverse(path.parameter)))
        {
            let (first, last) = (path.hops.first(), path.hops.last());
            let [first, last] = [first, last].map(|hop| hop.map_or(0.0, |hop| hop.gradient_l2));
            self.ask(
                "Does the gradient vanish on its long way from the loss to the first layer?",
                vec![Action::Follow { node: path.parameter }],
                "follow",
                format!("It begins with length {first} and arrives with {last}: the curve shows it at every hop."),
                "",
            );
            let bias = document.nodes.iter().find(|node| node.role == Role::Parameter && node.label.ends_with(".bias"));
            if let Some(bias) = bias {
                self.ask(
                    "What is the gradient of a bias?",
                    vec![node(bias), tab("numbers")],
                    "numbers",
                    "The sum of the gradients of all numbers that it was added to.",
                    "",
                );
            }
        }
        if !document.what_if.is_empty() {
            self.ask(
                "For how long a step does the gradient keep its promise?",
                vec![view("whatif")],
                "whatif",
                "For small ones: there the loss lies on the straight line; later it bends away.",
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
        let parameters: Vec<&Node> = document.nodes.iter().filter(|node| node.role == Role::Parameter).collect();
        if let Some(parameter) = parameters.first() {
            self.ask(
                "How are the gradients of the first weight spread?",
                vec![node(parameter), tab("gradient")],
                "gradient",
                "The histogram tells: most are small, a few are large.",
                "",
            );
            self.ask(
                "In which order do nodes stand on a tape, and why?",
                vec![view("table")],
                "table",
                "In the order in which they were made: a node can only read what is there already. So the way back needs no sorting.",
                &*parameter.label,
            );
            self.ask(
                "Which nodes does the first parameter act on?",
                vec![node(parameter), tab("forks")],
                "forks",
                "Those that send a part of its gradient back.",
                "",
            );
        }
        if let Some(last) = document.nodes.iter().rfind(|node| node.role == Role::Loss) {
            self.ask(
                "What is the gradient of the loss by itself?",
                vec![node(last), tab("gradient")],
                "gradient",
                "1: this is what the sweep begins with.",
                "",
            );
        }
    }
}

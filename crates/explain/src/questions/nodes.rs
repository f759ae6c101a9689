//! Questions about single nodes.

use tensor::{Op, Tensor};

use super::{Asked, node, tab};
use crate::document::{Node, Role};
use crate::story::{listed, short, size_text, thousands};

impl Asked<'_> {
    pub(super) fn about_nodes(&mut self) {
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
            let what = if number.is_some() { "" } else { " with norms" };
            let sum_text = if number.is_some() { "" } else { " with norm" };
            self.ask(
                format!("A value is used {} times. What happens to the contributions to its gradient?", sent.len()),
                vec![node(fork), tab("forks")],
                "forks",
                format!(
                    "They are added: contributions{what} {} give a gradient{sum_text} {}.",
                    listed(&sent),
                    size_text(number, sum)
                ),
                "",
            );
        }
        self.about_an_activation();
        self.about_dropout();
        let norms = ["batch_norm", "instance_norm", "sync_batch_norm"];
        if let Some(norm) = document.nodes.iter().filter(reached).find(|node| norms.contains(&&*node.op)) {
            self.ask(
                format!("Why does the gradient of a {} have more than one term?", norm.op),
                vec![node(norm), tab("rule")],
                "rule",
                "Each element also changes the mean and the variance, and through them all other elements.",
                "",
            );
        }
    }

    fn about_a_product(&mut self, product: &Node) {
        let word = &self.document.dictionary[&product.op];
        self.ask(
            format!("What is the gradient rule of {}?", product.op),
            vec![node(product), tab("rule")],
            "rule",
            &*word.rule,
            &*word.idea,
        );
        if let Some(saved) = &product.saved {
            self.ask(
                format!("What does {} save for the reverse sweep, and why?", product.op),
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
                "Which products and sums give one of its elements?",
                vec![node(product), tab("numbers")],
                "numbers",
                format!("{start}{more}"),
                "",
            );
        }
        if let Some(check) = &product.check {
            self.ask(
                "How do we know that its rule is correct?",
                vec![node(product), tab("check")],
                "check",
                &*check.text,
                "",
            );
        }
        if let Some(file) = &product.file {
            self.ask(
                "Which line of code called it?",
                vec![node(product), tab("source")],
                "source",
                format!("{file}, line {}.", product.line.unwrap_or(0)),
                &**file,
            );
        }
    }

    /// The effect of an activation is shown at its input.
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
                format!("How much of the gradient does {} let through, for one element?", bend.op),
                vec![node(below), tab("numbers")],
                "numbers",
                format!(
                    "It multiplies the gradient by its slope. The gradient {} of its value becomes {}: the slope is {}.",
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
        let Some([set, already]) = dropped_elements(&**op, x) else { return };
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
            "How many elements did dropout set to 0?",
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
}

/// The number of elements that a dropout sets to 0, and how many of these were already 0. Its mask
/// is found by applying it to ones.
fn dropped_elements(op: &dyn Op<f32>, x: &Tensor) -> Option<[usize; 2]> {
    let ones = Tensor::full(*x.shape(), 1.0);
    let probe = tensor::Probe::new(op, &[&ones], *x.shape(), None)?;
    let set = || probe.value().data().iter().zip(x.data()).filter(|(mask, _)| **mask == 0.0);
    Some([set().count(), set().filter(|(_, x)| **x == 0.0).count()])
}

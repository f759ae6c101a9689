//! The optimiser's update of one parameter: its formulas ([`nn::Formulas`], by which the kernels are tested), and one element of it in
//! numbers.

use nn::optim::formula::{filled, lookup};
use tensor::worked::{Digits, evaluate};

use crate::document::{WorkedLine, WorkedUpdate};
use crate::probes::index;
use crate::recorder::{Memory, UpdateRecord};
use crate::story::short;
use crate::summary::l2;

/// `Adam, update 3`.
pub(crate) fn title(update: &UpdateRecord) -> String {
    let number = lookup(&update.formulas.constants, "t").unwrap_or_default();
    format!("{}, update {number}", update.formulas.rule.title())
}

/// The formulas, one a line.
pub(crate) fn formulas(update: &UpdateRecord) -> Vec<String> {
    update.formulas.lines.iter().map(ToString::to_string).collect()
}

/// `t = 1, rate = 0.1`.
pub(crate) fn constants(update: &UpdateRecord) -> String {
    let named = |(name, value): &(&str, f64)| format!("{name} = {}", Digits::Full.write(*value));
    update.formulas.constants.iter().map(named).collect::<Vec<_>>().join(", ")
}

/// The element with the largest gradient, line by line. Each line reads what the lines before have stored.
pub(crate) fn worked(update: &UpdateRecord) -> WorkedUpdate {
    let gradient = update.gradient.data();
    let size = |i: usize| gradient[i].abs();
    let at = (0..gradient.len()).reduce(|most, i| if size(i) > size(most) { i } else { most }).unwrap_or(0);
    let element = |tensor: &tensor::Tensor| f64::from(tensor.data()[at]);
    let symbols = update.formulas.rule.symbols();
    let memory = || symbols.iter().copied().zip(&update.memory);
    // Constants are written in full: 1 - beta2 is a difference of near numbers.
    let constants = &update.formulas.constants;
    let mut known = Vec::from([("g", element(&update.gradient)), ("theta", element(&update.before))]);
    let number = |known: &[(&'static str, f64)], name: &str| match lookup(known, name) {
        Some(x) => Some(Digits::Short.write(x)),
        None => lookup(constants, name).map(|x| Digits::Full.write(x)),
    };
    known.extend(memory().map(|(symbol, memory)| (symbol, element(&memory.before))));
    let stored: Vec<_> = memory().map(|(symbol, memory)| (symbol, element(&memory.after))).collect();
    let stored = |target: &str| if target == "theta" { Some(element(&update.after)) } else { lookup(&stored, target) };
    let line = |line: &nn::optim::formula::Line| {
        let expression = filled(line.formula, |name| number(&known, name)).unwrap_or_default();
        let value = evaluate(&expression).unwrap_or(f64::NAN);
        let stored = stored(line.target);
        known.push((line.target, stored.unwrap_or(value)));
        let rest = stored.map_or(0.0, |stored| stored - value);
        WorkedLine { target: line.target.into(), expression, value, stored: stored.map(|x| x as f32), rest }
    };
    let lines = update.formulas.lines.iter().map(line).collect();
    let why = if gradient.len() == 1 { "its only number" } else { "largest gradient" };
    WorkedUpdate { index: index(update.before.shape(), at), why: why.into(), lines }
}

/// What the rule remembers of the parameter.
pub(crate) fn state(update: &UpdateRecord) -> String {
    let kept = |(symbol, _): &(&str, &Memory)| update.formulas.lines.iter().any(|line| line.target == *symbol);
    let memory: Vec<String> = (update.formulas.rule.symbols().iter().copied().zip(&update.memory))
        .filter(kept)
        .map(|(symbol, memory)| {
            format!("the {} {symbol} has length {}", memory.name.replace('_', " "), short(l2(&memory.after)))
        })
        .collect();
    if memory.is_empty() {
        "The rule needs no memory of earlier gradients.".into()
    } else {
        format!("What it remembers now: {}.", memory.join("; "))
    }
}

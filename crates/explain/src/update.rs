//! The optimiser's update of one parameter: its formulas ([`nn::Formulas`]), and one element in
//! numbers.

use nn::optim::formula::{filled, lookup};
use tensor::arithmetic::{Digits, evaluate};

use crate::document::{WorkedLine, WorkedUpdate};
use crate::probes::index;
use crate::recorder::{SlotRecord, UpdateRecord};
use crate::story::short;
use crate::summary::l2;

/// `Adam, update 3`.
pub(crate) fn title(update: &UpdateRecord) -> String {
    let number = lookup(&update.formulas.constants, "t").unwrap_or_default();
    format!("{}, update {number}", update.formulas.rule.title())
}

/// The formulas, one per line.
pub(crate) fn formulas(update: &UpdateRecord) -> Vec<String> {
    update.formulas.lines.iter().map(ToString::to_string).collect()
}

/// `t = 1, rate = 0.1`.
pub(crate) fn constants(update: &UpdateRecord) -> String {
    let named = |(name, value): &(&str, f64)| format!("{name} = {}", Digits::Full.write(*value));
    update.formulas.constants.iter().map(named).collect::<Vec<_>>().join(", ")
}

/// The update of the element with the largest gradient, line by line. Each line reads the values
/// that the lines before it have stored.
pub(crate) fn worked(update: &UpdateRecord) -> WorkedUpdate {
    let gradient = update.gradient.data();
    let size = |i: usize| gradient[i].abs();
    let at = (0..gradient.len()).reduce(|most, i| if size(i) > size(most) { i } else { most }).unwrap_or(0);
    let element = |tensor: &tensor::Tensor| f64::from(tensor.data()[at]);
    // Constants are written with all digits, because 1 - beta2 is a difference of nearly equal
    // numbers.
    let constants = &update.formulas.constants;
    let mut known = Vec::from([("g", element(&update.gradient)), ("theta", element(&update.before))]);
    let number = |known: &[(&'static str, f64)], name: &str| match lookup(known, name) {
        Some(x) => Some(Digits::Short.write(x)),
        None => lookup(constants, name).map(|x| Digits::Full.write(x)),
    };
    known.extend(update.state.iter().map(|state| (state.slot.symbol, element(&state.before))));
    let stored: Vec<_> = update.state.iter().map(|state| (state.slot.symbol, element(&state.after))).collect();
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

/// The optimiser's state of the parameter after the update, in one sentence.
pub(crate) fn state(update: &UpdateRecord) -> String {
    let used = |state: &&SlotRecord| update.formulas.lines.iter().any(|line| line.target == state.slot.symbol);
    let norm = |state: &SlotRecord| {
        format!(
            "the norm of the {} {} is {}",
            state.slot.name.replace('_', " "),
            state.slot.symbol,
            short(l2(&state.after))
        )
    };
    let norms: Vec<String> = update.state.iter().filter(used).map(norm).collect();
    if norms.is_empty() {
        "The rule keeps no state.".into()
    } else {
        format!("State after the update: {}.", norms.join("; "))
    }
}

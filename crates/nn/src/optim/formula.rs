//! [`Formulas`]: an update as formulas over named numbers.
//!
//! They stand here once. `nn/tests/formulas.rs` evaluates them in `f64` and compares them with what the kernels make of the
//! weights, for every rule with every option; the teaching page prints them and fills in the numbers of a real step; a test
//! of the guide looks for them in its chapter.

use tensor::worked::evaluate;

use super::Rule;

/// `target <- formula`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The number that it sets: the gradient `g`, the parameter `theta`, what the rule remembers (`m`, `v`, `s`), or a name for
    /// a part of a formula.
    pub target: &'static str,
    /// In the grammar of [`tensor::worked`], over the targets and the [constants](Formulas::constants).
    pub formula: &'static str,
}

impl core::fmt::Display for Line {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} <- {}", self.target, self.formula)
    }
}

const fn line(target: &'static str, formula: &'static str) -> Line {
    Line { target, formula }
}

/// The step size of update t, from 1, under a decay.
pub(super) const DECAY: Line = line("rate", "rate / (1 + decay * (t - 1))");
/// Gradients that are shortened together; `length` is that of all of them as one vector.
pub(super) const CLIP_NORM: Line = line("g", "g * min(1, clip_norm / (length + 1e-6))");
/// A gradient whose elements are bounded.
pub(super) const CLIP: Line = line("g", "max(-clip, min(clip, g))");
/// A gradient with the slope of weight_decay / 2 * theta^2.
pub(super) const WEIGHT_DECAY: Line = line("g", "g + weight_decay * theta");

const RMS_PROP: &[Line] =
    &[line("s", "rho * s + (1 - rho) * g^2"), line("theta", "theta - rate * g / (sqrt(s) + epsilon)")];
const ADAM: &[Line] = &[
    line("m", "beta1 * m + (1 - beta1) * g"),
    line("v", "beta2 * v + (1 - beta2) * g^2"),
    line("mh", "m / (1 - beta1^t)"),
    line("vh", "v / (1 - beta2^t)"),
    line("theta", "theta - rate * mh / (sqrt(vh) + epsilon)"),
];
const ADAM_TF: &[Line] = &[
    line("m", "beta1 * m + (1 - beta1) * g"),
    line("v", "beta2 * v + (1 - beta2) * g^2"),
    line("step", "rate * sqrt(1 - beta2^t) / (1 - beta1^t)"),
    line("theta", "theta - step * m / (sqrt(v) + epsilon)"),
];
const PLAIN: &[Line] = &[line("theta", "theta - rate * g")];
const MOMENTUM: &[Line] = &[line("v", "momentum * v + g"), line("theta", "theta - rate * v")];
const NESTEROV: &[Line] = &[line("v", "momentum * v + g"), line("theta", "theta - rate * (g + momentum * v)")];

impl Rule {
    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Rule::RmsProp { .. } => "RMSprop",
            Rule::Adam { .. } => "Adam",
            Rule::AdamTf { .. } => "Adam as TensorFlow and Keras write it",
            Rule::Sgd { momentum: 0.0, .. } => "Gradient descent",
            Rule::Sgd { nesterov: false, .. } => "Momentum",
            Rule::Sgd { nesterov: true, .. } => "Nesterov's momentum",
        }
    }

    /// Its formulas.
    pub fn lines(self) -> &'static [Line] {
        match self {
            Rule::RmsProp { .. } => RMS_PROP,
            Rule::Adam { .. } => ADAM,
            Rule::AdamTf { .. } => ADAM_TF,
            // Without momentum the velocity is the gradient.
            Rule::Sgd { momentum: 0.0, .. } => PLAIN,
            Rule::Sgd { nesterov: false, .. } => MOMENTUM,
            Rule::Sgd { nesterov: true, .. } => NESTEROV,
        }
    }

    /// Its constants, by their names in the formulas.
    pub(super) fn constants(self) -> Vec<(&'static str, f64)> {
        match self {
            Rule::RmsProp { rho, epsilon } => vec![("rho", rho), ("epsilon", epsilon)],
            Rule::Adam { beta1, beta2, epsilon } | Rule::AdamTf { beta1, beta2, epsilon } => {
                vec![("beta1", beta1), ("beta2", beta2), ("epsilon", epsilon)]
            }
            Rule::Sgd { momentum: 0.0, .. } => vec![],
            Rule::Sgd { momentum, .. } => vec![("momentum", momentum)],
        }
    }

    /// The names in the formulas of what it remembers, in the order in which it is stored.
    pub fn symbols(self) -> &'static [&'static str] {
        match self {
            Rule::RmsProp { .. } => &["s"],
            Rule::Adam { .. } | Rule::AdamTf { .. } => &["m", "v"],
            Rule::Sgd { .. } => &["v"],
        }
    }
}

/// One update: what happens to each element of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Formulas {
    /// The rule.
    pub rule: Rule,
    /// Its lines and those of the options that are set, in order.
    pub lines: Vec<Line>,
    /// The numbers that are the same for all elements, `t` and `rate` among them.
    pub constants: Vec<(&'static str, f64)>,
}

impl Formulas {
    /// What the lines make of one element. `start` has `g`, `theta` and [what the rule remembers](Rule::symbols); the result has
    /// what each line sets, in order. None if a formula names a number that is not there.
    pub fn evaluate(&self, start: &[(&'static str, f64)]) -> Option<Vec<(&'static str, f64)>> {
        let mut known: Vec<(&str, f64)> = self.constants.iter().chain(start).copied().collect();
        let mut set = Vec::new();
        for line in &self.lines {
            let full = |x: f64| tensor::worked::Digits::Full.write(x);
            let value = evaluate(&filled(line.formula, |name| lookup(&known, name).map(full))?)?;
            known.push((line.target, value));
            set.push((line.target, value));
        }
        Some(set)
    }
}

/// The number that was given to a name last.
pub fn lookup(known: &[(&str, f64)], name: &str) -> Option<f64> {
    known.iter().rev().find(|(other, _)| *other == name).map(|(_, value)| *value)
}

/// A formula with numbers for its names, negative ones in brackets. None if `number` does not know a name.
pub fn filled(formula: &str, number: impl Fn(&str) -> Option<String>) -> Option<String> {
    let (mut text, mut rest) = (String::new(), formula);
    while let Some(at) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        text += &rest[..at];
        let end = rest[at..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'));
        let (word, after) = rest[at..].split_at(end.unwrap_or(rest.len() - at));
        rest = after;
        // Numbers, with the sign of their exponent, and functions stay.
        let name = word.starts_with(|c: char| c.is_ascii_alphabetic()) && !rest.starts_with('(');
        match name {
            false => text += word,
            true => {
                let number = number(word)?;
                text += &if number.starts_with('-') { format!("({number})") } else { number };
            }
        }
    }
    Some(text + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in_and_nothing_else() {
        let number = |name: &str| match name {
            "g" => Some("-2".into()),
            "beta1" => Some("0.5".into()),
            "clip_norm" => Some("1e-7".into()),
            _ => None,
        };
        let text = filled("beta1 * g^2 + min(1, clip_norm / (sqrt(g) + 1e-6))", number);
        assert_eq!(text.as_deref(), Some("0.5 * (-2)^2 + min(1, 1e-7 / (sqrt((-2)) + 1e-6))"));
        assert_eq!(filled("g - rate", number), None);
    }
}

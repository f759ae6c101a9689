//! [`Formulas`]: an update as formulas over named numbers.
//!
//! The formulas of the rules are declared in [`kernels::optimizer`], those of an optimiser's
//! options here. `nn/tests/formulas.rs` evaluates them in `f64` for every rule with every option,
//! and compares the results with the weights that the kernels compute. The page of `train explain`
//! prints them and fills in the numbers of a real step, and a test of the guide requires them in
//! its chapter.

pub use kernels::optimizer::Line;
use tensor::arithmetic::evaluate;

use super::UpdateRule;

/// The step size of update t = 1, 2, ... with a decay.
pub(super) const DECAY: Line = Line::new("rate", "rate / (1 + decay * (t - 1))");
/// Clipping by the norm; `length` is the norm of all gradients of the update, as one vector.
pub(super) const CLIP_NORM: Line = Line::new("g", "g * min(1, clip_norm / (length + 1e-6))");
/// Clipping of each element.
pub(super) const CLIP: Line = Line::new("g", "max(-clip, min(clip, g))");
/// The gradient of weight_decay / 2 * theta^2, added.
pub(super) const WEIGHT_DECAY: Line = Line::new("g", "g + weight_decay * theta");

/// One update of one element of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Formulas {
    /// The rule.
    pub rule: UpdateRule,
    /// The lines of the options that are set, then those of the rule.
    pub lines: Vec<Line>,
    /// The numbers that are the same for all elements, `t` and `rate` among them.
    pub constants: Vec<(&'static str, f64)>,
}

impl Formulas {
    /// Evaluates the lines for one element, from `start`: `g`, `theta` and the
    /// [state](UpdateRule::state) by its symbols. Returns what each line sets, in order; None if a
    /// formula uses an unknown name.
    pub fn evaluate(&self, start: &[(&'static str, f64)]) -> Option<Vec<(&'static str, f64)>> {
        let mut known: Vec<(&str, f64)> = self.constants.iter().chain(start).copied().collect();
        let mut set = Vec::new();
        for line in &self.lines {
            let full = |x: f64| tensor::arithmetic::Digits::Full.write(x);
            let value = evaluate(&filled(line.formula, |name| lookup(&known, name).map(full))?)?;
            known.push((line.target, value));
            set.push((line.target, value));
        }
        Some(set)
    }
}

/// The last number with this name.
pub fn lookup(known: &[(&str, f64)], name: &str) -> Option<f64> {
    known.iter().rev().find(|(other, _)| *other == name).map(|(_, value)| *value)
}

/// The formula with each name replaced by its number, negative ones in brackets. None if `number`
/// returns None for a name.
pub fn filled(formula: &str, number: impl Fn(&str) -> Option<String>) -> Option<String> {
    let (mut text, mut rest) = (String::new(), formula);
    while let Some(at) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        text += &rest[..at];
        let end = rest[at..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'));
        let (word, after) = rest[at..].split_at(end.unwrap_or(rest.len() - at));
        rest = after;
        // Numbers and functions are kept.
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

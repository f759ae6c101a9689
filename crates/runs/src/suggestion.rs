//! Suggestions for mistyped names.

use datasets::nearest;

/// A help line for a mistyped name: the most similar name, or all of them.
pub fn suggestion(name: &str, candidates: &[&str]) -> String {
    match nearest(name, candidates.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("choose one of: {}", candidates.join(", ")),
    }
}

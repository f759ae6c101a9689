//! The figures of chapter 11.

use super::Figure;

pub(super) fn figures() -> Vec<Figure> {
    Vec::new()
}

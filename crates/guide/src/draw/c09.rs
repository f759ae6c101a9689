//! The figures of chapter 9.

use super::Figure;

pub(super) fn figures() -> Vec<Figure> {
    Vec::new()
}

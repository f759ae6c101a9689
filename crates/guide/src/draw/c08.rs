//! The figures of chapter 8.

use super::Figure;

pub(super) fn figures() -> Vec<Figure> {
    Vec::new()
}

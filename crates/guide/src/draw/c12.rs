//! The figures of chapter 12.

use super::Figure;

pub(super) fn figures() -> Vec<Figure> {
    Vec::new()
}

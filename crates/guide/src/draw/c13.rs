//! The figures of chapter 13.

use super::Figure;

pub(super) fn figures() -> Vec<Figure> {
    Vec::new()
}

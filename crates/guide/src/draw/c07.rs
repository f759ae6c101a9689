//! The figures of chapter 7.

use super::Figure;

pub(super) fn figures() -> Vec<Figure> {
    Vec::new()
}

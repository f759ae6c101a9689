//! The figures of chapter 6.

use super::Figure;

pub(super) fn figures() -> Vec<Figure> {
    Vec::new()
}

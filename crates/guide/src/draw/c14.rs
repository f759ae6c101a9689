//! The figures of chapter 14.

use super::Figure;

pub(super) fn figures() -> Vec<Figure> {
    Vec::new()
}

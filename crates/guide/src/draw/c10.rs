//! The figures of chapter 10.

use super::Figure;

pub(super) fn figures() -> Vec<Figure> {
    Vec::new()
}

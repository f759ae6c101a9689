//! Boxes of a graph: a value above, a gradient below.

use super::canvas::{Anchor, Canvas, Stroke, color};

/// Width and height of a box.
pub(super) const BOX: [f64; 2] = [108.0, 52.0];

/// A box around `center` with the name of the node in bold letters, and `told` below it, if it is
/// not empty.
pub(super) fn node(canvas: &mut Canvas, center: [f64; 2], name: &str, told: &str) {
    let at = [center[0] - BOX[0] / 2.0, center[1] - BOX[1] / 2.0];
    canvas.rectangle(at, BOX, color::VALUE_FILL, Stroke::new(color::INK).width(1.0));
    let up = if told.is_empty() { 5.0 } else { -4.0 };
    canvas.text([center[0], center[1] + up], Anchor::Middle, 15.0, color::INK, name);
    canvas.text([center[0], center[1] + 15.0], Anchor::Middle, 13.0, color::VALUE, told);
}

/// The gradient of a node, below its box.
pub(super) fn gradient(canvas: &mut Canvas, center: [f64; 2], text: &str) {
    canvas.text([center[0], center[1] + BOX[1] / 2.0 + 17.0], Anchor::Middle, 13.0, color::GRADIENT, text);
}

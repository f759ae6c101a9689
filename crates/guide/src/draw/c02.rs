//! The figures of chapter 2.

use super::Figure;
use super::canvas::{Anchor, Canvas, Stroke, color};

pub(super) fn figures() -> Vec<Figure> {
    vec![Figure { name: "c02_tape", svg: tape() }]
}

fn tape() -> String {
    let mut canvas = Canvas::new(560.0, 250.0);
    let rows = [("variable x", "", "2"), ("variable y", "", "3"), ("mul", "0, 1", "6"), ("add", "2, 0", "8")];
    let height = |row: usize| 66.0 + 46.0 * row as f64;
    for (x, name) in [(92.0, "node"), (146.0, "op"), (270.0, "inputs"), (350.0, "value")] {
        canvas.text([x, 30.0], Anchor::Start, 13.0, color::QUIET, name);
    }
    for (row, (op, inputs, value)) in rows.into_iter().enumerate() {
        let y = height(row);
        canvas.rectangle([80.0, y - 24.0], [340.0, 38.0], color::VALUE_FILL, Stroke::new(color::INK).width(1.0));
        canvas.text([100.0, y], Anchor::Start, 15.0, color::INK, &row.to_string());
        canvas.text([146.0, y], Anchor::Start, 15.0, color::INK, op);
        canvas.text([270.0, y], Anchor::Start, 15.0, color::INK, inputs);
        canvas.text([350.0, y], Anchor::Start, 15.0, color::VALUE, value);
    }
    // From each row back to its inputs; longer arrows are further out.
    let arrows = [(2, 1, 440.0), (2, 0, 464.0), (3, 2, 440.0), (3, 0, 490.0)];
    for (user, used, out) in arrows {
        let (from, to) = (height(user) - 10.0 + 6.0 * f64::from(user == 3), height(used) - 3.0 - (out - 464.0) / 4.0);
        let stroke = Stroke::new(color::VALUE).width(1.5);
        canvas.path(&[[420.0, from], [out, from], [out, to]], stroke);
        canvas.arrow([out, to], [421.0, to], stroke);
    }
    canvas.text([500.0, height(1)], Anchor::Start, 13.0, color::QUIET, "every");
    canvas.text([500.0, height(1) + 16.0], Anchor::Start, 13.0, color::QUIET, "arrow");
    canvas.text([500.0, height(1) + 32.0], Anchor::Start, 13.0, color::QUIET, "goes up");
    canvas.finish("The tape of z = x y + x")
}

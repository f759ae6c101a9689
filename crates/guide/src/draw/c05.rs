//! The figure of chapter 5.

use super::{Anchor, Canvas, Figure, Stroke, color};

pub(super) fn figures() -> Vec<Figure> {
    vec![Figure { name: "c05_order", svg: order() }]
}

/// What is carried from layer to layer, drawn to scale: from the loss a vector, from the inputs a
/// matrix.
fn order() -> String {
    const WIDTHS: [usize; 5] = [784, 800, 400, 100, 1];
    let scaled = |length: usize| (length as f64 / 10.0).max(2.0);
    let center = |i: usize| 75.0 + 125.0 * i as f64;
    let mut canvas = Canvas::new(640.0, 300.0);

    let mut row =
        |y: f64, title: &str, height: usize, [fill, line]: [&'static str; 2], steps: Vec<(usize, usize, usize)>| {
            let half = scaled(height) / 2.0;
            let all: usize = steps.iter().map(|(_, _, products)| products).sum();
            let title = format!("{title}: {} multiplications", thousands(all));
            canvas.text([20.0, y - half - 16.0], Anchor::Start, 14.0, line, &title);
            for (i, width) in WIDTHS.into_iter().enumerate() {
                let size = [scaled(width), scaled(height)];
                // From the inputs, the first Jacobian is the start, so nothing is carried before
                // it.
                if height == 1 || i > 0 {
                    let at = [center(i) - size[0] / 2.0, y - size[1] / 2.0];
                    canvas.rectangle(at, size, fill, Stroke::new(line).width(1.0));
                    let label = format!("{height} × {width}");
                    canvas.text([center(i), y + half + 18.0], Anchor::Middle, 12.0, color::INK, &label);
                }
            }
            for (from, to, products) in steps {
                let toward = if to > from { 1.0 } else { -1.0 };
                let middle = (center(from) + center(to)) / 2.0;
                canvas.arrow([middle - 11.0 * toward, y], [middle + 11.0 * toward, y], Stroke::new(line));
                let words = thousands(products);
                canvas.text([middle, y + half + 38.0], Anchor::Middle, 12.0, line, &words);
            }
        };
    let back = (0..4).map(|i| (i + 1, i, WIDTHS[i] * WIDTHS[i + 1])).collect();
    row(46.0, "from the loss, one vector", 1, [color::GRADIENT_FILL, color::GRADIENT], back);
    let front = (1..4).map(|i| (i, i + 1, WIDTHS[0] * WIDTHS[i] * WIDTHS[i + 1])).collect();
    row(205.0, "from the inputs, a row for each of the 784", 784, [color::VALUE_FILL, color::VALUE], front);
    canvas.finish("What is carried through a chain of layers, and the multiplications of each step, in both orders")
}

/// A number with thousands separators.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut parts: Vec<&str> =
        digits.as_bytes().rchunks(3).map(|part| core::str::from_utf8(part).expect("digits")).collect();
    parts.reverse();
    parts.join(",")
}

//! The figures of chapter 14.

use super::Figure;
use super::canvas::{Anchor, Canvas, Stroke, color};

pub(super) fn figures() -> Vec<Figure> {
    vec![Figure { name: "c14_lanes", svg: lanes() }]
}

const SIDE: f64 = 34.0;

/// A term of a sum.
fn product(canvas: &mut Canvas, at: [f64; 2], text: &str) {
    canvas.rectangle(at, [SIDE - 6.0, SIDE - 10.0], "#ffffff", Stroke::new(color::INK).width(1.2));
    canvas.text([at[0] + SIDE / 2.0 - 3.0, at[1] + 16.5], Anchor::Middle, 12.0, color::INK, text);
}

/// One vector across four sums, which keep their order, and one along a single sum, which does not.
fn lanes() -> String {
    let mut canvas = Canvas::new(660.0, 330.0);
    let down = Stroke::new(color::VALUE).width(1.5);
    canvas.text([20.0, 24.0], Anchor::Start, 14.0, color::INK, "right: lanes across outputs");
    let at = |lane: usize, k: usize| [50.0 + 62.0 * lane as f64, 62.0 + 40.0 * k as f64];
    canvas.rectangle([38.0, at(0, 2)[1] - 6.0], [246.0, 36.0], color::VALUE_FILL, Stroke::new(color::VALUE).dashed());
    for lane in 0..4 {
        for k in 0..5 {
            product(&mut canvas, at(lane, k), &format!("k{k}"));
            let [x, y] = at(lane, k);
            canvas.arrow([x + 14.0, y + 25.0], [x + 14.0, y + 39.0], down);
        }
        let [x, y] = at(lane, 5);
        canvas.text([x + 14.0, y + 14.0], Anchor::Middle, 14.0, color::VALUE, &format!("c{lane}"));
        canvas.text([x + 14.0, 52.0], Anchor::Middle, 12.0, color::QUIET, &format!("lane {lane}"));
    }
    canvas.text([20.0, 312.0], Anchor::Start, 13.0, color::VALUE, "one instruction: step k2 of four sums");

    canvas.text([370.0, 24.0], Anchor::Start, 14.0, color::INK, "wrong: lanes along one sum");
    let at = |lane: usize, k: usize| [386.0 + 62.0 * lane as f64, 62.0 + 44.0 * k as f64];
    for lane in 0..4 {
        for k in 0..2 {
            product(&mut canvas, at(lane, k), &format!("k{}", 4 * k + lane));
            let [x, y] = at(lane, k);
            let stroke = Stroke::new(color::GRADIENT).width(1.5);
            let to = if k == 0 { [x + 14.0, y + 43.0] } else { [386.0 + 107.0, 206.0] };
            canvas.arrow([x + 14.0, y + 25.0], to, stroke);
        }
        canvas.text([at(lane, 0)[0] + 14.0, 52.0], Anchor::Middle, 12.0, color::QUIET, &format!("lane {lane}"));
    }
    canvas.text([493.0, 226.0], Anchor::Middle, 14.0, color::GRADIENT, "c0 = (k0+k4) + (k1+k5) + ...");
    canvas.text([370.0, 312.0], Anchor::Start, 13.0, color::GRADIENT, "different bits for each vector width");
    canvas.finish(
        "Vector lanes across four sums, which keep their order, and lanes along one sum, which change its order",
    )
}

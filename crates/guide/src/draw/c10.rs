//! The figures of chapter 10.

use tensor::{Options, Tape, Tensor, vjp};

use super::canvas::{Anchor, Canvas, Stroke, color};
use super::{Figure, Plot};

pub(super) fn figures() -> Vec<Figure> {
    vec![Figure { name: "c10_projection", svg: projection() }]
}

/// The incoming gradient against x, the straight line that is subtracted, and the residual, which
/// the op computes.
fn projection() -> String {
    let x = [-2.0_f64, -1.4, -0.9, -0.2, 0.3, 0.8, 1.5, 1.9];
    let gy = [0.4, -0.9, 0.5, 0.1, 1.6, 0.2, 1.9, 1.0];
    let tape = Tape::new();
    let row = |numbers: &[f64]| tape.variable("x", Tensor::new(&[numbers.len()], numbers.to_vec()));
    let input = row(&x);
    let (y, statistics) = input.reshape([8, 1]).batch_norm(&row(&[1.0]), &row(&[0.0]), 0.0);
    let gx = vjp(&y, &Tensor::new(&[8, 1], gy.to_vec()).into(), &[input], Options::default()).remove(0);
    let deviation = statistics.variance.item().sqrt();

    let mut canvas = Canvas::new(670.0, 320.0);
    let plot = Plot { at: [60.0, 36.0], size: [350.0, 230.0], x: [-2.4, 2.4], y: [-1.4, 2.4] };
    plot.frame(&mut canvas, [&[-2.0, -1.0, 0.0, 1.0, 2.0], &[-1.0, 0.0, 1.0, 2.0]], ["x", "gy"]);
    // The gradient that the op computes, times the standard deviation, is the distance from the
    // line.
    let line = |i: usize| gy[i] - deviation * gx.value().data()[i];
    let slope = (line(7) - line(0)) / (x[7] - x[0]);
    plot.graph(&mut canvas, |at| line(0) + slope * (at - x[0]), Stroke::new(color::QUIET).dashed());
    for (i, (x, gy)) in x.into_iter().zip(gy).enumerate() {
        canvas.arrow(plot.place(x, line(i)), plot.place(x, gy), Stroke::new(color::GRADIENT));
        canvas.disc(plot.place(x, gy), 4.5, color::VALUE);
    }
    let mut note = |at: f64, color: &str, text: &str| canvas.text([430.0, at], Anchor::Start, 13.0, color, text);
    note(80.0, color::VALUE, "discs: gy");
    note(130.0, color::QUIET, "dashed: mean(gy) + xh mean(gy xh):");
    note(148.0, color::QUIET, "the components along the directions in");
    note(166.0, color::QUIET, "which the loss cannot change");
    note(216.0, color::GRADIENT, "arrows: the residual,");
    note(234.0, color::GRADIENT, "times gamma / s: gx");
    canvas.finish("The incoming gradient, the straight line that is subtracted from it, and the residual")
}

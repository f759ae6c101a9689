//! The figures of chapter 3.

use super::canvas::{Anchor, Canvas, Stroke, color};
use super::{Figure, Plot, graph};

pub(super) fn figures() -> Vec<Figure> {
    vec![Figure { name: "c03_chain", svg: chain() }, Figure { name: "c03_steps", svg: steps() }]
}

fn chain() -> String {
    let mut canvas = Canvas::new(660.0, 170.0);
    let x: f64 = 1.5;
    let values = [x, x * x, (x * x).ln(), 2.0 * (x * x).ln()];
    let slopes = [2.0 * x, 1.0 / (x * x), 2.0];
    let names = ["x", "square", "log", "times 2"];
    let center = |i: usize| [80.0 + 166.0 * i as f64, 50.0];
    for i in 0..4 {
        graph::node(&mut canvas, center(i), names[i], &short(values[i]));
    }
    for (i, slope) in slopes.into_iter().enumerate() {
        let (from, to) = (center(i)[0] + 54.0, center(i + 1)[0] - 54.0);
        canvas.arrow([from, 42.0], [to, 42.0], Stroke::new(color::VALUE));
        canvas.arrow([to, 62.0], [from, 62.0], Stroke::new(color::GRADIENT).dashed());
        canvas.text(
            [(from + to) / 2.0, 94.0],
            Anchor::Middle,
            13.0,
            color::GRADIENT,
            &format!("slope {}", short(slope)),
        );
    }
    let product = slopes.iter().product();
    let [a, b, c] = slopes.map(short);
    let told = format!("slope of the chain: {a} * {b} * {c} = {}", short(product));
    canvas.text([330.0, 140.0], Anchor::Middle, 15.0, color::GRADIENT, &told);
    canvas.finish("A chain of operations, their values, their slopes, and the product of the slopes")
}

fn short(x: f64) -> String {
    format!("{}", (x * 1000.0).round() / 1000.0)
}

fn steps() -> String {
    let mut canvas = Canvas::new(640.0, 330.0);
    let plot = Plot { at: [70.0, 44.0], size: [540.0, 226.0], x: [-13.0, 0.0], y: [-13.0, 0.0] };
    let ticks: &[f64] = &[-12.0, -9.0, -6.0, -3.0, 0.0];
    plot.frame(&mut canvas, [ticks, ticks], ["step h, as a power of ten", "error, as a power of ten"]);
    // The figure shows rounding noise, which must be the same on every machine: only operations
    // that IEEE 754 rounds exactly.
    let cube = |x: f64| x * x * x;
    let error = |h: f64| {
        let one_sided = (cube(1.0 + h) - cube(1.0)) / h - 3.0;
        let central = (cube(1.0 + h) - cube(1.0 - h)) / (2.0 * h) - 3.0;
        // The error of a step may happen to be 0, which the frame cuts off.
        [one_sided, central].map(|error| error.abs().max(1e-16).log10())
    };
    let steps: Vec<f64> = (1..=13).rev().flat_map(|k| [1.0, 1.778, 3.162, 5.623].map(|m| m * tenth(k))).collect();
    let points = |which: usize| steps.iter().map(move |h| [h.log10(), error(*h)[which]]);
    plot.curve(&mut canvas, points(0), Stroke::new(color::GRADIENT).dashed());
    plot.curve(&mut canvas, points(1), Stroke::new(color::VALUE).width(2.5));
    canvas.text([602.0, 20.0], Anchor::End, 13.0, color::GRADIENT, "dashed: one-sided");
    canvas.text([602.0, 37.0], Anchor::End, 13.0, color::VALUE, "solid: central");
    let [x, y] = plot.place(-11.6, -1.2);
    canvas.text([x, y], Anchor::Start, 13.0, color::QUIET, "h too small: rounding");
    let [x, y] = plot.place(-0.3, -11.2);
    canvas.text([x, y], Anchor::End, 13.0, color::QUIET, "h too large: curvature");
    canvas.finish("Error of difference quotients of the cube at 1 against the step")
}

/// 10 to the power -k.
fn tenth(k: u32) -> f64 {
    1.0 / (0..k).fold(1.0, |power, _| power * 10.0)
}

//! The figures of chapter 4.

use super::canvas::{Anchor, Canvas, Stroke, color};
use super::{Figure, Plot, graph};

pub(super) fn figures() -> Vec<Figure> {
    vec![Figure { name: "c04_fork", svg: fork() }, Figure { name: "c04_paths", svg: paths() }]
}

fn fork() -> String {
    let mut canvas = Canvas::new(680.0, 320.0);
    let (x, y) = ([80.0, 80.0], [80.0, 220.0]);
    let (xx, xy, sum, loss) = ([300.0, 80.0], [300.0, 220.0], [458.0, 150.0], [616.0, 150.0]);
    let half = graph::BOX[0] / 2.0;
    let mut link = |from: [f64; 2], to: [f64; 2], share: &str, at: [f64; 2]| {
        let (start, end) = ([from[0] + half, from[1]], [to[0] - half, to[1]]);
        canvas.arrow(start, end, Stroke::new(color::VALUE));
        let down = |[x, y]: [f64; 2]| [x, y + 11.0];
        canvas.arrow(down(end), down(start), Stroke::new(color::GRADIENT).dashed().width(1.5));
        canvas.text(at, Anchor::Middle, 13.0, color::GRADIENT, share);
    };
    link(x, xx, "(2 + 2) * 3 = 12", [190.0, 68.0]);
    link(x, xy, "3 * 3 = 9", [228.0, 142.0]);
    link(y, xy, "2 * 3 = 6", [190.0, 252.0]);
    link(xx, sum, "3", [394.0, 104.0]);
    link(xy, sum, "3", [394.0, 208.0]);
    link(sum, loss, "3", [537.0, 140.0]);
    for (center, name, value) in [
        (x, "x", "2"),
        (y, "y", "3"),
        (xx, "x * x", "4"),
        (xy, "x * y", "6"),
        (sum, "add", "10"),
        (loss, "times 3", "30"),
    ] {
        graph::node(&mut canvas, center, name, value);
    }
    let above = [x[0], x[1] - 74.0];
    graph::gradient(&mut canvas, above, "12 + 9 = 21");
    for (center, told) in [(y, "6"), (xx, "3"), (xy, "3"), (sum, "3"), (loss, "1")] {
        graph::gradient(&mut canvas, center, told);
    }
    canvas.text(
        [340.0, 302.0],
        Anchor::Middle,
        13.0,
        color::INK,
        "solid: values go forward.  dashed: each use passes back its gradient times the local slope.",
    );
    canvas.finish("The sweep over 3 (x x + x y), with both contributions to the gradient of x")
}

fn paths() -> String {
    let mut canvas = Canvas::new(640.0, 300.0);
    let plot = Plot { at: [70.0, 44.0], size: [540.0, 196.0], x: [0.0, 30.0], y: [0.0, 10.0] };
    let ticks: [&[f64]; 2] = [&[0.0, 10.0, 20.0, 30.0], &[0.0, 3.0, 6.0, 9.0]];
    plot.frame(&mut canvas, ticks, ["doublings y = y + y", "number, as a power of ten"]);
    plot.graph(&mut canvas, |n| n * 2_f64.log10(), Stroke::new(color::GRADIENT).dashed());
    plot.graph(&mut canvas, |n| (n + 1.0).log10(), Stroke::new(color::VALUE).width(2.5));
    let [x, y] = plot.place(20.0, 7.2);
    canvas.text([x, y], Anchor::End, 13.0, color::GRADIENT, "paths from the loss to x");
    let [x, y] = plot.place(29.6, 2.0);
    canvas.text([x, y], Anchor::End, 13.0, color::VALUE, "nodes on the tape");
    canvas.finish("Nodes and paths against the number of doublings")
}

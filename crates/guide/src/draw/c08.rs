//! The figures of chapter 8.

use kernels::{ConvGeometry, Padding, TransposedPadding};
use tensor::{Options, Tape, Tensor, Var, vjp};

use super::{Anchor, Canvas, Figure, Stroke, color};

pub(super) fn figures() -> Vec<Figure> {
    vec![Figure { name: "c08_taps", svg: taps() }, Figure { name: "c08_stamps", svg: stamps() }]
}

/// The lines from pixels to outputs, which the convolution uses downwards and its input gradient
/// upwards.
fn taps() -> String {
    let padding = Padding::Explicit([0, 0, 1, 1]);
    let g = ConvGeometry::new([1, 1, 5, 1], [1, 3], 1, [1, 2], padding).expect("a possible geometry");
    let row = |numbers: &[f64]| Tensor::new(&[1, 1, numbers.len(), 1], numbers.to_vec());
    let tape = Tape::new();
    let x = tape.variable("x", row(&[1.0, 2.0, 3.0, 4.0, 5.0]));
    let w = Var::constant(Tensor::new(&[1, 3, 1, 1], vec![1.0, 10.0, 100.0]));
    let y = x.conv2d(&w, [1, 2], padding);
    let gy = row(&[1.0, -1.0, 2.0]);
    let gx = vjp(&y, &Var::constant(gy.clone()), std::slice::from_ref(&x), Options::default()).remove(0);

    let mut canvas = Canvas::new(640.0, 340.0);
    let down = [("x", x.value()), ("y", y.value())];
    let up = [("gx", gx.value()), ("gy", &gy)];
    panel(&mut canvas, 34.0, &g, down, ["forward: y sums over x", "y[o] += x[i] · w[t]"], true);
    panel(&mut canvas, 354.0, &g, up, ["backward: gx sums over gy", "gx[i] += gy[o] · w[t]"], false);
    for (t, word) in ["w[0] = 1", "w[1] = 10", "w[2] = 100"].into_iter().enumerate() {
        let at = [150.0 + 130.0 * t as f64, 322.0];
        canvas.line([at[0], at[1] - 5.0], [at[0] + 34.0, at[1] - 5.0], tap(t, color::INK));
        canvas.text([at[0] + 42.0, at[1]], Anchor::Start, 13.0, color::INK, word);
    }
    canvas.finish("The same lines between five pixels and three outputs, used in both directions")
}

/// How tap t is drawn: thin, dashed, thick.
fn tap(t: usize, line: &'static str) -> Stroke {
    let stroke = Stroke::new(line);
    [stroke.width(1.0), stroke.width(2.0).dashed(), stroke.width(3.0)][t]
}

fn panel(
    canvas: &mut Canvas,
    left: f64,
    g: &ConvGeometry,
    [above, below]: [(&str, &Tensor<f64>); 2],
    [title, formula]: [&str; 2],
    forward: bool,
) {
    let (line, fill) =
        if forward { (color::VALUE, color::VALUE_FILL) } else { (color::GRADIENT, color::GRADIENT_FILL) };
    let (top, low, size) = (70.0, 210.0, [38.0, 28.0]);
    // Position 0 is the zero of the padding.
    let pixel = |place: usize| left + 38.0 * place as f64;
    let output = |o: usize| pixel(o * g.stride[1] + 1);
    canvas.text([left, 28.0], Anchor::Start, 14.0, line, title);
    for place in [0, g.input[1] + 1] {
        canvas.rectangle([pixel(place), top], size, color::NONE, Stroke::new(color::QUIET).width(1.0).dashed());
        canvas.text([pixel(place) + 19.0, top + 19.0], Anchor::Middle, 13.0, color::QUIET, "0");
    }
    for o in 0..g.output[1] {
        for t in 0..g.kernel[1] {
            let Some(i) = g.source(1, o, t) else { continue };
            let ends = [[pixel(i + 1) + 19.0, top + size[1] + 4.0], [output(o) + 19.0, low - 4.0]];
            let [from, to] = if forward { ends } else { [ends[1], ends[0]] };
            canvas.arrow(from, to, tap(t, line));
        }
    }
    let corners = |numbers: &Tensor<f64>, place: &dyn Fn(usize) -> f64, y: f64| {
        let corner = |(i, number): (usize, &f64)| ([place(i), y], number.to_string());
        numbers.data().iter().enumerate().map(corner).collect::<Vec<_>>()
    };
    let cells = [corners(above.1, &|i| pixel(i + 1), top), corners(below.1, &output, low)];
    for ([x, y], number) in cells.concat() {
        canvas.rectangle([x, y], size, fill, Stroke::new(line).width(1.0));
        canvas.text([x + 19.0, y + 19.0], Anchor::Middle, 13.0, color::INK, &number);
    }
    canvas.text([left - 6.0, top + 19.0], Anchor::End, 14.0, line, above.0);
    canvas.text([output(0) - 8.0, low + 19.0], Anchor::End, 14.0, line, below.0);
    canvas.text([left + 133.0, 268.0], Anchor::Middle, 13.0, color::INK, formula);
}

/// How many copies of the kernel overlap at each position of a transposed convolution, for three
/// and for four taps.
fn stamps() -> String {
    let mut canvas = Canvas::new(640.0, 210.0);
    for (left, taps) in [(24.0, 3), (344.0, 4)] {
        let ones = |shape: [usize; 4]| Var::constant(Tensor::full(shape, 1.0_f32));
        let counts =
            ones([1, 1, 4, 1]).conv_transpose2d(&ones([1, taps, 1, 1]), [1, 2], TransposedPadding::Valid).into_value();
        let size = [26.0, 20.0];
        let corner = |place: usize, row: f64| [left + size[0] * place as f64, 44.0 + row * (size[1] + 4.0)];
        let title = format!("{taps} taps, stride 2");
        canvas.text([left, 28.0], Anchor::Start, 14.0, color::VALUE, &title);
        for pixel in 0..4 {
            for tap in 0..taps {
                let at = corner(2 * pixel + tap, pixel as f64);
                canvas.rectangle(at, size, color::VALUE_FILL, Stroke::new(color::VALUE).width(1.0));
            }
        }
        for (place, count) in counts.data().iter().enumerate() {
            let at = corner(place, 4.4);
            let width = if *count > 1.0 { 3.0 } else { 1.0 };
            canvas.rectangle(at, size, color::NONE, Stroke::new(color::INK).width(width));
            canvas.text([at[0] + 13.0, at[1] + 15.0], Anchor::Middle, 13.0, color::INK, &count.to_string());
        }
        let below = corner(0, 4.4)[1] + 42.0;
        canvas.text([left, below], Anchor::Start, 13.0, color::INK, "copies that overlap at each position");
    }
    canvas.finish(
        "Copies of three taps overlap at every second position, copies of four taps everywhere except at the ends",
    )
}

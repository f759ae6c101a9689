//! The figure of chapter 6.

use tensor::{Options, Tape, Tensor, Var, vjp};

use super::{Anchor, Canvas, Figure, Stroke, color};

pub(super) fn figures() -> Vec<Figure> {
    vec![Figure { name: "c06_repeat_and_sum", svg: repeat_and_sum() }]
}

const CELL: [f64; 2] = [52.0, 30.0];

/// Forward, a row is repeated to four rows; backward, the four rows of the cotangent are summed.
fn repeat_and_sum() -> String {
    let tape = Tape::<f64>::new();
    let b = tape.variable("b", Tensor::new(&[3], vec![1.0, 2.0, 3.0]));
    let y = b.broadcast_to([4, 3]);
    let gy = Tensor::new(&[4, 3], vec![1.0, 0.5, -1.0, 2.0, 0.5, 0.0, -1.0, 0.5, 3.0, 4.0, 0.5, 1.0]);
    let gb = vjp(&y, &Var::constant(gy.clone()), std::slice::from_ref(&b), Options::default()).remove(0);

    let mut canvas = Canvas::new(640.0, 300.0);
    let ([left, right], [top, below]) = ([90.0, 400.0], [60.0, 130.0]);
    canvas.text([left, 28.0], Anchor::Start, 14.0, color::VALUE, "forward: b is repeated");
    canvas.text([right, 28.0], Anchor::Start, 14.0, color::GRADIENT, "backward: gy is summed");
    grid(&mut canvas, [left, top], b.value(), "b", [color::VALUE_FILL, color::VALUE]);
    grid(&mut canvas, [left, below], y.value(), "y", [color::VALUE_FILL, color::VALUE]);
    grid(&mut canvas, [right, top], gb.value(), "gb", [color::GRADIENT_FILL, color::GRADIENT]);
    grid(&mut canvas, [right, below], &gy, "gy", [color::GRADIENT_FILL, color::GRADIENT]);
    for column in 0..3 {
        let x = (column as f64 + 0.5) * CELL[0];
        let (high, low) = (top + CELL[1] + 6.0, below - 6.0);
        canvas.arrow([left + x, high], [left + x, low], Stroke::new(color::VALUE));
        canvas.arrow([right + x, low], [right + x, high], Stroke::new(color::GRADIENT));
    }
    let sum = gy.data().iter().step_by(3).map(f64::to_string).collect::<Vec<_>>().join(" + ").replace("+ -", "- ");
    let words = format!("first column: {sum} = {}", gb.value().data()[0]);
    canvas.text([right - 20.0, 278.0], Anchor::Start, 13.0, color::INK, &words);
    canvas.text([left, 278.0], Anchor::Start, 13.0, color::INK, "each number goes to four places");
    canvas.finish("A row is repeated to four rows; in the backward pass the columns of four rows are summed")
}

/// The numbers of a row or of a matrix.
fn grid(canvas: &mut Canvas, at: [f64; 2], numbers: &Tensor<f64>, name: &str, [fill, line]: [&'static str; 2]) {
    for (i, number) in numbers.data().iter().enumerate() {
        let corner = [at[0] + (i % 3) as f64 * CELL[0], at[1] + (i / 3) as f64 * CELL[1]];
        canvas.rectangle(corner, CELL, fill, Stroke::new(line).width(1.0));
        let middle = [corner[0] + CELL[0] / 2.0, corner[1] + CELL[1] / 2.0 + 5.0];
        canvas.text(middle, Anchor::Middle, 14.0, color::INK, &number.to_string());
    }
    canvas.text([at[0] - 14.0, at[1] + 20.0], Anchor::End, 15.0, line, name);
}

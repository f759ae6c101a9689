//! The figure of chapter 7.

use super::{Anchor, Canvas, Figure, Stroke, color};

pub(super) fn figures() -> Vec<Figure> {
    vec![Figure { name: "c07_three_products", svg: three_products() }]
}

const CELL: f64 = 22.0;
/// a is (3, 4), b is (4, 2), c is (3, 2).
const M: usize = 3;
const K: usize = 4;
const N: usize = 2;
/// The indices i, p and j of the highlighted elements.
const I: usize = 1;
const P: usize = 2;
const J: usize = 0;

/// An element of each of the three products, and the elements from which it is computed.
fn three_products() -> String {
    let mut canvas = Canvas::new(640.0, 290.0);
    panel(&mut canvas, 20.0, 2, ["a", "b", "c"], ["c[i,j] =", "row i of a · column j of b"], color::VALUE);
    panel(&mut canvas, 235.0, 0, ["ga", "b", "gc"], ["ga[i,p] =", "row i of gc · row p of b"], color::GRADIENT);
    panel(&mut canvas, 450.0, 1, ["a", "gb", "gc"], ["gb[p,j] =", "column p of a · column j of gc"], color::GRADIENT);
    canvas.finish("One number of c, of ga and of gb, and the rows or columns from which each is computed")
}

/// a at the left, b above, c where they meet. `made` is the matrix that is computed; the elements
/// of the other two that it is computed from are filled.
fn panel(canvas: &mut Canvas, left: f64, made: usize, names: [&str; 3], formula: [&str; 2], line: &'static str) {
    let top = 50.0;
    let middle = [left + K as f64 * CELL + 12.0, top + K as f64 * CELL + 12.0];
    let corners = [[left, middle[1]], [middle[0], top], middle];
    let sizes = [[M, K], [K, N], [M, N]];
    // Of the three indices (i, p, j), each matrix has two; the sum runs over the one that the
    // result does not have.
    let place = [[I, P], [P, J], [I, J]];
    let indices = [[0, 1], [1, 2], [0, 2]];
    let summed = [2, 0, 1][made];
    let fill = if line == color::VALUE { color::VALUE_FILL } else { color::GRADIENT_FILL };
    for matrix in 0..3 {
        for row in 0..sizes[matrix][0] {
            for column in 0..sizes[matrix][1] {
                let at = [corners[matrix][0] + column as f64 * CELL, corners[matrix][1] + row as f64 * CELL];
                let met = |axis: usize, index: usize| {
                    index == place[matrix][axis] || (matrix != made && indices[matrix][axis] == summed)
                };
                let marked = met(0, row) && met(1, column);
                let fill = if marked { fill } else { color::NONE };
                canvas.rectangle(at, [CELL, CELL], fill, Stroke::new(color::FAINT).width(1.0));
                if marked {
                    let inner = [at[0] + 1.0, at[1] + 1.0];
                    let width = if matrix == made { 3.0 } else { 1.0 };
                    canvas.rectangle(inner, [CELL - 2.0, CELL - 2.0], fill, Stroke::new(line).width(width));
                }
            }
        }
    }
    let low = middle[1] + M as f64 * CELL + 16.0;
    canvas.text([left + K as f64 * CELL / 2.0, low], Anchor::Middle, 14.0, color::INK, names[0]);
    canvas.text([middle[0] + N as f64 * CELL / 2.0, top - 8.0], Anchor::Middle, 14.0, color::INK, names[1]);
    canvas.text([middle[0] + N as f64 * CELL / 2.0, low], Anchor::Middle, 14.0, color::INK, names[2]);
    for (formula, down) in formula.into_iter().zip([30.0, 48.0]) {
        canvas.text([left, low + down], Anchor::Start, 12.5, line, formula);
    }
}

//! Exercises 7 to 12: element-wise rules, broadcasting, the matrix product.

use tensor::Tensor;

use crate::Mistake::{Axis, Formula, NotSummed, Overwritten, Transposed};
use crate::question::{constant, numbers, slopes};
use crate::{Question, Verdict};

/// Exercise 7: y = x * x.
pub fn square(attempt: &dyn Fn(&[f64], &[f64]) -> Vec<f64>) -> Verdict {
    let (x, gy) = (numbers(1, &[8]), numbers(2, &[8]));
    let added = (0..8).map(|i| gy.data()[i] + 2.0 * x.data()[i]).collect();
    let without = gy.data().iter().map(|gy| 2.0 * gy).collect();
    Verdict::of([Question::rule(
        "gx, the gradient with respect to x",
        &x,
        &gy,
        |x| x.square(),
        |gy| attempt(x.data(), gy),
    )
    .suspect(Formula, "gy and the slope are added, but along a chain they are multiplied.", added)
    .suspect(Formula, "The factor x is missing: the derivative of x * x is 2 x.", without)])
}

/// Exercise 8: y = a / b.
pub fn quotient(attempt: &dyn Fn(&[f64], &[f64], &[f64]) -> (Vec<f64>, Vec<f64>)) -> Verdict {
    let [a, b, gy] = [1, 2, 3].map(|seed| numbers(seed, &[8]));
    let (ca, cb) = (constant(&a), constant(&b));
    let each = |f: fn(f64, f64) -> f64| (0..8).map(|i| gy.data()[i] * f(a.data()[i], b.data()[i])).collect::<Vec<_>>();
    let exchanged = "The two gradients are swapped: the first must be the one with respect to a.";
    Verdict::of([
        Question::rule(
            "ga, the gradient with respect to a",
            &a,
            &gy,
            |a| a / &cb,
            |gy| attempt(a.data(), b.data(), gy).0,
        )
        .suspect(Transposed, exchanged, slopes(&b, &gy, |b| &ca / b))
        .suspect(Formula, "Multiplied by b instead of divided by b.", each(|_, b| b))
        .suspect(Formula, "The slope 1 / b is missing.", each(|_, _| 1.0)),
        Question::rule(
            "gb, the gradient with respect to b",
            &b,
            &gy,
            |b| &ca / b,
            |gy| attempt(a.data(), b.data(), gy).1,
        )
        .suspect(Formula, "b occurs once, but the power rule gives its square.", each(|a, b| -a / b))
        .suspect(Formula, "Only 1 / b is left: the derivative is -a / b^2.", each(|_, b| -1.0 / b))
        .suspect(Formula, "a is missing: the derivative is -a / b^2.", each(|_, b| -1.0 / (b * b)))
        .suspect(Formula, "That would be right for y = a * b.", each(|a, _| a)),
    ])
}

/// Exercise 9: a bias that is added to every row.
pub fn bias(attempt: &dyn Fn(&[f64], usize, usize) -> Vec<f64>) -> Verdict {
    Verdict::of([[4, 4], [3, 5]].map(|[rows, columns]| {
        let (x, gy) = (constant(&numbers(1, &[rows, columns])), numbers(3, &[rows, columns]));
        let row = |r: usize| gy.data()[r * columns..][..columns].to_vec();
        let over_columns = (0..rows).map(|r| row(r).iter().sum()).collect();
        let bias = numbers(2, &[columns]);
        let what = format!("the gradient with respect to the bias, for a gy of {rows} x {columns}");
        Question::rule(what, &bias, &gy, |bias| &x + bias, |gy| attempt(gy, rows, columns))
            .suspect(NotSummed, "That is gy unchanged, with a gradient for each copy of the bias.", gy.data().to_vec())
            .suspect(Axis, "Summed along each row, but the bias is repeated along each column.", over_columns)
            .suspect(
                Axis,
                "Everything is summed, but each column has its own sum.",
                vec![gy.data().iter().sum(); columns],
            )
            .suspect(Overwritten, "Only the last row counts.", row(rows - 1))
            .suspect(NotSummed, "Only the first row counts.", row(0))
            .factor("1 / rows: the gradients of the copies are summed, not averaged", 1.0 / rows as f64)
            .parts(Overwritten, (0..rows).map(|r| (format!("row {r}"), row(r))))
            .length(NotSummed, "The answer has a gradient for each copy of the bias.", rows * columns)
    }))
}

/// Exercise 10: a mean over the rows.
pub fn mean(attempt: &dyn Fn(&[f64], usize, usize) -> Vec<f64>) -> Verdict {
    let [rows, columns] = [3, 5];
    let (x, gy) = (numbers(1, &[rows, columns]), numbers(2, &[columns]));
    let by_row = (0..rows * columns).map(|i| gy.data()[i / columns] / rows as f64).collect();
    let first = (0..rows * columns).map(|i| if i < columns { gy.data()[i] / rows as f64 } else { 0.0 }).collect();
    let (r, c) = (rows as f64, columns as f64);
    Verdict::of([Question::rule(
        "gx, the gradient with respect to x",
        &x,
        &gy,
        |x| x.mean_to([columns]),
        |gy| attempt(gy, rows, columns),
    )
    .suspect(Axis, "gy(r) is used instead of gy(c).", by_row)
    .suspect(Formula, "Only the first row gets a gradient, but every row is part of the mean.", first)
    .factor("rows: the 1 / rows of the mean is missing", r)
    .factor("rows / columns: the mean is over the rows", r / c)
    .factor("1 / columns: the mean is over the rows only", 1.0 / c)])
}

/// Exercise 11: y = a b, with respect to a.
pub fn matmul_left(attempt: &dyn Fn(&[f64], &[f64], [usize; 3]) -> Vec<f64>) -> Verdict {
    Verdict::of([[4, 4, 4], [2, 3, 5]].map(|[m, k, n]| {
        let [a, b, gy] = [numbers(1, &[m, k]), numbers(2, &[k, n]), numbers(3, &[m, n])];
        let what = format!("ga, the gradient with respect to a, for a of {m} x {k} and b of {k} x {n}");
        let factor = constant(&b);
        let term = |j: usize| (0..m * k).map(|i| gy.data()[i / k * n + j] * b.data()[i % k * n + j]).collect();
        let question = Question::rule(what, &a, &gy, |a| a.matmul(&factor), |gy| attempt(gy, b.data(), [m, k, n]))
            .parts(Overwritten, (0..n).map(|j| (format!("the term of column {j}"), term(j))));
        if k != n {
            return question;
        }
        let untransposed = constant(&gy).matmul(&factor).value().data().to_vec();
        question.suspect(
            Transposed,
            "That is gy times b. Columns of b are multiplied where rows should be.",
            untransposed,
        )
    }))
}

/// Exercise 12: y = a b, with respect to b.
pub fn matmul_right(attempt: &dyn Fn(&[f64], &[f64], [usize; 3]) -> Vec<f64>) -> Verdict {
    Verdict::of([[4, 4, 4], [5, 3, 2]].map(|[m, k, n]| {
        let [a, b, gy] = [numbers(1, &[m, k]), numbers(2, &[k, n]), numbers(3, &[m, n])];
        let what = format!("gb, the gradient with respect to b, for a of {m} x {k} and b of {k} x {n}");
        let factor = constant(&a);
        let term = |i: usize| (0..k * n).map(|p| a.data()[i * k + p / n] * gy.data()[i * n + p % n]).collect();
        let question = Question::rule(what, &b, &gy, |b| factor.matmul(b), |gy| attempt(a.data(), gy, [m, k, n]))
            .parts(Overwritten, (0..m).map(|i| (format!("the term of row {i} of the batch"), term(i))))
            .factor("1 / m: sum over the rows of the batch; a mean belongs to the loss", 1.0 / m as f64);
        if m != k {
            return question;
        }
        let product = |a: &Tensor<f64>, b: &Tensor<f64>| constant(a).matmul(&constant(b)).value().data().to_vec();
        question
            .suspect(
                Transposed,
                "That is a times gy. Rows of a are multiplied where columns should be.",
                product(&a, &gy),
            )
            .suspect(Transposed, "That is gy times a. Which elements are multiplied in y(i, j)?", product(&gy, &a))
    }))
}

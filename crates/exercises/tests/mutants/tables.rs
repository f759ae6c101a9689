//! Wrong answers to exercises 7 to 12.

use exercises::Mistake::{self, *};
use exercises::judges;

use crate::Mutant;

/// A matrix product with given indexing: c(i, j) = sum over p of a(i, p) b(p, j), by functions of
/// (i, p) and (p, j).
fn product([m, k, n]: [usize; 3], a: impl Fn(usize, usize) -> f64, b: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    (0..m * n).map(|c| (0..k).map(|p| a(c / n, p) * b(p, c % n)).sum()).collect()
}

pub(crate) fn mutants() -> Vec<Mutant> {
    let square = |name, made, f: fn(f64, f64) -> f64| {
        let attempt = |x: &[f64], gy: &[f64]| x.iter().zip(gy).map(|(x, gy)| f(*x, *gy)).collect();
        Mutant(7, name, made, judges::square(&attempt))
    };
    let quotient = |name, made, f: fn(f64, f64, f64) -> (f64, f64)| {
        let attempt = |a: &[f64], b: &[f64], gy: &[f64]| (0..a.len()).map(|i| f(a[i], b[i], gy[i])).unzip();
        Mutant(8, name, made, judges::quotient(&attempt))
    };
    let bias = |name, made, f: &dyn Fn(&[f64], usize, usize) -> Vec<f64>| Mutant(9, name, made, judges::bias(f));
    let mean = |name, made, f: &dyn Fn(&[f64], usize, usize, usize) -> f64| {
        let attempt =
            |gy: &[f64], rows: usize, columns: usize| (0..rows * columns).map(|i| f(gy, i, rows, columns)).collect();
        Mutant(10, name, made, judges::mean(&attempt))
    };
    type Matmul<'a> = dyn Fn(&[f64], &[f64], [usize; 3]) -> Vec<f64> + 'a;
    let left = |name, made: Mistake, f: &Matmul<'_>| Mutant(11, name, made, judges::matmul_left(f));
    let right = |name, made: Mistake, f: &Matmul<'_>| Mutant(12, name, made, judges::matmul_right(f));
    let turn = |of: &[f64], rows: usize, columns: usize| {
        (0..rows * columns).map(|i| of[i % rows * columns + i / rows]).collect::<Vec<_>>()
    };
    // The right answers, which some mutants modify.
    let ga =
        |gy: &[f64], b: &[f64], [m, k, n]: [usize; 3]| product([m, n, k], |i, j| gy[i * n + j], |j, p| b[p * n + j]);
    let gb =
        |a: &[f64], gy: &[f64], [m, k, n]: [usize; 3]| product([k, m, n], |p, i| a[i * k + p], |i, j| gy[i * n + j]);
    vec![
        square("gy ignored", UpstreamIgnored, |x, _| 2.0 * x),
        square("minus", Sign, |x, gy| -2.0 * x * gy),
        square("the 2 is forgotten", Factor, |x, gy| x * gy),
        square("added instead of multiplied", Formula, |x, gy| gy + 2.0 * x),
        square("x is forgotten", Formula, |_, gy| 2.0 * gy),
        square("gy ignored, and the 2 forgotten", UpstreamIgnored, |x, _| x),
        quotient("gb without its minus", Sign, |a, b, gy| (gy / b, gy * a / (b * b))),
        quotient("a root where a square is due", Unstable, |a, b, gy| (gy / b, -gy * a / b.sqrt())),
        quotient("-1 / b", Formula, |_, b, gy| (gy / b, -gy / b)),
        quotient("b not squared", Formula, |a, b, gy| (gy / b, -gy * a / b)),
        quotient("a forgotten in gb", Formula, |_, b, gy| (gy / b, -gy / (b * b))),
        quotient("gb as for a logarithm", Unknown, |a, b, gy| (gy / b, -gy * a / b.abs().ln())),
        quotient("exchanged", Transposed, |a, b, gy| (-gy * a / (b * b), gy / b)),
        quotient("ga as in a product", Formula, |a, b, gy| (gy * b, -gy * a / (b * b))),
        quotient("gb is forgotten", Unwritten, |_, b, gy| (gy / b, 0.0)),
        quotient("gb ignores gy", UpstreamIgnored, |a, b, gy| (gy / b, -a / (b * b))),
        bias("gy as it came", NotSummed, &|gy, _, _| gy.to_vec()),
        bias("summed along the rows", Axis, &|gy, rows, columns| {
            (0..rows).map(|r| gy[r * columns..][..columns].iter().sum()).collect()
        }),
        bias("everything summed", Axis, &|gy, _, columns| vec![gy.iter().sum(); columns]),
        bias("the last row only", Overwritten, &|gy, rows, columns| gy[(rows - 1) * columns..].to_vec()),
        bias("the first row only", NotSummed, &|gy, _, columns| gy[..columns].to_vec()),
        bias("the mean over the rows", Factor, &|gy, rows, columns| {
            (0..columns).map(|c| (0..rows).map(|r| gy[r * columns + c]).sum::<f64>() / rows as f64).collect()
        }),
        bias("a row too few", Border, &|gy, rows, columns| {
            (0..columns).map(|c| (1..rows).map(|r| gy[r * columns + c]).sum()).collect()
        }),
        mean("1 / rows forgotten", Factor, &|gy, i, _, columns| gy[i % columns]),
        mean("1 / columns", Factor, &|gy, i, _, columns| gy[i % columns] / columns as f64),
        mean("divided by all", Factor, &|gy, i, rows, columns| gy[i % columns] / (rows * columns) as f64),
        mean("gy(r)", Axis, &|gy, i, rows, columns| gy[i / columns] / rows as f64),
        mean("the first row only", Formula, &|gy, i, rows, columns| {
            if i < columns { gy[i] / rows as f64 } else { 0.0 }
        }),
        Mutant(10, "not repeated", Shape, judges::mean(&|gy, rows, _| gy.iter().map(|gy| gy / rows as f64).collect())),
        left("b not transposed", Transposed, &|gy, b, [m, k, n]| {
            product([m, n, k], |i, j| gy[i * n + j], |j, p| b[j * k + p])
        }),
        left("the transpose of the right one", Transposed, &|gy, b, s| turn(&ga(gy, b, s), s[0], s[1])),
        left("the last term only", Overwritten, &|gy, b, [m, k, n]| {
            product([m, 1, k], |i, _| gy[i * n + n - 1], |_, p| b[p * n + n - 1])
        }),
        left("minus", Sign, &|gy, b, s| ga(gy, b, s).iter().map(|x| -x).collect()),
        left("a term too few", Border, &|gy, b, [m, k, n]| {
            product([m, n - 1, k], |i, j| gy[i * n + j], |j, p| b[p * n + j])
        }),
        left("gy ignored", UpstreamIgnored, &|_, b, [m, k, n]| product([m, n, k], |_, _| 1.0, |j, p| b[p * n + j])),
        left("the shape of b", Shape, &|gy, b, [m, k, n]| {
            let mut ga = ga(gy, b, [m, k, n]);
            ga.resize(k * n + 1, 0.0);
            ga
        }),
        right("a not transposed", Transposed, &|a, gy, [m, k, n]| {
            product([k, m, n], |p, i| a[p * m + i], |i, j| gy[i * n + j])
        }),
        right("gy times a", Transposed, &|a, gy, [m, k, n]| {
            product([k, m, n], |i, j| gy[(i * n + j) % gy.len()], |p, j| a[(p * k + j) % a.len()])
        }),
        right("the last image only", Overwritten, &|a, gy, [m, k, n]| {
            product([k, 1, n], |p, _| a[(m - 1) * k + p], |_, j| gy[(m - 1) * n + j])
        }),
        right("the mean over the batch", Factor, &|a, gy, s| gb(a, gy, s).iter().map(|x| x / s[0] as f64).collect()),
        right("transposed", Transposed, &|a, gy, s| turn(&gb(a, gy, s), s[1], s[2])),
        right("minus", Sign, &|a, gy, s| gb(a, gy, s).iter().map(|x| -x).collect()),
    ]
}

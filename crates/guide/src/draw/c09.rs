//! The figures of chapter 9.

use nn::losses::{bce_keras_clip, bce_with_logits};
use tensor::{Options, Tape, Tensor, Var, grad};

use super::{Anchor, Canvas, Figure, Plot, Stroke, color};

pub(super) fn figures() -> Vec<Figure> {
    vec![Figure { name: "c09_slopes", svg: slopes() }, Figure { name: "c09_losses", svg: losses() }]
}

/// A function that the figures show.
type Function = fn(&Var) -> Var;

/// Values and slopes of a function, from the engine.
fn both<const N: usize>(x: [f32; N], f: impl Fn(&Var) -> Var) -> [Vec<f64>; 2] {
    let tape = Tape::new();
    let x = tape.variable("x", Tensor::new(&[N, 1], x.to_vec()));
    let y = f(&x);
    let g = grad(&y.sum(), &[x], Options::default());
    [y.value(), g[0].value()].map(|numbers| numbers.data().iter().map(|x| f64::from(*x)).collect())
}

/// Three activations with their slopes.
fn slopes() -> String {
    let mut canvas = Canvas::new(640.0, 270.0);
    let x: [f32; 121] = core::array::from_fn(|i| i as f32 / 10.0 - 6.0);
    let functions: [(&str, Function); 3] =
        [("sigmoid", |x| x.sigmoid()), ("tanh", |x| x.tanh()), ("leaky_relu, slope 0.2", |x| x.leaky_relu(0.2))];
    for (i, (name, f)) in functions.into_iter().enumerate() {
        let plot = Plot { at: [34.0 + 208.0 * i as f64, 36.0], size: [176.0, 160.0], x: [-6.0, 6.0], y: [-1.5, 1.5] };
        plot.frame(&mut canvas, [&[-6.0, -3.0, 0.0, 3.0, 6.0], &[-1.0, 0.0, 1.0]], ["x", name]);
        let [values, slopes] = both(x, f);
        let curve = |numbers: &[f64]| {
            let points = x.iter().zip(numbers).map(|(x, y)| [f64::from(*x), *y]);
            points.filter(|[_, y]| *y <= plot.y[1]).collect::<Vec<_>>()
        };
        plot.curve(&mut canvas, curve(&values), Stroke::new(color::VALUE));
        plot.curve(&mut canvas, curve(&slopes), Stroke::new(color::GRADIENT).dashed());
    }
    let rows = [("the value y", Stroke::new(color::VALUE)), ("its slope", Stroke::new(color::GRADIENT).dashed())];
    legend(&mut canvas, 256.0, [180.0, 340.0], &rows);
    canvas.finish("Sigmoid, tanh and leaky ReLU with their slopes: the first two flatten, the third does not")
}

/// The loss of one logit that should be "real", and its slope, for three formulas.
fn losses() -> String {
    let forms: [(&str, Function, Stroke); 3] = [
        ("naive: -log(sigmoid(x))", |x| x.sigmoid().log().neg(), Stroke::new(color::VALUE).width(5.0)),
        ("from the logit", |x| bce_with_logits(x, &Tensor::full([1], 1.0)), Stroke::new(color::INK).width(1.5)),
        ("clipped", |x| bce_keras_clip(&x.sigmoid(), &Tensor::full([1], 1.0)), Stroke::new(color::GRADIENT).dashed()),
    ];
    let mut canvas = Canvas::new(640.0, 320.0);
    let x = [-120.0, 20.0];
    let left = Plot { at: [44.0, 36.0], size: [256.0, 210.0], x, y: [0.0, 120.0] };
    let right = Plot { at: [364.0, 36.0], size: [256.0, 210.0], x, y: [-1.25, 0.25] };
    let ticks: &[f64] = &[-120.0, -80.0, -40.0, 0.0];
    left.frame(&mut canvas, [ticks, &[0.0, 40.0, 80.0, 120.0]], ["the logit x", "the loss"]);
    right.frame(&mut canvas, [ticks, &[-1.0, -0.5, 0.0]], ["the logit x", "its slope"]);
    for (_, loss, stroke) in forms {
        let at = |x: i32| both([x as f32], loss).map(|numbers| numbers[0]);
        for (plot, which) in [(&left, 0), (&right, 1)] {
            let points = (-120..=20).map(|x| [f64::from(x), at(x)[which]]).filter(|[_, y]| y.is_finite());
            plot.curve(&mut canvas, points, stroke);
        }
    }
    // Where the naive formula overflows.
    let ends = |which: usize| {
        let bad = |x: &i32| !both([*x as f32], forms[0].1)[which][0].is_finite();
        f64::from((-120..=20).rfind(bad).expect("the naive form overflows"))
    };
    for (plot, end, y, word, down) in
        [(&left, ends(0), 104.0, "infinite", -2.0), (&right, ends(1), -1.0, "infinite, then NaN", 22.0)]
    {
        let [x, y] = plot.place(end, y);
        for sign in [1.0, -1.0] {
            canvas.line([x - 6.0, y - 6.0 * sign], [x + 6.0, y + 6.0 * sign], Stroke::new(color::VALUE).width(3.0));
        }
        canvas.text([x + 14.0, y + down], Anchor::Start, 12.0, color::VALUE, word);
    }
    let words = forms.map(|(words, _, stroke)| (words, stroke));
    legend(&mut canvas, 306.0, [40.0, 280.0, 450.0], &words);
    canvas.finish("A logit that should be positive: the naive loss overflows, the clipped one has no slope, the one from the logit has")
}

fn legend<const N: usize>(canvas: &mut Canvas, y: f64, places: [f64; N], rows: &[(&str, Stroke); N]) {
    for (x, (words, stroke)) in places.into_iter().zip(rows) {
        canvas.line([x, y - 4.0], [x + 34.0, y - 4.0], *stroke);
        canvas.text([x + 42.0, y], Anchor::Start, 13.0, color::INK, words);
    }
}

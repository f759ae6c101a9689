//! The figures of chapter 11.

use kernels::{Adam, Element, Sgd};

use super::canvas::{Anchor, Canvas, Stroke, color};
use super::{Figure, Plot};

pub(super) fn figures() -> Vec<Figure> {
    vec![Figure { name: "c11_valley", svg: valley() }]
}

/// Curvature along the valley, and across it.
const CURVATURES: [f64; 2] = [1.0, 20.0];
const STEPS: u64 = 25;

/// The path of an optimiser; `update` moves the point along the gradient at update t.
fn walk(mut update: impl FnMut(u64, [f64; 2], &mut [f64; 2])) -> Vec<[f64; 2]> {
    let mut theta = [-4.0, 0.8];
    let mut places = vec![theta];
    for t in 1..=STEPS {
        update(t, [CURVATURES[0] * theta[0], CURVATURES[1] * theta[1]], &mut theta);
        places.push(theta);
    }
    places
}

fn sgd(learning_rate: f64, momentum: f64) -> Vec<[f64; 2]> {
    let mut velocity = [0.0; 2];
    walk(|_, g, theta| f64::sgd(Sgd { learning_rate, momentum, nesterov: false }, &g, &mut velocity, theta))
}

fn adam() -> Vec<[f64; 2]> {
    let [mut m, mut v] = [[0.0; 2]; 2];
    let rule = |t| Adam { learning_rate: 0.2, beta1: 0.5, beta2: 0.99, epsilon: 1e-8, t };
    walk(|t, g, theta| f64::adam(rule(t), &g, [&mut m, &mut v], theta))
}

fn valley() -> String {
    let mut canvas = Canvas::new(640.0, 330.0);
    let plot = Plot { at: [50.0, 30.0], size: [570.0, 190.0], x: [-4.6, 2.0], y: [-1.1, 1.1] };
    plot.frame(&mut canvas, [&[-4.0, -2.0, 0.0, 2.0], &[-1.0, 0.0, 1.0]], ["flat direction", "steep direction"]);
    for level in [0.25, 1.0, 2.5, 5.0, 8.0] {
        let radius = CURVATURES.map(|curvature| (2.0 * level / curvature).sqrt());
        let point = |i: i32| {
            let angle = core::f64::consts::TAU * f64::from(i) / 60.0;
            [radius[0] * angle.cos(), radius[1] * angle.sin()]
        };
        let inside = |[x, _]: &[f64; 2]| *x < 2.0;
        let (first, second): (Vec<_>, Vec<_>) = ((0..=30).map(point).collect(), (30..=60).map(point).collect());
        for half in [first, second] {
            plot.curve(&mut canvas, half.into_iter().filter(inside), Stroke::new(color::FAINT).width(1.0));
        }
    }
    let paths = [
        (sgd(0.095, 0.0), Stroke::new(color::GRADIENT).width(1.5).dashed(), color::GRADIENT),
        (sgd(0.04, 0.7), Stroke::new(color::VALUE).width(2.5), color::VALUE),
        (adam(), Stroke::new(color::THIRD).width(1.5), color::THIRD),
    ];
    for (number, (places, stroke, fill)) in paths.iter().enumerate() {
        canvas.path(&places.iter().map(|[x, y]| plot.place(*x, *y)).collect::<Vec<_>>(), *stroke);
        if number == 2 {
            places.iter().for_each(|[x, y]| canvas.disc(plot.place(*x, *y), 3.0, fill));
        }
    }
    let told = [
        (color::GRADIENT, "dashed: gradient descent, rate 0.095 (2 / h is 0.1): oscillates"),
        (color::VALUE, "solid: with momentum 0.7, rate 0.04"),
        (color::THIRD, "discs: Adam, rate 0.2: the same speed in both directions"),
    ];
    for (i, (color, text)) in told.into_iter().enumerate() {
        canvas.text([50.0, 278.0 + 19.0 * i as f64], Anchor::Start, 13.0, color, text);
    }
    canvas.finish("The paths of three optimisers in a narrow valley")
}

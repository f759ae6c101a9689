//! The figures of chapter 13.

use kernels::Key;
use nn::layers::{Activation, Dense};
use nn::{Dialect, ForwardContext, Network, RngContext, differentiate};
use tensor::Var;

use super::canvas::{Anchor, Canvas, Stroke, color};
use super::{Figure, Plot};
use crate::plane::{Rules, ToyGan, centre};

pub(super) fn figures() -> Vec<Figure> {
    vec![Figure { name: "c13_runs", svg: runs() }, Figure { name: "c13_vanishing", svg: vanishing() }]
}

/// The points of a healthy run, of one whose discriminator wins, and of a collapsed one at two
/// steps.
fn runs() -> String {
    let mut canvas = Canvas::new(680.0, 260.0);
    let collapsed = Rules { g_turns: 10, ..Rules::default() };
    let strong = Rules { minimax: true, k: 20, d_rate: 5e-3, g_rate: 1e-4, ..Rules::default() };
    let panels = [
        ("healthy", Rules::default(), 1500),
        ("D wins", strong, 30),
        ("collapse", collapsed.clone(), 120),
        ("20 steps later", collapsed, 140),
    ];
    for (number, (title, rules, steps)) in panels.into_iter().enumerate() {
        let mut play = ToyGan::new(rules, 1);
        let told = play.steps(steps).expect("finite");
        let left = 10.0 + 168.0 * number as f64;
        let plot = Plot { at: [left, 34.0], size: [156.0, 156.0], x: [-3.2, 3.2], y: [-3.2, 3.2] };
        canvas.rectangle(plot.at, plot.size, color::NONE, Stroke::new(color::QUIET).width(1.0));
        for heap in 0..8 {
            let [x, y] = centre(heap).map(f64::from);
            canvas.disc(plot.place(x, y), 8.0, color::FAINT);
        }
        for point in play.points(80).data().chunks_exact(2) {
            let [x, y] = [f64::from(point[0]), f64::from(point[1])];
            if x.abs().max(y.abs()) < 3.2 {
                canvas.disc(plot.place(x, y), 2.0, color::VALUE);
            }
        }
        let mut note = |at: f64, size: f64, color: &str, text: &str| {
            canvas.text([left + 78.0, at], Anchor::Middle, size, color, text);
        };
        note(24.0, 14.0, color::INK, title);
        note(212.0, 12.0, color::QUIET, &format!("step {steps}"));
        note(230.0, 12.0, color::QUIET, &format!("d_loss {:.3}, d_acc {:.2}", told.d_loss, told.d_acc));
        note(248.0, 12.0, color::QUIET, &format!("g_loss {:.3}", told.g_loss.abs()));
    }
    canvas.finish("The points of a healthy run, of one whose discriminator wins, and of a collapsed one at two steps")
}

/// The norm of the gradient of each layer's weights, in a network of ten layers with this
/// activation and a last one.
fn lengths(bend: Activation) -> Vec<f64> {
    let start = Network::new("deep", &[16], Dialect::Keras, 1);
    let deep = (1..=10).fold(start, |net, i| {
        net.with(&format!("dense{i}"), Dense::new(16).without_bias()).with(&format!("bend{i}"), bend)
    });
    let deep = deep.with("last", Dense::new(1).without_bias());
    let x = Var::constant(nn::init::normal(&[32, 16], 0.0, 1.0, Key::named(1, "x")));
    let forward = |ctx: &mut ForwardContext| (deep.forward(ctx, &x).softplus().mean(), ());
    let (gradients, ()) = differentiate(RngContext { seed: 1, step: 0, purpose: "figure" }, forward).expect("finite");
    let length = |g: &[f32]| g.iter().map(|g| f64::from(g * g)).sum::<f64>().sqrt();
    gradients.parameters.iter().map(|(_, g)| length(g.data())).collect()
}

fn vanishing() -> String {
    let mut canvas = Canvas::new(640.0, 320.0);
    let plot = Plot { at: [60.0, 40.0], size: [550.0, 220.0], x: [1.0, 11.0], y: [-8.0, 1.0] };
    let names = ["layer", "norm of the gradient of its weights, as a power of ten"];
    plot.frame(&mut canvas, [&[1.0, 3.0, 5.0, 7.0, 9.0, 11.0], &[-8.0, -6.0, -4.0, -2.0, 0.0]], names);
    let bends = [
        (Activation::Sigmoid, Stroke::new(color::GRADIENT).dashed()),
        (Activation::LeakyRelu(0.2), Stroke::new(color::VALUE).width(2.5)),
    ];
    for (bend, stroke) in bends {
        let points = lengths(bend).into_iter().enumerate().map(|(i, length)| [i as f64 + 1.0, length.log10()]);
        plot.curve(&mut canvas, points, stroke);
    }
    let [x, y] = plot.place(5.2, -6.3);
    canvas.text([x, y], Anchor::Start, 13.0, color::GRADIENT, "dashed: sigmoids");
    let [x, y] = plot.place(1.4, -0.6);
    canvas.text([x, y], Anchor::Start, 13.0, color::VALUE, "solid: leaky ReLUs");
    canvas.finish("Gradient norms of eleven layers, with sigmoids and with leaky ReLUs between them")
}

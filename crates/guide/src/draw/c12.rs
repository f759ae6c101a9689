//! The figures of chapter 12.

use kernels::Key;
use nn::losses::logistic_generator;
use nn::{ForwardContext, RngContext};
use tensor::{Options, Tape, Tensor, Var, grad};

use super::canvas::{Anchor, Canvas, Stroke, color};
use super::{Figure, Plot};
use crate::plane::{Rules, ToyGan, ring};

pub(super) fn figures() -> Vec<Figure> {
    vec![Figure { name: "c12_walls", svg: walls() }, Figure { name: "c12_arrows", svg: arrows() }]
}

/// A box with a name, and a second line below it.
fn network(canvas: &mut Canvas, center: [f64; 2], fill: &str, name: &str, state: &str) {
    canvas.rectangle([center[0] - 62.0, center[1] - 26.0], [124.0, 52.0], fill, Stroke::new(color::INK).width(1.5));
    canvas.text([center[0], center[1] - 3.0], Anchor::Middle, 15.0, color::INK, name);
    canvas.text([center[0], center[1] + 16.0], Anchor::Middle, 12.0, color::QUIET, state);
}

/// Both steps: what flows forward and backward, and where it ends.
fn walls() -> String {
    let mut canvas = Canvas::new(660.0, 300.0);
    let (forward, backward) = (Stroke::new(color::VALUE), Stroke::new(color::GRADIENT).dashed());
    for (top, title, g, d) in [
        (20.0, "the discriminator's step", "inference", "trained"),
        (165.0, "the generator's step", "trained", "frozen"),
    ] {
        let y = top + 70.0;
        let generator_learns = g == "learns";
        canvas.text([16.0, top + 12.0], Anchor::Start, 15.0, color::INK, title);
        let fill = |learns: bool| if learns { color::GRADIENT_FILL } else { color::VALUE_FILL };
        network(&mut canvas, [140.0, y], fill(generator_learns), "generator", g);
        network(&mut canvas, [390.0, y], fill(!generator_learns), "discriminator", d);
        canvas.text([26.0, y - 4.0], Anchor::Middle, 14.0, color::VALUE, "z");
        canvas.arrow([36.0, y - 8.0], [76.0, y - 8.0], forward);
        canvas.arrow([204.0, y - 8.0], [326.0, y - 8.0], forward);
        canvas.arrow([454.0, y - 8.0], [556.0, y - 8.0], forward);
        canvas.text([598.0, y + 5.0], Anchor::Middle, 15.0, color::INK, "loss");
        canvas.text([265.0, y - 18.0], Anchor::Middle, 13.0, color::VALUE, "fakes");
        canvas.text([505.0, y - 18.0], Anchor::Middle, 13.0, color::VALUE, "verdict");
        canvas.arrow([556.0, y + 12.0], [454.0, y + 12.0], backward);
        if generator_learns {
            canvas.arrow([326.0, y + 12.0], [204.0, y + 12.0], backward);
            canvas.text([265.0, y + 32.0], Anchor::Middle, 12.0, color::GRADIENT, "arrows at the fakes");
            canvas.text([390.0, y + 46.0], Anchor::Middle, 12.0, color::QUIET, "constants: no weight gradient");
        } else {
            canvas.line([265.0, y - 12.0], [265.0, y + 34.0], Stroke::new(color::INK).width(5.0));
            canvas.text([265.0, y + 50.0], Anchor::Middle, 12.0, color::INK, "detached: nothing flows back");
            canvas.arrow([300.0, top + 26.0], [326.0, y - 18.0], forward);
            canvas.text([294.0, top + 24.0], Anchor::End, 13.0, color::VALUE, "reals");
        }
    }
    canvas
        .finish("The two steps of a GAN: what flows forward and backward, where it is detached, and the frozen network")
}

/// The plane after some training: the discriminator's output, reals, fakes, and the direction in
/// which each fake is pushed.
fn arrows() -> String {
    let rules = Rules { k: 3, d_rate: 3e-3, g_rate: 3e-3, ..Rules::default() };
    let mut play = ToyGan::new(rules, 1);
    play.steps(200).expect("a healthy run");
    let mut canvas = Canvas::new(640.0, 420.0);
    let plot = Plot { at: [40.0, 20.0], size: [380.0, 380.0], x: [-3.0, 3.0], y: [-3.0, 3.0] };
    let cells = 18;
    let side = plot.size[0] / f64::from(cells);
    for (row, column) in (0..cells).flat_map(|row| (0..cells).map(move |column| (row, column))) {
        let middle = |number: i32| 6.0 * (f64::from(number) + 0.5) / f64::from(cells) - 3.0;
        let point = Tensor::new(&[1, 2], vec![middle(column) as f32, middle(row) as f32]);
        let real = f64::from(Var::constant(play.discriminator.infer(&point)).sigmoid().item());
        // From a grey for fake to white for real.
        let shade = (255.0 * (0.6 + 0.4 * ((real - 0.1) / 0.7).clamp(0.0, 1.0))).round() as u8;
        let [x, y] = plot.place(middle(column), middle(row));
        let fill = format!("#{shade:02x}{shade:02x}{shade:02x}");
        canvas.cell([x - side / 2.0, y - side / 2.0], [side, side], &fill);
    }
    for point in ring(40, Key::named(1, "figure")).data().chunks_exact(2) {
        canvas.disc(plot.place(f64::from(point[0]), f64::from(point[1])), 2.5, color::THIRD);
    }
    let tape = Tape::new();
    let fakes = tape.variable("fakes", play.points(40));
    let mut ctx = ForwardContext::training(&tape, RngContext { seed: 1, step: 0, purpose: "figure" });
    let verdict = ctx.frozen(|ctx| play.discriminator.forward(ctx, &fakes));
    let gradient = grad(&logistic_generator(&verdict), core::slice::from_ref(&fakes), Options::default()).remove(0);
    let pushed = fakes.value().data().chunks_exact(2).zip(gradient.value().data().chunks_exact(2));
    for (at, g) in pushed.filter(|(at, _)| at[0].abs().max(at[1].abs()) < 2.8) {
        let [x, y] = [f64::from(at[0]), f64::from(at[1])];
        let to = [x - 10.0 * f64::from(g[0]), y - 10.0 * f64::from(g[1])];
        canvas.arrow(plot.place(x, y), plot.place(to[0], to[1]), Stroke::new(color::GRADIENT).width(1.2));
        canvas.disc(plot.place(x, y), 3.5, color::VALUE);
    }
    let mut note = |at: f64, color: &str, text: &str| canvas.text([440.0, at], Anchor::Start, 13.0, color, text);
    note(90.0, color::THIRD, "small discs: reals");
    note(120.0, color::VALUE, "large discs: fakes");
    note(150.0, color::GRADIENT, "arrows: minus the gradient");
    note(168.0, color::GRADIENT, "of L_G in a fake,");
    note(186.0, color::GRADIENT, "10 times as long");
    note(216.0, color::QUIET, "darker: D outputs fake");
    canvas.finish("Fakes in the plane, and where the discriminator's gradient pushes each of them")
}

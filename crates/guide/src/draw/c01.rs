//! The figures of chapter 1.

use super::canvas::{Anchor, Canvas, Stroke, color};
use super::{Figure, Plot};

pub(super) fn figures() -> Vec<Figure> {
    vec![Figure { name: "c01_players", svg: players() }, Figure { name: "c01_chase", svg: chase() }]
}

fn players() -> String {
    let mut canvas = Canvas::new(680.0, 290.0);
    let (value, slope) = (Stroke::new(color::VALUE), Stroke::new(color::GRADIENT).dashed());
    let mut place = |at: [f64; 2], name: &str, below: &str, fill: &str| {
        canvas.rectangle(at, [118.0, 56.0], fill, Stroke::new(color::INK).width(1.0));
        canvas.text([at[0] + 59.0, at[1] + 25.0], Anchor::Middle, 15.0, color::INK, name);
        canvas.text([at[0] + 59.0, at[1] + 43.0], Anchor::Middle, 12.0, color::QUIET, below);
    };
    place([16.0, 60.0], "latents", "random numbers", "#ffffff");
    place([190.0, 60.0], "generator", "its weights", color::VALUE_FILL);
    place([190.0, 190.0], "reals", "real pictures", "#ffffff");
    place([390.0, 125.0], "discriminator", "its weights", color::VALUE_FILL);
    place([548.0, 125.0], "loss", "cross-entropy", "#ffffff");
    canvas.arrow([134.0, 88.0], [190.0, 88.0], value);
    canvas.arrow([308.0, 92.0], [390.0, 140.0], value);
    canvas.text([352.0, 104.0], Anchor::Start, 13.0, color::VALUE, "fakes");
    canvas.arrow([308.0, 214.0], [390.0, 166.0], value);
    canvas.arrow([508.0, 147.0], [548.0, 147.0], value);
    canvas.arrow([548.0, 168.0], [508.0, 168.0], slope);
    // The discriminator's turn: the gradient ends at its own weights.
    canvas.path(&[[580.0, 181.0], [580.0, 236.0], [449.0, 236.0]], slope);
    canvas.arrow([449.0, 236.0], [449.0, 181.0], slope);
    canvas.text([449.0, 254.0], Anchor::Start, 13.0, color::GRADIENT, "1. D's turn: to D's weights;");
    canvas.text([449.0, 271.0], Anchor::Start, 13.0, color::GRADIENT, "the fakes are constants");
    // The generator's turn: through the frozen discriminator.
    canvas.path(&[[580.0, 125.0], [580.0, 34.0], [249.0, 34.0]], slope);
    canvas.arrow([249.0, 34.0], [249.0, 60.0], slope);
    canvas.text(
        [262.0, 24.0],
        Anchor::Start,
        13.0,
        color::GRADIENT,
        "2. G's turn: through D, which is frozen, to G's weights",
    );
    canvas.text([16.0, 254.0], Anchor::Start, 13.0, color::VALUE, "solid: values go forward");
    canvas.text([16.0, 271.0], Anchor::Start, 13.0, color::GRADIENT, "dashed: gradients flow back");
    canvas.finish("The two networks of a GAN and the two paths of the gradients")
}

/// The generator's weight at each step of the smallest GAN; `decay` is the discriminator's weight
/// decay.
fn smallest_gan(decay: f64) -> Vec<[f64; 2]> {
    let sigmoid = |v: f64| 1.0 / (1.0 + (-v).exp());
    let latents = [-0.75, -0.25, 0.25, 0.75];
    let mean = |f: &dyn Fn(f64) -> f64| latents.iter().map(|z| f(*z)).sum::<f64>() / 4.0;
    let (mut w, mut c, mut b) = (0.0, 0.0, 0.0);
    let step = |step: u32| {
        let v = |x: f64| w * x + c;
        let dw = mean(&|z| (b + z) * sigmoid(v(b + z)) - (3.0 + z) * sigmoid(-v(3.0 + z)));
        let dc = mean(&|z| sigmoid(v(b + z)) - sigmoid(-v(3.0 + z)));
        w -= 0.1 * (dw + decay * w);
        c -= 0.1 * (dc + decay * c);
        b -= 0.2 * mean(&|z| -w * sigmoid(-(w * (b + z) + c)));
        [f64::from(step + 1), b]
    };
    core::iter::once([0.0, 0.0]).chain((0..400).map(step)).collect()
}

fn chase() -> String {
    let mut canvas = Canvas::new(640.0, 300.0);
    let plot = Plot { at: [54.0, 40.0], size: [560.0, 200.0], x: [0.0, 400.0], y: [-0.5, 5.0] };
    let ticks: [&[f64]; 2] = [&[0.0, 100.0, 200.0, 300.0, 400.0], &[0.0, 1.0, 2.0, 3.0, 4.0]];
    plot.frame(&mut canvas, ticks, ["step", "the generator's weight b (the reals are around 3)"]);
    plot.curve(&mut canvas, smallest_gan(0.0), Stroke::new(color::GRADIENT).dashed());
    plot.curve(&mut canvas, smallest_gan(1.0), Stroke::new(color::VALUE).width(2.5));
    canvas.text([606.0, 20.0], Anchor::End, 13.0, color::VALUE, "solid: with weight decay");
    canvas.text([606.0, 36.0], Anchor::End, 13.0, color::GRADIENT, "dashed: without it");
    canvas.finish("The generator's weight over the steps, with and without weight decay on the discriminator")
}

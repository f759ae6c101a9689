//! Path lengths: how far a picture moves when its style does.
//!
//! Along a direction y of the picture, the gradient of <G(w), y> by the style w is what the generator's Jacobian makes of y; its length,
//! for normal y, is how strongly pictures answer to styles thereabouts. If it is the same everywhere, a step in w is a step of the same size in
//! the picture, wherever it is taken: such a generator is smooth, and a style for a given picture is easily found. So what differs from
//! the mean of all lengths is penalised (Karras, Laine, Aittala, Hellsten, Lehtinen and Aila, "Analyzing and improving the image
//! quality of StyleGAN", 2020):
//!
//! ```text
//! length = sqrt(mean over the layers of |gradient of <G(w), y> by the layer's style|^2)      y ~ N(0, 1) / sqrt(height * width)
//! penalty = weight * mean of (length - a)^2      a += decay * (mean length - a)
//! ```
//!
//! The penalty holds a gradient, and learning needs the gradient of that: through the whole generator, and through the network that makes
//! the styles.

use kernels::Key;
use tensor::{Options, Var, grad};

/// The images that `paint` makes of styles, of shape (n, style) for each layer, and their lengths, shape (n), to be differentiated. `key` is
/// the stream of the directions.
pub(super) fn lengths(styles: &[Var], paint: impl FnOnce(&[Var]) -> Var, key: Key) -> [Var; 2] {
    let (layers, [n, style]) = (styles.len(), [0, 1].map(|axis| styles[0].shape()[axis]));
    // Layers may share a style, but each has a gradient of its own: they get theirs from one variable for all.
    let rows: Vec<Var> = styles.iter().map(|each| each.reshape([1, n, style])).collect();
    let [first, rest @ ..] = &rows[..] else { panic!("path lengths: no styles") };
    let all = rest.iter().fold(first.clone(), |all, each| all.concat(each, 0));
    let each: Vec<Var> = (0..layers).map(|layer| all.slice(0, layer..layer + 1).reshape([n, style])).collect();

    let images = paint(&each);
    let [height, width] = [1, 2].map(|axis| images.shape()[axis] as f64);
    let directions = nn::init::normal(images.shape(), 0.0, 1.0 / (height * width).sqrt(), key);
    let answer = (&images * &Var::constant(directions)).sum();
    let gradient = grad(&answer, &[all], Options::CREATE_GRAPH).remove(0);
    let squares = gradient.square().sum_to([1, n, 1]).scale(1.0 / layers as f64);
    [images, squares.add_scalar(TINY).sqrt().reshape([n])]
}

/// Added under the root: the slope of a length is not defined at 0.
const TINY: f64 = 1e-12;

/// The mean of all lengths so far, moved from `before` towards that of these by a share of `decay`; and the mean of the squared differences
/// from it.
pub(super) fn spread(lengths: &Var, before: f64, decay: f64) -> (Var, Var) {
    let mean = lengths.mean().affine(decay, (1.0 - decay) * before);
    let spread = (lengths - &mean).square().mean();
    (mean, spread)
}


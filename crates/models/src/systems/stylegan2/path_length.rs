//! Path length regularisation (Karras, Laine, Aittala, Hellsten, Lehtinen and Aila, "Analyzing and
//! improving the image quality of StyleGAN", 2020).
//!
//! The gradient of <G(w), y> with respect to the style w is J^T y, with the Jacobian J of the
//! generator; its norm for a random image y is called a path length. If it is the same for all w
//! and y, a step of fixed size in w changes the image by the same amount everywhere: such a
//! generator is smooth, and easy to invert. So the variance of the path lengths is penalised:
//!
//! ```text
//! y ~ N(0, 1) / sqrt(height * width)
//! length = sqrt(mean over the layers of |gradient of <G(w), y> w.r.t. the layer's style|^2)
//! a += decay * (mean length - a)
//! penalty = weight * mean of (length - a)^2
//! ```
//!
//! The penalty contains a gradient, so training differentiates twice through the whole generator
//! and the mapping network.

use kernels::Element;
use tensor::{Options, Shape, Tensor, Var, grad};

/// The images that `paint` makes from one style per layer, each of shape (n, style), and their path
/// lengths, shape (n), both differentiable. `normal` draws normal numbers for the directions.
pub(super) fn lengths<T: Element>(
    styles: &[Var<T>],
    paint: impl FnOnce(&[Var<T>]) -> Var<T>,
    normal: impl FnOnce(&Shape) -> Tensor<T>,
) -> [Var<T>; 2] {
    let (layers, [n, style]) = (styles.len(), [0, 1].map(|axis| styles[0].shape()[axis]));
    // Layers may share a style but need separate gradients, so each gets a slice of one new
    // variable.
    let rows: Vec<Var<T>> = styles.iter().map(|each| each.reshape([1, n, style])).collect();
    let [first, rest @ ..] = &rows[..] else { panic!("path lengths: no styles") };
    let all = rest.iter().fold(first.clone(), |all, each| all.concat(each, 0));
    let each: Vec<Var<T>> = (0..layers).map(|layer| all.slice(0, layer..layer + 1).reshape([n, style])).collect();

    let images = paint(&each);
    let [height, width] = [1, 2].map(|axis| images.shape()[axis] as f64);
    let directions = Var::constant(normal(images.shape())).scale(1.0 / (height * width).sqrt());
    let gradient = grad(&(&images * &directions).sum(), &[all], Options::CREATE_GRAPH).remove(0);
    let squares = gradient.square().sum_to([1, n, 1]).scale(1.0 / layers as f64);
    [images, squares.add_scalar(TINY).sqrt().reshape([n])]
}

/// Added under the root: a norm has no derivative at 0.
const TINY: f64 = 1e-12;

/// The running mean of the path lengths, updated from `before` towards the mean of these lengths
/// with the weight `decay`, and the mean squared difference from it.
pub(super) fn mean_and_variance<T: Element>(lengths: &Var<T>, before: f64, decay: f64) -> [Var<T>; 2] {
    let mean = lengths.mean().affine(decay, (1.0 - decay) * before);
    let variance = (lengths - &mean).square().mean();
    [mean, variance]
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernels::{Fir, Padding, TransposedPadding};
    use tensor::ops::{Domain, sample};
    use tensor::{Check, Tape, gradcheck};

    /// A generator with a constant, a layer that keeps the resolution, one that doubles it, and
    /// output layers. (Its activation is smooth: finite differences would see the jumps in the
    /// derivative of a leaky ReLU.)
    fn painted(v: &[Var<f64>], styles: &[Var<f64>]) -> Var<f64> {
        let [constant, keeping, doubling, rgb] = &v[..4] else { panic!("four weights") };
        let n = styles[0].shape()[0];
        let same = |x: &Var<f64>, w: &Var<f64>| x.conv2d(w, [1, 1], Padding::Same);
        let twice = |x: &Var<f64>, w: &Var<f64>| {
            let larger = x.conv_transpose2d(&w.turn_taps(), [2, 2], TransposedPadding::Valid);
            larger.fir(&Fir::after_transposed(3))
        };
        let x = constant.broadcast_to([n, 2, 2, 3]).modulated(&styles[0], keeping, true, same).softplus();
        let small = x.modulated(&styles[1], rgb, false, same);
        let x = x.modulated(&styles[1], doubling, true, twice).softplus();
        &small.fir(&Fir::up2()) + &x.modulated(&styles[2], rgb, false, same)
    }

    /// The variance of the path lengths of two images, as a function of the generator's weights and
    /// of the weight that maps latents to styles.
    fn penalty(v: &[Var<f64>]) -> Var<f64> {
        let tape = v[0].node().map_or_else(Tape::new, |(tape, _)| tape.clone());
        let latents = tape.variable("latents", sample(Domain::AwayFromZero, 9, &[2, 4]));
        let style = latents.matmul(&v[4]).add_scalar(1.0);
        let styles = vec![style; 3];
        let [images, lengths] = lengths(&styles, |styles| painted(v, styles), |shape| sample(Domain::Any, 5, shape));
        assert_eq!((images.shape().to_vec(), lengths.shape().to_vec()), (vec![2, 4, 4, 2], vec![2]));
        mean_and_variance(&lengths, 0.7, 0.01)[1].clone()
    }

    fn weights() -> Vec<Tensor<f64>> {
        let shapes: [&[usize]; 5] = [&[1, 2, 2, 3], &[3, 3, 3, 3], &[3, 3, 3, 3], &[1, 1, 3, 2], &[4, 3]];
        shapes.iter().zip(1..).map(|(shape, seed)| sample(Domain::AwayFromZero, seed, shape)).collect()
    }

    /// Compares the gradient of the penalty with finite differences.
    #[test]
    fn the_penalty_s_gradient_is_that_of_its_value() {
        let check = Check { order: 1, tolerance: [1e-6; 2] };
        let [error, _] =
            gradcheck("path lengths", &penalty, &weights(), check).unwrap_or_else(|wrong| panic!("{wrong}"));
        assert!(error < 1e-6, "{error:e}");
    }

    /// G(w) = a w for each layer's w, with one pixel: the norm of the gradient is |a y| in every
    /// layer.
    #[test]
    fn lengths_of_a_line_are_known() {
        let tape = Tape::new();
        let style = tape.variable("style", Tensor::<f64>::from_fn([3, 2], |i| i as f64));
        let paint = |styles: &[Var<f64>]| {
            let sum = &styles[0].scale(3.0) + &styles[1].scale(5.0);
            sum.reshape([3, 1, 1, 2])
        };
        let [_, found] = lengths(&[style.clone(), style], paint, |shape| Tensor::from_fn(*shape, |i| i as f64));
        // sqrt((9 + 25) / 2 * |y|^2) with y = (0, 1), (2, 3), (4, 5)
        for (found, square) in found.value().data().iter().zip([1.0, 13.0, 41.0]) {
            assert!((found - (17.0_f64 * square).sqrt()).abs() < 1e-9, "{found}");
        }
        let [mean, variance] = mean_and_variance(&Var::constant(Tensor::new(&[2], vec![1.0, 3.0])), 1.0, 0.1);
        assert!((mean.item() - 1.1_f64).abs() < 1e-12 && (variance.item() - (0.01 + 3.61) / 2.0).abs() < 1e-12);
    }
}

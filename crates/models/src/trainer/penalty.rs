//! Penalties on the gradient of the discriminator's output with respect to its input images. The
//! loss then contains a gradient, so training needs second derivatives.
//!
//! * Gradient penalty (Gulrajani, Ahmed, Arjovsky, Dumoulin and Courville, "Improved training of
//!   Wasserstein GANs", 2017): weight * mean over i of (|grad D(x_i)| - 1)^2, each x_i a random
//!   point on the straight line between a real and a fake image.
//! * R1 (Mescheder, Geiger and Nowozin, "Which training methods for GANs do actually converge?",
//!   2018): weight / 2 * mean over i of |grad D(x_i)|^2, each x_i a real image.
//!
//! The norm is taken over all pixels of an image. The fakes are constants here: the generator gets
//! no gradient from a penalty.

use kernels::Key;
use kernels::simd::fused_multiply_add;
use nn::ForwardContext;
use tensor::{Options, Tensor, Var, grad};

/// The term that a penalty adds to the loss, the mean norm of its gradients, and the
/// discriminator's outputs.
pub struct Penalty {
    /// The term, a scalar.
    pub loss: Var,
    /// The mean over the batch of the norm of the gradient.
    pub gradient_norm: f64,
    /// The discriminator's outputs where the gradient was taken.
    pub logits: Var,
}

/// Added under the root: a norm has no derivative at 0.
const TINY: f64 = 1e-12;

/// The gradient penalty between `reals` and `fakes`, both of shape (n, ...). `key` is the random
/// stream that chooses the points.
pub fn between(
    ctx: &mut ForwardContext,
    critic: impl FnOnce(&mut ForwardContext, &Var) -> Var,
    weight: f64,
    reals: &Tensor,
    fakes: &Tensor,
    key: Key,
) -> Penalty {
    let points = ctx.variable("between", points_between(reals, fakes, key));
    let (logits, square) = squared_gradients(ctx, critic, &points);
    let length = square.add_scalar(TINY).sqrt();
    let loss = length.add_scalar(-1.0).square().mean().scale(weight);
    Penalty { loss, gradient_norm: mean_length(&square), logits }
}

/// R1 on `reals`, of shape (n, ...). Its `logits` can be reused in a loss on reals.
pub fn on_reals(
    ctx: &mut ForwardContext,
    discriminator: impl FnOnce(&mut ForwardContext, &Var) -> Var,
    weight: f64,
    reals: &Tensor,
) -> Penalty {
    let reals = ctx.variable("reals", reals.clone());
    let (logits, square) = squared_gradients(ctx, discriminator, &reals);
    Penalty { loss: square.mean().scale(weight / 2.0), gradient_norm: mean_length(&square), logits }
}

/// D(x_i) for each image of the batch `x`, and |grad D(x_i)|^2, shape (n), both differentiable.
fn squared_gradients(
    ctx: &mut ForwardContext,
    score: impl FnOnce(&mut ForwardContext, &Var) -> Var,
    x: &Var,
) -> (Var, Var) {
    // The output on an image depends on that image (almost) alone, so the gradient of the sum over
    // the batch contains the gradient for each image.
    let logits = score(ctx, x);
    let gradient = grad(&logits.sum(), core::slice::from_ref(x), Options::CREATE_GRAPH).remove(0);
    let (count, size) = (x.shape()[0], x.value().size());
    let square = gradient.square().reshape([count, size / count]).sum_to([count, 1]).reshape([count]);
    (logits, square)
}

fn mean_length(square: &Var) -> f64 {
    let lengths = square.value().data().iter().map(|square| f64::from(*square).sqrt());
    lengths.sum::<f64>() / square.value().size() as f64
}

/// For each pair of images a point on the line between them: real + a (fake - real), with one
/// uniform a in [0, 1) per image.
fn points_between(reals: &Tensor, fakes: &Tensor, key: Key) -> Tensor {
    assert!(
        reals.shape() == fakes.shape(),
        "penalty: reals of shape {} and fakes of shape {}",
        reals.shape(),
        fakes.shape()
    );
    let (count, size) = (reals.shape()[0], reals.size() / reals.shape()[0]);
    let shares = nn::init::uniform(&[count], 0.0, 1.0, key);
    Tensor::from_fn(*reals.shape(), |i| {
        let (real, fake) = (reals.data()[i], fakes.data()[i]);
        fused_multiply_add(fake - real, shares.data()[i / size], real)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nn::layers::{Dense, Flatten};
    use nn::{Dialect, Gradients, Network, RngContext, differentiate};

    const DRAW: RngContext = RngContext { seed: 1, step: 0, purpose: "a test" };

    /// D(x) = w x with w = (3, 4); its gradient with respect to x is w everywhere.
    fn line() -> Network {
        let mut network = Network::new("critic", &[2], Dialect::Torch, 1).with("dense", Dense::new(1).without_bias());
        for (_, _, weight) in network.tensors_mut() {
            *weight = Tensor::new(&[2, 1], vec![3.0, 4.0]);
        }
        network
    }

    fn score(network: &Network) -> impl Fn(&mut ForwardContext, &Var) -> Var {
        |ctx, x| network.forward(ctx, x)
    }

    fn evaluate(penalty: impl Fn(&mut ForwardContext) -> Penalty) -> (f32, Vec<f32>, f64) {
        let (Gradients { parameters, .. }, (loss, norm)) = differentiate(DRAW, |ctx| {
            let Penalty { loss, gradient_norm, .. } = penalty(ctx);
            (loss.clone(), (loss.item(), gradient_norm))
        })
        .expect("finite");
        (loss, parameters[0].1.data().to_vec(), norm)
    }

    /// The penalty is (5 - 1)^2, and its gradient 2 (5 - 1) w / 5.
    #[test]
    fn the_penalty_of_a_line_is_known() {
        let images = |value| Tensor::full([3, 2], value);
        let (loss, gradient, norm) =
            evaluate(|ctx| between(ctx, score(&line()), 1.0, &images(1.0), &images(-2.0), Key::named(1, "points")));
        assert_eq!((loss, norm), (16.0, 5.0));
        assert!((gradient[0] - 4.8).abs() < 1e-6 && (gradient[1] - 6.4).abs() < 1e-6, "{gradient:?}");
    }

    /// The penalty is 10 / 2 * 25, and its gradient 10 w.
    #[test]
    fn r1_of_a_line_is_known() {
        let (loss, gradient, norm) = evaluate(|ctx| on_reals(ctx, score(&line()), 10.0, &Tensor::full([3, 2], 1.0)));
        assert_eq!((loss, norm), (125.0, 5.0));
        assert!((gradient[0] - 30.0).abs() < 1e-5 && (gradient[1] - 40.0).abs() < 1e-5, "{gradient:?}");
    }

    /// Where the critic is constant, the norm has no derivative: the penalty is 1 there, not NaN.
    #[test]
    fn a_flat_critic_gives_no_nan() {
        let mut flat = line();
        flat.tensors_mut().into_iter().for_each(|(_, _, weight)| *weight = Tensor::zeros([2, 1]));
        let images = Tensor::full([2, 2], 1.0);
        let (loss, gradient, norm) =
            evaluate(|ctx| between(ctx, score(&flat), 1.0, &images, &images, Key::named(1, "points")));
        assert!((loss - 1.0).abs() < 1e-5 && norm == 0.0 && gradient == [0.0, 0.0], "{loss} {gradient:?}");
    }

    #[test]
    fn a_point_lies_between_its_two_images_with_one_share_for_all_pixels() {
        let (reals, fakes) = (Tensor::zeros([50, 2, 2, 1]), Tensor::full([50, 2, 2, 1], 1.0));
        let points = points_between(&reals, &fakes, Key::named(3, "points"));
        let places: Vec<f32> = points.data().chunks(4).map(|image| image[0]).collect();
        assert!(points.data().chunks(4).all(|image| image.iter().all(|x| *x == image[0])));
        assert!(places.iter().all(|a| (0.0..1.0).contains(a)));
        let mean = places.iter().sum::<f32>() / 50.0;
        assert!((mean - 0.5).abs() < 0.15 && places[0] != places[1], "{mean}");
    }

    /// Compares the gradient of the penalty of a small convolutional critic with finite
    /// differences.
    #[test]
    fn the_penalty_s_gradient_is_that_of_its_value() {
        use kernels::Padding;
        use nn::layers::{Activation, Conv2d};
        let critic = |nudge: Option<(usize, f32)>| {
            let mut network = Network::new("critic", &[4, 4, 1], Dialect::Torch, 5)
                .with("conv1", Conv2d::new(3, 3).stride(2).padding(Padding::Same))
                .with("lrelu1", Activation::LeakyRelu(0.2))
                .with("conv2", Conv2d::new(2, 2).padding(Padding::Valid))
                .with("lrelu2", Activation::LeakyRelu(0.2))
                .with("flatten", Flatten)
                .with("dense", Dense::new(1));
            if let Some((i, by)) = nudge {
                network.tensors_mut()[0].2.data_mut()[i] += by;
            }
            network
        };
        let images = |name| nn::init::normal(&[4, 4, 4, 1], 0.0, 1.0, Key::named(2, name));
        let (reals, fakes) = (images("reals"), images("fakes"));
        let at =
            |nudge| evaluate(|ctx| between(ctx, score(&critic(nudge)), 10.0, &reals, &fakes, Key::named(1, "points")));
        let (_, gradient, _) = at(None);
        for i in [0, 4, 8, 13, 26] {
            let by = 1e-2;
            let slope = (at(Some((i, by))).0 - at(Some((i, -by))).0) / (2.0 * by);
            assert!((slope - gradient[i]).abs() < 2e-3 * gradient[i].abs().max(1.0), "{i}: {slope}, {}", gradient[i]);
        }
    }
}

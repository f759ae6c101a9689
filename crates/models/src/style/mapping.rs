//! The mapping network: from latents to styles (Karras, Laine and Aila, "A style-based generator
//! architecture for generative adversarial networks", 2019). The distribution of latents is fixed;
//! that of styles is learned, and can follow the factors of variation of the images.

use core::f64::consts::SQRT_2;

use nn::layers::{Dense, Equalised, Gain, PixelNorm, RunningMean};
use nn::{Dialect, ForwardContext, Network, TensorKind};
use rand::RngExt as _;
use tensor::{Tensor, Var};

use crate::LatentKind;
use crate::growing::lerp;
use crate::strided::LEAKY;

/// Layers of StyleGAN's network.
const DEPTH: usize = 8;
/// The learning rate multiplier of its layers.
const MULTIPLIER: f64 = 0.01;
/// The decay of the running mean of the styles.
const KEEP: f64 = 0.995;

/// The network `NAME.mapping` from latents of size `latent` to styles of size `style`, with a
/// running mean of the styles.
pub(crate) fn network(name: &str, latent: usize, style: usize, seed: u64) -> Network {
    of_layers(name, [latent, style], DEPTH, Equalised::RELU, |network, _| network, seed)
}

/// Like [`network`], with `depth` layers, as in StyleGAN2: the gain that compensates for the leaky
/// ReLU comes after it, so that it scales the bias too.
pub(crate) fn network_with_gains(name: &str, sizes: [usize; 2], depth: usize, seed: u64) -> Network {
    let gain = |network: Network, number| network.with(&format!("gain{number}"), Gain(SQRT_2));
    of_layers(name, sizes, depth, Equalised::LINEAR, gain, seed)
}

/// A network of dense layers, each followed by a leaky ReLU and the layers that `after` adds.
fn of_layers(
    name: &str,
    [latent, style]: [usize; 2],
    depth: usize,
    equalised: Equalised,
    after: impl Fn(Network, usize) -> Network,
    seed: u64,
) -> Network {
    let slow = Equalised { multiplier: MULTIPLIER, ..equalised };
    let network = Network::new(&format!("{name}.mapping"), &[latent], Dialect::Torch, seed).with("norm", PixelNorm);
    let layers = (1..=depth).fold(network, |network, number| {
        let dense = Dense::new(style).equalised(slow);
        after(network.with(&format!("dense{number}"), dense).with(&format!("lrelu{number}"), LEAKY), number)
    });
    layers.with("styles", RunningMean::new(KEEP))
}

/// The styles of latents (n, latent) for each of `layers` layers. In training, with the probability
/// `share`, the layers from a random one on get the styles of other latents (style mixing), so that
/// layers do not rely on each other.
pub(crate) fn mixed_styles(
    mapping: &Network,
    ctx: &mut ForwardContext,
    latents: &Var,
    layers: usize,
    share: f64,
) -> Vec<Var> {
    let count = latents.shape()[0];
    let Some((from, others)) = others(ctx, latents.value(), layers, share) else {
        return vec![mapping.forward_part(ctx, latents); layers];
    };
    let both = mapping.forward_part(ctx, &latents.concat(&others, 0));
    let [coarse, fine] = [0, count].map(|first| both.slice(0, first..first + count));
    [vec![coarse; from], vec![fine; layers - from]].concat()
}

/// Decides whether this forward pass mixes styles; if so, returns the first layer that gets the
/// styles of other latents, and these latents.
fn others(ctx: &mut ForwardContext, like: &Tensor, layers: usize, share: f64) -> Option<(usize, Var)> {
    let mut draws = ctx.key()?.draws();
    let mixes = draws.random::<f64>() < share;
    let from = draws.random_range(1..layers);
    let others = LatentKind::Normal.draw(like.shape()[0], like.shape()[1], ctx.key()?);
    mixes.then(|| (from, Var::constant(others)))
}

/// The running mean of the styles that a mapping network keeps, shape (style).
pub(crate) fn mean_style(mapping: &Network) -> &Tensor {
    let mean = mapping.tensors().into_iter().find(|(_, kind, _)| *kind == TensorKind::Buffer);
    mean.expect("a mapping network ends in a running mean").2
}

/// The tensors of `networks`, one per network, whose names end in `name`: the weights of affine
/// maps from styles, of shape (style, channels), side by side.
pub(crate) fn style_weights(networks: &[&Network], name: &str) -> Tensor {
    let weight = |network: &&Network| {
        let found = network.tensors().into_iter().find(|(full, _, _)| full.ends_with(name));
        Var::constant(found.expect("a layer with styles has weights for them").2.clone())
    };
    let weights = networks.iter().map(weight).reduce(|all, weight| all.concat(&weight, 1));
    weights.expect("there is a network").into_value()
}

/// The truncation trick: styles (n, style) moved towards their mean, mean + psi (style - mean).
/// With psi = 1 they are unchanged, with 0 all become the mean; in between, images vary less and
/// have higher quality.
pub fn truncated(styles: &Tensor, mean: &Tensor, psi: f64) -> Tensor {
    if psi == 1.0 {
        return styles.clone();
    }
    let [styles, mean] = [styles, mean].map(|tensor| Var::constant(tensor.clone()));
    lerp(&mean, &styles, psi).into_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernels::Key;
    use nn::RngContext;
    use tensor::Tape;

    fn normal(shape: &[usize], name: &str) -> Tensor {
        nn::init::normal(shape, 0.0, 1.0, Key::named(1, name))
    }

    #[test]
    fn the_official_one_has_two_million_weights_that_are_scaled_at_run_time() {
        let mapping = network("generator", 512, 512, 1);
        assert_eq!(mapping.count(TensorKind::Parameter), 2_101_248);
        let (_, _, weight) = mapping.tensors().remove(0);
        let square: f64 = weight.data().iter().map(|w| f64::from(*w).powi(2)).sum::<f64>() / weight.size() as f64;
        assert!((square.sqrt() - 100.0).abs() < 0.5, "deviation {}", square.sqrt());
        // sqrt(2) / sqrt(512) * 0.01
        let styles = mapping.infer(&normal(&[64, 512], "latents"));
        let square: f64 = styles.data().iter().map(|w| f64::from(*w).powi(2)).sum::<f64>() / styles.size() as f64;
        assert!((0.5..2.0).contains(&square), "the gain keeps the mean square near 1: {square}");
    }

    /// The new mean is 0.995 times the old one plus 0.005 times the batch's; a frozen pass does not
    /// change it.
    #[test]
    fn the_mean_of_all_styles_follows_slowly() {
        let mapping = network("generator", 8, 4, 1);
        let latents = Var::constant(normal(&[16, 8], "latents"));
        let buffers_of = |frozen: bool| {
            let draw = RngContext { seed: 1, step: 0, purpose: "a test" };
            nn::differentiate(draw, |ctx: &mut ForwardContext| {
                let styles = if frozen {
                    ctx.frozen(|ctx| mapping.forward(ctx, &latents))
                } else {
                    mapping.forward(ctx, &latents)
                };
                (styles.square().mean(), ())
            })
            .unwrap()
            .0
            .buffers
        };
        assert!(buffers_of(true).is_empty());
        let buffers = buffers_of(false);
        let styles = mapping.forward(
            &mut ForwardContext::training(&Tape::new(), RngContext { seed: 1, step: 0, purpose: "x" }),
            &latents,
        );
        let mean = |i: usize| styles.value().data().iter().skip(i).step_by(4).sum::<f32>() / 16.0;
        for i in 0..4 {
            assert!((buffers[0].1.data()[i] - 0.005 * mean(i)).abs() < 1e-6);
        }
        assert!(mean_style(&mapping).data().iter().all(|x| *x == 0.0));
    }

    #[test]
    fn truncation_ends_at_the_mean() {
        let (styles, mean) = (normal(&[3, 4], "styles"), normal(&[4], "mean"));
        assert_eq!(truncated(&styles, &mean, 0.0).data(), [mean.data(); 3].concat());
        assert_eq!(truncated(&styles, &mean, 1.0), styles);
        let half = truncated(&styles, &mean, 0.5);
        assert!((half.data()[5] - (styles.data()[5] + mean.data()[1]) / 2.0).abs() < 1e-6);
    }
}

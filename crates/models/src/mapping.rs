//! The mapping network: from latents to styles (Karras, Laine and Aila, "A style-based generator architecture for generative adversarial
//! networks", 2019). A latent's distribution is a given; a style's is learned, and may follow what varies in the pictures.

use nn::layers::{Dense, Equalised, PixelNorm, RunningMean};
use nn::{Dialect, Kind, Network};
use tensor::{Tensor, Var};

use crate::growing::lerp;
use crate::strided::LEAKY;

/// Layers of the network.
const DEPTH: usize = 8;
/// Its layers learn a hundred times as slowly as all others.
const SLOW: Equalised = Equalised { multiplier: 0.01, ..Equalised::BENT };
/// The share of the mean of all styles that stays at a step.
const KEEP: f64 = 0.995;

/// The network `NAME.mapping` from latents of `latent` numbers to styles of `style` numbers; it also keeps the mean of all styles.
pub(crate) fn network(name: &str, latent: usize, style: usize, seed: u64) -> Network {
    let network = Network::new(&format!("{name}.mapping"), &[latent], Dialect::Torch, seed).with("norm", PixelNorm);
    let layers = (1..=DEPTH).fold(network, |network, number| {
        network
            .with(&format!("dense{number}"), Dense::new(style).equalised(SLOW))
            .with(&format!("lrelu{number}"), LEAKY)
    });
    layers.with("styles", RunningMean::new(KEEP))
}

/// The mean of all styles that a mapping network keeps, shape (style).
pub(crate) fn mean_style(mapping: &Network) -> &Tensor {
    let mean = mapping.tensors().into_iter().find(|(_, kind, _)| *kind == Kind::Buffer);
    mean.expect("a mapping network ends in a running mean").2
}

/// The truncation trick: styles (n, style) pulled towards the mean, mean + psi (style - mean). 1 leaves them as they are, 0 makes all of
/// them the mean; between, pictures vary less and look better.
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
    use nn::{Draw, Pass};
    use tensor::Tape;

    fn normal(shape: &[usize], name: &str) -> Tensor {
        nn::init::normal(shape, 0.0, 1.0, Key::named(1, name))
    }

    #[test]
    fn the_official_one_has_two_million_weights_that_are_scaled_at_run_time() {
        let mapping = network("generator", 512, 512, 1);
        assert_eq!(mapping.count(Kind::Parameter), 2_101_248);
        let (_, _, weight) = mapping.tensors().remove(0);
        let square: f64 = weight.data().iter().map(|w| f64::from(*w).powi(2)).sum::<f64>() / weight.size() as f64;
        assert!((square.sqrt() - 100.0).abs() < 0.5, "deviation {}", square.sqrt());
        // sqrt(2) / sqrt(512) * 0.01
        let styles = mapping.infer(&normal(&[64, 512], "latents"));
        let square: f64 = styles.data().iter().map(|w| f64::from(*w).powi(2)).sum::<f64>() / styles.size() as f64;
        assert!((0.5..2.0).contains(&square), "the gain keeps the mean square near 1: {square}");
    }

    /// 0.995 times the old mean, and 0.005 times the batch's; a frozen walk leaves it alone.
    #[test]
    fn the_mean_of_all_styles_follows_slowly() {
        let mapping = network("generator", 8, 4, 1);
        let latents = Var::constant(normal(&[16, 8], "latents"));
        let walk = |frozen: bool| {
            let draw = Draw { seed: 1, step: 0, purpose: "a test" };
            nn::differentiate(draw, |pass: &mut Pass| {
                let styles = if frozen {
                    pass.frozen(|pass| mapping.forward(pass, &latents))
                } else {
                    mapping.forward(pass, &latents)
                };
                (styles.square().mean(), ())
            })
            .unwrap()
            .0
            .buffers
        };
        assert!(walk(true).is_empty());
        let buffers = walk(false);
        let styles =
            mapping.forward(&mut Pass::training(&Tape::new(), Draw { seed: 1, step: 0, purpose: "x" }), &latents);
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

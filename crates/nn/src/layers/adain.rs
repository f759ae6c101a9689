//! [`AdaIn`]: a style decides how strong each channel is.

use tensor::{Tensor, Var};

use crate::context::ForwardContext;
use crate::init::Fan;
use crate::layers::Equalised;
use crate::network::{BuildContext, Kind, Layer};

/// Adaptive instance normalisation (Huang and Belongie 2017, as Karras, Laine and Aila 2019 have it): each channel of each image (h, w, c)
/// gets mean 0 and variance 1, and then a scale and a shift that a dense layer without activation makes of the image's
/// [style](ForwardContext::style):
///
/// ```text
/// (s, b) = style w + bias      y = (x - mean) / sqrt(variance + 1e-8) * (s + 1) + b
/// ```
///
/// The weights w are [equalised](Equalised) and the bias starts at 0, so the scales start near 1.
#[derive(Clone, Debug)]
pub struct AdaIn {
    style: usize,
    weight: Tensor,
    bias: Tensor,
}

const EPSILON: f64 = 1e-8;

impl AdaIn {
    /// By styles of so many numbers.
    pub fn new(style: usize) -> Self {
        let [weight, bias] = [(); 2].map(|()| Tensor::zeros([0]));
        Self { style, weight, bias }
    }
}

impl Layer for AdaIn {
    fn describe(&self) -> String {
        format!("AdaIN of style {}", self.style)
    }

    fn build(&mut self, site: &BuildContext) -> Result<Vec<usize>, String> {
        let &[_, _, channels] = site.input else { return Err("a style is put on images (h, w, c)".into()) };
        let (start, units) = (Equalised::start(Some(Equalised::LINEAR), site.start), 2 * channels);
        let fan = Fan { input: self.style, output: units };
        self.weight = site.draw("weight", start.weight, &[self.style, units], fan);
        self.bias = site.draw("bias", start.bias, &[units], fan);
        Ok(site.input.to_vec())
    }

    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        let weight = Equalised::weight(Some(Equalised::LINEAR), ctx.parameter("weight", &self.weight));
        let both = &ctx.style().matmul(&weight) + &ctx.parameter("bias", &self.bias);
        let (images, channels) = (both.shape()[0], self.bias.size() / 2);
        let [scale, shift] =
            [0, channels].map(|first| both.slice(1, first..first + channels).reshape([images, 1, 1, channels]));
        &(&x.instance_norm(EPSILON, None) * &scale.add_scalar(1.0)) + &shift
    }

    fn tensors(&self) -> Vec<(&'static str, Kind, &Tensor)> {
        vec![("weight", Kind::Parameter, &self.weight), ("bias", Kind::Parameter, &self.bias)]
    }

    fn tensors_mut(&mut self) -> Vec<(&'static str, Kind, &mut Tensor)> {
        vec![("weight", Kind::Parameter, &mut self.weight), ("bias", Kind::Parameter, &mut self.bias)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dialect, Network, init::normal};
    use kernels::Key;

    fn network() -> Network {
        Network::new("styled", &[6, 5, 3], Dialect::Torch, 1).with("adain", AdaIn::new(4))
    }

    fn some(shape: &[usize], name: &str) -> Tensor {
        normal(shape, 0.7, 3.0, Key::named(1, name))
    }

    fn styled(network: &Network, x: &Tensor, style: &Tensor) -> Tensor {
        let (x, style) = (Var::constant(x.clone()), Var::constant(style.clone()));
        let mut ctx = ForwardContext::inference();
        ctx.styled(&style, |ctx| network.forward(ctx, &x)).into_value()
    }

    /// Mean and deviation of one channel of one image.
    fn moments(y: &Tensor, image: usize, channel: usize) -> [f64; 2] {
        let numbers: Vec<f64> =
            y.data()[image * 90..][..90].iter().skip(channel).step_by(3).map(|y| f64::from(*y)).collect();
        let mean = numbers.iter().sum::<f64>() / 30.0;
        [mean, (numbers.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / 30.0).sqrt()]
    }

    fn close([a, b]: [f64; 2], [c, d]: [f64; 2]) -> bool {
        (a - c).abs() < 1e-5 && (b - d).abs() < 1e-5
    }

    /// The style 0 changes nothing: what is left is the normalisation.
    #[test]
    fn before_the_style_channels_have_mean_0_and_deviation_1() {
        let x = some(&[2, 6, 5, 3], "x");
        let y = styled(&network(), &x, &Tensor::zeros([2, 4]));
        assert_eq!(y.shape(), x.shape());
        for (image, channel) in [(0, 0), (0, 2), (1, 1)] {
            let moments = moments(&y, image, channel);
            assert!(close(moments, [0.0, 1.0]), "{moments:?}");
        }
    }

    /// Whatever mean and deviation a channel had, it has those of its image's style: b and |s + 1|.
    #[test]
    fn the_style_decides_about_mean_and_deviation() {
        let (network, style) = (network(), some(&[2, 4], "style"));
        assert_eq!(network.count(Kind::Parameter), 4 * 6 + 6);
        let y = styled(&network, &some(&[2, 6, 5, 3], "x"), &style);
        let weight = network.tensors()[0].2.data().to_vec();
        let affine = |image: usize, unit: usize| -> f64 {
            let sum: f32 = (0..4).map(|i| style.data()[image * 4 + i] * weight[i * 6 + unit]).sum();
            f64::from(sum) / 2.0
        };
        for (image, channel) in [(0, 0), (0, 2), (1, 1)] {
            let wanted = [affine(image, 3 + channel), (affine(image, channel) + 1.0).abs()];
            let moments = moments(&y, image, channel);
            assert!(close(moments, wanted), "{moments:?}, not {wanted:?}");
        }
    }

    #[test]
    #[should_panic(expected = "nothing styles it")]
    fn without_a_style_it_says_so() {
        network().infer(&some(&[1, 6, 5, 3], "x"));
    }
}

//! [`AdaIn`]: a style scales and shifts each normalised channel.

use tensor::{Tensor, Var};

use crate::context::ForwardContext;
use crate::init::Fan;
use crate::layer::{BuildContext, Layer, TensorKind};
use crate::layers::Equalised;
use crate::spec::LayerSpec;

/// Adaptive instance normalisation (Huang and Belongie 2017, in the form of Karras, Laine and Aila
/// 2019) of images (h, w, c): each channel of each image is normalised to mean 0 and variance 1,
/// then scaled and shifted. Scale and shift are an affine function of the image's
/// [style](ForwardContext::style):
///
/// ```text
/// (s, b) = style w + bias      y = (x - mean) / sqrt(variance + 1e-8) * (s + 1) + b
/// ```
///
/// The weights w are [equalised](Equalised) and the bias is 0 at first, so the scales start near 1.
#[derive(Clone, Debug)]
pub struct AdaIn {
    style: usize,
    weight: Tensor,
    bias: Tensor,
}

const EPSILON: f64 = 1e-8;

impl AdaIn {
    /// A layer for styles with this many elements.
    pub fn new(style: usize) -> Self {
        let [weight, bias] = [(); 2].map(|()| Tensor::zeros([0]));
        Self { style, weight, bias }
    }
}

impl Layer for AdaIn {
    fn describe(&self) -> String {
        format!("AdaIN of style {}", self.style)
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        let &[_, _, channels] = ctx.input else {
            return Err("adaptive instance normalisation needs images (h, w, c)".into());
        };
        let (start, units) = (Equalised::init_scheme(Some(Equalised::LINEAR), ctx.init), 2 * channels);
        let fan = Fan { input: self.style, output: units };
        self.weight = ctx.draw("weight", start.weight, &[self.style, units], fan);
        self.bias = ctx.draw("bias", start.bias, &[units], fan);
        Ok(ctx.input.to_vec())
    }

    fn spec(&self) -> Option<LayerSpec> {
        let weight = Equalised::weight(Some(Equalised::LINEAR), Var::constant(self.weight.clone())).into_value();
        Some(LayerSpec::AdaIn { weight, bias: self.bias.clone(), epsilon: EPSILON })
    }

    fn factors(&self) -> Vec<(&'static str, f64)> {
        Equalised::factors(Some(Equalised::LINEAR), &self.weight, None)
    }

    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        let weight = Equalised::weight(Some(Equalised::LINEAR), ctx.parameter("weight", &self.weight));
        let both = &ctx.style().matmul_in(ctx.precision(), &weight) + &ctx.parameter("bias", &self.bias);
        let (images, channels) = (both.shape()[0], self.bias.size() / 2);
        let [scale, shift] =
            [0, channels].map(|first| both.slice(1, first..first + channels).reshape([images, 1, 1, channels]));
        &(&x.instance_norm(EPSILON, None) * &scale.add_scalar(1.0)) + &shift
    }

    fn tensors(&self) -> Vec<(&'static str, TensorKind, &Tensor)> {
        vec![("weight", TensorKind::Parameter, &self.weight), ("bias", TensorKind::Parameter, &self.bias)]
    }

    fn tensors_mut(&mut self) -> Vec<(&'static str, TensorKind, &mut Tensor)> {
        vec![("weight", TensorKind::Parameter, &mut self.weight), ("bias", TensorKind::Parameter, &mut self.bias)]
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

    /// With style 0, only the normalisation remains.
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

    /// Mean and deviation of a channel are set by its image's style, b and |s + 1|, whatever they
    /// were before.
    #[test]
    fn the_style_sets_mean_and_deviation() {
        let (network, style) = (network(), some(&[2, 4], "style"));
        assert_eq!(network.count(TensorKind::Parameter), 4 * 6 + 6);
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
    #[should_panic(expected = "the layer needs a style")]
    fn a_missing_style_is_reported() {
        network().infer(&some(&[1, 6, 5, 3], "x"));
    }
}

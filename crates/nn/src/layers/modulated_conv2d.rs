//! [`ModulatedConv2d`]: a convolution whose weights are scaled by a style, input channel by input
//! channel.
//!
//! Scaling the input channels of an image is equivalent to using scaled weights for that image:
//!
//! ```text
//! w'(ky, kx, i, o) = s(i) w(ky, kx, i, o)      s = style a + bias
//! ```
//!
//! If the inputs have standard deviation 1, output o has sqrt(sum of w'(., ., ., o)^2).
//! Demodulation divides by that, so styles cannot amplify features from layer to layer. It replaces
//! instance normalisation, but depends only on the weights, not on the actual features, and so does
//! not cause the droplet artefacts of StyleGAN (Karras, Laine, Aittala, Hellsten, Lehtinen and
//! Aila, "Analyzing and improving the image quality of StyleGAN", 2020).

use kernels::{Fir, Padding, TransposedPadding};
use tensor::{Tensor, Var};

use crate::context::ForwardContext;
use crate::init::{Fan, Initializer};
use crate::layer::{BuildContext, Layer, TensorKind};
use crate::layers::Equalised;
use crate::spec::LayerSpec;

/// A convolution of images (h, w, in) with a square kernel of odd size, to images of the same or
/// twice the size, modulated by the image's [style](ForwardContext::style). It has no bias, because
/// the bias is added after the noise.
///
/// The weights, including those from styles to scales, are [equalised](Equalised) with gain 1. The
/// scales start near 1.
#[derive(Clone, Debug)]
pub struct ModulatedConv2d {
    filters: usize,
    kernel: usize,
    style: usize,
    doubling: bool,
    demodulated: bool,
    weight: Tensor,
    /// The weight of the affine function from styles to scales, of shape (style, in).
    style_weight: Tensor,
    style_bias: Tensor,
}

impl ModulatedConv2d {
    /// A layer of `filters` output channels with a square kernel, for styles of `style` numbers,
    /// with demodulation.
    pub fn new(filters: usize, kernel: usize, style: usize) -> Self {
        let [weight, style_weight, style_bias] = [(); 3].map(|()| Tensor::zeros([0]));
        Self { filters, kernel, style, doubling: false, demodulated: true, weight, style_weight, style_bias }
    }

    /// Doubles height and width, by a transposed convolution of stride 2 and the filter [1, 3, 3,
    /// 1] in both directions.
    pub fn doubling(self) -> Self {
        Self { doubling: true, ..self }
    }

    /// Without demodulation, for the last layer of a generator.
    pub fn without_demodulation(self) -> Self {
        Self { demodulated: false, ..self }
    }
}

impl Layer for ModulatedConv2d {
    fn describe(&self) -> String {
        let Self { kernel, doubling, demodulated, .. } = self;
        let doubling = if *doubling { " up 2" } else { "" };
        let modulation = if *demodulated { "" } else { " not demodulated" };
        format!("ModulatedConv2d {kernel}x{kernel}{doubling}{modulation}")
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        let &[h, w, input] = ctx.input else { return Err("a convolution needs images (h, w, c)".into()) };
        let Self { filters, kernel, style, .. } = *self;
        if kernel % 2 == 0 {
            return Err(format!("the kernel size must be odd, not {kernel}"));
        }
        let fan = Fan { input: kernel * kernel * input, output: kernel * kernel * filters };
        let normal = Equalised::init_scheme(Some(Equalised::LINEAR), ctx.init).weight;
        self.weight = ctx.draw("weight", normal, &[kernel, kernel, input, filters], fan);
        let fan = Fan { input: style, output: input };
        self.style_weight = ctx.draw("style_weight", normal, &[style, input], fan);
        self.style_bias = ctx.draw("style_bias", Initializer::Constant(1.0), &[input], fan);
        let factor = if self.doubling { 2 } else { 1 };
        Ok(vec![factor * h, factor * w, filters])
    }

    fn window(&self) -> Option<[[usize; 2]; 2]> {
        // After a transposed convolution, the filter evens out how often its windows overlap.
        (!self.doubling).then_some([[self.kernel; 2], [1; 2]])
    }

    fn spec(&self) -> Option<LayerSpec> {
        let [weight, style_weight] = [&self.weight, &self.style_weight]
            .map(|weight| Equalised::weight(Some(Equalised::LINEAR), Var::constant(weight.clone())).into_value());
        let (style_bias, doubling, demodulated) = (self.style_bias.clone(), self.doubling, self.demodulated);
        Some(LayerSpec::ModulatedConv2d { weight, style_weight, style_bias, doubling, demodulated })
    }

    fn factors(&self) -> Vec<(&'static str, f64)> {
        let weights = [("weight", &self.weight), ("style_weight", &self.style_weight)];
        weights.map(|(name, weight)| (name, Equalised::LINEAR.factor(weight))).into()
    }

    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        let mut equalised = |name, weight| Equalised::weight(Some(Equalised::LINEAR), ctx.parameter(name, weight));
        let [weight, style_weight] = [("weight", &self.weight), ("style_weight", &self.style_weight)]
            .map(|(name, weight)| equalised(name, weight));
        let precision = ctx.precision();
        let scales = &ctx.style().matmul_in(precision, &style_weight) + &ctx.parameter("style_bias", &self.style_bias);
        x.modulated(&scales, &weight, self.demodulated, |x, weight| {
            if !self.doubling {
                return x.conv2d_in(precision, weight, [1, 1], Padding::Same);
            }
            let turned = weight.turn_taps();
            let larger = x.conv_transpose2d_in(precision, &turned, [2, 2], TransposedPadding::Valid);
            larger.fir(&Fir::after_transposed(self.kernel))
        })
    }

    fn tensors(&self) -> Vec<(&'static str, TensorKind, &Tensor)> {
        let tensors =
            [("weight", &self.weight), ("style_weight", &self.style_weight), ("style_bias", &self.style_bias)];
        tensors.map(|(name, tensor)| (name, TensorKind::Parameter, tensor)).into()
    }

    fn tensors_mut(&mut self) -> Vec<(&'static str, TensorKind, &mut Tensor)> {
        let Self { weight, style_weight, style_bias, .. } = self;
        let tensors = [("weight", weight), ("style_weight", style_weight), ("style_bias", style_bias)];
        tensors.map(|(name, tensor)| (name, TensorKind::Parameter, tensor)).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dialect, Network, init::normal};
    use kernels::Key;

    fn network(layer: ModulatedConv2d) -> Network {
        Network::new("styled", &[8, 8, 16], Dialect::Torch, 1).with("conv", layer)
    }

    fn some(shape: &[usize], name: &str) -> Tensor {
        normal(shape, 0.0, 1.0, Key::named(1, name))
    }

    fn styled(network: &Network, x: &Tensor, style: &Tensor) -> Tensor {
        let (x, style) = (Var::constant(x.clone()), Var::constant(style.clone()));
        ForwardContext::inference().styled(&style, |ctx| network.forward(ctx, &x)).into_value()
    }

    fn mean_square(x: &[f32]) -> f64 {
        x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / x.len() as f64
    }

    #[test]
    fn it_has_a_weight_and_an_affine_map_from_styles() {
        let network = network(ModulatedConv2d::new(12, 3, 5).doubling());
        assert_eq!(network.count(TensorKind::Parameter), 9 * 16 * 12 + 5 * 16 + 16);
        assert_eq!(network.output_shape(), [16, 16, 12]);
        assert!(network.tensors()[2].2.data().iter().all(|bias| *bias == 1.0));
        let describes = |layer: ModulatedConv2d| layer.describe();
        assert_eq!(describes(ModulatedConv2d::new(12, 3, 5).doubling()), "ModulatedConv2d 3x3 up 2");
        assert_eq!(
            describes(ModulatedConv2d::new(3, 1, 5).without_demodulation()),
            "ModulatedConv2d 1x1 not demodulated"
        );
    }

    /// With any style, the output for normal inputs has a mean square near 1, except at the border,
    /// where zeros are padded. In an up-sampled image, a quarter of the taps meet a non-zero pixel,
    /// and the filter averages independent values: 16 times the sum of its squared taps, 25/256,
    /// times a quarter is 0.39.
    #[test]
    fn demodulation_keeps_the_deviation() {
        let (x, style) = (some(&[3, 8, 8, 16], "x"), some(&[3, 5], "style"));
        let strong = Tensor::from_fn(*style.shape(), |i| 100.0 * style.data()[i]);
        let layers = [(ModulatedConv2d::new(64, 3, 5), 1.0), (ModulatedConv2d::new(64, 3, 5).doubling(), 0.39)];
        for (layer, wanted) in layers {
            let side = if layer.doubling { 16 } else { 8 };
            let network = network(layer.clone());
            for style in [&style, &strong] {
                let y = styled(&network, &x, style);
                assert_eq!(y.shape().to_vec(), [3, side, side, 64]);
                for image in y.data().chunks(side * side * 64) {
                    let square = mean_square(image);
                    assert!((0.6..1.4).contains(&(square / wanted)), "{}: {square}", layer.describe());
                }
            }
        }
    }

    /// Without demodulation, doubling the style (and the bias) doubles the output.
    #[test]
    fn without_demodulation_the_output_is_linear_in_the_style() {
        let mut network = network(ModulatedConv2d::new(3, 1, 5).without_demodulation());
        let (x, style) = (some(&[2, 8, 8, 16], "x"), some(&[2, 5], "style"));
        let once = styled(&network, &x, &style);
        let twice = Tensor::from_fn(*style.shape(), |i| 2.0 * style.data()[i]);
        network.tensors_mut()[2].2.data_mut().fill(2.0);
        let doubled = styled(&network, &x, &twice);
        assert!(doubled.data().iter().zip(once.data()).all(|(a, b)| (a - 2.0 * b).abs() < 1e-4));
        // An image depends only on its own style.
        let other = Tensor::from_fn(*style.shape(), |i| if i < 5 { 2.0 * style.data()[i] } else { 0.3 });
        let mixed = styled(&network, &x, &other);
        assert_eq!(mixed.data()[..192], doubled.data()[..192]);
        assert_ne!(mixed.data()[192..], doubled.data()[192..]);
    }

    #[test]
    #[should_panic(expected = "the kernel size must be odd, not 2")]
    fn an_even_kernel_is_refused() {
        network(ModulatedConv2d::new(3, 2, 5));
    }
}

//! [`ModulatedConv2d`]: a convolution whose weights a style makes stronger or weaker, channel by channel.
//!
//! A style scales the channels that the convolution reads; that can as well be seen as another weight for each image,
//!
//! ```text
//! w'(ky, kx, i, o) = s(i) w(ky, kx, i, o)      s = style a + bias
//! ```
//!
//! If the inputs have deviation 1, output o gets the deviation sqrt(sum of w'(., ., ., o)^2). Demodulation divides by that, so that no
//! style can make an image's features larger and larger from layer to layer: it takes the place of instance normalisation, but does
//! not look at the features themselves, and so cannot be got around by a spot as strong as a drop (Karras, Laine, Aittala, Hellsten, Lehtinen
//! and Aila, "Analyzing and improving the image quality of StyleGAN", 2020).

use kernels::{Fir, Padding, TransposedPadding};
use tensor::{Tensor, Var};

use crate::context::ForwardContext;
use crate::init::{Fan, Initializer};
use crate::layers::Equalised;
use crate::network::{BuildContext, Kind, Layer};

/// A convolution of images (h, w, in) with a square kernel of odd size, padded to the same size, or to twice the size. The image's
/// [style](ForwardContext::style) scales what each channel counts. It has no bias: that comes after the noise.
///
/// Weights, also those that make scales of styles, are [equalised](Equalised) without gain; the scales start around 1.
#[derive(Clone, Debug)]
pub struct ModulatedConv2d {
    filters: usize,
    kernel: usize,
    style: usize,
    doubling: bool,
    demodulated: bool,
    weight: Tensor,
    /// From styles to scales, (style, in).
    style_weight: Tensor,
    style_bias: Tensor,
}

impl ModulatedConv2d {
    /// `filters` output channels, a square kernel, styles of `style` numbers; demodulated.
    pub fn new(filters: usize, kernel: usize, style: usize) -> Self {
        let [weight, style_weight, style_bias] = [(); 3].map(|()| Tensor::zeros([0]));
        Self { filters, kernel, style, doubling: false, demodulated: true, weight, style_weight, style_bias }
    }

    /// Which doubles height and width: as a transposed convolution of stride 2, smoothed by [1, 3, 3, 1] in both directions.
    pub fn doubling(self) -> Self {
        Self { doubling: true, ..self }
    }

    /// Without demodulation, for outputs that nothing is stacked on.
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

    fn build(&mut self, site: &BuildContext) -> Result<Vec<usize>, String> {
        let &[h, w, input] = site.input else { return Err("a convolution needs images (h, w, c)".into()) };
        let Self { filters, kernel, style, .. } = *self;
        if kernel % 2 == 0 {
            return Err(format!("a kernel of {kernel} has no middle"));
        }
        let fan = Fan { input: kernel * kernel * input, output: kernel * kernel * filters };
        let normal = Equalised::start(Some(Equalised::LINEAR), site.start).weight;
        self.weight = site.draw("weight", normal, &[kernel, kernel, input, filters], fan);
        let fan = Fan { input: style, output: input };
        self.style_weight = site.draw("style_weight", normal, &[style, input], fan);
        self.style_bias = site.draw("style_bias", Initializer::Constant(1.0), &[input], fan);
        let factor = if self.doubling { 2 } else { 1 };
        Ok(vec![factor * h, factor * w, filters])
    }

    fn window(&self) -> Option<[[usize; 2]; 2]> {
        Some([[self.kernel; 2], [if self.doubling { 2 } else { 1 }; 2]])
    }

    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        let mut equalised = |name, weight| Equalised::weight(Some(Equalised::LINEAR), ctx.parameter(name, weight));
        let [weight, style_weight] = [("weight", &self.weight), ("style_weight", &self.style_weight)]
            .map(|(name, weight)| equalised(name, weight));
        let scales = &ctx.style().matmul(&style_weight) + &ctx.parameter("style_bias", &self.style_bias);
        x.modulated(&scales, &weight, self.demodulated, |x, weight| {
            if !self.doubling {
                return x.conv2d(weight, [1, 1], Padding::Same);
            }
            let larger = x.conv_transpose2d(&weight.turn_taps(), [2, 2], TransposedPadding::Valid);
            larger.fir(&Fir::after_transposed(self.kernel))
        })
    }

    fn tensors(&self) -> Vec<(&'static str, Kind, &Tensor)> {
        let tensors =
            [("weight", &self.weight), ("style_weight", &self.style_weight), ("style_bias", &self.style_bias)];
        tensors.map(|(name, tensor)| (name, Kind::Parameter, tensor)).into()
    }

    fn tensors_mut(&mut self) -> Vec<(&'static str, Kind, &mut Tensor)> {
        let Self { weight, style_weight, style_bias, .. } = self;
        let tensors = [("weight", weight), ("style_weight", style_weight), ("style_bias", style_bias)];
        tensors.map(|(name, tensor)| (name, Kind::Parameter, tensor)).into()
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
        assert_eq!(network.count(Kind::Parameter), 9 * 16 * 12 + 5 * 16 + 16);
        assert_eq!(network.output_shape(), [16, 16, 12]);
        assert!(network.tensors()[2].2.data().iter().all(|bias| *bias == 1.0));
        let describes = |layer: ModulatedConv2d| layer.describe();
        assert_eq!(describes(ModulatedConv2d::new(12, 3, 5).doubling()), "ModulatedConv2d 3x3 up 2");
        assert_eq!(
            describes(ModulatedConv2d::new(3, 1, 5).without_demodulation()),
            "ModulatedConv2d 1x1 not demodulated"
        );
    }

    /// Whatever the style, normal inputs come out with a mean square near 1 (but for the border, which sees zeros too). Where the image is
    /// doubled, a quarter of the taps meet a pixel, and the filter evens out what is random: 16 times the sum of its squared taps, 25/256,
    /// is left of that quarter, 0.39. (Of pictures, whose neighbours are alike, all is left.)
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

    /// Without demodulation a style twice as large (bias included) makes a picture twice as bright.
    #[test]
    fn styles_scale_what_is_not_demodulated() {
        let mut network = network(ModulatedConv2d::new(3, 1, 5).without_demodulation());
        let (x, style) = (some(&[2, 8, 8, 16], "x"), some(&[2, 5], "style"));
        let once = styled(&network, &x, &style);
        let twice = Tensor::from_fn(*style.shape(), |i| 2.0 * style.data()[i]);
        network.tensors_mut()[2].2.data_mut().fill(2.0);
        let doubled = styled(&network, &x, &twice);
        assert!(doubled.data().iter().zip(once.data()).all(|(a, b)| (a - 2.0 * b).abs() < 1e-4));
        // An image depends on its own style only.
        let other = Tensor::from_fn(*style.shape(), |i| if i < 5 { 2.0 * style.data()[i] } else { 0.3 });
        let mixed = styled(&network, &x, &other);
        assert_eq!(mixed.data()[..192], doubled.data()[..192]);
        assert_ne!(mixed.data()[192..], doubled.data()[192..]);
    }

    #[test]
    #[should_panic(expected = "a kernel of 2 has no middle")]
    fn an_even_kernel_is_refused() {
        network(ModulatedConv2d::new(3, 2, 5));
    }
}

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

use crate::init::{Fan, Init};
use crate::layers::Equalised;
use crate::network::{Kind, Layer, Site};
use crate::pass::Pass;

/// A convolution of images (h, w, in) with a square kernel of odd size, padded to the same size, or to twice the size. The image's
/// [style](Pass::style) scales what each channel counts. It has no bias: that comes after the noise.
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

    fn build(&mut self, site: &Site) -> Result<Vec<usize>, String> {
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
        self.style_bias = site.draw("style_bias", Init::Constant(1.0), &[input], fan);
        let factor = if self.doubling { 2 } else { 1 };
        Ok(vec![factor * h, factor * w, filters])
    }

    fn window(&self) -> Option<[[usize; 2]; 2]> {
        Some([[self.kernel; 2], [if self.doubling { 2 } else { 1 }; 2]])
    }

    fn forward(&self, pass: &mut Pass, x: &Var) -> Var {
        let mut equalised = |name, weight| Equalised::weight(Some(Equalised::LINEAR), pass.parameter(name, weight));
        let [weight, style_weight] = [("weight", &self.weight), ("style_weight", &self.style_weight)]
            .map(|(name, weight)| equalised(name, weight));
        let scales = &pass.style().matmul(&style_weight) + &pass.parameter("style_bias", &self.style_bias);
        x.modulated(&scales, &weight, self.demodulated, |x, weight| {
            if !self.doubling {
                return x.conv2d(weight, [1, 1], Padding::Same);
            }
            let larger = x.conv_transpose2d(&weight.turn_taps(), [2, 2], TransposedPadding::Valid);
            larger.fir(&Fir::after_transposed(self.kernel))
        })
    }

    fn tensors(&self) -> Vec<(&'static str, Kind, &Tensor)> {
        let tensors = [("weight", &self.weight), ("style_weight", &self.style_weight), ("style_bias", &self.style_bias)];
        tensors.map(|(name, tensor)| (name, Kind::Parameter, tensor)).into()
    }

    fn tensors_mut(&mut self) -> Vec<(&'static str, Kind, &mut Tensor)> {
        let Self { weight, style_weight, style_bias, .. } = self;
        let tensors = [("weight", weight), ("style_weight", style_weight), ("style_bias", style_bias)];
        tensors.map(|(name, tensor)| (name, Kind::Parameter, tensor)).into()
    }
}

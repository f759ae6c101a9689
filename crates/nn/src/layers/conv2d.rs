//! [`Conv2d`] and [`ConvTranspose2d`]: a small window of weights that moves over an image.

use kernels::{ConvGeometry, Padding, TransposedPadding};
use tensor::{Tensor, Var};

use crate::context::ForwardContext;
use crate::init::{Dialect, Fan, Initializer};
use crate::layer::{BuildContext, Layer, TensorKind};
use crate::layers::{Equalised, SpectralNorm};
use crate::spec::LayerSpec;

/// The fields that both layers share.
#[derive(Clone, Debug)]
struct Window {
    filters: usize,
    kernel: [usize; 2],
    stride: [usize; 2],
    weight_init: Option<Initializer>,
    weight: Tensor,
    /// None for a layer without bias.
    bias: Option<Tensor>,
    spectral: Option<SpectralNorm>,
    equalised: Option<Equalised>,
}

impl Window {
    fn new(filters: usize, kernel: [usize; 2]) -> Self {
        let (weight, bias) = (Tensor::zeros([0]), Some(Tensor::zeros([0])));
        let (weight_init, spectral, equalised) = (None, None, None);
        Self { filters, kernel, stride: [1, 1], weight_init, weight, bias, spectral, equalised }
    }

    fn describe(&self, name: &str, padding: &str) -> String {
        let [[kh, kw], [sh, sw]] = [self.kernel, self.stride];
        let stride = if [sh, sw] == [1, 1] { String::new() } else { format!(" stride {sh}x{sw}") };
        format!("{name} {kh}x{kw}{stride} {padding}")
    }

    fn draw(&mut self, ctx: &BuildContext, shape: [usize; 4], fan: Fan) {
        let init = Equalised::init_scheme(self.equalised, ctx.init);
        self.weight = ctx.draw("weight", self.weight_init.unwrap_or(init.weight), &shape, fan);
        if let Some(bias) = &mut self.bias {
            *bias = ctx.draw("bias", init.bias, &[self.filters], fan);
        }
    }

    /// The weight and the bias as they are used in inference.
    fn effective(&self) -> (Tensor, Option<Tensor>) {
        Equalised::effective(self.equalised, self.spectral.as_ref(), &self.weight, self.bias.as_ref())
    }

    fn forward(&self, ctx: &mut ForwardContext, convolve: impl FnOnce(&Var) -> Var) -> Var {
        let weight = Equalised::weight(self.equalised, ctx.parameter("weight", &self.weight));
        let y = convolve(&SpectralNorm::applied(self.spectral.as_ref(), ctx, weight));
        let bias = self.bias.as_ref().map(|bias| Equalised::bias(self.equalised, ctx.parameter("bias", bias)));
        ctx.bias_act(y, bias.as_ref())
    }

    fn tensors(&self) -> Vec<(&'static str, TensorKind, &Tensor)> {
        let bias = self.bias.iter().map(|bias| ("bias", TensorKind::Parameter, bias));
        let u = self.spectral.iter().map(SpectralNorm::tensor);
        [("weight", TensorKind::Parameter, &self.weight)].into_iter().chain(bias).chain(u).collect()
    }

    fn tensors_mut(&mut self) -> Vec<(&'static str, TensorKind, &mut Tensor)> {
        let bias = self.bias.iter_mut().map(|bias| ("bias", TensorKind::Parameter, bias));
        let u = self.spectral.iter_mut().map(SpectralNorm::tensor_mut);
        [("weight", TensorKind::Parameter, &mut self.weight)].into_iter().chain(bias).chain(u).collect()
    }
}

fn image(ctx: &BuildContext) -> Result<[usize; 3], String> {
    ctx.input.try_into().map_err(|_| "a convolution needs images (h, w, c): put a Reshape before it".into())
}

/// A convolution of images (h, w, in) with a kernel (kh, kw, in, out), plus a bias: (oh, ow, out).
#[derive(Clone, Debug)]
pub struct Conv2d {
    window: Window,
    padding: Padding,
}

/// A transposed convolution of images (h, w, in) with a kernel (kh, kw, out, in), plus a bias: (oh,
/// ow, out).
#[derive(Clone, Debug)]
pub struct ConvTranspose2d {
    window: Window,
    padding: TransposedPadding,
}

macro_rules! window_options {
    ($Layer:ident, $Padding:ident) => {
        impl $Layer {
            /// A layer of `filters` output channels with a square kernel, stride 1, `Same` padding
            /// and a bias.
            pub fn new(filters: usize, kernel: usize) -> Self {
                Self { window: Window::new(filters, [kernel; 2]), padding: $Padding::Same }
            }

            /// With a kernel of this height and width.
            pub fn kernel(mut self, kernel: [usize; 2]) -> Self {
                self.window.kernel = kernel;
                self
            }

            /// With this stride on both axes.
            pub fn stride(self, stride: usize) -> Self {
                self.strides([stride; 2])
            }

            /// With these vertical and horizontal strides.
            pub fn strides(mut self, strides: [usize; 2]) -> Self {
                self.window.stride = strides;
                self
            }

            /// With this padding.
            pub fn padding(mut self, padding: $Padding) -> Self {
                self.padding = padding;
                self
            }

            /// Without a bias.
            pub fn without_bias(mut self) -> Self {
                self.window.bias = None;
                self
            }

            /// With weights initialised by `init` instead of the network's scheme.
            pub fn weight_init(mut self, init: Initializer) -> Self {
                self.window.weight_init = Some(init);
                self
            }
        }
    };
}

impl Conv2d {
    /// With the equalised learning rate.
    pub fn equalised(mut self, equalised: Equalised) -> Self {
        self.window.equalised = Some(equalised);
        self
    }
}

window_options!(Conv2d, Padding);
window_options!(ConvTranspose2d, TransposedPadding);

impl Layer for Conv2d {
    fn describe(&self) -> String {
        let padding = match self.padding {
            Padding::Same => "same".into(),
            Padding::Valid => "valid".into(),
            Padding::Explicit([top, bottom, left, right]) => format!("pad {top},{bottom},{left},{right}"),
        };
        self.window.describe("Conv2d", &padding)
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        let [h, w, input] = image(ctx)?;
        let Window { filters, kernel, stride, .. } = self.window;
        let g = ConvGeometry::new([1, h, w, input], kernel, filters, stride, self.padding)?;
        let taps = kernel[0] * kernel[1];
        self.window.draw(ctx, g.w_shape(), Fan { input: taps * input, output: taps * filters });
        self.window.spectral = SpectralNorm::of(ctx, filters);
        Ok(g.y_shape()[1..].to_vec())
    }

    fn window(&self) -> Option<[[usize; 2]; 2]> {
        Some([self.window.kernel, self.window.stride])
    }

    fn spec(&self) -> Option<LayerSpec> {
        let (weight, bias) = self.window.effective();
        Some(LayerSpec::Conv2d { weight, bias, stride: self.window.stride, padding: self.padding })
    }

    fn factors(&self) -> Vec<(&'static str, f64)> {
        Equalised::factors(self.window.equalised, &self.window.weight, self.window.bias.as_ref())
    }

    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        let precision = ctx.precision();
        self.window.forward(ctx, |weight| x.conv2d_in(precision, weight, self.window.stride, self.padding))
    }

    fn forward_upsampled(&self, ctx: &mut ForwardContext, x: &Var, factor: [usize; 2]) -> Option<Var> {
        let precision = ctx.precision();
        let convolve = |weight: &Var| x.upsample_conv2d(precision, weight, factor, self.padding);
        (self.window.stride == [1, 1]).then(|| self.window.forward(ctx, convolve))
    }

    fn tensors(&self) -> Vec<(&'static str, TensorKind, &Tensor)> {
        self.window.tensors()
    }

    fn tensors_mut(&mut self) -> Vec<(&'static str, TensorKind, &mut Tensor)> {
        self.window.tensors_mut()
    }
}

impl Layer for ConvTranspose2d {
    fn describe(&self) -> String {
        let padding = match self.padding {
            TransposedPadding::Same => "same".into(),
            TransposedPadding::Valid => "valid".into(),
            TransposedPadding::Explicit { padding: [p, q], output_padding: [0, 0] } => format!("pad {p},{q}"),
            TransposedPadding::Explicit { padding: [p, q], output_padding: [r, s] } => {
                format!("pad {p},{q} out {r},{s}")
            }
        };
        self.window.describe("ConvTranspose2d", &padding)
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        let [h, w, input] = image(ctx)?;
        let Window { filters, kernel, stride, .. } = self.window;
        let g = ConvGeometry::transposed([1, h, w, input], kernel, filters, stride, self.padding)?;
        let taps = kernel[0] * kernel[1];
        let fan = match ctx.dialect {
            Dialect::Keras => Fan { input: taps * input, output: taps * filters },
            // PyTorch takes the fan in from the weight's second axis, here the output channels.
            Dialect::Torch => Fan { input: taps * filters, output: taps * input },
        };
        self.window.draw(ctx, g.w_shape(), fan);
        if ctx.spectral_norm {
            return Err(
                "spectral normalisation of transposed convolutions is not supported: use it in discriminators only"
                    .into(),
            );
        }
        Ok(g.x_shape()[1..].to_vec())
    }

    fn window(&self) -> Option<[[usize; 2]; 2]> {
        Some([self.window.kernel, self.window.stride])
    }

    fn spec(&self) -> Option<LayerSpec> {
        let (weight, bias) = self.window.effective();
        Some(LayerSpec::ConvTranspose2d { weight, bias, stride: self.window.stride, padding: self.padding })
    }

    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        let precision = ctx.precision();
        let convolve = |weight: &Var| x.conv_transpose2d_in(precision, weight, self.window.stride, self.padding);
        self.window.forward(ctx, convolve)
    }

    fn forward_upsampled(&self, ctx: &mut ForwardContext, x: &Var, factor: [usize; 2]) -> Option<Var> {
        let precision = ctx.precision();
        let convolve = |weight: &Var| x.upsample_conv_transpose2d(precision, weight, factor, self.padding);
        (self.window.stride == [1, 1]).then(|| self.window.forward(ctx, convolve))
    }

    fn tensors(&self) -> Vec<(&'static str, TensorKind, &Tensor)> {
        self.window.tensors()
    }

    fn tensors_mut(&mut self) -> Vec<(&'static str, TensorKind, &mut Tensor)> {
        self.window.tensors_mut()
    }
}

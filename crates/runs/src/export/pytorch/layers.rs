//! Layers as modules and expressions of PyTorch.

use kernels::{FirGeometry, Padding, TransposedPadding};
use nn::layers::{Activation, RunningMean};
use nn::{LayerSpec, TraceStep};
use tensor::{Shape, Tensor};

use super::super::generator::{constant, cuts, image, kernel, local_name, zeros};
use super::helpers::Helper;
use super::ops::affine;
use super::{Builder, Stored, pair};
use crate::import::state_dict::Layout;
use crate::layouts::permuted;

/// Why a weight of another shape is refused.
const NO_KERNEL: &str = "its weight is no kernel";

/// A tensor of a layer.
struct Weight {
    /// The name in its PyTorch module.
    theirs: &'static str,
    /// The name in the layer.
    ours: &'static str,
    layout: Layout,
    /// In PyTorch's layout.
    tensor: Tensor,
}

impl Weight {
    fn new(name: &'static str, tensor: Tensor) -> Self {
        Self { theirs: name, ours: name, layout: Layout::Weight, tensor }
    }

    /// With this name in the layer.
    fn of(self, ours: &'static str) -> Self {
        Self { ours, ..self }
    }

    /// With the axes of a batch of images.
    fn like_images(self) -> Self {
        Self { layout: Layout::Images, ..self }
    }
}

impl Builder<'_> {
    /// A layer as an expression; a layer with weights is also added to the module.
    pub(super) fn layer(
        &mut self,
        step: &TraceStep,
        spec: &LayerSpec,
        inputs: &[&str],
        shapes: [Shape; 2],
    ) -> Result<String, String> {
        let [from, to] = shapes;
        let x = inputs[0];
        let plain = |this: &mut Self, call: String| this.call(step, call, Vec::new(), inputs);
        Ok(match spec {
            LayerSpec::Identity | LayerSpec::RunningMean(_) => x.to_owned(),
            LayerSpec::Activation(activation) => {
                let call = match activation {
                    Activation::Relu => "nn.ReLU()".to_owned(),
                    Activation::LeakyRelu(slope) => format!("nn.LeakyReLU({slope:?})"),
                    Activation::Sigmoid => "nn.Sigmoid()".to_owned(),
                    Activation::Tanh => "nn.Tanh()".to_owned(),
                    Activation::Softplus => "nn.Softplus()".to_owned(),
                };
                plain(self, call)
            }
            LayerSpec::Dense { weight, bias } => {
                let (call, tensors) = linear(weight, bias.as_ref());
                self.call(step, call, tensors, inputs)
            }
            LayerSpec::Conv2d { weight, bias, stride, padding } => {
                self.conv(step, x, image(&from)?, (weight, bias.as_ref()), (*stride, *padding))?
            }
            LayerSpec::ConvTranspose2d { weight, bias, stride, padding } => {
                self.conv_transpose(step, x, image(&from)?, (weight, bias.as_ref()), (*stride, *padding))?
            }
            LayerSpec::BatchNorm { gamma, beta, mean, variance, epsilon } => {
                let axes = if from.len() == 4 { 2 } else { 1 };
                let call = format!("nn.BatchNorm{axes}d({}, eps={epsilon:?})", gamma.size());
                let statistics = [("running_mean", mean), ("running_var", variance)];
                let mut tensors = affine_weights(["gamma", "beta"], gamma, beta);
                tensors.extend(statistics.map(|(name, tensor)| Weight::new(name, tensor.clone())));
                let expression = self.call(step, call, tensors, inputs);
                let name = self.of_path[&step.path].clone();
                self.tensors.insert(format!("{name}.num_batches_tracked"), Stored::Count(0));
                expression
            }
            LayerSpec::InstanceNorm { epsilon } => {
                let [_, _, channels] = image(&from)?;
                plain(self, format!("nn.InstanceNorm2d({channels}, eps={epsilon:?})"))
            }
            LayerSpec::LayerNorm { scale, shift, epsilon } => {
                // One group of all channels: each image is normalised over all its elements.
                let call = format!("nn.GroupNorm(1, {}, eps={epsilon:?})", scale.size());
                self.call(step, call, affine_weights(["scale", "shift"], scale, shift), inputs)
            }
            LayerSpec::PixelNorm { epsilon } => {
                self.helpers.insert(Helper::PixelNorm);
                plain(self, format!("PixelNorm(eps={epsilon:?})"))
            }
            LayerSpec::Bias(bias) => {
                self.helpers.insert(Helper::Bias);
                let bias = constant(bias, to.len());
                let call = format!("Bias({})", super::python(bias.shape()));
                self.call(step, call, vec![Weight::new("bias", bias).like_images()], inputs)
            }
            LayerSpec::Gain(gain) => affine(x, *gain, 0.0),
            LayerSpec::Filter(fir) => {
                let [height, width, channels] = image(&from)?;
                self.filtered(x, &FirGeometry::new([1, height, width, channels], fir)?)
            }
            LayerSpec::UpSampling2d(factor) => {
                plain(self, format!("nn.Upsample(scale_factor={}, mode=\"nearest\")", pair(*factor)))
            }
            LayerSpec::ReflectionPad2d(border) => plain(self, format!("nn.ReflectionPad2d({border})")),
            LayerSpec::Crop2d([height, width]) => format!("{x}[:, :, :{height}, :{width}]"),
            LayerSpec::Reshape(_) | LayerSpec::Flatten => self.reshaped(x, shapes)?,
            LayerSpec::MaxPool2d(factor) => plain(self, format!("nn.MaxPool2d({})", pair(*factor))),
            LayerSpec::AveragePool2d(factor) => plain(self, format!("nn.AvgPool2d({})", pair(*factor))),
            LayerSpec::GlobalMean => format!("{x}.mean((2, 3))"),
            LayerSpec::Maxout(pieces) => format!("{x}.unflatten(1, (-1, {pieces})).amax(2)"),
            LayerSpec::Constant(value) => {
                self.helpers.insert(Helper::Constant);
                let value = constant(value, to.len());
                let call = format!("Constant({})", super::python(value.shape()));
                self.call(step, call, vec![Weight::new("value", value).of("constant").like_images()], inputs)
            }
            LayerSpec::Noise { weight, map } => {
                self.helpers.insert(Helper::Noise);
                let [weight, map] = [weight, map].map(|tensor| constant(tensor, 4));
                let call = format!("Noise({}, {}, {})", weight.size(), map.shape()[2], map.shape()[3]);
                let tensors = [Weight::new("weight", weight), Weight::new("map", map)].map(Weight::like_images);
                self.call(step, call, tensors.into(), inputs)
            }
            LayerSpec::AdaIn { weight, bias, epsilon } => {
                self.helpers.insert(Helper::AdaIn);
                let [style, both] = [weight.shape()[0], weight.shape()[1]];
                let call = format!("AdaIN({}, {style}, eps={epsilon:?})", both / 2);
                let weight = permuted(weight, &[1, 0]);
                let weight = Weight::new("style.weight", weight).of("weight");
                let bias = Weight::new("style.bias", bias.clone()).of("bias");
                self.call(step, call, vec![weight, bias], inputs)
            }
            LayerSpec::ModulatedConv2d { weight, style_weight, style_bias, doubling, demodulated } => {
                let [size, _, channels, filters] = **weight.shape() else { return Err(NO_KERNEL.into()) };
                if *doubling && size < 3 {
                    return Err(format!("it doubles the image with a kernel of size {size}"));
                }
                self.helpers.extend([Helper::ModulatedConv2d, Helper::Resample]);
                let option = |name: &str, is: bool, usual: bool| match is == usual {
                    true => String::new(),
                    false => format!(", {name}={}", if is { "True" } else { "False" }),
                };
                let style = style_weight.shape()[0];
                let options = option("doubling", *doubling, false) + &option("demodulate", *demodulated, true);
                let call = format!("ModulatedConv2d({channels}, {filters}, {size}, {style}{options})");
                let style_weight = permuted(style_weight, &[1, 0]);
                let tensors = vec![
                    Weight::new("weight", kernel(weight)),
                    Weight::new("style.weight", style_weight).of("style_weight"),
                    Weight::new("style.bias", style_bias.clone()).of("style_bias"),
                ];
                self.call(step, call, tensors, inputs)
            }
            _ => return Err("the export has no rule for this layer".to_owned()),
        })
    }

    /// Adds a module that `call` makes, with these tensors, and returns its application.
    fn call(&mut self, step: &TraceStep, call: String, tensors: Vec<Weight>, inputs: &[&str]) -> String {
        let name = match self.of_path.get(&step.path) {
            Some(name) => name.clone(),
            None => {
                let name = self.attributes.of(local_name(step));
                self.of_path.insert(step.path.clone(), name.clone());
                self.init.push(format!("self.{name} = {call}"));
                for Weight { theirs, ours, layout, tensor } in tensors {
                    let source = Some((format!("{}.{ours}", step.path), layout));
                    self.tensors.insert(format!("{name}.{theirs}"), Stored::Floats { tensor, source });
                }
                name
            }
        };
        format!("self.{name}({})", inputs.join(", "))
    }

    /// Adds the running mean of a step as a buffer, which the module does not use itself.
    pub(super) fn mean(&mut self, step: &TraceStep, mean: &Tensor) {
        let name = self.attributes.of(&format!("{}.mean", local_name(step)));
        self.init.push(format!("self.register_buffer(\"{name}\", torch.empty({}))", super::python(mean.shape())));
        let source = Some((format!("{}.{}", step.path, RunningMean::NAME), Layout::Weight));
        self.tensors.insert(name, Stored::Floats { tensor: mean.clone(), source });
    }

    fn conv(
        &mut self,
        step: &TraceStep,
        x: &str,
        image: [usize; 3],
        (weight, bias): (&Tensor, Option<&Tensor>),
        (stride, padding): ([usize; 2], Padding),
    ) -> Result<String, String> {
        let [before, after] = zeros(image, weight, stride, padding)?;
        let [kh, kw, input, filters] = **weight.shape() else { return Err(NO_KERNEL.into()) };
        let mut call = format!("nn.Conv2d({input}, {filters}, {}", pair([kh, kw]));
        if stride != [1, 1] {
            call += &format!(", stride={}", pair(stride));
        }
        let mut x = x.to_owned();
        if before == after && before != [0, 0] {
            call += &format!(", padding={}", pair(before));
        } else if before != after {
            let [[top, left], [bottom, right]] = [before, after];
            x = format!("F.pad({x}, ({left}, {right}, {top}, {bottom}))");
        }
        let (call, tensors) = with_bias(call, kernel(weight), bias);
        Ok(self.call(step, call, tensors, &[&x]))
    }

    fn conv_transpose(
        &mut self,
        step: &TraceStep,
        x: &str,
        image: [usize; 3],
        (weight, bias): (&Tensor, Option<&Tensor>),
        (stride, padding): ([usize; 2], TransposedPadding),
    ) -> Result<String, String> {
        let [before, after] = cuts(image, weight, stride, padding)?;
        let [kh, kw, filters, input] = **weight.shape() else { return Err(NO_KERNEL.into()) };
        let mut call = format!("nn.ConvTranspose2d({input}, {filters}, {}", pair([kh, kw]));
        if stride != [1, 1] {
            call += &format!(", stride={}", pair(stride));
        }
        if before != [0, 0] {
            call += &format!(", padding={}", pair(before));
        }
        // PyTorch cuts as much at the end as at the start; `output_padding` keeps some of it.
        let kept = [0, 1].map(|axis| before[axis] - after[axis]);
        if kept.iter().any(|kept| *kept > 0) {
            call += &format!(", output_padding={}", pair(kept.map(|kept| kept.max(0))));
        }
        let (call, tensors) = with_bias(call, kernel(weight), bias);
        let all = self.call(step, call, tensors, &[x]);
        if kept.iter().all(|kept| *kept >= 0) {
            return Ok(all);
        }
        let end = kept.map(|kept| if kept < 0 { kept.to_string() } else { String::new() });
        Ok(format!("{all}[:, :, :{}, :{}]", end[0], end[1]))
    }
}

/// The scale and the shift of a normalisation, which have these names in the layer.
fn affine_weights([scale, shift]: [&'static str; 2], weight: &Tensor, bias: &Tensor) -> Vec<Weight> {
    vec![Weight::new("weight", weight.clone()).of(scale), Weight::new("bias", bias.clone()).of(shift)]
}

/// The call of a linear layer, and its tensors.
fn linear(weight: &Tensor, bias: Option<&Tensor>) -> (String, Vec<Weight>) {
    let call = format!("nn.Linear({}, {}", weight.shape()[0], weight.shape()[1]);
    with_bias(call, permuted(weight, &[1, 0]), bias)
}

/// The rest of the call, and the tensors, of a layer with a weight and perhaps a bias.
fn with_bias(call: String, weight: Tensor, bias: Option<&Tensor>) -> (String, Vec<Weight>) {
    let mut tensors = vec![Weight::new("weight", weight)];
    tensors.extend(bias.map(|bias| Weight::new("bias", bias.clone())));
    (call + if bias.is_some() { ")" } else { ", bias=False)" }, tensors)
}

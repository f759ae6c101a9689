//! Layers as ONNX operators.

use kernels::{Fir, FirGeometry, Padding, TransposedPadding};
use nn::layers::Activation;
use nn::{LayerSpec, TraceStep};
use tensor::{Shape, Tensor, Var};

use super::super::generator::{Borders, constant, cuts, image, kernel, local_name, zeros};
use super::writer::Attribute;
use super::{Builder, NoiseSource};

/// A weight and a bias.
type Weights<'a> = (&'a Tensor, Option<&'a Tensor>);

/// How a window moves.
struct Steps {
    stride: [usize; 2],
    borders: Borders,
    output_padding: [usize; 2],
}

impl Builder<'_> {
    /// Writes a layer whose result is the value `out`.
    pub(super) fn layer(&mut self, step: &TraceStep, spec: &LayerSpec, out: &str) -> Result<(), String> {
        let from = self.generator.shape_of(&step.inputs[0]);
        let to = *self.generator.shape(step.output);
        let x = self.operand(&step.inputs[0], from.len());
        let x = x.as_str();
        let style = match step.inputs.get(1) {
            Some(style) => self.operand(style, 2),
            None => String::new(),
        };
        match spec {
            LayerSpec::Identity | LayerSpec::RunningMean(_) => drop(self.writer.node("Identity", &[x], out, &[])),
            LayerSpec::Activation(activation) => self.activation(x, *activation, out),
            LayerSpec::Dense { weight, bias } => self.dense(x, weight, bias.as_ref(), out),
            LayerSpec::Conv2d { weight, bias, stride, padding } => {
                self.conv(x, image(&from)?, (weight, bias.as_ref()), (*stride, *padding), out)?;
            }
            LayerSpec::ConvTranspose2d { weight, bias, stride, padding } => {
                self.conv_transpose(x, image(&from)?, (weight, bias.as_ref()), (*stride, *padding), out)?;
            }
            LayerSpec::BatchNorm { gamma, beta, mean, variance, epsilon } => {
                let [gamma, beta, mean, variance] =
                    [("scale", gamma), ("shift", beta), ("mean", mean), ("variance", variance)]
                        .map(|(name, tensor)| self.writer.floats(&format!("{out}.{name}"), tensor));
                let epsilon = [("epsilon", Attribute::Float(*epsilon))];
                self.writer.node("BatchNormalization", &[x, &gamma, &beta, &mean, &variance], out, &epsilon);
            }
            LayerSpec::InstanceNorm { epsilon } => {
                let [_, _, channels] = image(&from)?;
                self.instance_norm(x, channels, *epsilon, out);
            }
            LayerSpec::LayerNorm { scale, shift, epsilon } => self.layer_norm(x, &from, [scale, shift], *epsilon, out),
            LayerSpec::PixelNorm { epsilon } => self.pixel_norm(x, *epsilon, out),
            LayerSpec::Bias(bias) => {
                let bias = self.writer.floats(&format!("{out}.bias"), &constant(bias, from.len()));
                self.writer.node("Add", &[x, &bias], out, &[]);
            }
            LayerSpec::Gain(gain) => self.affine(x, *gain, 0.0, out),
            LayerSpec::Filter(fir) => {
                let [height, width, channels] = image(&from)?;
                self.filtered(x, &FirGeometry::new([1, height, width, channels], fir)?, out)?;
            }
            LayerSpec::UpSampling2d(factor) => self.upsampled(x, *factor, out),
            LayerSpec::ReflectionPad2d(border) => {
                let border = *border as i64;
                let pads = self.writer.ints(&format!("{out}.pads"), &[0, 0, border, border, 0, 0, border, border]);
                self.writer.node("Pad", &[x, &pads], out, &[("mode", Attribute::Text("reflect"))]);
            }
            LayerSpec::Crop2d([height, width]) => {
                let [starts, ends, axes] =
                    [("starts", [0, 0]), ("ends", [*height as i64, *width as i64]), ("axes", [2, 3])]
                        .map(|(name, numbers)| self.writer.ints(&format!("{out}.{name}"), &numbers));
                self.writer.node("Slice", &[x, &starts, &ends, &axes], out, &[]);
            }
            LayerSpec::Reshape(_) | LayerSpec::Flatten => self.reshaped(x, &from, &to, out)?,
            LayerSpec::MaxPool2d(factor) => self.pooled("MaxPool", x, *factor, out),
            LayerSpec::AveragePool2d(factor) => self.pooled("AveragePool", x, *factor, out),
            LayerSpec::GlobalMean => {
                let attributes = [("axes", Attribute::Ints(vec![2, 3])), ("keepdims", Attribute::Int(0))];
                self.writer.node("ReduceMean", &[x], out, &attributes);
            }
            LayerSpec::Maxout(pieces) => {
                let shape = self.writer.ints(&format!("{out}.shape"), &[0, -1, *pieces as i64]);
                let groups = self.writer.inner("Reshape", &[x, &shape], &format!("{out}.groups"), &[]);
                let attributes = [("axes", Attribute::Ints(vec![2])), ("keepdims", Attribute::Int(0))];
                self.writer.node("ReduceMax", &[&groups], out, &attributes);
            }
            LayerSpec::Constant(value) => self.repeated(x, &constant(value, to.len()), out),
            LayerSpec::Noise { weight, map } => self.noise(step, x, weight, map, out),
            LayerSpec::AdaIn { weight, bias, epsilon } => {
                let [_, _, channels] = image(&from)?;
                self.adain(x, &style, channels, [weight, bias], *epsilon, out);
            }
            LayerSpec::ModulatedConv2d { weight, style_weight, style_bias, doubling, demodulated } => {
                let scales = self.modulation(&style, [style_weight, style_bias], out);
                self.modulated((x, &scales), image(&from)?, weight, [*doubling, *demodulated], out)?;
            }
            _ => return Err("the export has no rule for this layer".to_owned()),
        }
        Ok(())
    }

    fn activation(&mut self, x: &str, activation: Activation, out: &str) {
        match activation {
            Activation::Relu => self.leaky_relu(x, 0.0, out),
            Activation::LeakyRelu(slope) => self.leaky_relu(x, slope, out),
            Activation::Sigmoid => drop(self.writer.node("Sigmoid", &[x], out, &[])),
            Activation::Tanh => drop(self.writer.node("Tanh", &[x], out, &[])),
            Activation::Softplus => drop(self.writer.node("Softplus", &[x], out, &[])),
        }
    }

    /// x w + b.
    fn dense(&mut self, x: &str, weight: &Tensor, bias: Option<&Tensor>, out: &str) {
        let weight = self.writer.floats(&format!("{out}.weight"), weight);
        match bias {
            Some(bias) => {
                let bias = self.writer.floats(&format!("{out}.bias"), bias);
                self.writer.node("Gemm", &[x, &weight, &bias], out, &[]);
            }
            None => drop(self.writer.node("MatMul", &[x, &weight], out, &[])),
        }
    }

    fn window(&mut self, kind: &str, x: &str, (weight, bias): Weights<'_>, steps: &Steps, out: &str) {
        let sizes = [weight.shape()[0] as i64, weight.shape()[1] as i64];
        let weight = self.writer.floats(&format!("{out}.weight"), &kernel(weight));
        let bias = bias.map(|bias| self.writer.floats(&format!("{out}.bias"), bias));
        let whole = |numbers: &[usize]| Attribute::Ints(numbers.iter().map(|number| *number as i64).collect());
        let mut attributes = vec![
            ("kernel_shape", Attribute::Ints(sizes.to_vec())),
            ("pads", whole(&steps.borders.concat())),
            ("strides", whole(&steps.stride)),
        ];
        if steps.output_padding != [0, 0] {
            attributes.push(("output_padding", whole(&steps.output_padding)));
        }
        let inputs: Vec<&str> = [x, &weight].into_iter().chain(bias.as_deref()).collect();
        self.writer.node(kind, &inputs, out, &attributes);
    }

    fn conv(
        &mut self,
        x: &str,
        image: [usize; 3],
        weights: Weights<'_>,
        (stride, padding): ([usize; 2], Padding),
        out: &str,
    ) -> Result<(), String> {
        let borders = zeros(image, weights.0, stride, padding)?;
        self.window("Conv", x, weights, &Steps { stride, borders, output_padding: [0, 0] }, out);
        Ok(())
    }

    fn conv_transpose(
        &mut self,
        x: &str,
        image: [usize; 3],
        weights: Weights<'_>,
        (stride, padding): ([usize; 2], TransposedPadding),
        out: &str,
    ) -> Result<(), String> {
        let [before, after] = cuts(image, weights.0, stride, padding)?;
        let positive = |cuts: [isize; 2]| cuts.map(|cut| cut.max(0) as usize);
        let output_padding = positive(after.map(|cut| -cut));
        let steps = Steps { stride, borders: [positive(before), positive(after)], output_padding };
        self.window("ConvTranspose", x, weights, &steps, out);
        Ok(())
    }

    fn instance_norm(&mut self, x: &str, channels: usize, epsilon: f64, out: &str) {
        let [ones, zeros] = [("ones", 1.0), ("zeros", 0.0)]
            .map(|(name, value)| self.writer.floats(&format!("{out}.{name}"), &Tensor::full([channels], value)));
        let epsilon = [("epsilon", Attribute::Float(epsilon))];
        self.writer.node("InstanceNormalization", &[x, &ones, &zeros], out, &epsilon);
    }

    /// All elements of an image are treated as pixels of one channel.
    fn layer_norm(&mut self, x: &str, shape: &Shape, [scale, shift]: [&Tensor; 2], epsilon: f64, out: &str) {
        let one_channel = self.writer.ints(&format!("{out}.one_channel"), &[0, 1, -1]);
        let flat = self.writer.inner("Reshape", &[x, &one_channel], &format!("{out}.flat"), &[]);
        let normal = self.writer.unique(&format!("{out}.normal"));
        self.instance_norm(&flat, 1, epsilon, &normal);
        let sizes = [0, shape[3] as i64, shape[1] as i64, shape[2] as i64];
        let shape = self.writer.ints(&format!("{out}.shape"), &sizes);
        let image = self.writer.inner("Reshape", &[&normal, &shape], &format!("{out}.image"), &[]);
        let [scale, shift] = [("scale", scale), ("shift", shift)]
            .map(|(name, tensor)| self.writer.floats(&format!("{out}.{name}"), &constant(tensor, 4)));
        let scaled = self.writer.inner("Mul", &[&image, &scale], &format!("{out}.scaled"), &[]);
        self.writer.node("Add", &[&scaled, &shift], out, &[]);
    }

    /// x / sqrt(mean of x^2 + epsilon), with the mean over the channels.
    fn pixel_norm(&mut self, x: &str, epsilon: f64, out: &str) {
        let square = self.writer.inner("Mul", &[x, x], &format!("{out}.square"), &[]);
        let attributes = [("axes", Attribute::Ints(vec![1])), ("keepdims", Attribute::Int(1))];
        let mean = self.writer.inner("ReduceMean", &[&square], &format!("{out}.mean"), &attributes);
        let epsilon = self.writer.number(&format!("{out}.epsilon"), epsilon);
        let sum = self.writer.inner("Add", &[&mean, &epsilon], &format!("{out}.sum"), &[]);
        let root = self.writer.inner("Sqrt", &[&sum], &format!("{out}.root"), &[]);
        self.writer.node("Div", &[x, &root], out, &[]);
    }

    fn pooled(&mut self, kind: &str, x: &str, factor: [usize; 2], out: &str) {
        let factor = factor.map(|factor| factor as i64).to_vec();
        let attributes = [("kernel_shape", Attribute::Ints(factor.clone())), ("strides", Attribute::Ints(factor))];
        self.writer.node(kind, &[x], out, &attributes);
    }

    /// `value`, of batch size 1, as often as the batch of `x` has members.
    fn repeated(&mut self, x: &str, value: &Tensor, out: &str) {
        // The constant is stored without the batch axis of the value that it becomes.
        let sizes: Vec<i64> = value.shape().iter().skip(1).map(|size| *size as i64).collect();
        let value = self.writer.floats(&format!("{out}.value"), value);
        let first = [("start", Attribute::Int(0)), ("end", Attribute::Int(1))];
        let batch = self.writer.inner("Shape", &[x], &format!("{out}.batch"), &first);
        let sizes = self.writer.ints(&format!("{out}.sizes"), &sizes);
        let axis = [("axis", Attribute::Int(0))];
        let shape = self.writer.inner("Concat", &[&batch, &sizes], &format!("{out}.shape"), &axis);
        self.writer.node("Expand", &[&value, &shape], out, &[]);
    }

    fn noise(&mut self, step: &TraceStep, x: &str, weight: &Tensor, map: &Tensor, out: &str) {
        let map = constant(map, 4);
        let map = match self.noise {
            NoiseSource::Fixed => self.writer.floats(&format!("{out}.map"), &map),
            NoiseSource::Input => {
                use super::Dimension::{Fixed, Free};
                let name = self.writer.unique(&format!("{}.map", local_name(step)));
                let shape = [Free("noise_batch"), Fixed(1), Fixed(map.shape()[2]), Fixed(map.shape()[3])];
                self.writer.input(&name, &shape, "normal noise: one map for all images, or one for each");
                self.writer.initial_value(&name, &map);
                name
            }
        };
        let weight = self.writer.floats(&format!("{out}.weight"), &constant(weight, 4));
        let noise = self.writer.inner("Mul", &[&map, &weight], &format!("{out}.noise"), &[]);
        self.writer.node("Add", &[x, &noise], out, &[]);
    }

    /// A style through a dense layer, as one number for each of `channels` channels of an image.
    fn per_channel(&mut self, numbers: &str, channels: usize, name: &str) -> String {
        let shape = self.writer.ints(&format!("{name}.shape"), &[0, channels as i64, 1, 1]);
        self.writer.inner("Reshape", &[numbers, &shape], name, &[])
    }

    fn adain(&mut self, x: &str, style: &str, channels: usize, [weight, bias]: [&Tensor; 2], epsilon: f64, out: &str) {
        let both = self.writer.unique(&format!("{out}.style"));
        self.dense(style, weight, Some(bias), &both);
        let [scale, shift] = [("scale", 0), ("shift", channels)].map(|(name, first)| {
            let [start, end, axis] = [("start", first), ("end", first + channels), ("axis", 1)]
                .map(|(what, number)| self.writer.ints(&format!("{out}.{name}.{what}"), &[number as i64]));
            let half = self.writer.inner("Slice", &[&both, &start, &end, &axis], &format!("{out}.{name}.flat"), &[]);
            self.per_channel(&half, channels, &format!("{out}.{name}"))
        });
        let one = self.writer.number(&format!("{out}.one"), 1.0);
        let scale = self.writer.inner("Add", &[&scale, &one], &format!("{out}.factor"), &[]);
        let normal = self.writer.unique(&format!("{out}.normal"));
        self.instance_norm(x, channels, epsilon, &normal);
        let scaled = self.writer.inner("Mul", &[&normal, &scale], &format!("{out}.scaled"), &[]);
        self.writer.node("Add", &[&scaled, &shift], out, &[]);
    }

    /// The scales of the input channels of a modulated convolution, (n, in).
    fn modulation(&mut self, style: &str, [weight, bias]: [&Tensor; 2], out: &str) -> String {
        let scales = self.writer.unique(&format!("{out}.scales"));
        self.dense(style, weight, Some(bias), &scales);
        scales
    }

    /// A modulated convolution, as the engine computes it: the input channels are scaled, one
    /// convolution is applied to all images, and the output channels are divided by the norms of
    /// the scaled weights.
    fn modulated(
        &mut self,
        (x, scales): (&str, &str),
        [height, width, channels]: [usize; 3],
        weight: &Tensor,
        [doubling, demodulated]: [bool; 2],
        out: &str,
    ) -> Result<(), String> {
        let [size, _, _, filters] = **weight.shape() else { return Err("its weight is no kernel".to_owned()) };
        let factors = self.per_channel(scales, channels, &format!("{out}.factors"));
        let scaled = self.writer.inner("Mul", &[x, &factors], &format!("{out}.scaled"), &[]);
        let convolved = if demodulated { self.writer.unique(&format!("{out}.conv")) } else { out.to_owned() };
        if doubling {
            let turned = Var::constant(weight.clone()).turn_taps().into_value();
            let larger = self.writer.unique(&format!("{out}.larger"));
            let image = [height, width, channels];
            self.conv_transpose(&scaled, image, (&turned, None), ([2, 2], TransposedPadding::Valid), &larger)?;
            let sides = [height, width].map(|side| 2 * side + size.saturating_sub(2));
            let geometry = FirGeometry::new([1, sides[0], sides[1], filters], &Fir::after_transposed(size))?;
            self.filtered(&larger, &geometry, &convolved)?;
        } else {
            self.conv(&scaled, [height, width, channels], (weight, None), ([1, 1], Padding::Same), &convolved)?;
        }
        if !demodulated {
            return Ok(());
        }
        let squares = Var::constant(weight.clone()).square().sum_to([channels, filters]).into_value();
        let squares = self.writer.floats(&format!("{out}.squares"), &squares);
        let square = self.writer.inner("Mul", &[scales, scales], &format!("{out}.scales_squared"), &[]);
        let sums = self.writer.inner("MatMul", &[&square, &squares], &format!("{out}.sums"), &[]);
        let epsilon = self.writer.number(&format!("{out}.epsilon"), tensor::DEMODULATION_EPSILON);
        let sums = self.writer.inner("Add", &[&sums, &epsilon], &format!("{out}.sums_above_0"), &[]);
        let norms = self.writer.inner("Sqrt", &[&sums], &format!("{out}.norms"), &[]);
        let norms = self.per_channel(&norms, filters, &format!("{out}.norm_of_channel"));
        self.writer.node("Div", &[&convolved, &norms], out, &[]);
        Ok(())
    }
}

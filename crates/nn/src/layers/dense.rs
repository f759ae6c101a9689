//! [`Dense`]: a fully connected layer.

use tensor::{Tensor, Var};

use crate::context::ForwardContext;
use crate::init::{Fan, Initializer};
use crate::layer::{BuildContext, Layer, TensorKind};
use crate::layers::{Equalised, SpectralNorm};
use crate::spec::LayerSpec;

/// y = x w + b, with x of shape (batch, in), w (in, out), b (out).
#[derive(Clone, Debug)]
pub struct Dense {
    units: usize,
    weight_init: Option<Initializer>,
    weight: Tensor,
    /// None for a layer without bias.
    bias: Option<Tensor>,
    spectral: Option<SpectralNorm>,
    equalised: Option<Equalised>,
}

impl Dense {
    /// A layer of `units` outputs.
    pub fn new(units: usize) -> Self {
        let (weight, bias) = (Tensor::zeros([0]), Some(Tensor::zeros([0])));
        Self { units, weight_init: None, weight, bias, spectral: None, equalised: None }
    }

    /// Without a bias.
    pub fn without_bias(self) -> Self {
        Self { bias: None, ..self }
    }

    /// With weights initialised by `init` instead of the network's scheme.
    pub fn weight_init(self, init: Initializer) -> Self {
        Self { weight_init: Some(init), ..self }
    }

    /// With the equalised learning rate.
    pub fn equalised(self, equalised: Equalised) -> Self {
        Self { equalised: Some(equalised), ..self }
    }
}

impl Layer for Dense {
    fn describe(&self) -> String {
        format!("Dense {}", self.units)
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        let &[input] = ctx.input else {
            return Err("a dense layer needs a flat input: put a Flatten before it".into());
        };
        let fan = Fan { input, output: self.units };
        let init = Equalised::init_scheme(self.equalised, ctx.init);
        self.weight = ctx.draw("weight", self.weight_init.unwrap_or(init.weight), &[input, self.units], fan);
        if let Some(bias) = &mut self.bias {
            *bias = ctx.draw("bias", init.bias, &[self.units], fan);
        }
        self.spectral = SpectralNorm::of(ctx, self.units);
        Ok(vec![self.units])
    }

    fn spec(&self) -> Option<LayerSpec> {
        let (weight, bias) =
            Equalised::effective(self.equalised, self.spectral.as_ref(), &self.weight, self.bias.as_ref());
        Some(LayerSpec::Dense { weight, bias })
    }

    fn factors(&self) -> Vec<(&'static str, f64)> {
        Equalised::factors(self.equalised, &self.weight, self.bias.as_ref())
    }

    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        let weight = ctx.parameter("weight", &self.weight);
        let weight = Equalised::weight(self.equalised, weight);
        let weight = SpectralNorm::applied(self.spectral.as_ref(), ctx, weight);
        let bias = self.bias.as_ref().map(|bias| Equalised::bias(self.equalised, ctx.parameter("bias", bias)));
        ctx.bias_act(x.matmul_in(ctx.precision(), &weight), bias.as_ref())
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

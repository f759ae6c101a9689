//! [`Dense`]: every output sees every input.

use tensor::{Tensor, Var};

use crate::init::{Fan, Init};
use crate::network::{Kind, Layer, Site};
use crate::pass::Pass;

/// y = x w + b, with x of shape (batch, in), w (in, out), b (out).
#[derive(Clone, Debug)]
pub struct Dense {
    units: usize,
    weight_init: Option<Init>,
    weight: Tensor,
    bias: Tensor,
}

impl Dense {
    /// A layer of `units` outputs.
    pub fn new(units: usize) -> Self {
        Self { units, weight_init: None, weight: Tensor::zeros([0]), bias: Tensor::zeros([0]) }
    }

    /// With weights from `init` instead of the dialect's.
    pub fn weight_init(self, init: Init) -> Self {
        Self { weight_init: Some(init), ..self }
    }
}

impl Layer for Dense {
    fn describe(&self) -> String {
        format!("Dense {}", self.units)
    }

    fn build(&mut self, site: &Site) -> Result<Vec<usize>, String> {
        let &[input] = site.input else {
            return Err("a dense layer needs a flat input: put a Flatten before it".into());
        };
        let fan = Fan { input, output: self.units };
        let init = self.weight_init.unwrap_or(site.dialect.weight_init());
        self.weight = site.draw("weight", init, &[input, self.units], fan);
        self.bias = site.draw("bias", site.dialect.bias_init(), &[self.units], fan);
        Ok(vec![self.units])
    }

    fn forward(&self, pass: &mut Pass, x: &Var) -> Var {
        let (weight, bias) = (pass.parameter("weight", &self.weight), pass.parameter("bias", &self.bias));
        pass.finish(x.matmul(&weight), Some(&bias))
    }

    fn tensors(&self) -> Vec<(&'static str, Kind, &Tensor)> {
        vec![("weight", Kind::Parameter, &self.weight), ("bias", Kind::Parameter, &self.bias)]
    }

    fn tensors_mut(&mut self) -> Vec<(&'static str, Kind, &mut Tensor)> {
        vec![("weight", Kind::Parameter, &mut self.weight), ("bias", Kind::Parameter, &mut self.bias)]
    }
}

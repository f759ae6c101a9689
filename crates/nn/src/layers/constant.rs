//! [`Constant`]: a learned output that does not depend on the input.

use tensor::{Tensor, Var};

use crate::context::ForwardContext;
use crate::init::{Fan, Initializer};
use crate::layer::{BuildContext, Layer, TensorKind};
use crate::spec::LayerSpec;

/// A learned constant, repeated for each member of the batch; of the input only the batch size is
/// used. It is the first layer of style-based generators, whose pictures depend on styles and noise
/// alone (Karras, Laine and Aila 2019).
#[derive(Clone, Debug)]
pub struct Constant {
    init: Initializer,
    value: Tensor,
}

impl Constant {
    /// A constant of this shape (without the batch axis), initialised with 1.
    pub fn new(shape: &[usize]) -> Self {
        Self { init: Initializer::Constant(1.0), value: Tensor::zeros(shape) }
    }

    /// Initialised by `init` instead.
    pub fn init(self, init: Initializer) -> Self {
        Self { init, ..self }
    }
}

impl Layer for Constant {
    fn describe(&self) -> String {
        "Constant".into()
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        let shape = self.value.shape().to_vec();
        self.value = ctx.draw("constant", self.init, &shape, Fan { input: 1, output: 1 });
        Ok(shape)
    }

    fn spec(&self) -> Option<LayerSpec> {
        Some(LayerSpec::Constant(self.value.clone()))
    }

    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        let shape = [&x.shape()[..1], self.value.shape()].concat();
        ctx.parameter("constant", &self.value).broadcast_to(&*shape)
    }

    fn tensors(&self) -> Vec<(&'static str, TensorKind, &Tensor)> {
        vec![("constant", TensorKind::Parameter, &self.value)]
    }

    fn tensors_mut(&mut self) -> Vec<(&'static str, TensorKind, &mut Tensor)> {
        vec![("constant", TensorKind::Parameter, &mut self.value)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dialect, Network};

    #[test]
    fn the_output_depends_on_the_batch_size_alone() {
        let network = Network::new("fixed", &[7], Dialect::Torch, 1).with("constant", Constant::new(&[2, 3, 4]));
        let x = Tensor::from_fn([5, 7], |i| i as f32);
        assert_eq!((network.infer(&x), network.output_shape()), (Tensor::full([5, 2, 3, 4], 1.0), &[2, 3, 4][..]));
        assert_eq!(network.count(TensorKind::Parameter), 24);
    }

    #[test]
    fn it_can_be_initialised_at_random() {
        let normal = Initializer::Normal { mean: 0.0, deviation: 1.0 };
        let network =
            Network::new("fixed", &[1], Dialect::Torch, 1).with("constant", Constant::new(&[20, 20, 3]).init(normal));
        let value = network.tensors()[0].2;
        let square = value.data().iter().map(|x| x * x).sum::<f32>() / 1200.0;
        assert!((square - 1.0).abs() < 0.2, "{square}");
    }
}

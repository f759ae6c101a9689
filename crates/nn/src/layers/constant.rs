//! [`Constant`]: the same picture, whatever comes in.

use tensor::{Tensor, Var};

use crate::network::{Kind, Layer, Site};
use crate::pass::Pass;

/// A learned constant, which starts at 1, for each member of the batch: of its input only that is asked, how many there are. What begins
/// with it is told by styles alone what to draw (Karras, Laine and Aila 2019).
#[derive(Clone, Debug)]
pub struct Constant(Tensor);

impl Constant {
    /// Of this shape, without the batch axis.
    pub fn new(shape: &[usize]) -> Self {
        Self(Tensor::full(shape, 1.0))
    }
}

impl Layer for Constant {
    fn describe(&self) -> String {
        "Constant".into()
    }

    fn build(&mut self, _site: &Site) -> Result<Vec<usize>, String> {
        Ok(self.0.shape().to_vec())
    }

    fn forward(&self, pass: &mut Pass, x: &Var) -> Var {
        let shape = [&x.shape()[..1], self.0.shape()].concat();
        pass.parameter("constant", &self.0).broadcast_to(&*shape)
    }

    fn tensors(&self) -> Vec<(&'static str, Kind, &Tensor)> {
        vec![("constant", Kind::Parameter, &self.0)]
    }

    fn tensors_mut(&mut self) -> Vec<(&'static str, Kind, &mut Tensor)> {
        vec![("constant", Kind::Parameter, &mut self.0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dialect, Network};

    #[test]
    fn it_asks_for_nothing_but_the_batch() {
        let network = Network::new("fixed", &[7], Dialect::Torch, 1).with("constant", Constant::new(&[2, 3, 4]));
        let x = Tensor::from_fn([5, 7], |i| i as f32);
        assert_eq!((network.infer(&x), network.output_shape()), (Tensor::full([5, 2, 3, 4], 1.0), &[2, 3, 4][..]));
        assert_eq!(network.count(Kind::Parameter), 24);
    }
}

//! [`Blur`]: takes the sharpest edges off.

use kernels::Fir;
use tensor::Var;

use crate::context::ForwardContext;
use crate::network::{BuildContext, Layer};

/// Each channel of images (h, w, c) filtered by [1, 2, 1] / 4 down and right, with zeros around the image (Karras, Laine and Aila 2019):
/// after a layer that repeats pixels and before one that leaves some out, it keeps the pattern of the pixels out of the picture.
#[derive(Clone, Copy, Debug)]
pub struct Blur;

impl Layer for Blur {
    fn describe(&self) -> String {
        "Blur 3x3".into()
    }

    fn build(&mut self, site: &BuildContext) -> Result<Vec<usize>, String> {
        let [_, _, _] = site.input else { return Err("a blur needs images (h, w, c)".into()) };
        Ok(site.input.to_vec())
    }

    fn forward(&self, _pass: &mut ForwardContext, x: &Var) -> Var {
        x.fir(&Fir::blur())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dialect, Network};
    use tensor::Tensor;

    #[test]
    fn a_dot_becomes_a_spot() {
        let network = Network::new("blurred", &[4, 4, 1], Dialect::Torch, 1).with("blur", Blur);
        let dot = |at| Tensor::from_fn([1, 4, 4, 1], |i| if i == at { 16.0 } else { 0.0 });
        let spot = [1.0, 2.0, 1.0, 0.0, 2.0, 4.0, 2.0, 0.0, 1.0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(network.infer(&dot(5)).data(), spot);
        let corner = network.infer(&dot(15));
        assert_eq!(corner.data()[10..], [1.0, 2.0, 0.0, 0.0, 2.0, 4.0], "what leaves the image is lost");
    }
}

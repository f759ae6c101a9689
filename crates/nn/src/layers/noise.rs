//! [`Noise`]: random noise with a learned strength per channel.

use tensor::{Tensor, Var};

use crate::context::ForwardContext;
use crate::init::{Fan, Initializer, normal};
use crate::layer::{BuildContext, Layer, TensorKind};
use crate::spec::LayerSpec;

/// x + map * weight, for images (h, w, c): a map of normal numbers per image, shared by its
/// channels, and a learned weight per channel, 0 at first (Karras, Laine and Aila, "A style-based
/// generator architecture for generative adversarial networks", 2019). In StyleGAN2 all channels
/// share one weight.
///
/// Training draws new maps in each forward pass. Inference uses one map for all images, drawn when
/// the layer is built, so that a picture depends only on its latent.
#[derive(Clone, Debug)]
pub struct Noise {
    /// Whether all channels have the same weight.
    shared: bool,
    weight: Tensor,
    map: Tensor,
}

impl Default for Noise {
    fn default() -> Self {
        let [weight, map] = [(); 2].map(|()| Tensor::zeros([0]));
        Self { shared: false, weight, map }
    }
}

impl Noise {
    /// The name of the map of inference among the tensors of the layer.
    pub const MAP: &str = "map";

    /// With one weight for all channels.
    pub fn shared() -> Self {
        Self { shared: true, ..Self::default() }
    }
}

impl Layer for Noise {
    fn describe(&self) -> String {
        if self.shared { "Noise, one weight".into() } else { "Noise".into() }
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        let &[h, w, c] = ctx.input else { return Err("noise is added to images (h, w, c)".into()) };
        let standard = Initializer::Normal { mean: 0.0, deviation: 1.0 };
        self.map = ctx.draw("map", standard, &[1, h, w, 1], Fan { input: 1, output: 1 });
        self.weight = Tensor::zeros([1, 1, 1, if self.shared { 1 } else { c }]);
        Ok(ctx.input.to_vec())
    }

    fn spec(&self) -> Option<LayerSpec> {
        Some(LayerSpec::Noise { weight: self.weight.clone(), map: self.map.clone() })
    }

    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        let weight = ctx.parameter("weight", &self.weight);
        let &[images, h, w, _] = &**x.shape() else { unreachable!("built for images") };
        let maps = match ctx.key() {
            Some(key) => Var::constant(normal(&[images, h, w, 1], 0.0, 1.0, key)),
            None => ctx.constant(Self::MAP, &self.map),
        };
        // Each pixel's number times each channel's weight, as a matrix product of a column and a
        // row.
        let (images, pixels, channels) = (maps.shape()[0], maps.value().size(), self.weight.size());
        let noise = maps.reshape([pixels, 1]).matmul(&weight.reshape([1, channels]));
        x + &noise.reshape([images, h, w, channels])
    }

    fn tensors(&self) -> Vec<(&'static str, TensorKind, &Tensor)> {
        vec![("weight", TensorKind::Parameter, &self.weight), (Self::MAP, TensorKind::Internal, &self.map)]
    }

    fn tensors_mut(&mut self) -> Vec<(&'static str, TensorKind, &mut Tensor)> {
        vec![("weight", TensorKind::Parameter, &mut self.weight), (Self::MAP, TensorKind::Internal, &mut self.map)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dialect, Network, RngContext};
    use kernels::Key;
    use tensor::Tape;

    /// A network whose three channels have the weights 0, 1 and -2.
    fn network() -> Network {
        let mut network = Network::new("noisy", &[4, 5, 3], Dialect::Torch, 1).with("noise", Noise::default());
        network.tensors_mut()[0].2.data_mut().copy_from_slice(&[0.0, 1.0, -2.0]);
        network
    }

    fn trained(network: &Network, x: &Tensor, step: u64) -> Tensor {
        let mut ctx = ForwardContext::training(&Tape::new(), RngContext { seed: 1, step, purpose: "a test" });
        network.forward(&mut ctx, &Var::constant(x.clone())).detach().into_value()
    }

    #[test]
    fn the_weights_start_at_zero() {
        let network = Network::new("noisy", &[4, 5, 3], Dialect::Torch, 1).with("noise", Noise::default());
        assert_eq!((network.count(TensorKind::Parameter), network.count(TensorKind::Buffer)), (3, 0));
        let (name, _, weight) = network.tensors().remove(0);
        assert_eq!(
            (&*name, &**weight.shape(), weight.data()),
            ("noisy.noise.weight", &[1, 1, 1, 3][..], &[0.0; 3][..])
        );
        let x = normal(&[2, 4, 5, 3], 0.0, 1.0, Key::named(1, "x"));
        assert_eq!([trained(&network, &x, 0), network.infer(&x)], [x.clone(), x]);
    }

    #[test]
    fn channels_can_share_one_weight() {
        let mut network = Network::new("noisy", &[4, 5, 3], Dialect::Torch, 1).with("noise", Noise::shared());
        assert_eq!(network.count(TensorKind::Parameter), 1);
        network.tensors_mut()[0].2.data_mut()[0] = 0.5;
        let y = trained(&network, &Tensor::zeros([2, 4, 5, 3]), 0);
        assert!(y.data().chunks(3).all(|pixel| pixel[0] != 0.0 && pixel[0] == pixel[1] && pixel[1] == pixel[2]));
    }

    #[test]
    fn the_map_of_inference_can_be_replaced() {
        let network = network();
        let map = Var::constant(Tensor::from_fn([1, 4, 5, 1], |i| i as f32));
        let mut ctx = ForwardContext::inference_with([("noisy.noise.map".to_owned(), map)].into());
        let y = network.forward(&mut ctx, &Var::constant(Tensor::zeros([2, 4, 5, 3])));
        assert!(y.value().data().chunks(3).enumerate().all(|(i, pixel)| pixel[1] == (i % 20) as f32));
    }

    #[test]
    fn channels_share_a_map_and_images_do_not() {
        let (network, x) = (network(), Tensor::zeros([2, 4, 5, 3]));
        let y = trained(&network, &x, 0);
        assert_eq!(y.shape(), x.shape());
        assert!(y.data().chunks(3).all(|pixel| pixel[0] == 0.0 && pixel[1] != 0.0 && pixel[2] == -2.0 * pixel[1]));
        assert_ne!(y.data()[..60], y.data()[60..]);
        assert_ne!(y, trained(&network, &x, 1));
        assert_eq!(y.data()[..60], *trained(&network, &Tensor::zeros([1, 4, 5, 3]), 0).data());
    }

    #[test]
    fn inference_has_one_map_for_all_images() {
        let network = network();
        let y = network.infer(&Tensor::zeros([2, 4, 5, 3]));
        assert_eq!(y.data()[..60], y.data()[60..]);
        assert!(y.data()[1] != 0.0 && y.data()[2] == -2.0 * y.data()[1]);
    }

    #[test]
    fn maps_are_standard_normal() {
        let network = Network::new("noisy", &[64, 64, 1], Dialect::Torch, 1).with("noise", Noise::default());
        let mean = |of: &dyn Fn(f64) -> f64| {
            let map = network.tensors()[1].2;
            map.data().iter().map(|x| of(f64::from(*x))).sum::<f64>() / map.size() as f64
        };
        assert!(mean(&|x| x).abs() < 0.06 && (mean(&|x| x * x) - 1.0).abs() < 0.08);
    }
}

//! [`Residual`]: layers that learn what to add to their input.

use tensor::Var;

use crate::network::{Layer, Network, Site};
use crate::pass::Pass;

/// x + layers(x): the layers in a row, and a way around them (He, Zhang, Ren and Sun, "Deep residual learning for image
/// recognition", 2016). Nothing follows the addition.
///
/// The layers have their own names in the block: `generator.res1.conv1.weight`.
#[derive(Default)]
pub struct Residual {
    /// What it is made of, until it is built.
    layers: Vec<(&'static str, Box<dyn Layer>)>,
    inner: Option<Network>,
}

impl Residual {
    /// A block without layers.
    pub fn new() -> Self {
        Self::default()
    }

    /// The block with one more layer, called `name`.
    pub fn with(mut self, name: &'static str, layer: impl Layer + 'static) -> Self {
        self.layers.push((name, Box::new(layer)));
        self
    }

    fn network(&self) -> &Network {
        self.inner.as_ref().expect("set when the layer was built")
    }
}

impl Layer for Residual {
    fn describe(&self) -> String {
        format!("Residual of {} layers", self.network().depth())
    }

    fn build(&mut self, site: &Site) -> Result<Vec<usize>, String> {
        let mut inner = Network::new(&site.path, site.input, site.dialect, site.seed)
            .starting(site.start)
            .spectral_norm(site.spectral_norm);
        for (name, layer) in self.layers.drain(..) {
            inner.push(name, layer);
        }
        let output = inner.output_shape().to_vec();
        if output != site.input {
            return Err(format!("its layers make {output:?} of it, which cannot be added to it"));
        }
        self.inner = Some(inner);
        Ok(output)
    }

    fn forward(&self, pass: &mut Pass, x: &Var) -> Var {
        x + &self.network().forward_here(pass, x)
    }

    fn inner(&self) -> Option<&Network> {
        self.inner.as_ref()
    }

    fn inner_mut(&mut self) -> Option<&mut Network> {
        self.inner.as_mut()
    }
}

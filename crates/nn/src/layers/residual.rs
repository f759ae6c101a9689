//! [`Residual`]: layers that learn what to add to their input.

use tensor::Var;

use crate::context::ForwardContext;
use crate::network::{BuildContext, Layer, Network};

/// x + layers(x): the layers in a row, and a way around them (He, Zhang, Ren and Sun, "Deep residual learning for image
/// recognition", 2016). Nothing follows the addition. Where the layers change the shape, the way around has layers of its own that do
/// the same: shortcut(x) + layers(x).
///
/// The layers have their own names in the block: `generator.res1.conv1.weight`, `generator.res1.shortcut.conv.weight`.
#[derive(Default)]
pub struct Residual {
    /// What the two ways are made of, until they are built.
    layers: Layers,
    shortcut: Layers,
    /// The layers and the shortcut.
    inner: Vec<Network>,
}

type Layers = Vec<(&'static str, Box<dyn Layer>)>;

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

    /// The block with one more layer, called `name`, on the way around.
    pub fn around(mut self, name: &'static str, layer: impl Layer + 'static) -> Self {
        self.shortcut.push((name, Box::new(layer)));
        self
    }
}

impl Layer for Residual {
    fn describe(&self) -> String {
        let depths: Vec<usize> = self.inner.iter().map(Network::depth).collect();
        match depths[..] {
            [layers, 0] => format!("Residual of {layers} layers"),
            [layers, around] => format!("Residual of {layers} layers, {around} around"),
            _ => "Residual".into(),
        }
    }

    fn build(&mut self, site: &BuildContext) -> Result<Vec<usize>, String> {
        let way = |path: String, layers: &mut Layers| {
            let mut network = Network::new(&path, site.input, site.dialect, site.seed)
                .with_init(site.start)
                .spectral_norm(site.spectral_norm);
            layers.drain(..).for_each(|(name, layer)| network.push(name, layer));
            network
        };
        let inner = way(site.path.clone(), &mut self.layers);
        let shortcut = way(format!("{}.shortcut", site.path), &mut self.shortcut);
        let (output, around) = (inner.output_shape().to_vec(), shortcut.output_shape());
        if output != around {
            return Err(format!("its layers make {output:?} of it, which cannot be added to {around:?}"));
        }
        self.inner = vec![inner, shortcut];
        Ok(output)
    }

    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        let [layers, shortcut] = &self.inner[..] else { panic!("{}: not built", self.describe()) };
        // (Without layers the shortcut is x itself.)
        let around =
            if shortcut.depth() == 0 { x.clone() } else { ctx.scoped("shortcut", |ctx| shortcut.forward_here(ctx, x)) };
        &around + &layers.forward_here(ctx, x)
    }

    fn inner(&self) -> &[Network] {
        &self.inner
    }

    fn inner_mut(&mut self) -> &mut [Network] {
        &mut self.inner
    }
}

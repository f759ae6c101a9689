//! [`Residual`]: layers whose output is added to their input.

use tensor::Var;

use crate::context::ForwardContext;
use crate::layer::{BuildContext, Layer};
use crate::network::Network;

/// A residual block: shortcut(x) + layers(x) (He, Zhang, Ren and Sun, "Deep residual learning for
/// image recognition", 2016), without an activation after the addition. The shortcut is x itself,
/// unless layers are added to it, for instance where the block changes the shape.
///
/// The layers are named within the block: `generator.res1.conv1.weight`,
/// `generator.res1.shortcut.conv.weight`.
#[derive(Default)]
pub struct Residual {
    /// The layers of both paths, until the block is built.
    layers: Layers,
    shortcut: Layers,
    /// The layers and the shortcut, once built.
    inner: Vec<Network>,
}

type Layers = Vec<(&'static str, Box<dyn Layer>)>;

impl Residual {
    /// A block without layers, which doubles its input.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a layer, called `name`.
    pub fn with(mut self, name: &'static str, layer: impl Layer + 'static) -> Self {
        self.layers.push((name, Box::new(layer)));
        self
    }

    /// Adds a layer, called `name`, to the shortcut.
    pub fn shortcut(mut self, name: &'static str, layer: impl Layer + 'static) -> Self {
        self.shortcut.push((name, Box::new(layer)));
        self
    }
}

impl Layer for Residual {
    fn describe(&self) -> String {
        let depths: Vec<usize> = self.inner.iter().map(Network::depth).collect();
        match depths[..] {
            [layers, 0] => format!("Residual of {layers} layers"),
            [layers, shortcut] => format!("Residual of {layers} layers, {shortcut} in the shortcut"),
            _ => "Residual".into(),
        }
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        let build = |path: String, layers: &mut Layers| {
            let mut network = Network::new(&path, ctx.input, ctx.dialect, ctx.seed)
                .with_init(ctx.init)
                .spectral_norm(ctx.spectral_norm);
            layers.drain(..).for_each(|(name, layer)| network.push(name, layer));
            network
        };
        let inner = build(ctx.path.clone(), &mut self.layers);
        let shortcut = build(format!("{}.shortcut", ctx.path), &mut self.shortcut);
        let (output, added) = (inner.output_shape().to_vec(), shortcut.output_shape());
        if output != added {
            return Err(format!("its layers have output shape {output:?}, which cannot be added to {added:?}"));
        }
        self.inner = vec![inner, shortcut];
        Ok(output)
    }

    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        let [layers, shortcut] = &self.inner[..] else { panic!("{}: not built", self.describe()) };
        let x_or_shortcut =
            if shortcut.depth() == 0 { x.clone() } else { ctx.scoped("shortcut", |ctx| shortcut.forward_here(ctx, x)) };
        &x_or_shortcut + &layers.forward_here(ctx, x)
    }

    fn inner(&self) -> &[Network] {
        &self.inner
    }

    fn inner_mut(&mut self) -> &mut [Network] {
        &mut self.inner
    }
}

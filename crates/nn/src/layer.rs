//! [`Layer`]: what the layers of a network have in common.

use kernels::Key;
use tensor::{Tensor, Var};

use crate::context::{ForwardContext, Fusion};
use crate::init::{Dialect, Fan, InitScheme, Initializer};
use crate::layers::Activation;
use crate::network::Network;
use crate::spec::LayerSpec;

/// How a tensor of a layer changes, and whether summaries count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TensorKind {
    /// Learned by gradients.
    Parameter,
    /// Changed by forward passes in training: running statistics.
    Buffer,
    /// Counters and constants, which summaries do not count.
    Internal,
}

/// One layer: its weights, and the function that it applies to a batch.
pub trait Layer: Send + Sync {
    /// How the summary describes it: `Conv2d 5x5 stride 2x2 same`.
    fn describe(&self) -> String;

    /// Prepares the layer for its input: initialises its tensors and returns the shape of its
    /// output (without the batch axis).
    ///
    /// # Errors
    /// One sentence, when the layer cannot take an input of this shape.
    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String>;

    /// The kernel and the stride, each as height and width, of a layer that moves a window of
    /// weights over images.
    fn window(&self) -> Option<[[usize; 2]; 2]> {
        None
    }

    /// What the layer computes in inference, as data, for programs that translate networks for
    /// other software. None, the default, for composite layers and those without such a
    /// description; then the operations of [`forward`](Layer::forward) are translated one by one.
    fn spec(&self) -> Option<LayerSpec> {
        None
    }

    /// The factors by which the layer multiplies its tensors before it uses them, by the names of
    /// the tensors in the layer: those of an [equalised](crate::layers::Equalised) learning rate.
    /// The weights of its [specification](Layer::spec) are already multiplied by them.
    fn factors(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    /// Applies the layer to a batch, of shape (batch, ...).
    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var;

    /// The factor of a layer that only up-samples images. The layer after it may then do the
    /// up-sampling ([`forward_upsampled`](Layer::forward_upsampled)).
    fn upsampling(&self) -> Option<[usize; 2]> {
        None
    }

    /// Applies the layer to a batch of images up-sampled by `factor`, if it can do both together at
    /// lower cost.
    fn forward_upsampled(&self, _ctx: &mut ForwardContext, _x: &Var, _factor: [usize; 2]) -> Option<Var> {
        None
    }

    /// How the layer before it may fuse this one ([`ForwardContext::bias_act`]).
    fn fusion(&self) -> Option<Fusion> {
        None
    }

    /// The function of a layer that is an activation.
    fn activation(&self) -> Option<Activation> {
        None
    }

    /// The rate of a layer that is a dropout.
    fn dropout_rate_mut(&mut self) -> Option<&mut f64> {
        None
    }

    /// Whether the layer is the activation of a hidden layer, after which dropout may follow.
    fn is_hidden_activation(&self) -> bool {
        self.activation().is_some_and(|activation| !activation.is_bounded())
    }

    /// The layer's tensors, with their names in the layer.
    fn tensors(&self) -> Vec<(&'static str, TensorKind, &Tensor)> {
        Vec::new()
    }

    /// The same, mutable.
    fn tensors_mut(&mut self) -> Vec<(&'static str, TensorKind, &mut Tensor)> {
        Vec::new()
    }

    /// The networks that a composite layer consists of; their names begin with the layer's path.
    /// Their tensors are then those of the layer.
    fn inner(&self) -> &[Network] {
        &[]
    }

    /// The same, mutable.
    fn inner_mut(&mut self) -> &mut [Network] {
        &mut []
    }
}

/// What a layer is built for.
pub struct BuildContext<'a> {
    /// The shape of its input, without the batch axis.
    pub input: &'a [usize],
    /// The framework whose defaults apply.
    pub dialect: Dialect,
    /// How its tensors are initialised.
    pub init: InitScheme,
    /// Whether its weight is divided by its spectral norm.
    pub spectral_norm: bool,
    /// The run's seed.
    pub seed: u64,
    /// The layer's full name: `discriminator.conv1`.
    pub path: String,
}

impl BuildContext<'_> {
    /// Initialises the layer's tensor `name` from a random stream of its own.
    pub fn draw(&self, name: &str, init: Initializer, shape: &[usize], fan: Fan) -> Tensor {
        init.draw(shape, fan, Key::named(self.seed, &format!("{}.{name}", self.path)))
    }
}

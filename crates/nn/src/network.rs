//! [`Network`]: named layers, applied one after the other.

use kernels::{Precision, moving_average};
use tensor::{Tensor, Var};

use crate::context::{ForwardContext, RngContext};
use crate::init::{Dialect, InitScheme};
use crate::layer::{BuildContext, Layer, TensorKind};
use crate::layers::{Activation, Dropout, MinibatchStddev};
use crate::observer::{self, ActivationCall};
use crate::spec::LayerSpec;
use crate::state::{State, Stateful};
use crate::trace;

/// A layer in its network.
struct Member {
    name: String,
    layer: Box<dyn Layer>,
    output: Vec<usize>,
}

impl Member {
    /// Its tensors with their full names, in the network of this name.
    fn tensors(&self, network: &str) -> Vec<(String, TensorKind, &Tensor)> {
        let full = |name| format!("{network}.{}.{name}", self.name);
        let own = self.layer.tensors().into_iter().map(|(name, kind, tensor)| (full(name), kind, tensor));
        own.chain(self.layer.inner().iter().flat_map(Network::tensors)).collect()
    }

    fn tensors_mut(&mut self, network: &str) -> Vec<(String, TensorKind, &mut Tensor)> {
        if !self.layer.inner().is_empty() {
            return self.layer.inner_mut().iter_mut().flat_map(Network::tensors_mut).collect();
        }
        let full = |name| format!("{network}.{}.{name}", self.name);
        self.layer.tensors_mut().into_iter().map(|(name, kind, tensor)| (full(name), kind, tensor)).collect()
    }
}

/// A layer as the summary lists it: name, description, output shape and tensors.
pub(crate) type LayerRow<'a> = (&'a str, String, &'a [usize], Vec<(String, TensorKind, &'a Tensor)>);

/// Named layers, applied one after the other.
pub struct Network {
    name: String,
    input: Vec<usize>,
    dialect: Dialect,
    init: InitScheme,
    spectral_norm: bool,
    precision: Precision,
    seed: u64,
    members: Vec<Member>,
}

impl Network {
    /// A network without layers, for inputs of shape `input` (without the batch axis). Its weights
    /// are drawn from random streams of `seed`.
    pub fn new(name: &str, input: &[usize], dialect: Dialect, seed: u64) -> Self {
        let (init, spectral_norm, members) = (dialect.init_scheme(), false, Vec::new());
        let precision = Precision::F32;
        Self { name: name.into(), input: input.to_vec(), dialect, init, spectral_norm, precision, seed, members }
    }

    /// Initialises the layers added from here on by `init` instead of the dialect's scheme.
    pub fn with_init(self, init: InitScheme) -> Self {
        Self { init, ..self }
    }

    /// Whether the weights of the layers added from here on are divided by their spectral norms
    /// ([`SpectralNorm`](crate::layers::SpectralNorm)).
    pub fn spectral_norm(self, spectral_norm: bool) -> Self {
        Self { spectral_norm, ..self }
    }

    /// Sets the precision in which its dense layers and convolutions multiply, and their gradients
    /// with them. Weights, sums and all other computations are `f32`.
    pub fn set_precision(&mut self, precision: Precision) {
        self.precision = precision;
    }

    /// The precision in which its dense layers and convolutions multiply.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The same network under another name.
    pub fn renamed(self, name: &str) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Adds a layer, called `name`.
    ///
    /// # Panics
    /// When the layer cannot take the output of the one before it, or the name is taken.
    #[track_caller]
    pub fn with(mut self, name: &str, layer: impl Layer + 'static) -> Self {
        self.push(name, Box::new(layer));
        self
    }

    /// Adds a layer, called `name`.
    #[track_caller]
    pub(crate) fn push(&mut self, name: &str, mut layer: Box<dyn Layer>) {
        let path = format!("{}.{name}", self.name);
        assert!(self.members.iter().all(|member| member.name != name), "{path}: the name is taken");
        let Self { dialect, init, spectral_norm, seed, .. } = *self;
        let ctx = BuildContext { input: self.output_shape(), dialect, init, spectral_norm, seed, path };
        let output = layer.build(&ctx).unwrap_or_else(|why| panic!("{} after shape {:?}: {why}", ctx.path, ctx.input));
        self.members.push(Member { name: name.into(), layer, output });
    }

    /// Sets the rate of all its dropout layers. If it has none, one is added after every activation
    /// of a hidden layer, called `dropout_` and the name of the activation; not for a rate of 0.
    ///
    /// # Panics
    /// When the rate is not in [0, 1).
    pub fn set_dropout(&mut self, rate: f64) {
        assert!((0.0..1.0).contains(&rate), "{}: a dropout rate must be in [0, 1), not {rate}", self.name);
        if !self.change_dropout(rate) && rate > 0.0 {
            self.add_dropout(rate);
        }
    }

    /// Sets the rate of all dropout layers; returns whether there are any.
    fn change_dropout(&mut self, rate: f64) -> bool {
        let mut found = false;
        for member in &mut self.members {
            if let Some(old) = member.layer.dropout_rate_mut() {
                *old = rate;
                found = true;
            }
            member.layer.inner_mut().iter_mut().for_each(|inner| found |= inner.change_dropout(rate));
        }
        found
    }

    /// Adds a dropout layer after every activation of a hidden layer.
    fn add_dropout(&mut self, rate: f64) {
        for mut member in core::mem::take(&mut self.members) {
            member.layer.inner_mut().iter_mut().for_each(|inner| inner.add_dropout(rate));
            let dropout = member.layer.is_hidden_activation().then(|| Member {
                name: format!("dropout_{}", member.name),
                layer: Box::new(Dropout(rate)),
                output: member.output.clone(),
            });
            self.members.push(member);
            self.members.extend(dropout);
        }
    }

    /// Whether it has a dropout layer with a rate above 0.
    pub fn has_dropout(&mut self) -> bool {
        self.members.iter_mut().any(|member| {
            member.layer.dropout_rate_mut().is_some_and(|rate| *rate > 0.0)
                || member.layer.inner_mut().iter_mut().any(Network::has_dropout)
        })
    }

    /// Replaces its output activation, the last sigmoid or hyperbolic tangent, by `activation`;
    /// returns whether there is one.
    pub fn set_output_activation(&mut self, activation: Activation) -> bool {
        let is_output = |member: &&mut Member| member.layer.activation().is_some_and(Activation::is_bounded);
        let last = self.members.iter_mut().rev().find(is_output);
        last.map(|member| member.layer = Box::new(activation)).is_some()
    }

    /// Adds the [standard deviation over the batch](MinibatchStddev) as a further channel, called
    /// `minibatch_stddev`, in front of its last layer with weights (and of a flattening before it).
    /// The layers from there on are built anew.
    ///
    /// # Panics
    /// When no layer has weights, or the layers after it cannot take a further channel.
    #[track_caller]
    pub fn with_minibatch_stddev(mut self, group: usize) -> Self {
        let last = self.last_with_weights();
        let before = |at: usize| at.checked_sub(1).filter(|at| self.members[*at].layer.describe() == "Flatten");
        let rest = self.members.split_off(before(last).unwrap_or(last));
        self.push("minibatch_stddev", Box::new(MinibatchStddev(group)));
        for member in rest {
            self.push(&member.name, member.layer);
        }
        self
    }

    /// The position of its last layer with weights.
    #[track_caller]
    fn last_with_weights(&self) -> usize {
        let found = self.members.iter().rposition(|member| !member.tensors(&self.name).is_empty());
        found.unwrap_or_else(|| panic!("{}: no layer has weights", self.name))
    }

    /// The network's name, which begins the names of all its tensors.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The shape of the input, without the batch axis.
    pub fn input_shape(&self) -> &[usize] {
        &self.input
    }

    /// The shape of the output, without the batch axis.
    pub fn output_shape(&self) -> &[usize] {
        self.members.last().map_or(&self.input, |member| &member.output)
    }

    /// The number of layers.
    pub fn depth(&self) -> usize {
        self.members.len()
    }

    /// Applies the network to a batch.
    ///
    /// # Panics
    /// When the shape of the batch is not (batch, the input's shape).
    #[track_caller]
    pub fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        self.check(x);
        ctx.forward_of(&self.name, x, |ctx| ctx.in_precision(self.precision, |ctx| self.forward_here(ctx, x)))
    }

    /// Applies the network to a batch, and returns its output and the input of its last layer with
    /// weights: the features that the output is computed from.
    ///
    /// # Panics
    /// When the shape of the batch is not (batch, the input's shape), or no layer has weights.
    #[track_caller]
    pub fn forward_with_features(&self, ctx: &mut ForwardContext, x: &Var) -> [Var; 2] {
        self.check(x);
        let (body, head) = self.members.split_at(self.last_with_weights());
        let mut features = None;
        let output = ctx.forward_of(&self.name, x, |ctx| {
            ctx.in_precision(self.precision, |ctx| {
                let found = Self::forward_members(ctx, body, x);
                Self::forward_members(ctx, head, features.insert(found))
            })
        });
        [output, features.expect("forward_of calls its closure")]
    }

    /// Applies a network that is a part of a larger one, within
    /// [`forward_of`](ForwardContext::forward_of) the larger one: `generator.8x8` is a part of
    /// `generator`.
    ///
    /// # Panics
    /// When the shape of the batch is not (batch, the input's shape).
    #[track_caller]
    pub fn forward_part(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        self.check(x);
        let part = self.name.rsplit_once('.').map_or(&*self.name, |(_, part)| part);
        ctx.scoped(part, |ctx| ctx.in_precision(self.precision, |ctx| self.forward_here(ctx, x)))
    }

    #[track_caller]
    fn check(&self, x: &Var) {
        let fits = x.shape().split_first().is_some_and(|(_, rest)| *rest == self.input);
        assert!(fits, "{}: a batch of shape {}, not (batch, {:?})", self.name, x.shape(), self.input);
    }

    /// Applies all layers to a batch, in the current scope and precision of `ctx`.
    pub(crate) fn forward_here(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        Self::forward_members(ctx, &self.members, x)
    }

    /// Applies these layers to a batch.
    fn forward_members(ctx: &mut ForwardContext, members: &[Member], x: &Var) -> Var {
        if let Some(recorder) = ctx.recorder() {
            let layer = |x: Var, member: &Member| {
                ctx.scoped(&member.name, |ctx| trace::apply(ctx, &recorder, &*member.layer, &x))
            };
            return members.iter().fold(x.clone(), layer);
        }
        let (mut x, mut rest) = (x.clone(), members);
        while let [member, after @ ..] = rest {
            let upsampled = member.layer.upsampling().and_then(|factor| {
                Self::forward_first(ctx, after, |ctx, layer| layer.forward_upsampled(ctx, &x, factor))
            });
            let forward = |ctx: &mut ForwardContext, layer: &dyn Layer| Some(layer.forward(ctx, &x));
            let Some(next) = upsampled.or_else(|| Self::forward_first(ctx, rest, forward)) else { break };
            (x, rest) = next;
        }
        x
    }

    /// Applies the first of these layers by `forward`, which may fuse the layers after it. Returns
    /// the output and the layers that remain; None if there is no layer, or `forward` returns None.
    fn forward_first<'a>(
        ctx: &mut ForwardContext,
        members: &'a [Member],
        forward: impl FnOnce(&mut ForwardContext, &dyn Layer) -> Option<Var>,
    ) -> Option<(Var, &'a [Member])> {
        let [member, after @ ..] = members else { return None };
        let fusions = after.iter().map(|member| (&*member.name, member.layer.fusion()));
        let layer = |ctx: &mut ForwardContext| ctx.scoped(&member.name, |ctx| forward(ctx, &*member.layer));
        let (y, fused) = ctx.with_fusible(fusions, layer);
        let y = y?;
        observer::notify(|observer| {
            for member in &members[..=fused] {
                if let Some(activation) = member.layer.activation() {
                    let (layer, frozen) = (&*ctx.full_name(&member.name), ctx.is_frozen());
                    observer.activation_applied(&ActivationCall { layer, activation, frozen, output: &y });
                }
            }
        });
        Some((y, &after[fused..]))
    }

    /// Applies the network to a batch in inference: running statistics, no dropout, nothing
    /// recorded.
    pub fn infer(&self, x: &Tensor) -> Tensor {
        self.forward(&mut ForwardContext::inference(), &Var::constant(x.clone())).into_value()
    }

    /// Like [`infer`](Self::infer), for a network of convolutions, and images of any height and
    /// width that its layers can take: their weights do not depend on the size of the images.
    ///
    /// # Panics
    /// When the shape of the batch is not (batch, height, width, the input's channels), or a layer
    /// cannot take an image of this size.
    #[track_caller]
    pub fn infer_at_any_size(&self, x: &Tensor) -> Tensor {
        let fits = matches!((&self.input[..], &**x.shape()), ([_, _, own], [_, _, _, given]) if own == given);
        assert!(fits, "{}: a batch of shape {}, not of images like {:?}", self.name, x.shape(), self.input);
        let x = &Var::constant(x.clone());
        let forward = |ctx: &mut ForwardContext| ctx.in_precision(self.precision, |ctx| self.forward_here(ctx, x));
        ForwardContext::inference().forward_of(&self.name, x, forward).into_value()
    }

    /// Like [`infer`](Self::infer), but with dropout, whose random numbers `rng` selects.
    pub fn infer_with_dropout(&self, x: &Tensor, rng: RngContext) -> Tensor {
        self.forward(&mut ForwardContext::inference_with_dropout(rng), &Var::constant(x.clone())).into_value()
    }

    /// Every tensor with its full name: `discriminator.conv1.weight`.
    pub fn tensors(&self) -> Vec<(String, TensorKind, &Tensor)> {
        self.members.iter().flat_map(|member| member.tensors(&self.name)).collect()
    }

    /// The same, mutable.
    pub fn tensors_mut(&mut self) -> Vec<(String, TensorKind, &mut Tensor)> {
        self.members.iter_mut().flat_map(|member| member.tensors_mut(&self.name)).collect()
    }

    /// Updates this network as the exponential moving average of `source`, a network of the same
    /// layers: every parameter becomes decay * average + (1 - decay) * source; all other tensors
    /// are copied.
    ///
    /// The average of constant weights converges to them exactly, however close to 1 the decay is.
    ///
    /// # Panics
    /// When the layers differ.
    #[track_caller]
    pub fn update_average(&mut self, source: &Network, decay: f64) {
        let (own, sources) = (self.tensors_mut(), source.tensors());
        assert!(own.len() == sources.len(), "the layers of the average are not those of {}", source.name);
        for ((_, kind, own), (name, _, source)) in own.into_iter().zip(sources) {
            assert!(own.shape() == source.shape(), "`{name}` has a different shape in the average");
            match kind {
                TensorKind::Parameter => moving_average(decay, source.data(), own.data_mut()),
                TensorKind::Buffer | TensorKind::Internal => *own = source.clone(),
            }
        }
    }

    /// What `of` returns for the full name of each layer and the layer, those within composite
    /// layers included.
    fn in_all_layers<R>(&self, of: &dyn Fn(String, &Member) -> Vec<R>) -> Vec<R> {
        let mut found = Vec::new();
        for member in &self.members {
            found.extend(of(format!("{}.{}", self.name, member.name), member));
            found.extend(member.layer.inner().iter().flat_map(|inner| inner.in_all_layers(of)));
        }
        found
    }

    /// The full name, the kernel and the stride of every layer that moves a window of weights over
    /// images.
    pub fn windows(&self) -> Vec<(String, [[usize; 2]; 2])> {
        self.in_all_layers(&|name, member| member.layer.window().map(|window| (name, window)).into_iter().collect())
    }

    /// The full name, the description and the shape of the output (without the batch axis) of every
    /// layer, those within composite layers included.
    pub fn layers(&self) -> Vec<(String, String, Vec<usize>)> {
        self.in_all_layers(&|name, member| vec![(name, member.layer.describe(), member.output.clone())])
    }

    /// The full name and the [specification](Layer::spec) of every layer that has one, those within
    /// composite layers included.
    pub fn specs(&self) -> Vec<(String, LayerSpec)> {
        self.in_all_layers(&|name, member| member.layer.spec().map(|spec| (name, spec)).into_iter().collect())
    }

    /// The [factors](Layer::factors) of its layers, by the full names of the tensors.
    pub fn factors(&self) -> Vec<(String, f64)> {
        let full = |layer: &str, (name, factor): (&str, f64)| (format!("{layer}.{name}"), factor);
        self.in_all_layers(&|layer, member| member.layer.factors().into_iter().map(|one| full(&layer, one)).collect())
    }

    /// The layers as the summary lists them.
    pub(crate) fn rows(&self) -> impl Iterator<Item = LayerRow<'_>> {
        self.members
            .iter()
            .map(|member| (&*member.name, member.layer.describe(), &*member.output, member.tensors(&self.name)))
    }

    /// The framework whose defaults apply.
    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The number of parameters in one line ([`totals`](crate::totals)).
    pub fn totals(&self) -> String {
        crate::totals(&[self])
    }

    /// The table of its layers ([`summary`](fn@crate::summary)).
    pub fn summary(&self) -> String {
        crate::summary(&[self])
    }

    /// The number of elements of all tensors of this kind.
    pub fn count(&self, kind: TensorKind) -> usize {
        self.tensors().iter().filter(|(_, of, _)| *of == kind).map(|(_, _, tensor)| tensor.size()).sum()
    }
}

impl Stateful for Network {
    fn save(&self, state: &mut State) {
        state.tensors.extend(self.tensors().into_iter().map(|(name, _, tensor)| (name, tensor.clone())));
    }

    fn load(&mut self, state: &State) {
        for (name, _, tensor) in self.tensors_mut() {
            *tensor = state.tensors[&name].clone();
        }
    }
}

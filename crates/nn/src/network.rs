//! [`Layer`] and [`Network`]: named layers in a row.

use kernels::Key;
use tensor::{Tensor, Var};

use crate::context::{ForwardContext, Fusion};
use crate::init::{Dialect, Fan, InitScheme, Initializer};
use crate::state::{State, Stateful};

/// What a tensor of a layer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Learned by gradients.
    Parameter,
    /// Updated otherwise: running statistics.
    Buffer,
    /// Bookkeeping and constants that nobody counts as parameters.
    Counter,
}

/// One layer: its weights, and what it does to a batch.
pub trait Layer {
    /// What the summary says of it: `Conv2d 5x5 /2 same`.
    fn describe(&self) -> String;

    /// Sets up the layer at its place in a network: draws its weights, returns the shape of its output (without the batch
    /// axis).
    ///
    /// # Errors
    /// One sentence, when the layer cannot follow an input of this shape.
    fn build(&mut self, site: &BuildContext) -> Result<Vec<usize>, String>;

    /// Kernel and stride, each as height and width, if it moves a window of weights over images.
    fn window(&self) -> Option<[[usize; 2]; 2]> {
        None
    }

    /// The layer applied to a batch, of shape (batch, ...).
    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var;

    /// The factor, if all that the layer does is to up-sample images. A layer that follows it may then take its place as well.
    fn upsampling(&self) -> Option<[usize; 2]> {
        None
    }

    /// The layer applied to a batch of images that are up-sampled by `factor` before, if it can do both at once for less.
    fn forward_upsampled(&self, _pass: &mut ForwardContext, _x: &Var, _factor: [usize; 2]) -> Option<Var> {
        None
    }

    /// What the layer is to the one before it, which may do its work as well ([`ForwardContext::bias_act`]).
    fn fusion(&self) -> Option<Fusion> {
        None
    }

    /// Its tensors, with their names in the layer.
    fn tensors(&self) -> Vec<(&'static str, Kind, &Tensor)> {
        Vec::new()
    }

    /// The same, to be changed.
    fn tensors_mut(&mut self) -> Vec<(&'static str, Kind, &mut Tensor)> {
        Vec::new()
    }

    /// The layers that it is made of, if it is made of others: networks whose names begin with the layer's path. Their tensors are
    /// then its own.
    fn inner(&self) -> &[Network] {
        &[]
    }

    /// The same, to be changed.
    fn inner_mut(&mut self) -> &mut [Network] {
        &mut []
    }
}

/// Where a layer is built.
pub struct BuildContext<'a> {
    /// The shape of its input, without the batch axis.
    pub input: &'a [usize],
    /// Whose defaults it follows.
    pub dialect: Dialect,
    /// Where its tensors start.
    pub start: InitScheme,
    /// Whether its weight is to be divided by its spectral norm.
    pub spectral_norm: bool,
    /// The run's seed.
    pub seed: u64,
    /// Its name in the network: `discriminator.conv1`.
    pub path: String,
}

impl BuildContext<'_> {
    /// A new tensor of the layer, from its own stream of random numbers.
    pub fn draw(&self, name: &str, init: Initializer, shape: &[usize], fan: Fan) -> Tensor {
        init.draw(shape, fan, Key::named(self.seed, &format!("{}.{name}", self.path)))
    }
}

/// A layer in its network.
struct Member {
    name: String,
    layer: Box<dyn Layer>,
    output: Vec<usize>,
}

impl Member {
    /// Its tensors with their full names, in the network of this name.
    fn tensors(&self, network: &str) -> Vec<(String, Kind, &Tensor)> {
        let full = |name| format!("{network}.{}.{name}", self.name);
        let own = self.layer.tensors().into_iter().map(|(name, kind, tensor)| (full(name), kind, tensor));
        own.chain(self.layer.inner().iter().flat_map(Network::tensors)).collect()
    }

    fn tensors_mut(&mut self, network: &str) -> Vec<(String, Kind, &mut Tensor)> {
        if !self.layer.inner().is_empty() {
            return self.layer.inner_mut().iter_mut().flat_map(Network::tensors_mut).collect();
        }
        let full = |name| format!("{network}.{}.{name}", self.name);
        self.layer.tensors_mut().into_iter().map(|(name, kind, tensor)| (full(name), kind, tensor)).collect()
    }
}

/// What the summary says of a layer.
pub(crate) type Row<'a> = (&'a str, String, &'a [usize], Vec<(String, Kind, &'a Tensor)>);

/// Named layers in a row.
pub struct Network {
    name: String,
    input: Vec<usize>,
    dialect: Dialect,
    start: InitScheme,
    spectral_norm: bool,
    seed: u64,
    members: Vec<Member>,
}

impl Network {
    /// A network without layers, for inputs of shape `input` (without the batch axis). `seed` decides its weights.
    pub fn new(name: &str, input: &[usize], dialect: Dialect, seed: u64) -> Self {
        let (start, spectral_norm, members) = (dialect.start(), false, Vec::new());
        Self { name: name.into(), input: input.to_vec(), dialect, start, spectral_norm, seed, members }
    }

    /// With other starting values than the dialect's, for the layers added from here on.
    pub fn with_init(self, start: InitScheme) -> Self {
        Self { start, ..self }
    }

    /// Whether the weights of the layers added from here on are divided by their spectral norms
    /// ([`SpectralNorm`](crate::layers::SpectralNorm)).
    pub fn spectral_norm(self, spectral_norm: bool) -> Self {
        Self { spectral_norm, ..self }
    }

    /// The same network under another name.
    pub fn renamed(self, name: &str) -> Self {
        Self { name: name.into(), ..self }
    }

    /// The network with one more layer, called `name`.
    ///
    /// # Panics
    /// When the layer cannot follow the one before it, or the name is taken.
    #[track_caller]
    pub fn with(mut self, name: &str, layer: impl Layer + 'static) -> Self {
        self.push(name, Box::new(layer));
        self
    }

    /// Adds one more layer, called `name`.
    #[track_caller]
    pub(crate) fn push(&mut self, name: &str, mut layer: Box<dyn Layer>) {
        let path = format!("{}.{name}", self.name);
        assert!(self.members.iter().all(|member| member.name != name), "{path}: the name is taken");
        let Self { dialect, start, spectral_norm, seed, .. } = *self;
        let site = BuildContext { input: self.output_shape(), dialect, start, spectral_norm, seed, path };
        let output =
            layer.build(&site).unwrap_or_else(|why| panic!("{} after shape {:?}: {why}", site.path, site.input));
        self.members.push(Member { name: name.into(), layer, output });
    }

    /// Its name, which begins the names of all its tensors.
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

    /// How many layers there are.
    pub fn depth(&self) -> usize {
        self.members.len()
    }

    /// All layers applied to a batch.
    ///
    /// # Panics
    /// When the batch's shape is not (batch, the input's shape).
    #[track_caller]
    pub fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        self.check(x);
        ctx.forward_of(&self.name, x, |ctx| self.forward_here(ctx, x))
    }

    /// The same for a part of a larger whole, whose [walk](ForwardContext::forward_of) has begun: `generator.8x8` is a part of `generator`.
    ///
    /// # Panics
    /// When the batch's shape is not (batch, the input's shape).
    #[track_caller]
    pub fn forward_part(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        self.check(x);
        let part = self.name.rsplit_once('.').map_or(&*self.name, |(_, part)| part);
        ctx.scoped(part, |ctx| self.forward_here(ctx, x))
    }

    #[track_caller]
    fn check(&self, x: &Var) {
        let fits = x.shape().split_first().is_some_and(|(_, rest)| *rest == self.input);
        assert!(fits, "{}: a batch of shape {}, not (batch, {:?})", self.name, x.shape(), self.input);
    }

    /// All layers applied to a batch, at the place where the pass is.
    pub(crate) fn forward_here(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        let (mut x, mut rest) = (x.clone(), &self.members[..]);
        while let [member, after @ ..] = rest {
            let next = match member.layer.upsampling() {
                Some(factor) => Self::walk(ctx, after, |ctx, layer| layer.forward_upsampled(ctx, &x, factor)),
                None => None,
            };
            let layer = |ctx: &mut ForwardContext, layer: &dyn Layer| Some(layer.forward(ctx, &x));
            let Some(next) = next.or_else(|| Self::walk(ctx, rest, layer)) else { break };
            (x, rest) = next;
        }
        x
    }

    /// The first of these layers, by `forward`, with those after it in its sight; then those that are still to be done. None if
    /// there is no layer, or `forward` does not do it.
    fn walk<'a>(
        ctx: &mut ForwardContext,
        members: &'a [Member],
        forward: impl FnOnce(&mut ForwardContext, &dyn Layer) -> Option<Var>,
    ) -> Option<(Var, &'a [Member])> {
        let [member, after @ ..] = members else { return None };
        let followers = after.iter().map(|member| (&*member.name, member.layer.fusion()));
        let layer = |ctx: &mut ForwardContext| ctx.scoped(&member.name, |ctx| forward(ctx, &*member.layer));
        let (y, done) = ctx.followed_by(followers, layer);
        Some((y?, &after[done..]))
    }

    /// The network applied to a batch in inference: running statistics, no dropout, nothing recorded.
    pub fn infer(&self, x: &Tensor) -> Tensor {
        self.forward(&mut ForwardContext::inference(), &Var::constant(x.clone())).into_value()
    }

    /// Every tensor with its full name: `discriminator.conv1.weight`.
    pub fn tensors(&self) -> Vec<(String, Kind, &Tensor)> {
        self.members.iter().flat_map(|member| member.tensors(&self.name)).collect()
    }

    /// The same, to be changed.
    pub fn tensors_mut(&mut self) -> Vec<(String, Kind, &mut Tensor)> {
        self.members.iter_mut().flat_map(|member| member.tensors_mut(&self.name)).collect()
    }

    /// Follows `leader`, a network of the same layers, as its exponential moving average: each parameter becomes keep times
    /// itself plus (1 - keep) times the leader's; running statistics are the leader's.
    ///
    /// The two factors add up to 1, and no difference is too small to be followed: however long the leader's weights stay as they
    /// are, the average ends at them.
    ///
    /// # Panics
    /// When the layers are not the same.
    #[track_caller]
    pub fn follow(&mut self, leader: &Network, keep: f64) {
        let (own, leaders) = (self.tensors_mut(), leader.tensors());
        assert!(own.len() == leaders.len(), "not the layers of {}", leader.name);
        for ((_, kind, own), (name, _, leader)) in own.into_iter().zip(leaders) {
            assert!(own.shape() == leader.shape(), "`{name}` has another shape in the network that follows");
            match kind {
                Kind::Parameter => {
                    let pairs = own.data_mut().iter_mut().zip(leader.data());
                    pairs.for_each(|(average, x)| *average = followed(*average, *x, keep));
                }
                Kind::Buffer | Kind::Counter => *own = leader.clone(),
            }
        }
    }

    /// The full name of every layer that moves a window of weights over images, with its kernel and its stride.
    pub fn windows(&self) -> Vec<(String, [[usize; 2]; 2])> {
        let of = |member: &Member| {
            let own = member.layer.window().map(|window| (format!("{}.{}", self.name, member.name), window));
            own.into_iter().chain(member.layer.inner().iter().flat_map(Network::windows)).collect::<Vec<_>>()
        };
        self.members.iter().flat_map(of).collect()
    }

    /// Each layer: its name, what it is, the shape of its output (without the batch axis), and its tensors.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.members
            .iter()
            .map(|member| (&*member.name, member.layer.describe(), &*member.output, member.tensors(&self.name)))
    }

    /// Whose defaults it follows.
    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The total in one line ([`totals`](crate::totals)).
    pub fn totals(&self) -> String {
        crate::totals(&[self])
    }

    /// The table of its layers ([`summary`](fn@crate::summary)).
    pub fn summary(&self) -> String {
        crate::summary(&[self])
    }

    /// How many numbers of this kind it has.
    pub fn count(&self, kind: Kind) -> usize {
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

/// The exponential moving average `average` after it has met `x`, of which it takes the share 1 - keep.
///
/// In f64 the factors keep and 1 - keep add up to 1 (in f32 they would not: at 0.99999 their rounding alone puts the average
/// of a constant 0.14% too low), so the only error is the rounding of the result to f32. That rounding would still stop the
/// average as soon as its step, (1 - keep) times the difference, is less than half a unit in the last place: at 0.99999 up to
/// 0.6% away from where it should end. So a step towards `x` is never rounded to none: it is one unit at least.
fn followed(average: f32, x: f32, keep: f64) -> f32 {
    let next = (keep * f64::from(average) + (1.0 - keep) * f64::from(x)) as f32;
    if next != average || average == x || keep == 1.0 {
        return next;
    }
    if x > average { average.next_up() } else { average.next_down() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(steps: usize, mut average: f32, keep: f64, x: impl Fn(usize) -> f32) -> f32 {
        (0..steps).for_each(|step| average = followed(average, x(step), keep));
        average
    }

    /// A million steps after a constant, from above, from below and from the other side of 0.
    #[test]
    fn an_average_of_constant_weights_ends_at_them() {
        for keep in [0.9, 0.999, 0.9999, 0.99999] {
            for x in [1.0, -0.037_1, 1e-3, 700.1_f32] {
                assert_eq!(after(1000, x, keep, |_| x), x, "an average that is there stays, {keep}");
                for start in [0.0, 0.99 * x, 1.5 * x, -x] {
                    assert_eq!(after(1_000_000, start, keep, |_| x), x, "{x} from {start} at {keep}");
                }
            }
        }
        assert_eq!(followed(3.0, 1e-8, 0.0), 1e-8, "an average that keeps nothing is a copy");
        assert_eq!(followed(3.0, 1e-8, 1.0), 3.0, "one that keeps everything stays");
    }

    /// Weights that swing about a middle, by much or so little that no single step moves an f32 by half a unit.
    #[test]
    fn an_average_of_weights_that_swing_is_their_middle() {
        for (swing, off) in [(0.1, 2e-4), (1e-3, 2e-5), (1e-5, 4e-6)] {
            for keep in [0.9999, 0.99999] {
                let x = |step: usize| 0.7 + swing * [1.0, -0.5, -1.0, 0.5][step % 4] as f32;
                let found = f64::from(after(1_000_000, 0.7, keep, x));
                assert!((found / f64::from(0.7_f32) - 1.0).abs() < off, "{swing} at {keep}: {found}");
            }
        }
    }
}

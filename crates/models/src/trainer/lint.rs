//! The linter: looks at networks and settings before training starts. Some rules make a setting
//! invalid; the others give [`Remark`]s on settings that are valid but unlikely to train well.

use nn::{Network, TensorKind};

use crate::trainer::options::{Batches, Loss, TrainingOptions};
use crate::trainer::spec::{GanSpec, Range};
use crate::{LossScale, SettingsError};

/// A rule of the linter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The name, such as `uneven-windows`.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it says, in a few words.
    pub about: &'static str,
    /// What to do about it, in one line.
    pub remedy: &'static str,
}

/// How bad a finding of the linter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Often harmless; good to know when a run does not train.
    Note,
    /// Unlikely to train well.
    Warning,
    /// Rejected.
    Error,
}

impl Severity {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Declares each rule as a constant, and the list of all.
macro_rules! rules {
    ($($name:ident: $id:literal, $severity:ident, $about:literal, $remedy:literal;)+) => {
        $(const $name: Rule = Rule { id: $id, severity: Severity::$severity, about: $about, remedy: $remedy };)+

        /// All rules.
        pub static RULES: &[Rule] = &[$($name),+];
    };
}

rules! {
    UNEVEN_WINDOWS: "uneven-windows", Warning,
        "the stride of a convolution, transposed or not, does not divide its kernel: checkerboard artefacts (only a note if the layer is in a discriminator)",
        "a kernel that is a multiple of the stride, or up-sampling and then a convolution";
    SPARSE_GRADIENTS: "sparse-gradients", Note,
        "ReLU or max-pooling in the discriminator: many of the generator's gradients are exactly 0",
        "leaky ReLU; convolutions with a stride instead of pooling";
    CRITIC_BATCH_NORM: "critic-batch-norm", Error,
        "batch normalisation in a discriminator with a gradient penalty, which needs the gradient of each image separately",
        "`d_norm = \"layer\"` or `\"none\"`";
    EDGE_BATCH_NORM: "edge-batch-norm", Warning,
        "batch normalisation at the generator's output or at the discriminator's input",
        "leave these two layers without normalisation";
    OTHER_RANGE: "other-range", Warning,
        "the data are in [0, 1], but the generator ends in a tanh",
        "`seed_range = false`; only `cifar` has this setting, because its original makes this mistake";
    DOUBLE_SIGMOID: "double-sigmoid", Error,
        "the discriminator ends in a sigmoid, but the loss takes logits",
        "remove the sigmoid, which is part of the loss";
    SMALL_BATCH: "small-batch", Warning,
        "batch normalisation over fewer than 8 images",
        "`batch = 8` or more";
    MIXED_BATCH: "mixed-batch", Warning,
        "the discriminator normalises reals and fakes in one batch",
        "`d_batches = \"separate\"`";
    TURNS: "turns", Warning,
        "`k` and `g_steps` are both larger than 1",
        "set one of them to 1";
    UNBOUNDED_CRITIC: "unbounded-critic", Warning,
        "the Wasserstein loss without a bound on the critic's slope",
        "`gradient_penalty = 10` or `spectral_norm = true`";
    LABELS: "labels", Error,
        "targets outside of [0, 1] with the cross-entropy of logits, which has no minimum there",
        "`label_noise_way = \"inward\"`, or `bce = \"keras-clip\"`";
    UNBALANCED: "unbalanced", Warning,
        "one network has more than 50 times as many parameters as the other",
        "networks of similar size";
    UNDONE_BOUND: "undone-bound", Warning,
        "spectral normalisation together with batch normalisation, which undoes it",
        "`spectral_norm = false`, or `d_norm = \"layer\"` or `\"none\"`";
    SIZE: "size", Error,
        "the size of the images cannot be reached by the generator's up-sampling",
        "a size from the list in the message";
    TINY_INSTANCE_NORM: "tiny-instance-norm", Error,
        "instance normalisation of a map of 1x1, which makes it 0",
        "larger images, or no normalisation there";
    STDDEV_GROUP: "stddev-group", Note,
        "the batch is not a multiple of the group of the minibatch standard deviation; a smaller group is used",
        "a batch that is a multiple of 4";
}

/// A remark on settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The name of the rule.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One line.
    pub text: String,
    /// Settings, such as `k=1`, each of which resolves it.
    pub remedies: Vec<&'static str>,
}

impl Rule {
    fn remark(self, text: impl Into<String>, remedies: &[&'static str]) -> Remark {
        Remark { id: self.id, severity: self.severity, text: text.into(), remedies: remedies.to_vec() }
    }
}

/// Rejects a gradient penalty on a discriminator with batch normalisation, with which the output
/// for an image depends on the other images of the batch.
pub(crate) fn refusal(options: &TrainingOptions, discriminator: &Network) -> Option<SettingsError> {
    let normalised = discriminator.tensors().into_iter().find(|(_, kind, _)| *kind == TensorKind::Buffer);
    let (buffer, _, _) = normalised.filter(|_| options.penalised())?;
    let key = if options.r1 > 0.0 { "r1" } else { "gradient_penalty" };
    let layer = buffer.rsplit_once('.').map_or(&*buffer, |(layer, _)| layer);
    let why = format!(
        "it needs the gradient of each image separately, but {layer} mixes the images of a batch (batch normalisation): \
         use d_norm = layer or none"
    );
    Some(SettingsError { key, why })
}

/// The remarks on a trainer's settings.
pub(crate) fn remarks(
    spec: &GanSpec,
    options: &TrainingOptions,
    discriminator: &Network,
    generator: &Network,
) -> Vec<Remark> {
    let [d_norm, g_norm] = [discriminator, generator].map(|network| network.count(TensorKind::Buffer) > 0);
    let g_batch = spec.g_batch.unwrap_or(spec.batch);
    let mixed = options.d_batches == Batches::Mixed;
    let d_batch = if mixed { 2 * spec.batch } else { spec.batch };
    let small = (d_norm && d_batch < 8) || (g_norm && g_batch < 8);
    [
        (spec.range == Range::Mismatched).then(|| {
            let text = "the reals are in [0, 1] but the generator draws in [-1, 1]: its outputs below 0 have no counterpart";
            OTHER_RANGE.remark(text, &["seed_range=false"])
        }),
        small.then(|| small_batch(d_batch.min(g_batch))),
        (mixed && d_norm).then(|| {
            let text =
                "the discriminator normalises reals and fakes in one batch: each leaks into the other's statistics";
            MIXED_BATCH.remark(text, &["d_batches=separate"])
        }),
        (options.k > 1 && options.g_steps > 1).then(|| {
            let text = format!("k = {} and g_steps = {} pull against each other", options.k, options.g_steps);
            TURNS.remark(text, &["k=1", "g_steps=1"])
        }),
        (options.loss == Loss::Wasserstein && options.gradient_penalty == 0.0 && !options.spectral_norm).then(|| {
            let text =
                "the Wasserstein loss without gradient_penalty or spectral_norm: nothing bounds the critic's slope";
            // The other two are not possible with batch normalisation.
            let remedies: &[&str] =
                if d_norm { &["loss=nonsaturating"] } else { &["gradient_penalty=10", "spectral_norm=true"] };
            UNBOUNDED_CRITIC.remark(text, remedies)
        }),
        (options.spectral_norm && d_norm).then(|| {
            let text =
                "spectral_norm with batch normalisation in the discriminator: batch normalisation undoes the bound of spectral_norm";
            UNDONE_BOUND.remark(text, &["spectral_norm=false"])
        }),
    ]
    .into_iter()
    .flatten()
    .chain(structure(&[discriminator, generator], Some(options.loss_scale()), spec.batch))
    .collect()
}

/// The remark on batch normalisation over a batch of this size, which is smaller than 8.
fn small_batch(batch: usize) -> Remark {
    let text =
        format!("batch normalisation over batches of {batch}: the statistics of fewer than 8 images are too noisy");
    SMALL_BATCH.remark(text, &["batch=8"])
}

/// The remarks on the networks of a system that trains on batches of `batch` images. A network is a
/// discriminator if its name says so.
pub(crate) fn of_system(networks: &[&Network], scale: Option<LossScale>, batch: usize) -> Vec<Remark> {
    let small = (has_batch_norm(networks.iter().copied()) && batch < 8).then(|| small_batch(batch));
    small.into_iter().chain(structure(networks, scale, batch)).collect()
}

/// Whether any of the networks has a layer of batch normalisation.
pub(crate) fn has_batch_norm<'a>(networks: impl IntoIterator<Item = &'a Network>) -> bool {
    networks.into_iter().flat_map(Network::layers).any(|(_, kind, _)| is_batch_norm(&kind))
}

fn is_batch_norm(kind: &str) -> bool {
    kind.starts_with("BatchNorm")
}

fn is_discriminator(network: &Network) -> bool {
    ["discriminator", "critic"].iter().any(|name| network.name().starts_with(name))
}

/// The full names of the layers whose kind `is`, among the first or last layers of these networks.
/// Layers that only reshape their input do not count, and parts of larger networks have no edges.
fn at_edge(networks: &[&Network], edge: Edge, is: fn(&str) -> bool) -> Vec<String> {
    let whole = networks.iter().filter(|network| !network.name().contains('.'));
    let layer = |network: &&Network| {
        let mut layers = network.layers();
        layers.retain(|(_, kind, _)| !["Flatten", "Reshape"].iter().any(|free| kind.starts_with(free)));
        match edge {
            Edge::First => layers.into_iter().next(),
            Edge::Last => layers.pop(),
        }
    };
    whole.filter_map(layer).filter(|(_, kind, _)| is(kind)).map(|(name, ..)| name).collect()
}

/// Which layer of a network.
#[derive(Clone, Copy)]
enum Edge {
    First,
    Last,
}

/// The remarks on the layers of networks.
fn structure(networks: &[&Network], scale: Option<LossScale>, batch: usize) -> Vec<Remark> {
    let (discriminators, generators): (Vec<&Network>, Vec<&Network>) =
        networks.iter().partition(|network| is_discriminator(network));
    let named = |networks: &[&Network], is: &dyn Fn(&str, &[usize]) -> bool| -> Vec<String> {
        let layers = networks.iter().flat_map(|network| network.layers());
        layers.filter(|(_, kind, output)| is(kind, output)).map(|(name, ..)| name).collect()
    };
    let count =
        |networks: &[&Network]| networks.iter().map(|network| network.count(TensorKind::Parameter)).sum::<usize>();
    let ratio = count(&discriminators) as f64 / count(&generators) as f64;

    let sparse = named(&discriminators, &|kind, _| kind == "ReLU" || kind.starts_with("MaxPool2d"));
    let edges = [at_edge(&discriminators, Edge::First, is_batch_norm), at_edge(&generators, Edge::Last, is_batch_norm)]
        .concat();
    let takes_logits = scale.is_some_and(|scale| scale.kind.is_cross_entropy());
    let doubled =
        if takes_logits { at_edge(&discriminators, Edge::Last, |kind| kind == "Sigmoid") } else { Vec::new() };
    let tiny = named(networks, &|kind, output| kind == "InstanceNorm" && output[..2] == [1, 1]);
    let groups = named(&discriminators, &|kind, _| {
        kind.strip_prefix("MinibatchStddev ")
            .and_then(|group| group.parse().ok())
            .is_some_and(|group| !batch.is_multiple_of(group))
    });
    let found = |names: Vec<String>, rule: Rule, text: &str| {
        (!names.is_empty()).then(|| rule.remark(format!("{}: {text}", names.join(", ")), &[]))
    };
    [
        (ratio.is_finite() && !(0.02..=50.0).contains(&ratio)).then(|| {
            let text = format!(
                "the discriminator has {ratio:.3} times as many parameters as the generator: the larger one will probably win at once"
            );
            UNBALANCED.remark(text, &[])
        }),
        uneven_windows(&discriminators, &generators),
        found(sparse, SPARSE_GRADIENTS, "many gradients that reach the generator are exactly 0; leaky ReLU and strides avoid that"),
        found(edges, EDGE_BATCH_NORM, "batch normalisation next to the images; leave that layer without it"),
        found(doubled, DOUBLE_SIGMOID, "a sigmoid before a loss that takes logits; remove it"),
        found(tiny, TINY_INSTANCE_NORM, "instance normalisation of a map of 1x1 makes it 0"),
        found(groups, STDDEV_GROUP, &format!("batches of {batch} are not a multiple of the group; a smaller group is used")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The remark on convolutions, transposed or not, whose windows overlap unevenly.
fn uneven_windows(discriminators: &[&Network], generators: &[&Network]) -> Option<Remark> {
    let uneven = |networks: &[&Network]| -> Vec<String> {
        let windows = networks.iter().flat_map(|network| network.windows());
        let uneven = windows.filter(|(_, [kernel, stride])| kernel.iter().zip(stride).any(|(k, s)| k % s > 0));
        uneven.map(|(name, _)| name).collect()
    };
    let [of_discriminators, of_generators] = [discriminators, generators].map(uneven);
    let rule =
        if of_generators.is_empty() { Rule { severity: Severity::Note, ..UNEVEN_WINDOWS } } else { UNEVEN_WINDOWS };
    let names = [of_discriminators, of_generators].concat();
    let text =
        format!("the stride does not divide the kernel of {}: checkerboard artefacts are likely", names.join(", "));
    (!names.is_empty()).then(|| rule.remark(text, &[]))
}

#[cfg(test)]
#[path = "lint_tests.rs"]
mod tests;

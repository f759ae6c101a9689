//! Remarks on settings that are valid but unlikely to train well. Invalid settings are errors
//! ([`TrainingOptions::check`]).

use nn::{Network, TensorKind};

use crate::SettingsError;
use crate::trainer::options::{Batches, Loss, TrainingOptions};
use crate::trainer::spec::{GanSpec, Range};

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

/// A remark on settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// One line.
    pub text: String,
    /// Settings, such as `k=1`, each of which resolves it.
    pub remedies: Vec<&'static str>,
}

/// The remarks on a trainer's settings.
pub(crate) fn remarks(
    spec: &GanSpec,
    options: &TrainingOptions,
    discriminator: &Network,
    generator: &Network,
) -> Vec<Remark> {
    let remark = |text: &str, remedies: &[&'static str]| Remark { text: text.to_owned(), remedies: remedies.to_vec() };
    let [d_norm, g_norm] = [discriminator, generator].map(|network| network.count(TensorKind::Buffer) > 0);
    let g_batch = spec.g_batch.unwrap_or(spec.batch);
    let mixed = options.d_batches == Batches::Mixed;
    let d_batch = if mixed { 2 * spec.batch } else { spec.batch };
    let small = (d_norm && d_batch < 8) || (g_norm && g_batch < 8);
    let ratio = discriminator.count(TensorKind::Parameter) as f64 / generator.count(TensorKind::Parameter) as f64;
    [
        (spec.range == Range::Mismatched).then(|| {
            let text = "the reals are in [0, 1] but the generator draws in [-1, 1]: its outputs below 0 have no counterpart";
            remark(text, &["seed_range=false"])
        }),
        small.then(|| {
            let batch = d_batch.min(g_batch);
            let text = format!(
                "batch normalisation over batches of {batch}: the statistics of fewer than 8 images are too noisy"
            );
            remark(&text, &["batch=8"])
        }),
        (mixed && d_norm).then(|| {
            let text =
                "the discriminator normalises reals and fakes in one batch: each leaks into the other's statistics";
            remark(text, &["d_batches=separate"])
        }),
        (options.k > 1 && options.g_steps > 1).then(|| {
            let text = format!("k = {} and g_steps = {} pull against each other", options.k, options.g_steps);
            remark(&text, &["k=1", "g_steps=1"])
        }),
        (options.loss == Loss::Wasserstein && options.gradient_penalty == 0.0 && !options.spectral_norm).then(|| {
            let text =
                "the Wasserstein loss without gradient_penalty or spectral_norm: nothing bounds the critic's slope";
            // The other two are not possible with batch normalisation.
            remark(text, if d_norm { &["loss=nonsaturating"] } else { &["gradient_penalty=10", "spectral_norm=true"] })
        }),
        (!(0.02..=50.0).contains(&ratio)).then(|| {
            let text = format!(
                "the discriminator has {ratio:.3} times as many parameters as the generator: the larger one will probably win at once"
            );
            remark(&text, &[])
        }),
        (options.spectral_norm && d_norm).then(|| {
            let text =
                "spectral_norm with batch normalisation in the discriminator: batch normalisation undoes the bound of spectral_norm";
            remark(text, &["spectral_norm=false"])
        }),
    ]
    .into_iter()
    .flatten()
    .chain(uneven_windows(&[discriminator, generator]))
    .collect()
}

/// The remark on convolutions, transposed or not, whose windows overlap unevenly.
pub(crate) fn uneven_windows(networks: &[&Network]) -> Option<Remark> {
    let windows = networks.iter().flat_map(|network| network.windows());
    let uneven = windows.filter(|(_, [kernel, stride])| kernel.iter().zip(stride).any(|(k, s)| k % s > 0));
    let names: Vec<String> = uneven.map(|(name, _)| name).collect();
    let text =
        format!("the stride does not divide the kernel of {}: checkerboard artefacts are likely", names.join(", "));
    (!names.is_empty()).then_some(Remark { text, remedies: Vec::new() })
}

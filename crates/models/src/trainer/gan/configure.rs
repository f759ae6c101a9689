//! What the options make of the networks and the specification of a GAN, before it trains.

use nn::Network;
use nn::layers::{Activation, MinibatchStddev};

use crate::SettingsError;
use crate::trainer::common::set_dropout;
use crate::trainer::options::{Batches, OutAct, TrainingOptions};
use crate::trainer::spec::{GanSpec, Range};

/// The group size of the minibatch standard deviation.
const GROUP: usize = 4;

/// The networks with the layers that the options ask for.
pub(super) fn configured([mut discriminator, mut generator]: [Network; 2], options: &TrainingOptions) -> [Network; 2] {
    options.common.configure_discriminators([&mut discriminator]);
    set_dropout(options.g_dropout, [&mut generator]);
    if options.minibatch_std {
        discriminator = discriminator.with_minibatch_stddev(GROUP);
    }
    let activation = match options.out_act {
        OutAct::Own => None,
        OutAct::Tanh => Some(Activation::Tanh),
        OutAct::Sigmoid => Some(Activation::Sigmoid),
    };
    activation.map(|activation| generator.set_output_activation(activation));
    [discriminator, generator]
}

/// The specification with the range of values of the output activation that the options ask for.
///
/// # Errors
/// When the system's range is fixed.
pub(super) fn with_output(spec: GanSpec, options: &TrainingOptions) -> Result<GanSpec, SettingsError> {
    let refuse = |why: &str| Err(SettingsError { key: "out_act", why: why.into() });
    match (options.out_act, spec.range) {
        (OutAct::Own, _) => Ok(spec),
        (_, Range::Points(_)) => refuse("this variant draws points, which have no range: leave it at own"),
        (_, Range::Mismatched) => refuse("seed_range keeps the reals in [0, 1] beside a tanh: use one of the two"),
        (OutAct::Tanh, Range::Dequantised) => Ok(spec),
        (OutAct::Tanh, _) => Ok(GanSpec { range: Range::Symmetric, ..spec }),
        (OutAct::Sigmoid, _) => Ok(GanSpec { range: Range::Unit, ..spec }),
    }
}

/// Refuses options that have no effect with these networks.
pub(super) fn possible(
    spec: &GanSpec,
    options: &TrainingOptions,
    [discriminator, generator]: [&mut Network; 2],
) -> Result<(), SettingsError> {
    let refuse = |key, why: &str| Err(SettingsError { key, why: why.into() });
    if options.g_dropout_at_sampling && !generator.has_dropout() {
        return refuse("g_dropout_at_sampling", "this generator has no dropout: set g_dropout too");
    }
    if options.minibatch_std && spec.batch < 2 {
        return refuse("minibatch_std", "a batch of 1 has no deviation: use a batch of at least 2");
    }
    options.common.check_batch_norm([&*discriminator, &*generator])?;
    options.common.check_shards([spec.batch].into_iter().chain(spec.g_batch))?;
    if !options.minibatch_std {
        return Ok(());
    }
    let seen = if options.d_batches == Batches::Mixed { 2 * spec.batch } else { spec.batch };
    let mut seen = [seen, spec.g_batch.unwrap_or(spec.batch)].into_iter();
    seen.try_for_each(|images| options.common.check_groups(MinibatchStddev(GROUP), images))
}

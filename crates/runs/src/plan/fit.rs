//! Finds a smaller configuration when a training run does not fit into memory.

use toml::Value;

use super::{Budget, Needs};
use crate::config::Config;
use tensor::meta;

/// A configuration change that makes the run fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// The largest batch that fits.
    Batch(u64),
    /// The largest image size that fits.
    Size(u64),
    /// The first preset that fits.
    Preset(&'static str),
}

/// Finds a change that makes each rank of the run fit into `bytes` bytes; `None` if there is none.
pub(super) fn remedy(config: &Config, bytes: u64, budget: &Budget) -> Option<Remedy> {
    let fits = |config: &Config| Needs::within(budget, config, 0).is_ok_and(|needs| needs.memory() <= bytes);
    let builds = |config: &Config| meta::run(|| config.build().is_ok());
    let with = |key: &str, value: u64| {
        let mut config = config.clone();
        config.settings.insert(key.to_owned(), Value::Integer(i64::try_from(value).unwrap_or(i64::MAX)));
        config
    };
    let now = |key: &str| config.settings.get(key).and_then(Value::as_integer).and_then(|n| u64::try_from(n).ok());
    if let Some(batch) = now("batch") {
        // A batch consists of equal shards.
        let shards = now("shards").unwrap_or(1).max(1);
        let of = |images: u64| with("batch", images * shards);
        // The smallest batch that the system accepts: some need two images.
        let least = (1..=2.min(batch / shards)).find(|images| builds(&of(*images)));
        if let Some(least) = least.filter(|least| fits(&of(*least))) {
            let (mut low, mut high) = (least, batch / shards);
            while high - low > 1 {
                let middle = low.midpoint(high);
                if fits(&of(middle)) { low = middle } else { high = middle }
            }
            return Some(Remedy::Batch(low * shards));
        }
    }
    let sizes = now("size").into_iter().flat_map(|size| (1..8).map(move |half| size >> half));
    if let Some(size) = sizes.filter(|size| *size > 0).find(|size| fits(&with("size", *size))) {
        return Some(Remedy::Size(size));
    }
    let smaller = |name: &&str| *name != config.preset() && config.with_preset(name).is_ok_and(|config| fits(&config));
    config.entry.presets.iter().map(|preset| preset.name).find(smaller).map(Remedy::Preset)
}

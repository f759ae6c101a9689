//! The precision of a run: a setting of the system that may change when the run is resumed, if the
//! command asks for it. The run records which steps had which precision.

use super::{Config, keys};

/// The key of the precisions that a run had before.
const EARLIER: &str = "earlier_precision";

impl Config {
    /// Whether this is the key of the system's precision, in full.
    pub(super) fn is_precision(&self, key: &str) -> bool {
        key.split_once('.') == Some((self.entry.name, keys::PRECISION))
    }

    /// Whether some steps had another precision.
    pub(super) fn has_earlier_precision(&self) -> bool {
        self.text(EARLIER).is_some()
    }

    /// The current precision, `f32` or `bf16`, if the system has this setting.
    pub(crate) fn precision(&self) -> Option<&str> {
        self.settings.get(keys::PRECISION).and_then(toml::Value::as_str)
    }

    /// Records that the steps up to `step` had the precision `before`, if the current one differs.
    /// Returns a message about the change.
    pub(crate) fn record_precision(&mut self, before: Option<&str>, step: u64) -> Option<String> {
        let (now, before) = (self.precision()?.to_owned(), before?);
        if now == before || step == 0 {
            return None;
        }
        let steps = format!("{before} to step {step}");
        let earlier = self.text(EARLIER).map_or_else(|| steps.clone(), |earlier| format!("{earlier}, {steps}"));
        self.set_text(EARLIER, Some(earlier));
        Some(format!("precision    {now} from here on; {steps}"))
    }

    /// Forgets the record of earlier precisions, for a new run with the configuration of another
    /// one. Returns a message if there is a record.
    pub(crate) fn drop_earlier_precision(&mut self) -> Option<String> {
        let earlier = self.text(EARLIER)?.to_owned();
        self.set_text(EARLIER, None);
        let now = self.precision().unwrap_or_default();
        Some(format!(
            "precision    the configuration comes from a run that had {earlier}; all steps of this run have {now}, so the \
             weights hash will differ from that run's"
        ))
    }

    /// Copies the record of earlier precisions from the run `other`.
    pub(crate) fn copy_earlier_precision(&mut self, other: &Self) {
        self.set_text(EARLIER, other.text(EARLIER).map(str::to_owned));
    }
}

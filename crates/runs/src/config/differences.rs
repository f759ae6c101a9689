//! What may change within a run, and what must not.

use std::path::Path;

use datasets::advice;

use super::{Assignment, Config, RUN_KEYS, in_words, keys};
use crate::failure::{Code, Failure};

impl Config {
    /// The configuration with `given` applied, for `--resume`: only the precision and settings that
    /// do not affect the weights may change.
    ///
    /// # Errors
    /// When one of them contradicts the run's own value (the error names both), and as
    /// [`Config::resolve`].
    pub(crate) fn extended(&self, given: &[Assignment], run: &Path) -> Result<Self, Failure> {
        let known = keys::Known::of(&self.entry);
        let mut next = self.clone();
        for one in known.check_all(given)? {
            next.put(&one);
            let (old, new) = (self.show(&one.key), next.show(&one.key));
            if old != new && !keys::may_change(&one.key) && !self.is_precision(&one.key) {
                return Err(Failure::new(Code::Usage, format!("{} cannot be used with --resume", one.source))
                    .at(run.join("config.toml").display())
                    .because(format!(
                        "the run has {} = {}, the command asks for {}",
                        one.key,
                        in_words(&one.key, &old),
                        in_words(&one.key, &new)
                    ))
                    .help(advice!(
                        "fixed-by-the-run",
                        "leave out `{}` to continue the run, or leave out `--resume` to start a new one",
                        one.source.typed()
                    )));
            }
            next.sources.insert(one.key, one.source);
        }
        Ok(next)
    }

    /// The keys that must not change within a run and whose values differ from `other`, each with
    /// both values. The precision is not compared if this run has changed it, because its
    /// checkpoints may then have either one.
    pub(crate) fn differences(&self, other: &Self, [ours, theirs]: [&str; 2]) -> Vec<String> {
        let was_changed = self.has_earlier_precision();
        let mut keys: Vec<String> = RUN_KEYS.iter().map(|key| key.name.to_owned()).collect();
        for key in self.table_keys().into_iter().chain(other.table_keys()) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys.into_iter()
            .filter(|key| !(keys::may_change(key) || was_changed && self.is_precision(key)))
            .filter(|key| self.show(key) != other.show(key))
            .map(|key| {
                let [here, there] = [self, other].map(|config| config.show(&key));
                format!("{key}: {} {ours}, {} {theirs}", in_words(&key, &here), in_words(&key, &there))
            })
            .collect()
    }
}

//! The record of the steps at which a sick run returned to an earlier step and continued with other
//! settings (`on_sick = "rollback"`).

use toml::Value;

use super::Config;

/// The key of the record.
const KEY: &str = "rolled_back";
/// Stands between two entries.
const BETWEEN: &str = "; ";
/// Stands before the settings of an entry.
const WITH: &str = " with ";

impl Config {
    /// How often the run has returned to an earlier step.
    pub(crate) fn rollbacks(&self) -> usize {
        self.text(KEY).map_or(0, |record| record.split(BETWEEN).count())
    }

    /// The configuration with these values in the system's table, which are `changes` in words, and
    /// a record of why they changed.
    pub(crate) fn rolled_back(&self, settings: &[(&'static str, Value)], why: &str, changes: &str) -> Self {
        let (mut next, why) = (self.clone(), format!("{why}{WITH}{changes}"));
        for (key, value) in settings {
            next.settings.insert((*key).to_owned(), value.clone());
        }
        let record = match self.text(KEY) {
            Some(earlier) => format!("{earlier}{BETWEEN}{why}"),
            None => why,
        };
        next.set_text(KEY, Some(record));
        next
    }

    /// A message about the returns, if there were any.
    pub(crate) fn show_rollbacks(&self) -> Option<String> {
        self.text(KEY).map(|record| format!("rolled back  {record}"))
    }

    /// Takes over the record of the run `there`, and the settings that it changed: a command that
    /// is repeated names the settings of the beginning.
    pub(crate) fn copy_rollbacks(&mut self, there: &Self) {
        let Some(record) = there.text(KEY) else { return };
        let changes = record.split(BETWEEN).filter_map(|entry| entry.split_once(WITH)).map(|(_, changes)| changes);
        let keys = changes.flat_map(|changes| changes.split(", ")).filter_map(|change| change.split_once('='));
        for (key, _) in keys {
            if let Some(value) = there.settings.get(key) {
                self.settings.insert(key.to_owned(), value.clone());
            }
        }
        self.set_text(KEY, Some(record.to_owned()));
    }

    /// Forgets the record, for a new run with the configuration of another one.
    pub(crate) fn drop_rollbacks(&mut self) {
        self.set_text(KEY, None);
    }
}

//! The record of the steps at which a sick run returned to an earlier step and continued with other
//! settings (`on_sick = "rollback"`).

use toml::Value;

use super::Config;

/// The key of the record.
const KEY: &str = "rolled_back";
/// Stands between two entries.
const BETWEEN: &str = "; ";

impl Config {
    /// How often the run has returned to an earlier step.
    pub(crate) fn rollbacks(&self) -> usize {
        self.text(KEY).map_or(0, |record| record.split(BETWEEN).count())
    }

    /// The configuration with these values in the system's table, and a record of why they changed.
    pub(crate) fn rolled_back(&self, settings: &[(&'static str, Value)], why: &str) -> Self {
        let mut next = self.clone();
        for (key, value) in settings {
            next.settings.insert((*key).to_owned(), value.clone());
        }
        let record = match self.text(KEY) {
            Some(earlier) => format!("{earlier}{BETWEEN}{why}"),
            None => why.to_owned(),
        };
        next.set_text(KEY, Some(record));
        next
    }

    /// A message about the returns, if there were any.
    pub(crate) fn show_rollbacks(&self) -> Option<String> {
        self.text(KEY).map(|record| format!("rolled back  {record}"))
    }

    /// Forgets the record, for a new run with the configuration of another one.
    pub(crate) fn drop_rollbacks(&mut self) {
        self.set_text(KEY, None);
    }
}

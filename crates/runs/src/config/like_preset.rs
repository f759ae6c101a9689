//! A configuration beside a preset of its system.

use toml::{Table, Value};

use super::{Assignment, Config};

impl Config {
    /// The preset `name` with nothing else set; None if there is no such preset.
    pub(crate) fn preset_alone(&self, name: &str) -> Option<Self> {
        Self::resolve(&self.entry, &[Assignment::option("--preset", "preset", name)]).ok()
    }

    /// The keys in tables whose values are not those of the preset `name`. The precision is not
    /// compared, because its effect is smaller than that of another seed.
    pub(crate) fn unlike_preset(&self, name: &str) -> Vec<String> {
        let Some(preset) = self.preset_alone(name) else { return Vec::new() };
        let is_unlike = |key: &String| !self.is_precision(key) && self.show(key) != preset.show(key);
        let keys = self.table_keys().into_iter().filter(is_unlike);
        let own = format!("{}.", self.entry.name);
        keys.map(|key| key.strip_prefix(&own).map_or_else(|| key.clone(), str::to_owned)).collect()
    }

    /// Whether the run starts from the weights of another one.
    pub(crate) fn has_parent(&self) -> bool {
        self.text("parent_hash").is_some()
    }

    /// All tables with their settings.
    pub(crate) fn to_tables(&self) -> Table {
        self.tables().map(|(name, settings)| (name.to_owned(), Value::Table(settings.clone()))).collect()
    }
}

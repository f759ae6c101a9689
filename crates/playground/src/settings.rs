//! [`Settings`]: the settings of a playground, declared in one table each.

use crate::json::{self, Json};
use crate::link::short;

/// A setting, as links spell it and as the page shows it.
#[derive(Debug)]
pub struct Setting {
    /// Its name in links.
    pub key: &'static str,
    /// Its label on the page.
    pub label: &'static str,
    /// What it is, and what to expect of each value.
    pub about: &'static str,
    /// Its values.
    pub kind: Kind,
    /// Whether it can change during training. A change of any other setting starts again.
    pub live: bool,
}

/// The values of a setting.
#[derive(Debug)]
pub enum Kind {
    /// Numbers within bounds.
    Number {
        /// The value if the link has none.
        default: f64,
        /// The smallest value.
        low: f64,
        /// The largest value.
        high: f64,
        /// Whether only whole numbers are valid.
        whole: bool,
        /// The values that the page offers.
        offered: &'static [f64],
    },
    /// One of several words; the first is the default.
    Choice(&'static [Choice]),
}

/// A word that a setting can be.
#[derive(Debug)]
pub struct Choice {
    /// The word in links.
    pub name: &'static str,
    /// The words on the page.
    pub label: &'static str,
    /// What to expect of it.
    pub expect: &'static str,
}

pub(crate) const fn number(default: f64, low: f64, high: f64, whole: bool, offered: &'static [f64]) -> Kind {
    Kind::Number { default, low, high, whole, offered }
}

/// The setting of both playgrounds from which all random numbers follow.
pub(crate) const SEED: Setting = Setting {
    key: "seed",
    label: "Seed",
    about: "The start of all random numbers. The same seed and settings give the same weights, bit for bit.",
    kind: number(1.0, 0.0, 1e9, true, &[1.0, 2.0, 3.0, 4.0, 5.0]),
    live: false,
};

impl Choice {
    pub(crate) const fn new(name: &'static str, label: &'static str, expect: &'static str) -> Self {
        Self { name, label, expect }
    }
}

impl Setting {
    /// The value that `text` stands for. A choice is the index of its word.
    fn parse(&self, text: &str) -> Result<f64, String> {
        match &self.kind {
            Kind::Number { low, high, whole, .. } => {
                let value: f64 =
                    text.parse().map_err(|_| format!("`{}` is not a number: `{}`", self.key, short(text)))?;
                if !(*low..=*high).contains(&value) || (*whole && value.trunc() != value) {
                    let kind = if *whole { "a whole number" } else { "a number" };
                    return Err(format!("`{}` must be {kind} from {low} to {high}, not {}", self.key, short(text)));
                }
                Ok(value)
            }
            Kind::Choice(choices) => match choices.iter().position(|choice| choice.name == text) {
                Some(index) => Ok(index as f64),
                None => {
                    let names: Vec<_> = choices.iter().map(|choice| choice.name).collect();
                    Err(format!("`{}` must be one of {}, not `{}`", self.key, names.join(", "), short(text)))
                }
            },
        }
    }

    fn default(&self) -> f64 {
        if let Kind::Number { default, .. } = self.kind { default } else { 0.0 }
    }

    fn write(&self, value: f64) -> String {
        match &self.kind {
            Kind::Number { .. } => value.to_string(),
            Kind::Choice(choices) => choices[value as usize].name.into(),
        }
    }
}

/// A value for each setting of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    table: &'static Table,
    values: Vec<f64>,
}

/// The settings of a playground.
pub(crate) type Table = [Setting];

impl PartialEq for Setting {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Settings {
    /// The defaults.
    pub(crate) fn new(table: &'static Table) -> Self {
        Self { table, values: table.iter().map(Setting::default).collect() }
    }

    fn index(&self, key: &str) -> Option<usize> {
        self.table.iter().position(|setting| setting.key == key)
    }

    /// Sets `key` to what `text` stands for.
    ///
    /// # Errors
    /// When there is no such setting, or it cannot have this value.
    pub fn set(&mut self, key: &str, text: &str) -> Result<(), String> {
        let index = self.index(key).ok_or_else(|| format!("there is no setting `{}`", short(key)))?;
        self.values[index] = self.table[index].parse(text)?;
        Ok(())
    }

    /// As [`set`](Self::set), during training.
    ///
    /// # Errors
    /// As [`set`](Self::set), and when the setting cannot change during training.
    pub(crate) fn change(&mut self, key: &str, text: &str) -> Result<(), String> {
        if self.index(key).is_some_and(|index| !self.table[index].live) {
            return Err(format!("`{key}` cannot change during a run"));
        }
        self.set(key, text)
    }

    /// The value of a setting: a number, or the index of a choice.
    pub(crate) fn number(&self, key: &str) -> f64 {
        self.values[self.index(key).expect("the table has the settings that the code asks for")]
    }

    pub(crate) fn count(&self, key: &str) -> usize {
        self.number(key) as usize
    }

    /// The word of a choice.
    pub(crate) fn word(&self, key: &str) -> &'static str {
        let index = self.index(key).expect("the table has the settings that the code asks for");
        let Kind::Choice(choices) = &self.table[index].kind else { unreachable!("{key} is a choice") };
        choices[self.values[index] as usize].name
    }

    /// `key=value` of each setting that is not its default.
    pub(crate) fn changed(&self) -> impl Iterator<Item = String> {
        let rows = self.table.iter().zip(&self.values);
        rows.filter(|(setting, value)| setting.default() != **value)
            .map(|(setting, value)| format!("{}={}", setting.key, setting.write(*value)))
    }

    /// Every value by its key.
    pub(crate) fn to_json(&self) -> String {
        let rows = self.table.iter().zip(&self.values);
        json::object(rows.map(|(setting, value)| (setting.key, Json::text(&setting.write(*value)))))
    }
}

/// A table for the page.
pub(crate) fn table_to_json(table: &Table) -> String {
    json::list(table.iter().map(|setting| {
        let (kind, values) = match &setting.kind {
            Kind::Number { offered, .. } => (
                "number",
                json::list(offered.iter().map(|value| {
                    json::object([("name", Json::text(&value.to_string())), ("label", Json::text(&value.to_string()))])
                })),
            ),
            Kind::Choice(choices) => (
                "choice",
                json::list(choices.iter().map(|choice| {
                    let Choice { name, label, expect } = choice;
                    json::object([
                        ("name", Json::text(name)),
                        ("label", Json::text(label)),
                        ("expect", Json::text(expect)),
                    ])
                })),
            ),
        };
        json::object([
            ("key", Json::text(setting.key)),
            ("label", Json::text(setting.label)),
            ("about", Json::text(setting.about)),
            ("kind", Json::text(kind)),
            ("live", Json::truth(setting.live)),
            ("values", Json::raw(values)),
        ])
    }))
}

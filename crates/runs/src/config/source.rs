//! [`Assignment`]: a value that the user or a program gives a key, and [`Source`]: where.

use std::fmt;

use datasets::quoted;
use toml::Value;

/// Where a value was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The preset with this name.
    Preset(String),
    /// A line of a file: path and line number.
    File(String, usize),
    /// The text after `--set`.
    Set(String),
    /// A named option, such as `--batch`.
    Option(&'static str),
    /// The shapes of the weights in the file with this path.
    Weights(String),
    /// A program that uses the library; the text is the key that it set.
    Code(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preset(name) => write!(f, "preset `{name}`"),
            Self::File(file, line) => write!(f, "{file}, line {line}"),
            Self::Set(text) => write!(f, "--set {text}"),
            Self::Option(name) => write!(f, "option {name}"),
            Self::Weights(file) => write!(f, "the weights in {file}"),
            Self::Code(key) => write!(f, "the program's own setting of {key}"),
        }
    }
}

impl Source {
    /// The command-line text that set it.
    pub(super) fn typed(&self) -> String {
        match self {
            Self::Preset(_) => "--preset".to_owned(),
            Self::File(..) => "--config".to_owned(),
            Self::Set(text) => format!("--set {}", quoted(text)),
            Self::Option(name) => (*name).to_owned(),
            Self::Weights(file) => file.clone(),
            Self::Code(key) => key.clone(),
        }
    }
}

/// A key and its value, with the source.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// Such as `steps` or `quickdraw.batch`.
    pub key: String,
    /// Its value.
    pub value: Value,
    /// Where it was set.
    pub source: Source,
}

impl Assignment {
    /// An assignment made by a command-line option.
    pub fn option(name: &'static str, key: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { key: key.into(), value: value.into(), source: Source::Option(name) }
    }
}

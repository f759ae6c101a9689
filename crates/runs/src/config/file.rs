//! Reading configuration text: whole files with line numbers, and the `key=value` of `--set`.

use std::fs;
use std::path::Path;

use datasets::{advice, quoted};
use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use super::{Assignment, Source};
use crate::failure::{Code, Failure};

/// The size limit of a configuration file; a longer file cannot be one.
const LONGEST: u64 = 1 << 20;

/// Every key of a TOML file with its line.
///
/// # Errors
/// When the file is missing, is a folder, is too long, is not text, or is not TOML.
pub fn read_file(path: &Path) -> Result<Vec<Assignment>, Failure> {
    let failure = |what: &str| Failure::new(Code::Config, what).at(path.display());
    let unreadable = |error: std::io::Error| failure("cannot read the configuration file").because(error);
    let about = fs::metadata(path).map_err(unreadable)?;
    if about.is_dir() {
        let inner = path.join("config.toml");
        if !inner.is_file() {
            return Err(failure("the configuration file is a folder"));
        }
        return Err(failure("the configuration file is a folder").help(advice!(
            "config-is-a-folder",
            "name the file, such as `--config {}`",
            quoted(&inner)
        )));
    }
    if about.len() > LONGEST {
        return Err(failure("the configuration file is too long")
            .because(format!("{} bytes; at most {LONGEST} are read", about.len())));
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        failure("the configuration file is not text")
            .because(format!("byte {} is not UTF-8", error.utf8_error().valid_up_to()))
    })?;
    // Some editors put a byte order mark at the start of the files they save.
    parse(text.trim_start_matches('\u{feff}'), &path.display().to_string())
}

/// Every key of TOML text; `name` appears in errors.
pub(super) fn parse(text: &str, name: &str) -> Result<Vec<Assignment>, Failure> {
    let failed = |error: toml::de::Error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        Failure::new(Code::Config, "the configuration file is not valid TOML")
            .at(Source::File(name.to_owned(), line))
            .because(error.message().trim())
    };
    let values: Table = toml::from_str(text).map_err(failed)?;
    let places = DeTable::parse(text).map_err(failed)?;
    let mut found = Vec::new();
    for (key, place) in places.get_ref() {
        let assignment = |key: String, at: usize, value: Option<&Value>| {
            value.map(|value| Assignment {
                key,
                value: value.clone(),
                source: Source::File(name.to_owned(), line_of(text, at)),
            })
        };
        let (outer, value) = (key.get_ref().to_string(), values.get(key.get_ref().as_ref()));
        match place.get_ref() {
            DeValue::Table(inner) => {
                for inner_key in inner.keys() {
                    let name: &str = inner_key.get_ref();
                    let value = value.and_then(|table| table.get(name));
                    found.extend(assignment(format!("{outer}.{name}"), inner_key.span().start, value));
                }
            }
            _ => found.extend(assignment(outer, key.span().start, value)),
        }
    }
    Ok(found)
}

/// The line number (from 1) of byte `at`.
fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// Parses every `--set` of the command line, in order.
///
/// # Errors
/// The first that cannot be read.
pub fn read_settings(texts: &[String]) -> Result<Vec<Assignment>, Failure> {
    texts.iter().map(|text| read_setting(text)).collect()
}

/// Parses the `key=value` of one `--set`. The value is read as TOML, or as plain text if it is not
/// valid TOML.
///
/// # Errors
/// When there is no `=` or no key.
pub(super) fn read_setting(text: &str) -> Result<Assignment, Failure> {
    let (key, value) = text.split_once('=').map_or((text, None), |(key, value)| (key.trim(), Some(value.trim())));
    let Some(value) = value.filter(|_| !key.is_empty()) else {
        return Err(Failure::new(Code::Usage, format!("--set takes key=value, but got {text:?}"))
            .help(advice!("set-wants-a-value", "give the key a value, for example `--set batch=32`")));
    };
    // The value is parsed on a line of its own, so it cannot define a second key.
    let read = format!("value = {value}");
    let read = DeTable::parse(&read).ok().filter(|table| table.get_ref().len() == 1).and_then(|_| value_of(&read));
    Ok(Assignment {
        key: key.to_owned(),
        value: read.unwrap_or_else(|| number_or_text(value)),
        source: Source::Set(text.to_owned()),
    })
}

fn value_of(text: &str) -> Option<Value> {
    toml::from_str::<Table>(text).ok()?.remove("value")
}

/// Accepts numbers that TOML rejects, such as `.5`; anything else is text.
fn number_or_text(text: &str) -> Value {
    match text.parse::<f64>() {
        Ok(number) => Value::Float(number),
        Err(_) => Value::String(text.to_owned()),
    }
}

//! [`Advice`]: what users can do about an error, in a form that a test can follow.
//!
//! Every message that names a command or an option is made by [`advice!`](crate::advice!). The test
//! in `crates/train/tests/advice` finds all of them, sets up each situation and types what the
//! message says. Everything that can be typed is between backticks:
//!
//! * a segment that begins with `train ` is a whole command;
//! * a segment that begins with `--` changes the failed command: after "leave out" or "without",
//!   its options and their values are removed; otherwise they are added or replaced;
//! * any other segment replaces the wrong word.
//!
//! Each segment must be enough by itself, so options that belong together are in one segment.

use std::borrow::Cow;
use std::fmt;

/// What users can do about an error or a warning; made by [`advice!`](crate::advice!) only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    id: &'static str,
    text: String,
}

impl Advice {
    /// For [`advice!`](crate::advice!) only, so that the test finds every use.
    #[doc(hidden)]
    pub fn from_macro(id: &'static str, text: String) -> Self {
        Self { id, text }
    }

    /// The id by which the test finds it.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// The text, with commands as users type them where `train` is installed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text for users who start the program as `program`, such as `cargo run -p train --`.
    pub fn typed_as(&self, program: &str) -> String {
        self.text.replace("`train ", &format!("`{program} "))
    }
}

/// The text, as [`Advice::text`].
impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Makes an [`Advice`] from a unique id in kebab-case and the arguments of `format!`. The
/// [convention](Advice) defines the segments between backticks. If the text has any, add a
/// situation to `crates/train/tests/advice/situations`.
#[macro_export]
macro_rules! advice {
    ($id:literal, $($text:tt)+) => {
        $crate::Advice::from_macro($id, ::std::format!($($text)+))
    };
}

/// A word as it must be typed in a shell: quoted if it has a blank or a special character.
pub fn quoted(word: &(impl AsRef<std::ffi::OsStr> + ?Sized)) -> String {
    let word = word.as_ref().to_string_lossy();
    if cfg!(windows) {
        // Double quotes mean the same in cmd and PowerShell, and a path cannot contain any.
        let is_plain = |letter: char| letter.is_alphanumeric() || r"\/:._-+~".contains(letter);
        return if !word.is_empty() && word.chars().all(is_plain) { word.into_owned() } else { format!("\"{word}\"") };
    }
    // A command line cannot contain a zero byte.
    shlex::try_quote(&word).map(Cow::into_owned).unwrap_or_else(|_| word.clone().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_shown_as_they_are_typed() {
        let advice = advice!("an-id", "train again: `train x --out {}`, `--seed 3` or `trains`", quoted("a b"));
        let shown = advice.typed_as("cargo run -p train --");
        let out = if cfg!(windows) { "\"a b\"" } else { "'a b'" };
        assert_eq!(shown, format!("train again: `cargo run -p train -- x --out {out}`, `--seed 3` or `trains`"));
        assert!(advice.id() == "an-id" && advice.text() == advice.typed_as("train"));
    }

    #[test]
    #[cfg(unix)]
    fn words_are_quoted_when_a_shell_would_read_them() {
        for (word, typed) in
            [("runs/0001-a.b", "runs/0001-a.b"), ("", "''"), ("it's", "\"it's\""), ("$x", "'$x'"), ("a`b", "'a`b'")]
        {
            assert_eq!(quoted(word), typed);
        }
    }
}

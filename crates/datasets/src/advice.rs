//! [`Advice`]: what people can do about an error, in a form that a test can follow.
//!
//! Every line that names a command or an option is made by [`advice!`](crate::advice!), so that `crates/train/tests/advice.rs` finds it,
//! makes the situation, and types what the line says. In the text, everything that can be typed stands between backticks:
//!
//! * a segment that begins with `train ` is a whole command;
//! * a segment that begins with `--` changes the command that failed: after "leave out" or "without" its options are
//!   removed with their values, otherwise they are added, or replaced with their values;
//! * any other segment takes the place of the word that was wrong.
//!
//! Each segment is enough by itself: what belongs together stands in one.

use std::borrow::Cow;
use std::fmt;

/// What people can do about an error or a warning: made by [`advice!`](crate::advice!) alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    id: &'static str,
    text: String,
}

impl Advice {
    /// For [`advice!`](crate::advice!) alone: what it makes is found by the test.
    #[doc(hidden)]
    pub fn from_macro(id: &'static str, text: String) -> Self {
        Self { id, text }
    }

    /// The name that the test knows it by.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// The text, with commands as they read where `train` is installed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text for someone who starts the program by typing `program`, such as `cargo run -p train --`.
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

/// Makes an [`Advice`] of an id in kebab-case that no other has, and a text as for `format!`; the [convention](Advice) says what stands
/// between backticks. Each needs a situation in `crates/train/tests/advice`.
#[macro_export]
macro_rules! advice {
    ($id:literal, $($text:tt)+) => {
        $crate::Advice::from_macro($id, ::std::format!($($text)+))
    };
}

/// A path or another word as it has to be typed in a shell: quoted if it holds a blank or anything else that a shell reads.
pub fn quoted(word: &(impl AsRef<std::ffi::OsStr> + ?Sized)) -> String {
    let word = word.as_ref().to_string_lossy();
    if cfg!(windows) {
        // Double quotes mean the same to both shells there; no path holds one.
        let is_plain = |letter: char| letter.is_alphanumeric() || r"\/:._-+~".contains(letter);
        return if !word.is_empty() && word.chars().all(is_plain) { word.into_owned() } else { format!("\"{word}\"") };
    }
    // A zero byte cannot be typed, nor can it have come from a command line.
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

//! [`Failure`]: the error type of this crate, with the exit code that belongs to it.

use std::fmt;
use std::path::Path;
use std::sync::OnceLock;

use datasets::Advice;

/// The category of an error. The values are the exit codes; scripts rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Numbers that must be equal are not: a derivative and finite differences, or the weights of
    /// the ranks that train a run together.
    Wrong = 1,
    /// The command line itself: an unknown option, options that exclude each other, a run folder
    /// that already exists.
    Usage = 2,
    /// A key or a value of the configuration, from any source.
    Config = 3,
    /// The training images.
    Data = 4,
    /// A saved state that is missing, damaged, or from another run.
    Checkpoint = 5,
    /// A loss, gradient or picture that contains NaN or infinity.
    Diverged = 6,
    /// A file that cannot be written or a folder that cannot be made.
    Storage = 7,
    /// A failed download, or a message to another rank that failed.
    Network = 8,
    /// A sick run, stopped after saving (`on_sick = "stop"`).
    Sick = 9,
    /// Stopped by a signal, after saving: 128 plus the number of the signal, so 130 for Ctrl-C.
    Interrupted = 130,
}

impl Code {
    /// All of them.
    pub(crate) const ALL: [Self; 10] = [
        Self::Wrong,
        Self::Usage,
        Self::Config,
        Self::Data,
        Self::Checkpoint,
        Self::Diverged,
        Self::Storage,
        Self::Network,
        Self::Sick,
        Self::Interrupted,
    ];
}

/// How the user starts this program.
static PROGRAM: OnceLock<String> = OnceLock::new();

/// Sets how users start this program, such as `cargo run -p train --`, so that they can type the
/// commands in the help of a [`Failure`] as printed. The default is `train`. Only the first call
/// has an effect.
pub fn commands_are_typed_as(program: String) {
    let _ = PROGRAM.set(program);
}

/// The advice with its commands as users of this program type them.
pub(crate) fn typed(advice: &Advice) -> String {
    PROGRAM.get().map_or_else(|| advice.text().to_owned(), |program| advice.typed_as(program))
}

/// A problem, described so that the user can act: what happened, where, why, and what to do
/// about it.
#[derive(Clone, PartialEq, Eq)]
pub struct Failure {
    /// The category, which decides the exit code.
    pub code: Code,
    /// One line: what could not be done.
    pub what: String,
    /// The file, line, option or step.
    pub place: Option<String>,
    /// The reason, with the numbers.
    pub why: Option<String>,
    /// What the user can do.
    pub help: Option<Advice>,
}

impl Failure {
    /// A failure with only its first line.
    pub fn new(code: Code, what: impl Into<String>) -> Self {
        Self { code, what: what.into(), place: None, why: None, help: None }
    }

    /// The failure for a `path` whose extension is not a known format for `things`.
    pub(crate) fn unknown_extension(path: &Path, things: &str) -> Self {
        let what = match path.extension() {
            Some(extension) => format!("unknown file extension `.{}`", extension.to_string_lossy()),
            None => "the file name has no extension".to_owned(),
        };
        Self::new(Code::Usage, what).at(path.display()).because(format!("the extension decides the format of {things}"))
    }

    /// Adds where it happened.
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.place = Some(place.to_string());
        self
    }

    /// Adds the reason.
    pub fn because(mut self, why: impl fmt::Display) -> Self {
        self.why = Some(why.to_string());
        self
    }

    /// Adds what to do. An [`Advice`] comes from `advice!("an-id", "text with a `train command` or
    /// an `--option`")`; [`Advice`] documents the convention. A test case with this id in
    /// `tests/advice/` causes the failure and follows the advice. (Text with neither a command nor
    /// an option needs no case.)
    pub fn help(mut self, help: Advice) -> Self {
        self.help = Some(help);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.what))?;
        let help = self.help.as_ref().map(typed);
        for (label, text) in [("where", &self.place), ("why", &self.why), ("help", &help)] {
            if let Some(text) = text {
                // Continuation lines are aligned with the first one.
                let text = printable_lines(text).replace('\n', "\n         ");
                write!(f, "\n  {:<7}{text}", format!("{label}:"))?;
            }
        }
        Ok(())
    }
}

/// A line with its control characters escaped. They may come from the name of a file or of a
/// tensor, and a terminal would obey them.
pub(crate) fn printable(line: &str) -> String {
    let escaped = |letter: char| match letter.is_control() {
        true => letter.escape_default().to_string(),
        false => letter.to_string(),
    };
    line.chars().map(escaped).collect()
}

/// As [`printable`], for a text of several lines.
pub(crate) fn printable_lines(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// The same text as [`Display`](fmt::Display): a `main` that returns a failure prints this.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;
    use datasets::advice;

    #[test]
    fn reads_as_what_where_why_help() {
        let failure = Failure::new(Code::Data, "cannot read the images").at("a.npy").because("empty");
        let failure = failure.help(advice!("of-a-test", "one\ntwo"));
        assert_eq!(
            failure.to_string(),
            "cannot read the images\n  where: a.npy\n  why:   empty\n  help:  one\n         two"
        );
        assert_eq!(format!("{failure:?}"), failure.to_string());
    }
}

//! [`Failure`]: the one form in which anything that goes wrong reaches the user, and the exit code
//! that goes with it.

use std::fmt;
use std::path::Path;
use std::sync::OnceLock;

use datasets::Advice;

/// What kind of thing went wrong. The numbers are the exit codes: scripts rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// A derivative that is not what finite differences say.
    Wrong = 1,
    /// The command line itself: unknown option, options that exclude each other, a run folder that
    /// exists.
    Usage = 2,
    /// A key or a value of the configuration, wherever it was written.
    Config = 3,
    /// The images to learn from.
    Data = 4,
    /// A saved state that is missing, damaged, or not this run's.
    Checkpoint = 5,
    /// A loss, a gradient or a picture that is not made of finite numbers.
    Diverged = 6,
    /// A file that cannot be written or a folder that cannot be made.
    Storage = 7,
    /// A download.
    Network = 8,
    /// Stopped by a signal, after saving: 128 and the number of the signal, 130 for Ctrl-C.
    Interrupted = 130,
}

/// How commands are typed in this process.
static PROGRAM: OnceLock<String> = OnceLock::new();

/// Says how this program is started, such as `cargo run -p train --`, so that the commands in the
/// help of a [`Failure`] can be typed as they are. Without it they read `train ...`. Only the first
/// call counts.
pub fn commands_are_typed_as(program: String) {
    let _ = PROGRAM.set(program);
}

/// An advice with its commands as they can be typed here.
pub(crate) fn typed(advice: &Advice) -> String {
    PROGRAM.get().map_or_else(|| advice.text().to_owned(), |program| advice.typed_as(program))
}

/// A problem, described so that the user can act: what happened, where, why, and what to do
/// about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind, hence the exit code.
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
    /// A failure of which only the first line is known yet.
    pub fn new(code: Code, what: impl Into<String>) -> Self {
        Self { code, what: what.into(), place: None, why: None, help: None }
    }

    /// The extension of `path` names no format that these things can be written in.
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

    /// Adds what to do. An [`Advice`] comes from `advice!("an-id", "text with a `train
    /// command` or an `--option`")`, by the convention that [`Advice`] documents; a situation with
    /// this id in `tests/advice/` makes the failure and types what the line says. (A line without
    /// either needs none.)
    pub fn help(mut self, help: Advice) -> Self {
        self.help = Some(help);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        let help = self.help.as_ref().map(typed);
        for (label, text) in [("where", &self.place), ("why", &self.why), ("help", &help)] {
            if let Some(text) = text {
                // Later lines of a long text stand under its first one.
                write!(f, "\n  {:<7}{}", format!("{label}:"), text.replace('\n', "\n         "))?;
            }
        }
        Ok(())
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
    }
}

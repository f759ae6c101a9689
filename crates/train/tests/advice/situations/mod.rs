//! How every advice comes about: a row for each, in a table for each part of the program.

mod config;
mod data;
mod runs;
mod tools;

use std::process::Command;

use super::common::Outcome;
use super::stage::Stage;

/// How an advice comes about, and what is needed to follow it.
#[derive(Clone)]
pub(crate) struct Situation {
    /// The advice that is to be printed.
    pub(crate) id: &'static str,
    /// What is there before.
    pub(crate) prepare: fn(&Stage),
    /// The command that brings it about, as words for a shell.
    pub(crate) line: String,
    /// Brings it about where the command alone does not.
    pub(crate) act: Option<fn(&Stage) -> Outcome>,
    /// Whether the command fails; others print a hint and end well.
    pub(crate) fails: bool,
    /// So many things must be there to type.
    pub(crate) at_least: usize,
    /// The mistyped word.
    pub(crate) wrong: &'static str,
    /// What the placeholders of the advice stand for here.
    pub(crate) fill: &'static [(&'static str, &'static str)],
    /// Added to what is typed, so that it takes no time.
    pub(crate) more: fn(&Stage) -> String,
    /// What the person does before.
    pub(crate) meanwhile: fn(&Stage),
    /// When following it has worked.
    pub(crate) success: Success,
    /// Address space of the processes, in kilobytes.
    pub(crate) limit: Option<u32>,
}

/// When following an advice has worked.
#[derive(Clone, Copy)]
pub(crate) enum Success {
    /// The command ends with code 0.
    Ends,
    /// It says this: what takes long need not end.
    Says(&'static str),
}

/// The advice `id` comes about by `line`.
fn by(id: &'static str, line: &str) -> Situation {
    Situation {
        id,
        prepare: |_| {},
        line: line.to_owned(),
        act: None,
        fails: true,
        at_least: 1,
        wrong: "",
        fill: &[],
        more: |_| String::new(),
        meanwhile: |_| {},
        success: Success::Ends,
        limit: None,
    }
}

impl Situation {
    fn with(self, prepare: fn(&Stage)) -> Self {
        Self { prepare, ..self }
    }
    /// The line has nothing that can be typed: it is only checked that it is printed.
    fn only_printed(self) -> Self {
        Self { at_least: 0, ..self }
    }
    fn wrong(self, wrong: &'static str) -> Self {
        Self { wrong, ..self }
    }
    fn fill(self, fill: &'static [(&'static str, &'static str)]) -> Self {
        Self { fill, ..self }
    }
    fn more(self, more: fn(&Stage) -> String) -> Self {
        Self { more, ..self }
    }
    fn meanwhile(self, meanwhile: fn(&Stage)) -> Self {
        Self { meanwhile, ..self }
    }
    fn acted(self, act: fn(&Stage) -> Outcome) -> Self {
        Self { act: Some(act), ..self }
    }
    /// The command ends well, and prints a hint.
    fn hint(self) -> Self {
        Self { fails: false, ..self }
    }
    fn says(self, words: &'static str) -> Self {
        Self { success: Success::Says(words), ..self }
    }
    fn limited_to(self, kilobytes: u32) -> Self {
        Self { limit: Some(kilobytes), ..self }
    }

    /// The command within the limit of this situation.
    pub(crate) fn limited(&self, command: Command) -> Command {
        let Some(kilobytes) = self.limit else { return command };
        let mut limited = Command::new("sh");
        limited.arg("-c").arg(format!("ulimit -v {kilobytes}; exec \"$0\" \"$@\"")).arg(command.get_program());
        // None is taken away but those that every command here goes without.
        limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        limited.args(command.get_args()).current_dir(command.get_current_dir().unwrap()).env_remove("CARGO");
        limited.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        limited
    }
}

/// All of them.
pub(crate) fn all() -> Vec<Situation> {
    [config::all(), data::all(), runs::all(), tools::all()].concat()
}

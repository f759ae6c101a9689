//! How to cause every advice: a row for each, in a table for each part of the program.

mod config;
mod data;
mod files;
mod runs;
mod tools;
mod weights;

use std::process::Command;

use super::common::Outcome;
use super::stage::Stage;

/// How to cause an advice, and what is needed to follow it.
#[derive(Clone)]
pub(crate) struct Situation {
    /// The id of the advice that must be printed.
    pub(crate) id: &'static str,
    /// Makes the files that the command needs.
    pub(crate) prepare: fn(&Stage),
    /// The arguments of the command that causes it, as typed in a shell.
    pub(crate) line: String,
    /// Causes it if the command alone does not.
    pub(crate) act: Option<fn(&Stage) -> Outcome>,
    /// Whether the command fails; otherwise it prints a hint and succeeds.
    pub(crate) fails: bool,
    /// The least number of things to type that the advice must contain.
    pub(crate) at_least: usize,
    /// The mistyped word.
    pub(crate) wrong: &'static str,
    /// Replacements for the placeholders in the advice.
    pub(crate) fill: &'static [(&'static str, &'static str)],
    /// Arguments added to the suggested command, so that it ends quickly.
    pub(crate) more: fn(&Stage) -> String,
    /// What the user does before following the advice.
    pub(crate) meanwhile: fn(&Stage),
    /// What shows that following it has worked.
    pub(crate) success: Success,
    /// The limit of the address space of the processes, in kilobytes.
    pub(crate) limit: Option<u32>,
}

/// What shows that following an advice has worked.
#[derive(Clone, Copy)]
pub(crate) enum Success {
    /// The command ends with code 0.
    Ends,
    /// The command prints this; a command that takes long need not end.
    Says(&'static str),
}

/// The advice `id`, caused by the command `line`.
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
    /// The advice contains nothing that can be typed, so the test only checks that it is printed.
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
    /// The command succeeds, and prints a hint.
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
        // Copies the variables that are set. Of those that are removed, only `CARGO` matters here.
        limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        limited.args(command.get_args()).current_dir(command.get_current_dir().unwrap()).env_remove("CARGO");
        limited.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        limited
    }
}

/// All situations.
pub(crate) fn all() -> Vec<Situation> {
    [config::all(), data::all(), files::all(), runs::all(), tools::all(), weights::all()].concat()
}

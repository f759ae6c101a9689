//! The name of the program that runs, in everything that people read to learn what to type.
//!
//! Help texts and advice are written for `train`, which is the name in a clone of the repository.
//! Here they get the name of the program: [`renamed`] changes the help of all commands, and
//! [`typed`] is what advice begins with.

use std::env;
use std::ffi::OsString;
use std::sync::OnceLock;

use clap::Command;
use datasets::quoted;

/// The name in the source files of this program.
const WRITTEN: &str = "train";

static NAME: OnceLock<&'static str> = OnceLock::new();

/// Sets the name of the program. Only the first call has an effect.
pub(crate) fn set(name: &'static str) {
    let _ = NAME.set(name);
}

/// The name of the program: `train`, or what [`set`] has set.
pub(crate) fn name() -> &'static str {
    NAME.get().copied().unwrap_or(WRITTEN)
}

/// How the user starts this program: `cargo run -p PACKAGE --` for Cargo, or else the first word of
/// the command line, after `mpirun` if there are several ranks.
pub(crate) fn typed(ranks: usize) -> String {
    // `cargo run` and `cargo test` set these variables.
    let by_cargo = env::var_os("CARGO").and_then(|_| env::var("CARGO_PKG_NAME").ok());
    let typed = as_typed(by_cargo.as_deref(), env::args_os().next());
    if ranks == 1 { typed } else { format!("mpirun -n {ranks} {typed}") }
}

fn as_typed(package: Option<&str>, first: Option<OsString>) -> String {
    match package {
        Some(package) if [WRITTEN, env!("CARGO_PKG_NAME")].contains(&package) => format!("cargo run -p {package} --"),
        _ => first.map_or_else(|| name().to_owned(), |own| quoted(&own)),
    }
}

/// The command line with the name of the program in all help texts: in examples, which are indented
/// lines, and between backticks.
pub(crate) fn renamed(command: Command) -> Command {
    if name() == WRITTEN { command } else { renamed_to(name(), command) }
}

fn renamed_to(name: &str, mut command: Command) -> Command {
    let text = |text: &clap::builder::StyledStr| {
        let text = text.ansi().to_string();
        text.replace("  train ", &format!("  {name} ")).replace("`train ", &format!("`{name} "))
    };
    if let Some(about) = command.get_about().map(text) {
        command = command.about(about);
    }
    if let Some(about) = command.get_long_about().map(text) {
        command = command.long_about(about);
    }
    if let Some(help) = command.get_after_help().map(text) {
        command = command.after_help(help);
    }
    let argument = |mut argument: clap::Arg| {
        if let Some(help) = argument.get_help().map(text) {
            argument = argument.help(help);
        }
        if let Some(help) = argument.get_long_help().map(text) {
            argument = argument.long_help(help);
        }
        argument
    };
    command.mut_args(argument).mut_subcommands(|inner| renamed_to(name, inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_the_program_that_runs() {
        let mut command = renamed_to("backdraw", crate::cli::command());
        let mut helps = vec![command.render_long_help().to_string()];
        helps.extend(command.get_subcommands_mut().map(|inner| inner.render_long_help().to_string()));
        let all = helps.join("\n");
        assert!(all.contains("  backdraw sample RUN --count 100") && all.contains("`backdraw gradcheck`"), "{all}");
        let stray = all.lines().find(|line| line.contains("`train ") || line.trim_start().starts_with("train "));
        assert_eq!(stray, None);
    }

    #[test]
    fn advice_is_typed_as_the_program_was_started() {
        let first = || Some(OsString::from("backdraw"));
        assert_eq!(as_typed(Some("train"), first()), "cargo run -p train --");
        assert_eq!(as_typed(Some("backdraw-cli"), first()), "cargo run -p backdraw-cli --");
        assert_eq!(
            [as_typed(Some("other"), first()), as_typed(None, first()), as_typed(None, None)],
            ["backdraw", "backdraw", "train"]
        );
    }
}

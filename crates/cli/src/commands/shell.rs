//! `train completions` and `train man`: what the shell and `man` need.

use std::io;
use std::path::Path;

use clap::Command;
use runs::console::print;
use runs::failure::{Code, Failure};

use crate::cli;
use crate::cli::files::{CompletionsArgs, ManArgs};

/// Prints the completions for a shell.
///
/// # Errors
/// When standard output cannot be written.
pub(crate) fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut command = cli::command();
    let (name, mut text) = (command.get_name().to_owned(), Vec::new());
    clap_complete::generate(args.shell, &mut command, name, &mut text);
    print(&String::from_utf8_lossy(&text))
}

/// Prints the manual page, or writes one for each command.
///
/// # Errors
/// When they cannot be written.
pub(crate) fn man(args: &ManArgs) -> Result<(), Failure> {
    let Some(folder) = &args.out else {
        let page = rendered(cli::command()).map_err(|error| unwritten(Path::new("standard output"), &error))?;
        return print(&String::from_utf8_lossy(&page));
    };
    let write = || -> io::Result<usize> {
        std::fs::create_dir_all(folder)?;
        let mut command = cli::command();
        command.build();
        pages(&command, command.get_name(), folder)
    };
    let count = write().map_err(|error| unwritten(folder, &error))?;
    print(&format!("{count} pages in {}\n", folder.display()))
}

/// Writes the page of `command`, called `name`, and those of its subcommands. Returns their number.
fn pages(command: &Command, name: &str, folder: &Path) -> io::Result<usize> {
    let page = rendered(command.clone())?;
    std::fs::write(folder.join(format!("{name}.1")), page)?;
    let visible = command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help");
    let inner = visible.map(|inner| pages(inner, &format!("{name}-{}", inner.get_name()), folder));
    inner.sum::<io::Result<usize>>().map(|count| count + 1)
}

fn rendered(command: Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(page)
}

fn unwritten(place: &Path, error: &io::Error) -> Failure {
    Failure::new(Code::Storage, "the manual page cannot be written").at(place.display()).because(error)
}

//! Failures on standard error, in colour where that is wanted.

use std::io::{self, Write};

use anstream::AutoStream;
use clap::ValueEnum;
use runs::console::is_colored;
use runs::failure::Failure;

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Reports a failure on standard error.
pub(crate) fn report(failure: &Failure, color: ColorChoice) {
    let colored = match color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => is_colored(),
    };
    let (on, off) = if colored { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
    // The console of Windows shows colours only when asked to.
    let _ = writeln!(AutoStream::always(io::stderr()), "{on}error:{off} {failure}");
}

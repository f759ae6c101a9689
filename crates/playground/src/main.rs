//! Builds the site of the playground into a folder that any static server can serve:
//!
//! ```text
//! cargo run -p backdraw-playground -- OUT
//! ```

use std::env;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    // An option such as `--help` is not the name of a folder.
    let [out] = &arguments[..] else { return usage() };
    if out.starts_with('-') {
        return usage();
    }
    if let Err(why) = playground::site::build(Path::new(out)) {
        eprintln!("error: {why}");
        return ExitCode::FAILURE;
    }
    println!("The site is in {out}. Serve it with any static server, such as:\n");
    println!("    python3 -m http.server --directory {out}");
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: cargo run -p backdraw-playground -- OUT\n\nOUT is the folder for the files of the site.");
    ExitCode::from(2)
}

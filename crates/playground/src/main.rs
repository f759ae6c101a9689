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
    let [out] = &arguments[..] else {
        eprintln!("usage: cargo run -p backdraw-playground -- OUT\n\nOUT is the folder for the files of the site.");
        return ExitCode::from(2);
    };
    if let Err(why) = playground::site::build(Path::new(out)) {
        eprintln!("error: {why}");
        return ExitCode::FAILURE;
    }
    println!("The site is in {out}. Serve it with any static server, such as:\n");
    println!("    python3 -m http.server --directory {out}");
    ExitCode::SUCCESS
}

//! Builds the site of the playground into a folder that any static server can serve:
//!
//! ```text
//! cargo run -p backdraw-playground -- OUT
//! ```
//!
//! The engine is compiled twice, without and with the relaxed multiply-add: the page loads the one
//! that the browser can run.

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const TARGET: &str = "wasm32-unknown-unknown";
/// The modules, and the features that each is compiled for.
const MODULES: [(&str, &str); 2] = [("simd", "+simd128"), ("relaxed", "+simd128,+relaxed-simd")];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [out] = &arguments[..] else {
        eprintln!("usage: cargo run -p backdraw-playground -- OUT\n\nOUT is the folder for the files of the site.");
        return ExitCode::from(2);
    };
    match build(Path::new(out)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn build(out: &Path) -> Result<(), String> {
    let unwritten = |error: io::Error| format!("{} cannot be written: {error}", out.display());
    has_target()?;
    playground::site::write(out).map_err(unwritten)?;
    for (name, features) in MODULES {
        eprintln!("compiling the engine: {name} (about a minute the first time)");
        let module = compile(name, features)?;
        std::fs::copy(&module, out.join(format!("playground-{name}.wasm"))).map_err(unwritten)?;
    }
    println!("The site is in {}.\nServe it with any static server, such as:\n", out.display());
    println!("    python3 -m http.server --directory {}", out.display());
    Ok(())
}

/// Whether the compiler has the standard library of the target.
fn has_target() -> Result<(), String> {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let found = Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
    let folder = found.ok().map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    if folder.is_some_and(|folder| folder.is_dir()) {
        return Ok(());
    }
    Err(format!("the compiler has no target {TARGET}\nhelp: rustup target add {TARGET}"))
}

/// Compiles the engine with these features; returns the module.
fn compile(name: &str, features: &str) -> Result<PathBuf, String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from);
    // A folder for each, because cargo would compile everything again whenever the flags change.
    let target = target.join("playground").join(name);
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(&workspace)
        .args(["rustc", "--locked", "--quiet", "-p", "backdraw-playground", "--lib", "--crate-type", "cdylib"])
        .args(["--profile", "site", "--target", TARGET, "--target-dir"])
        .arg(&target)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", format!("-C target-feature={features} --cfg backdraw_one_isa"))
        .status()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    if !status.success() {
        return Err(format!("the engine cannot be compiled for {TARGET}"));
    }
    Ok(target.join(TARGET).join("site/playground.wasm"))
}

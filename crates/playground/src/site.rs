//! Builds the site: one page, the worker, the pictures, the trained generator, and the engine as
//! WebAssembly.
//!
//! The engine is compiled without and with the relaxed multiply-add, and the page loads the fastest
//! module that the browser can run. A third module explains turns.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use page::{Page, lean};

use crate::drawings::built_in;
use crate::points;
use crate::settings::table_to_json;

const TITLE: &str = "The GAN playground";
const DRAW: &str = include_str!("../site/draw.js");
const MAIN: &str = include_str!("../site/main.js");
/// The scripts before [`MAIN`], in order.
const PARTS: [&str; 9] = [
    include_str!("../site/tools.js"),
    DRAW,
    include_str!("../site/latents.js"),
    include_str!("../site/frames.js"),
    include_str!("../site/links.js"),
    include_str!("../site/distribution.js"),
    include_str!("../site/doodles.js"),
    include_str!("../site/share.js"),
    include_str!("../site/controls.js"),
];
const SELF_TESTS: [&str; 6] = [
    include_str!("../site/selftest/runner.js"),
    include_str!("../site/selftest/links.js"),
    include_str!("../site/selftest/training.js"),
    include_str!("../site/selftest/plane.js"),
    include_str!("../site/selftest/pictures.js"),
    include_str!("../site/selftest/look.js"),
];
/// The trained generator of apples, as `train playground-hash --out` writes it.
const APPLES: &[u8] = include_bytes!("../site/apples.f16");

/// The page.
///
/// # Panics
/// Never: the template has only known placeholders.
pub fn html() -> String {
    page_of(&[&PARTS[..], &[MAIN]].concat())
}

/// The page with its tests of itself, which visitors need not load.
///
/// # Panics
/// Never, as [`html`].
pub fn self_testing_html() -> String {
    page_of(&[&PARTS[..], &SELF_TESTS, &[MAIN]].concat())
}

fn page_of(script: &[&str]) -> String {
    // A page that explains a turn is opened from this one and inherits its policy, which must
    // therefore also allow that page's style and script.
    let [styles, scripts] = explain::policy();
    let page = Page {
        title: TITLE,
        style: include_str!("../site/page.css"),
        script,
        images: "data:",
        styles: &styles,
        scripts: &scripts,
        connections: "'self'",
        body: include_str!("../site/page.html"),
    };
    page.write(|name| unreachable!("page.html asks for {name}"))
}

/// The texts, styles and drawing code that decide what the playground for points looks like.
pub fn visible() -> [String; 4] {
    let settings = table_to_json(&points::SETTINGS);
    [include_str!("../site/page.html"), include_str!("../site/page.css"), DRAW, &settings].map(str::to_owned)
}

/// Every file of the site except the modules, by name.
pub fn files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("index.html", html().into_bytes()),
        ("selftest.html", self_testing_html().into_bytes()),
        ("worker.js", lean(include_str!("../site/worker.js")).into_bytes()),
        ("digits.bin", built_in("digits")),
        ("apples.bin", built_in("apples")),
        ("apples.f16", APPLES.to_vec()),
    ]
}

/// The target that the engine is compiled for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// A module: the engine for some browsers.
struct Module {
    name: &'static str,
    /// The target features that it is compiled for.
    target: &'static str,
    /// The features of this package.
    features: &'static str,
    /// The level at which the kernels are optimised. Multiply-adds in software take much code.
    kernels: &'static str,
}

/// The modules. The one that explains turns is larger, and loaded only when it is asked for.
const MODULES: [Module; 3] = [
    Module { name: "simd", target: "+simd128", features: "", kernels: "\"s\"" },
    Module { name: "relaxed", target: "+simd128,+relaxed-simd", features: "", kernels: "3" },
    Module { name: "explain", target: "+simd128", features: "explain", kernels: "\"s\"" },
];

/// Builds the site in `out`.
///
/// # Errors
/// When the target is missing, the engine does not compile, or a file cannot be written.
pub fn build(out: &Path) -> Result<(), String> {
    let unwritten = |error: std::io::Error| format!("{} cannot be written: {error}", out.display());
    has_target()?;
    std::fs::create_dir_all(out).map_err(unwritten)?;
    for (name, bytes) in files() {
        std::fs::write(out.join(name), bytes).map_err(unwritten)?;
    }
    for module in MODULES {
        let name = module.name;
        eprintln!("compiling the engine: {name} (about a minute the first time)");
        let file = compile(&module)?;
        std::fs::copy(&file, out.join(format!("playground-{name}.wasm"))).map_err(unwritten)?;
    }
    Ok(())
}

/// Checks that the compiler has the standard library of the target.
///
/// # Errors
/// When it is missing; the error says how to install it.
pub fn has_target() -> Result<(), String> {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let found = Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
    let folder = found.ok().map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    if folder.is_some_and(|folder| folder.is_dir()) {
        return Ok(());
    }
    Err(format!("the compiler has no target {TARGET}\nhelp: rustup target add {TARGET}"))
}

/// Compiles a module; returns its file.
fn compile(module: &Module) -> Result<PathBuf, String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from);
    // A folder for each, because cargo would compile everything again whenever the flags change.
    let target = target.join("playground").join(module.target.replace(['+', ','], ""));
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(&workspace)
        .args(["rustc", "--locked", "--quiet", "-p", "backdraw-playground", "--lib", "--crate-type", "cdylib"])
        .args(["--features", module.features, "--profile", "site", "--target", TARGET, "--target-dir"])
        .arg(&target)
        .args(["--config", &format!("profile.site.package.backdraw-kernels.opt-level={}", module.kernels)])
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", format!("-C target-feature={} --cfg backdraw_one_isa", module.target))
        .status()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    if !status.success() {
        return Err(format!("the engine cannot be compiled for {TARGET}"));
    }
    Ok(target.join(TARGET).join("site/playground.wasm"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A script that is missing would take its tests with it.
    #[test]
    fn every_script_is_in_the_page_that_tests_itself() {
        let (page, mut found) = (self_testing_html(), 0);
        for folder in ["site", "site/selftest"] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
            for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.extension().is_some_and(|ending| ending == "js") && !path.ends_with("worker.js") {
                    let script = lean(&std::fs::read_to_string(&path).unwrap());
                    assert!(page.contains(&script), "{} is not in the page", path.display());
                    found += 1;
                }
            }
        }
        assert_eq!(found, PARTS.len() + SELF_TESTS.len() + 1);
    }
}

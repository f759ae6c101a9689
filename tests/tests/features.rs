//! `cargo run -p train` and the tests with MPI reuse what `cargo test --workspace` has compiled.
//! Cargo compiles a crate again if other features of it are switched on, and with it everything
//! that depends on it: here, the whole engine.

use std::collections::BTreeSet;
use std::process::Command;

/// The crates that Cargo would compile for these arguments, each with its features.
fn crates(arguments: &[&str]) -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .args(["tree", "--offline", "--locked", "--prefix", "none", "--no-dedupe", "-f", "{p}: {f}"])
        .args(arguments)
        .output()
        .expect("cargo can be started");
    let errors = String::from_utf8_lossy(&tree.stderr);
    assert!(tree.status.success(), "cargo tree: {errors}");
    String::from_utf8(tree.stdout).expect("UTF-8").lines().map(str::to_owned).collect()
}

#[test]
fn the_programs_and_the_tests_have_the_same_features() {
    let tests = crates(&["--workspace", "-e", "normal,build,dev"]);
    for (package, kinds) in [("train", "normal,build"), ("backdraw-mpi", "normal,build,dev")] {
        let program = crates(&["-p", package, "-e", kinds]);
        assert!(program.len() > 50);
        let other: Vec<_> = program.difference(&tests).collect();
        assert!(
            other.is_empty(),
            "`-p {package}` enables other features of these crates than `cargo test --workspace`: {other:#?}\n\
             Add those that are missing to the package's Cargo.toml, with the features that \
             `cargo tree --workspace -e normal,build,dev -f '{{p}} {{f}}'` shows."
        );
    }
}

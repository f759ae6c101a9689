//! The command that builds the site.

use std::process::Command;

/// `--help` is not the name of a folder.
#[test]
fn an_option_gets_the_usage() {
    let folder = std::env::temp_dir();
    let command = Command::new(env!("CARGO_BIN_EXE_playground-site")).arg("--help").current_dir(&folder).output();
    let output = command.unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("usage: "));
    assert!(!folder.join("--help").exists());
}

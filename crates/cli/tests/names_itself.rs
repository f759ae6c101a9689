//! The command `backdraw` names itself, not `train`, in its help and its advice.

use std::process::Command;

/// The exit code and everything that was printed, with the program called `backdraw`.
fn backdraw(line: &str) -> (Option<i32>, String) {
    let path = env!("CARGO_BIN_EXE_backdraw");
    let mut command = Command::new(path);
    command.args(line.split_whitespace()).env_remove("CARGO");
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (output.status.code(), text.replace(path, "backdraw"))
}

#[test]
fn the_help_is_that_of_backdraw() {
    let (code, help) = backdraw("--help");
    assert_eq!(code, Some(0));
    assert!(help.contains("Usage: backdraw ") && help.contains("\n  backdraw quickdraw "), "{help}");
    assert!(!help.contains("\n  train "), "{help}");
    assert!(backdraw("--version").1.starts_with("backdraw "));
}

#[test]
fn advice_names_backdraw() {
    let (code, text) = backdraw("explain --step 3");
    assert_eq!(code, Some(2));
    assert!(text.contains("`backdraw explain --run RUN --step 3`"), "{text}");
}

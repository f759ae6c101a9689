//! The command line with its own folder of problem files: nothing here touches the files that a
//! learner edits.

use std::path::Path;
use std::process::{Command, Output};

use exercises::EXERCISES;

fn exercises(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_exercises"));
    let Output { status, stdout, stderr } =
        program.arg("--problems").arg(folder).args(arguments).output().expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code().expect("an exit code"), text(stdout), text(stderr))
}

/// A folder with the original problem files.
fn shipped() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for exercise in &EXERCISES {
        std::fs::write(folder.path().join(exercise.file()), exercise.start).expect("a file");
    }
    folder
}

#[test]
fn a_new_learner_sees_the_list_and_the_hints() {
    let folder = shipped();
    let (code, text, _) = exercises(folder.path(), &["list"]);
    assert_eq!(code, 0);
    assert!(text.contains("c07_matmul\n  11  the left factor of a matrix product\n"), "{text}");
    assert!(text.contains("\n0 of 34 solved."), "{text}");
    for (level, hint) in (1..).zip(EXERCISES[10].hints) {
        let (code, text, _) = exercises(folder.path(), &["hint", "11", "--level", &format!("{level}")]);
        assert!(code == 0 && text.contains(hint) && text.contains("c07_matmul"), "{text}");
        assert_eq!(text.contains(&format!("--level {}", level + 1)), level < 3, "{text}");
    }
    assert_eq!(exercises(folder.path(), &["hint", "e11_matmul_left"]).1, exercises(folder.path(), &["hint", "11"]).1);
}

#[test]
fn the_solution_is_shown_only_when_it_is_forced_or_earned() {
    let folder = shipped();
    let (code, text, _) = exercises(folder.path(), &["solution", "7"]);
    assert!(code == 1 && text.contains("--force") && !text.contains("fn square_gradient"), "{text}");
    assert_eq!(
        exercises(folder.path(), &["solution", "7", "--force"]),
        (0, EXERCISES[6].solution.into(), String::new())
    );
}

#[test]
fn reset_restores_and_keeps_what_was_there() {
    let folder = shipped();
    let file = folder.path().join("e07_square.rs");
    let read = |name: &str| std::fs::read(folder.path().join(name)).expect("a file");
    assert!(exercises(folder.path(), &["reset", "7"]).1.contains("nothing to do"));
    // With the line endings of Windows.
    std::fs::write(&file, EXERCISES[6].start.replace('\n', "\r\n")).expect("an edit");
    assert!(exercises(folder.path(), &["reset", "7"]).1.contains("nothing to do"));
    for (number, work) in (1..).zip([&b"my first try"[..], &b"\xff not even text"[..]]) {
        std::fs::write(&file, work).expect("an edit");
        let backup = format!("e07_square.{number}.bak");
        let (code, text, _) = exercises(folder.path(), &["reset", "7"]);
        assert!(code == 0 && text.contains("e07_square.rs") && text.contains(&backup), "{text}");
        assert_eq!(read("e07_square.rs"), EXERCISES[6].start.as_bytes());
        assert_eq!(read(&backup), work);
    }
    std::fs::remove_file(&file).expect("it was there");
    let (code, text, _) = exercises(folder.path(), &["reset", "7"]);
    assert!(code == 0 && text.contains("was missing"), "{text}");
    assert_eq!(read("e07_square.rs"), EXERCISES[6].start.as_bytes());
}

#[test]
fn what_is_typed_wrong_is_a_usage_error() {
    let folder = shipped();
    for arguments in
        [&["hint", "0"][..], &["hint", "35"], &["hint", "7", "--level", "4"], &["check", "x"], &["solve", "1"], &[]]
    {
        let (code, _, text) = exercises(folder.path(), arguments);
        assert!(code == 2 && !text.is_empty(), "{arguments:?}: {text}");
    }
    assert!(exercises(folder.path(), &["hint", "35"]).2.contains("1 to 34"));
}

#[test]
fn a_folder_that_cannot_be_written_is_reported() {
    let (code, _, text) = exercises(Path::new("/no such folder"), &["reset", "7"]);
    assert!(
        code == 7
            && text.replace('\\', "/").contains("cannot write /no such folder/e07_square.rs")
            && text.contains("write-protected"),
        "{text}"
    );
}

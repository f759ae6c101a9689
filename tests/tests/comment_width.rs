//! Comments wrap at 100 columns.

use std::fs;
use std::path::{Path, PathBuf};

const WIDTH: usize = 100;

/// The text of a line that is a comment and nothing else.
fn comment(line: &str) -> Option<&str> {
    let text = line.trim_start().strip_prefix("//")?;
    Some(text.strip_prefix(['/', '!']).unwrap_or(text))
}

/// The numbers of the comment lines of `source` that are too long and could be wrapped. Code
/// blocks, tables, and words without spaces, such as URLs, are exempt.
fn too_long(source: &str) -> Vec<usize> {
    let mut fenced = false;
    let mut found = Vec::new();
    for (number, line) in source.lines().enumerate() {
        let Some(text) = comment(line) else {
            fenced = false;
            continue;
        };
        let fence = text.trim_start().starts_with("```");
        fenced ^= fence;
        let kept = fence || fenced || text.starts_with("     ") || text.trim_start().starts_with('|');
        if line.chars().count() > WIDTH && !kept && text.trim().contains(' ') {
            found.push(number + 1);
        }
    }
    found
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                sources(&path, found);
            }
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn long_comments_are_found() {
    let long = "word ".repeat(30);
    assert_eq!(too_long(&format!("/// {long}\nlet a = 1; // {long}\n    //! short\n    // {long}")), [1, 4]);
    assert!(too_long(&format!("/// ```text\n/// {long}\n/// ```\n//     {long}\n// | {long}|")).is_empty());
    assert!(too_long(&format!("// https://example.org/{}", "a".repeat(100))).is_empty());
}

#[test]
fn comments_wrap_at_100_columns() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for folder in ["crates", "benches", "tests"] {
        sources(&root.join(folder), &mut files);
    }
    let mut wrong = Vec::new();
    for file in &files {
        let lines = too_long(&fs::read_to_string(file).unwrap());
        wrong.extend(lines.iter().map(|line| format!("{}:{line}", file.strip_prefix(&root).unwrap().display())));
    }
    assert!(files.len() > 300, "{} files", files.len());
    assert!(wrong.is_empty(), "{} comment lines are longer than {WIDTH} columns:\n{}", wrong.len(), wrong.join("\n"));
}

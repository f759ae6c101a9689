//! The parts of Markdown that the tools of the book need: code blocks, and the lines and links
//! outside of them.

use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine};

/// A fenced block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    /// The info string of the opening fence, such as `rust,should_panic`.
    pub kind: &'a str,
    /// The line of the opening fence, from 1.
    pub line: usize,
    /// The lines between the fences.
    pub text: String,
}

/// The fenced blocks of `text`.
pub fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut open = false;
    for (i, line) in text.lines().enumerate() {
        if let Some(kind) = line.strip_prefix("```") {
            if !open {
                blocks.push(Block { kind, line: i + 1, text: String::new() });
            }
            open = !open;
        } else if let (true, Some(block)) = (open, blocks.last_mut()) {
            block.text += line;
            block.text += "\n";
        }
    }
    blocks
}

/// The lines outside of fenced blocks, with their numbers from 1.
pub fn prose(text: &str) -> Vec<(usize, &str)> {
    let mut open = false;
    let mut outside = |line: &str| {
        let fence = line.starts_with("```");
        open ^= fence;
        !open && !fence
    };
    text.lines().enumerate().map(|(i, line)| (i + 1, line)).filter(|(_, line)| outside(line)).collect()
}

/// `text` with the target of each link and picture outside of blocks replaced by the result of
/// `change`, unless that is `None`.
pub fn with_links(text: &str, mut change: impl FnMut(&str) -> Option<String>) -> String {
    let outside: Vec<usize> = prose(text).iter().map(|(number, _)| *number).collect();
    let mut result = String::with_capacity(text.len());
    for (i, line) in text.lines().enumerate() {
        let mut rest = line;
        while let (Some(at), true) = (rest.find("]("), outside.binary_search(&(i + 1)).is_ok()) {
            let (before, target) = rest.split_at(at + 2);
            let end = end_of_target(target);
            result += before;
            result += &change(&target[..end]).unwrap_or_else(|| target[..end].into());
            rest = &target[end..];
        }
        result += rest;
        result += "\n";
    }
    result
}

/// The position of the bracket that closes the link. Brackets inside the target, as in
/// `tensor::grad()`, are skipped.
fn end_of_target(rest: &str) -> usize {
    let mut open = 0;
    let closes = |c: char| {
        open += i32::from(c == '(') - i32::from(c == ')');
        open < 0
    };
    rest.find(closes).unwrap_or(rest.len())
}

/// The targets of the links and pictures of `text`.
pub fn links(text: &str) -> Vec<String> {
    let mut targets = Vec::new();
    with_links(text, |target| {
        targets.push(target.into());
        None
    });
    targets
}

/// The page, relative to the root of the documentation, that rustdoc makes of a file that a page of
/// the book links as `../../tensor/src/tape.rs`. A text that is a module, such as
/// `../../../kernels/src/fast_path.md`, has the page of this module.
pub fn source_page(target: &str) -> Option<String> {
    let inside = target.trim_start_matches("../");
    let (package, file) = inside.split_once("/src/").filter(|_| inside.len() < target.len())?;
    match file.strip_suffix(".md") {
        Some(module) => Some(format!("{package}/{module}/index.html")),
        None => file.ends_with(".rs").then(|| format!("src/{package}/{file}.html")),
    }
}

/// The SVG figure or PNG picture at `target`, relative to `folder`, as a `data:` URI. None if it is
/// neither, or cannot be read.
pub fn picture(folder: &Path, target: &str) -> Option<String> {
    let kind = match target.rsplit_once('.')?.1 {
        "svg" => "svg+xml",
        "png" => "png",
        _ => return None,
    };
    let bytes = std::fs::read(folder.join(target)).ok()?;
    Some(format!("data:image/{kind};base64,{}", BASE64_STANDARD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a [`b`](c::d()), ![e](f)\n```rust\nlet g = h[0](1);\n```\nlast\n```text\ni\n```\n";

    #[test]
    fn blocks_and_prose_are_told_apart() {
        let found = blocks(TEXT);
        assert_eq!(found[0], Block { kind: "rust", line: 2, text: "let g = h[0](1);\n".into() });
        assert_eq!((found.len(), found[1].line, found[1].kind), (2, 6, "text"));
        assert_eq!(prose(TEXT), [(1, "a [`b`](c::d()), ![e](f)"), (5, "last")]);
    }

    #[test]
    fn only_links_outside_of_blocks_are_changed() {
        assert_eq!(links(TEXT), ["c::d()", "f"]);
        let changed = with_links(TEXT, |target| (target == "f").then(|| "new".into()));
        assert_eq!(changed, TEXT.replace("(f)", "(new)"));
    }

    #[test]
    fn source_files_have_pages() {
        assert_eq!(source_page("../../tensor/src/ops/add.rs").as_deref(), Some("src/tensor/ops/add.rs.html"));
        assert_eq!(source_page("../../../explain/src/lib.rs").as_deref(), Some("src/explain/lib.rs.html"));
        assert_eq!(source_page("../../../kernels/src/fast_path.md").as_deref(), Some("kernels/fast_path/index.html"));
        assert_eq!(source_page("tensor::Var"), None);
        assert_eq!(source_page("../../tensor/Cargo.toml"), None);
    }
}

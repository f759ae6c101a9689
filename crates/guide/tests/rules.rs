//! The rules of the chapters, as the crate's documentation gives them.

use std::path::{Path, PathBuf};

use guide::CHAPTERS;
use guide::manual::PAGES;
use guide::markdown::{Block, blocks, links, prose, source_page, with_links};

/// What a Rust block should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    Run,
    Compile,
    /// Fail to compile.
    Fail,
}

/// What the block does, if it is Rust.
fn kind(block: &Block<'_>) -> Result<Option<Does>, String> {
    let code = |code: &str| code.len() == 5 && code.starts_with('E') && code[1..].bytes().all(|b| b.is_ascii_digit());
    match block.kind {
        "console" | "text" => Ok(None),
        "rust" | "rust,should_panic" => Ok(Some(Does::Run)),
        "rust,no_run" => Ok(Some(Does::Compile)),
        other => match other.strip_prefix("rust,compile_fail,") {
            Some(error) if code(error) => Ok(Some(Does::Fail)),
            _ => Err(format!("a block of the kind `{other}`")),
        },
    }
}

fn rust_blocks(name: &str, text: &str) -> Vec<Does> {
    let kind_of = |block: &Block<'_>| kind(block).unwrap_or_else(|error| panic!("{name}.md:{}: {error}", block.line));
    blocks(text).iter().filter_map(kind_of).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn kinds_of_blocks() {
    let kind = |name| kind(&Block { kind: name, line: 1, text: String::new() }).ok();
    assert_eq!(kind("rust"), Some(Some(Does::Run)));
    assert_eq!(kind("rust,compile_fail,E0382"), Some(Some(Does::Fail)));
    assert_eq!(kind("text"), Some(None));
    for bad in ["", "ignore", "rust,ignore", "rust,compile_fail", "rust,compile_fail,E03", "rust,edition2021", "toml"] {
        assert_eq!(kind(bad), None, "`{bad}` is not allowed");
    }
}

#[test]
fn every_rust_block_compiles_and_nearly_all_run() {
    let all: Vec<Does> = CHAPTERS.iter().flat_map(|(name, text)| rust_blocks(name, text)).collect();
    let count = |does| all.iter().filter(|found| **found == does).count();
    assert!(count(Does::Compile) <= 2, "{} blocks are only compiled", count(Does::Compile));
    let share = count(Does::Run) as f64 / all.len() as f64;
    assert!(share >= 0.95, "{} of {} Rust blocks run", count(Does::Run), all.len());
}

#[test]
fn chapters_have_blocks_and_are_not_long() {
    let mut wrong = Vec::new();
    for (name, text) in CHAPTERS {
        let words: usize = prose(text).iter().map(|(_, line)| line.split_whitespace().count()).sum();
        let count = rust_blocks(name, text).len();
        if words > 2500 || count < 3 {
            wrong.push(format!("{name} has {words} words and {count} Rust blocks"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Rustdoc also treats indented lines as code, which would escape the other rules.
#[test]
fn blocks_are_fenced_at_the_margin() {
    for (name, text) in CHAPTERS {
        assert_eq!(text.lines().filter(|line| line.starts_with("```")).count() % 2, 0, "{name}: a block is not closed");
        for (number, line) in prose(text) {
            let indented = line.starts_with("    ") || line.starts_with('\t');
            let fence = line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~");
            assert!(!indented && !fence, "{name}.md:{number}: a block that is not fenced at the left margin");
        }
    }
}

#[test]
fn every_op_is_linked_from_a_chapter() {
    let ops = root().join("crates/tensor/src/ops");
    let mut missing = Vec::new();
    for entry in &tensor::ops::REGISTRY {
        let link = format!("[`{}`](tensor::ops::", entry.name);
        let modules =
            CHAPTERS.iter().flat_map(|(_, text)| text.split(&link).skip(1)).filter_map(|at| at.split(')').next());
        let mut seen = false;
        for module in modules {
            let source = std::fs::read_to_string(ops.join(module).with_extension("rs")).unwrap_or_default();
            let quoted = format!("\"{}\"", entry.name);
            assert!(
                source.contains(&quoted),
                "`{}` is linked to tensor::ops::{module}, which is not its file",
                entry.name
            );
            seen = true;
        }
        if !seen {
            missing.push(entry.name);
        }
    }
    assert!(missing.is_empty(), "no chapter links {missing:?}");
}

#[test]
fn links_lead_somewhere() {
    const CRATES: [&str; 7] = ["crate", "datasets", "kernels", "metrics", "models", "nn", "tensor"];
    let folder = root().join("crates/guide/src");
    for (name, text) in CHAPTERS {
        for target in links(text) {
            let file = target.starts_with("../../") || target.starts_with("figures/");
            let item = CRATES.contains(&target.split("::").next().unwrap_or_default());
            let web = target.starts_with("https://");
            assert!(file || item || web, "{name} links to `{target}`: not an item, a source file, a figure or the web");
            if file {
                assert!(folder.join(&target).is_file(), "{name} links to {target}, which is not there");
            }
            if let Some(source) = target.strip_prefix("../../") {
                let package = source.split("/src/").next().unwrap_or_default();
                let page = CRATES.contains(&package) && source.ends_with(".rs");
                assert!(page, "{name} links to {target}: rustdoc makes no page of it");
            }
        }
    }
}

/// The numbers of a line that a block must contain: those with a decimal point or three digits,
/// except for years.
fn claims(line: &str) -> Vec<String> {
    let without_targets = with_links(line, |_| Some(String::new()));
    let in_number = |c: char| c.is_ascii_digit() || c == '.' || c == ',' || c == '_';
    let mut found = Vec::new();
    let mut before = ' ';
    let mut rest = without_targets.as_str();
    while let Some(first) = rest.chars().next() {
        if !first.is_ascii_digit() {
            before = first;
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let (number, after) = rest.split_at(rest.find(|c| !in_number(c)).unwrap_or(rest.len()));
        let number = number.trim_end_matches(['.', ',', '_']);
        let plain = number.replace([',', '_'], "");
        let year = plain.len() == 4 && (plain.starts_with("19") || plain.starts_with("20")) && plain == number;
        if !before.is_alphabetic() && !year && (plain.contains('.') || plain.len() >= 3) {
            found.push(plain);
        }
        before = '0';
        rest = after;
    }
    found
}

#[test]
fn numbers_that_are_claims() {
    assert_eq!(
        claims("3.5 times, 4,311,553 in 2014 (f32, 12x12), E0382 [a](b/300) 2 1e-6 0.25."),
        ["3.5", "4311553", "0.25"]
    );
}

#[test]
fn numbers_of_the_prose_stand_in_a_block() {
    let mut wrong = Vec::new();
    for (name, text) in CHAPTERS {
        let code: String = blocks(text).into_iter().map(|block| block.text).collect();
        let code = code.replace([',', '_'], "");
        for (number, line) in prose(text) {
            let missing = claims(line).into_iter().filter(|claim| !code.contains(claim));
            wrong.extend(missing.map(|claim| format!("{name}.md:{number}: {claim}")));
        }
    }
    assert!(wrong.is_empty(), "no block asserts {wrong:#?}");
}

#[test]
fn the_book_has_every_chapter_in_order() {
    let summary = std::fs::read_to_string(root().join("crates/guide/src/SUMMARY.md")).unwrap();
    let chapters = CHAPTERS.iter().map(|(name, _)| format!("{name}.md"));
    let manual = PAGES.iter().map(|(name, _)| format!("manual/{name}.md"));
    assert_eq!(links(&summary), chapters.chain(manual).collect::<Vec<_>>());
}

/// Rustdoc would compile a block of another kind, or one that is not fenced.
#[test]
fn the_manual_has_fenced_blocks_of_few_kinds() {
    for (name, text) in PAGES {
        for block in blocks(text) {
            let known = ["sh", "console", "text", "python", "toml"].contains(&block.kind);
            assert!(known, "manual/{name}.md:{}: a block of the kind `{}`", block.line, block.kind);
        }
        for (number, line) in prose(text) {
            assert!(!line.starts_with("    "), "manual/{name}.md:{number}: a block that is not fenced");
        }
    }
}

/// A link leads to a heading, to another page of the book, to a picture, or to a file with a page
/// in the documentation.
#[test]
fn links_of_the_manual_lead_somewhere() {
    let folder = root().join("crates/guide/src/manual");
    for (name, text) in PAGES {
        for target in links(text).iter().filter(|target| !target.starts_with("https://")) {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let link = format!("manual/{name}.md links to {target}");
            assert!(file.is_empty() || folder.join(file).is_file(), "{link}, which is not there");
            let in_book = !file.contains('/') || file.strip_prefix("../c").is_some_and(|rest| !rest.contains('/'));
            let has_page = in_book || file.ends_with(".png") || source_page(file).is_some();
            assert!(has_page, "{link}, which has no page in the documentation");
            if !heading.is_empty() {
                let page = if file.is_empty() {
                    (*text).to_owned()
                } else {
                    std::fs::read_to_string(folder.join(file)).unwrap()
                };
                let mut headings = page.lines().filter_map(|line| line.strip_prefix("## "));
                assert!(headings.any(|line| place_of(line) == heading), "{link}, a heading that is not there");
            }
        }
    }
}

/// The anchor of a heading on a page of rustdoc and of the book.
fn place_of(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || ['-', '_', ' '].contains(c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// `[chapter 14](crate::c14_proof_and_speed#gradients-of-gradients)`: the number is that of the
/// chapter, and the chapter has the heading. A chapter that is named without a link exists.
#[test]
fn a_chapter_that_is_named_is_the_one_that_is_meant() {
    let mut seen = 0;
    for (name, text) in CHAPTERS {
        let places: Vec<Vec<String>> = CHAPTERS
            .iter()
            .map(|(_, text)| {
                prose(text).iter().filter_map(|(_, line)| Some(place_of(line.strip_prefix("## ")?))).collect()
            })
            .collect();
        for target in links(text).iter().filter_map(|target| target.strip_prefix("crate::c")) {
            let (chapter, place) = target.split_once('#').unwrap_or((target, ""));
            let number = chapter[..2].parse::<usize>().unwrap();
            assert_eq!(CHAPTERS[number - 1].0[1..], *chapter, "{name}");
            assert!(place.is_empty() || places[number - 1].iter().any(|other| other == place), "{name}: no {target}");
        }
        let prose: String = prose(text).iter().flat_map(|(_, line)| [*line, " "]).collect();
        for (at, word) in prose.match_indices("hapter ") {
            let after = &prose[at + word.len()..];
            let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
            let Ok(number) = after[..digits].parse::<usize>() else { continue };
            assert!((1..=CHAPTERS.len()).contains(&number), "{name} names chapter {number}");
            if let Some(link) = after[digits..].strip_prefix("](crate::c") {
                assert_eq!(link[..2].parse(), Ok(number), "{name}: chapter {number} is linked to c{}", &link[..2]);
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen} links to chapters by their number");
}

/// The formulas of the optimisers are exactly those against which the kernels are tested.
#[test]
fn the_chapter_on_optimisers_has_the_formulas_of_the_rules() {
    use nn::{Dialect, Gradients, Network, Optimizer, UpdateRule};
    let (_, text) = CHAPTERS.iter().find(|(name, _)| *name == "c11_optimizers").unwrap();
    let blocks = blocks(text).into_iter().filter(|block| block.kind == "text").map(|block| block.text);
    let inline = prose(text).into_iter().flat_map(|(_, line)| line.split('`').skip(1).step_by(2)).map(str::to_owned);
    let all: Vec<String> = blocks.chain(inline).collect();
    let formulas: Vec<&str> =
        all.iter().flat_map(|text| text.lines()).flat_map(|line| line.split("  ")).map(str::trim).collect();
    let network = Network::new("net", &[1], Dialect::Keras, 1);
    let gradients = Gradients { parameters: vec![], buffers: vec![] };
    for rule in UpdateRule::examples() {
        let optimizer = Optimizer::new(&network, rule, 0.1).decay(0.1).clip(1.0).clip_norm(1.0).weight_decay(0.1);
        for line in optimizer.formulas(&gradients).lines {
            assert!(formulas.contains(&&*line.to_string()), "c11_optimizers.md does not have `{line}` of {rule:?}");
        }
    }
}

/// The number of lines of the first block below a heading, up to a line that begins with `end`,
/// without hidden ones.
fn lines_below(chapter: &str, heading: &str, end: &str) -> usize {
    let (_, text) = CHAPTERS.iter().find(|(name, _)| *name == chapter).unwrap();
    let (_, below) = text.split_once(heading).unwrap_or_else(|| panic!("{chapter} has no `{heading}`"));
    let block = blocks(below).remove(0).text;
    let counts = |line: &&str| !line.trim().is_empty() && (!line.starts_with('#') || line.starts_with("#["));
    block.lines().take_while(|line| !line.starts_with(end)).filter(counts).count()
}

/// The headings and two READMEs say how short the engine is.
#[test]
fn lines_are_counted() {
    let tape = lines_below("c02_tape", "## From nothing: a tape of 27 lines", "let mut tape");
    let sweep = lines_below("c04_reverse_sweep", "## From nothing: the sweep in twenty lines", "// 3 (x y");
    assert_eq!((tape, sweep), (27, 20));
    assert!(lines_below("c05_tensors", "## An op of your own, in thirty lines", "let x =") <= 30);
    for page in ["README.md", "crates/guide/README.md"] {
        let text = std::fs::read_to_string(root().join(page)).unwrap();
        assert!(text.contains("an engine of fewer than fifty lines") && tape + sweep < 50, "{page}");
    }
}

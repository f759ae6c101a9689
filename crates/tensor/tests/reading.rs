//! Keeps the engine readable: it is short, every rule is short and states its formula, and
//! registry, code and guide describe the same operations.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tensor::ops::REGISTRY;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn source(file: &str) -> String {
    let path = root().join("crates/tensor/src").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.split("#[cfg(test)]").next().unwrap_or_default().into()
}

/// The source files of the operations.
fn op_files() -> Vec<String> {
    let folder = fs::read_dir(root().join("crates/tensor/src/ops")).expect("the folder of the operations");
    let names = folder.map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter(|name| name != "mod.rs").collect();
    names.sort();
    names
}

/// A function in the source text.
struct Function {
    name: String,
    /// Line numbers in the file: the first line, and the lines of the body.
    first: usize,
    body: Vec<String>,
}

impl Function {
    fn calls(&self, name: &str) -> bool {
        let call = format!("{name}(");
        let called = |(at, _): (usize, &str), line: &str| {
            !line[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_')
        };
        self.body.iter().any(|line| line.match_indices(&call).any(|found| called(found, line)))
    }
}

/// The functions of a file formatted by rustfmt.
fn functions(text: &str) -> Vec<Function> {
    let lines: Vec<_> = text.lines().collect();
    let function = |(first, line): (usize, &&str)| {
        let code = line.trim_start();
        let name = code.split("fn ").nth(1).filter(|_| code.starts_with("fn ") || code.starts_with("pub"))?;
        let end = format!("{}}}", &line[..line.len() - code.len()]);
        let last = first + lines[first..].iter().position(|line| *line == end)?;
        let open = first + lines[first..].iter().position(|line| line.ends_with('{'))?;
        let name = name.split(['(', '<']).next()?.to_owned();
        Some(Function { name, first, body: lines[open + 1..last].iter().map(|line| (*line).to_owned()).collect() })
    };
    lines.iter().enumerate().filter_map(function).collect()
}

#[test]
fn the_tape_and_the_sweep_are_short() {
    let lines = |file: &&str| source(file).lines().filter(|line| !line.trim().is_empty()).count();
    let files = ["tape.rs", "grad.rs", "var.rs", "op.rs"];
    let total: usize = files.iter().map(lines).sum();
    println!("{files:?}: {total} lines");
    assert!(total <= 600, "{files:?} have {total} lines: too long to be read in one go");
}

#[test]
fn every_rule_is_short() {
    let mut longest = (0, String::new());
    for file in op_files() {
        let functions = functions(&source(&format!("ops/{file}")));
        for rule in functions.iter().filter(|function| function.name == "vjp") {
            // The rule, and the helper functions that only it uses.
            let mut parts = vec![rule];
            while let Some(helper) = functions.iter().find(|helper| {
                let is_part = |function: &Function| parts.iter().any(|part| part.first == function.first);
                let users: Vec<_> = functions.iter().filter(|user| user.calls(&helper.name)).collect();
                helper.name != "vjp" && !is_part(helper) && !users.is_empty() && users.into_iter().all(is_part)
            }) {
                parts.push(helper);
            }
            let lines: usize = parts.iter().map(|part| part.body.len()).sum();
            let names: Vec<_> = parts.iter().map(|part| &*part.name).collect();
            assert!(lines <= 25, "{file}: a rule of {lines} lines, in {names:?}");
            longest = longest.max((lines, format!("{file} {names:?}")));
        }
    }
    println!("the longest rule: {longest:?}");
    assert!(longest.0 > 15, "the longest rules are counted with their helpers: {longest:?}");
}

/// The blocks `impl Op for ...` of a file: the registry constants that name them, and the comment
/// on their rule.
fn implementations(text: &str) -> Vec<(Vec<String>, String)> {
    let blocks = text.split("impl<T: Element> Op<T> for ").skip(1).filter_map(|block| block.split("\n}\n").next());
    let implementation = |block: &str| {
        let name = block.split("fn name(").nth(1).and_then(|rest| rest.split("\n    }\n").next()).expect("a name");
        let words = name.split(|c: char| !c.is_ascii_uppercase() && c != '_');
        let rows = words.filter(|word| word.ends_with("ENTRY")).map(String::from).collect();
        let before: Vec<_> = block.split("    fn vjp(").next().expect("a rule").lines().collect();
        let comment = before.iter().rev().map_while(|line| line.trim_start().strip_prefix("///"));
        let comment: Vec<_> = comment.map(str::trim).collect();
        (rows, comment.into_iter().rev().collect::<Vec<_>>().join(" "))
    };
    blocks.map(implementation).collect()
}

/// The value of a field of the registry entry that is the constant `row` in `text`.
fn field<'a>(text: &'a str, row: &str, field: &str) -> &'a str {
    let start = format!("pub const {row}: Entry = Entry {{");
    let body = text.split(&*start).nth(1).unwrap_or_else(|| panic!("a row {row}"));
    let value = body.split(&format!("\n    {field}: \"")).nth(1).and_then(|rest| rest.split("\",\n").next());
    value.unwrap_or_else(|| panic!("a field {field}"))
}

#[test]
fn the_registry_and_the_code_have_the_same_operations_and_the_same_formulas() {
    let mut written = BTreeSet::new();
    let modules = source("ops/mod.rs");
    for file in op_files() {
        let module = format!("pub mod {};", file.trim_end_matches(".rs"));
        assert!(modules.contains(&module), "ops/mod.rs lacks `{module}`");
        let text = source(&format!("ops/{file}"));
        for (rows, comment) in implementations(&text) {
            assert!(!rows.is_empty(), "{file}: an op's name comes from its row");
            for row in rows {
                let (name, rule) = (field(&text, &row, "name"), field(&text, &row, "rule"));
                let entry = REGISTRY.iter().find(|entry| entry.name == name);
                let entry = entry.unwrap_or_else(|| panic!("{file}: `{name}` is not in the registry"));
                assert_eq!(entry.file, format!("crates/tensor/src/ops/{file}"), "`{name}`");
                assert!(comment.contains(&format!("`{rule}`")), "{file}: the comment on the rule lacks `{rule}`");
                written.insert(name.to_owned());
            }
        }
    }
    let registered: BTreeSet<_> = REGISTRY.iter().map(|entry| entry.name.to_owned()).collect();
    assert_eq!(registered, written, "rows, and names of ops in the code");
    assert_eq!(registered.len(), REGISTRY.len(), "every row has a name of its own");
}

#[test]
fn every_row_says_all_that_it_should() {
    let guide = fs::read_to_string(root().join("crates/guide/src/lib.rs")).expect("the guide");
    for entry in &REGISTRY {
        let name = entry.name;
        assert!(guide.contains(&format!("\n    {},\n", entry.chapter)), "{name}: no chapter {}", entry.chapter);
        for text in [entry.idea, entry.forward, entry.rule, entry.saved, entry.shape, entry.cost] {
            assert!(!text.is_empty(), "{name}");
        }
        assert!((2..=8).contains(&entry.derivation.len()), "{name}: a derivation of {} steps", entry.derivation.len());
        for step in entry.derivation {
            assert!(step.len() <= 75, "{name}: a step that is too long for a line: {step}");
        }
    }
}

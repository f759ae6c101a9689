//! Finds every `advice!` in the source files of the workspace.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Spacing, TokenStream, TokenTree};

/// One `advice!("id", "text", ...)`.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) id: String,
    /// The text, a format string.
    pub(crate) text: String,
    /// File and line.
    pub(crate) place: String,
}

impl Written {
    /// The parts of the text between its placeholders.
    pub(crate) fn pieces(&self) -> Vec<String> {
        let mut pieces = vec![String::new()];
        let mut letters = self.text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '{' | '}' if letters.peek() == Some(&letter) => {
                    letters.next();
                    pieces.last_mut().unwrap().push(letter);
                }
                '{' => {
                    letters.by_ref().find(|letter| *letter == '}').expect("a placeholder ends");
                    pieces.push(String::new());
                }
                _ => pieces.last_mut().unwrap().push(letter),
            }
        }
        pieces
    }

    /// Whether the source shows that something in it can be typed.
    pub(crate) fn needs_a_situation(&self) -> bool {
        self.text.contains('`') || self.pieces().len() > 1
    }
}

/// What was found in the sources.
#[derive(Default)]
pub(crate) struct Sources {
    pub(crate) advice: Vec<Written>,
    /// Literals outside of `advice!` that name a command or an option to users.
    pub(crate) strays: Vec<String>,
}

/// Reads `crates/*/src`, without code that is only for tests.
pub(crate) fn read() -> Sources {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = Sources::default();
    for folder in fs::read_dir(crates).unwrap().flatten() {
        // These crates are separate programs.
        if ["exercises", "guide"].iter().any(|other| folder.file_name() == **other) {
            continue;
        }
        for file in rust_files(&folder.path().join("src")) {
            let tokens: TokenStream = fs::read_to_string(&file).unwrap().parse().unwrap();
            let place = file.strip_prefix(crates).unwrap().display().to_string();
            found.search(tokens, &place, false);
        }
    }
    assert!(found.advice.len() > 50, "the sources are found");
    found
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
    files
}

impl Sources {
    /// Searches `tokens`. If `reason` is set, they are the reason of a failure, which may name
    /// options.
    fn search(&mut self, tokens: TokenStream, file: &str, reason: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            if is_test_only(&tokens[at..]) {
                // Skips the module or function with this attribute, which ends with its block.
                at += tokens[at..].iter().position(is_block).map_or(1, |block| block + 1);
                continue;
            }
            if let Some(written) = advice(&tokens[at..], file) {
                self.advice.push(written);
                at += 3;
                continue;
            }
            if let Some(length) = attribute(&tokens[at..]) {
                // Skips attributes, including doc comments.
                at += length;
                continue;
            }
            match &tokens[at] {
                TokenTree::Group(group) => {
                    let reason = reason || at > 0 && is_reason(&tokens[at - 1]);
                    self.search(group.stream(), file, reason);
                }
                TokenTree::Literal(literal) => {
                    if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string())
                        && (names_a_command(&text.value()) || !reason && names_an_option(&text.value()))
                        && !FREE.iter().any(|free| file.starts_with(free))
                    {
                        let line = literal.span().start().line;
                        self.strays.push(format!("{file}:{line}: {:?}", text.value()));
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }
}

/// Files that name commands for another reason: the help of the command line, the definition of
/// `advice!`, and the program that builds the playground's site with cargo.
const FREE: [&str; 8] = [
    "datasets/src/advice.rs",
    "cli/src/cli/",
    "cli/src/program.rs",
    "runs/src/failure.rs",
    "runs/src/config/keys.rs",
    "runs/src/explanation.rs",
    "playground/src/main.rs",
    "playground/src/site.rs",
];

/// The number of tokens of the attribute that begins here, if one does.
fn attribute(tokens: &[TokenTree]) -> Option<usize> {
    let is_hash = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == '#');
    match tokens {
        [hash, TokenTree::Group(_), ..] if is_hash(hash) => Some(2),
        [hash, TokenTree::Punct(_), TokenTree::Group(_), ..] if is_hash(hash) => Some(3),
        _ => None,
    }
}

/// Whether this is the name of a function that takes the facts of a failure, which may name the
/// options that were given.
fn is_reason(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Ident(name) if ["new", "at", "because", "failure", "what"].iter().any(|known| name == known))
}

/// Whether a line contains an option among other words.
fn names_an_option(text: &str) -> bool {
    let alone = text.split_whitespace().all(|word| word.starts_with("--") || word.starts_with('{'));
    // A whole command is part of an advice.
    let whole = text.starts_with("train ");
    !alone
        && !whole
        && !text.starts_with("option")
        && !text.contains("cargo ")
        && super::follow::typed_outside(text).is_some()
}

/// `#[cfg(test)]` or `#[test]` begins here.
fn is_test_only(tokens: &[TokenTree]) -> bool {
    let [TokenTree::Punct(hash), TokenTree::Group(attribute), ..] = tokens else { return false };
    hash.as_char() == '#' && ["cfg(test)", "cfg (test)", "test"].contains(&&*attribute.stream().to_string())
}

fn is_block(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == proc_macro2::Delimiter::Brace)
        || matches!(token, TokenTree::Punct(punct) if punct.as_char() == ';' && punct.spacing() == Spacing::Alone)
}

/// `advice!(...)` begins here.
fn advice(tokens: &[TokenTree], file: &str) -> Option<Written> {
    let [TokenTree::Ident(name), TokenTree::Punct(bang), TokenTree::Group(group), ..] = tokens else { return None };
    if name != "advice" || bang.as_char() != '!' {
        return None;
    }
    let place = format!("{file}:{}", name.span().start().line);
    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
    let literal = |at: usize| match inner.get(at) {
        Some(TokenTree::Literal(literal)) => syn::parse_str::<syn::LitStr>(&literal.to_string()).ok(),
        _ => None,
    };
    match (literal(0), literal(2)) {
        (Some(id), Some(text)) => Some(Written { id: id.value(), text: text.value(), place }),
        _ => panic!("{place}: advice! wants an id and a text"),
    }
}

/// Whether a line names a command of the program.
fn names_a_command(text: &str) -> bool {
    text.contains("`train ") || text.contains("cargo run -p train") || text.contains("`--")
}

/// Ids that are used twice, with their locations.
pub(crate) fn doubles(advice: &[Written]) -> Vec<String> {
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for written in advice {
        places.entry(&written.id).or_default().push(&written.place);
    }
    places.iter().filter(|(_, places)| places.len() > 1).map(|(id, places)| format!("{id}: {places:?}")).collect()
}

//! The preprocessor of the book. mdBook passes it the chapters as JSON; it returns them with links
//! to the pages of rustdoc, which are in the parent folder of the book (`target/doc/book`).
//!
//! Only rustdoc understands a link such as [`Var`](tensor::Var): which page it means depends on
//! what `Var` is. So the documentation must be made before the book, and a link leads to whichever
//! page exists. A link without a page is an error.

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

use guide::markdown;
use serde_json::Value;

fn main() -> ExitCode {
    // mdBook first asks whether the preprocessor supports a renderer. It supports all of them.
    if env::args().nth(1).is_some_and(|word| word == "supports") {
        return ExitCode::SUCCESS;
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("guide: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    // target/debug/book stands beside target/doc.
    let documentation = program.ancestors().nth(2).unwrap_or(Path::new("target")).join("doc");
    let input: [Value; 2] = serde_json::from_reader(io::stdin()).map_err(|error| {
        format!("{error}: this program is called by mdBook; type `mdbook build crates/guide` instead")
    })?;
    let [_context, mut book] = input;
    let mut missing = Vec::new();
    relink(&mut book, &documentation, &mut missing);
    if !missing.is_empty() {
        let (count, first, folder) = (missing.len(), &missing[0], documentation.display());
        return Err(format!(
            "{count} links have no page in {folder}, the first is `{first}`; make the pages with `cargo doc --workspace --no-deps`"
        ));
    }
    serde_json::to_writer(io::stdout(), &book).map_err(|error| error.to_string())
}

/// Changes the links in each chapter of `book`, wherever this version of mdBook keeps them.
fn relink(book: &mut Value, documentation: &Path, missing: &mut Vec<String>) {
    match book {
        Value::Object(fields) => {
            let page = fields.get("path").and_then(Value::as_str).unwrap_or_default().to_owned();
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "content" => {
                        *text = markdown::with_links(text, |target| match for_book(documentation, &page, target) {
                            Ok(link) => link,
                            Err(()) => {
                                missing.push(target.into());
                                None
                            }
                        });
                    }
                    other => relink(other, documentation, missing),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| relink(value, documentation, missing)),
        _ => {}
    }
}

/// The link in the page at `page`, such as `manual/data.md`, to what `target` means; None to leave
/// it as it is.
///
/// # Errors
/// When the documentation has no page of it.
fn for_book(documentation: &Path, page: &str, target: &str) -> Result<Option<String>, ()> {
    let (item, place) = target.split_at(target.find('#').unwrap_or(target.len()));
    if let Some(chapter) =
        item.strip_prefix("crate::").filter(|rest| guide::CHAPTERS.iter().any(|(name, _)| name == rest))
    {
        return Ok(Some(format!("{chapter}.md{place}")));
    }
    // The files of the book itself lie beside its pages; pictures from elsewhere are embedded.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(page);
    if target.ends_with(".png") {
        return markdown::picture(folder.parent().unwrap_or(&folder), target).map(Some).ok_or(());
    }
    let found = match markdown::source_page(target) {
        Some(page) => documentation.join(&page).is_file().then_some(page),
        None if ["https://", "figures/"].iter().any(|start| target.starts_with(start))
            || target.starts_with('#')
            || item.ends_with(".md") =>
        {
            return Ok(None);
        }
        None => item_page(documentation, target),
    };
    let root = "../".repeat(1 + page.matches('/').count());
    found.map(|page| Some(format!("{root}{page}"))).ok_or(())
}

/// The page, and the place on it, of the item at `path`: `tensor::Var::square` is
/// `tensor/struct.Var.html#method.square`.
fn item_page(documentation: &Path, path: &str) -> Option<String> {
    let path = path.replacen("crate::", "guide::", 1);
    if let Some(page) = page(documentation, &path) {
        return Some(page);
    }
    let (owner, member) = path.rsplit_once("::")?;
    let page = page(documentation, owner)?;
    let text = fs::read_to_string(documentation.join(&page)).ok()?;
    let kinds = ["method", "tymethod", "variant", "structfield", "associatedconstant", "associatedtype"];
    let place =
        kinds.iter().map(|kind| format!("{kind}.{member}")).find(|id| text.contains(&format!("id=\"{id}\"")))?;
    Some(format!("{page}#{place}"))
}

/// The page of an item that has its own page. If a module and a function have the same name, `()`
/// selects the function, as in rustdoc.
fn page(documentation: &Path, path: &str) -> Option<String> {
    let (folder, name) =
        path.rsplit_once("::").map_or((String::new(), path), |(folder, name)| (folder.replace("::", "/") + "/", name));
    let names: Vec<String> = match name.strip_suffix("()") {
        Some(function) => vec![format!("fn.{function}.html")],
        None => {
            let kinds = ["struct", "enum", "trait", "fn", "constant", "type", "macro"].iter();
            core::iter::once(format!("{name}/index.html"))
                .chain(kinds.map(|kind| format!("{kind}.{name}.html")))
                .collect()
        }
    };
    if let Some(name) = names.iter().find(|name| documentation.join(&folder).join(name).is_file()) {
        return Some(folder + name);
    }
    // An item that is re-exported from a documented module has its page there, and the page of this
    // module links to it.
    let module = fs::read_to_string(documentation.join(&folder).join("index.html")).ok()?;
    let mut links = module.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let link =
        links.find(|link| !link.contains("..") && names.iter().any(|name| link.ends_with(&format!("/{name}"))))?;
    documentation.join(&folder).join(link).is_file().then(|| folder + link)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A documentation of a few pages.
    fn documentation() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (page, text) in [
            ("tensor/struct.Var.html", "<section id=\"method.square\">"),
            ("tensor/fn.grad.html", ""),
            ("tensor/index.html", "<a href=\"check/fn.check.html\">"),
            ("tensor/check/fn.check.html", ""),
            ("tensor/grad/index.html", ""),
            ("tensor/ops/add/index.html", ""),
            ("src/tensor/tape.rs.html", ""),
        ] {
            let path = folder.path().join(page);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn links_lead_to_the_pages_that_are_there() {
        let folder = documentation();
        let link = |target| for_book(folder.path(), "c01_gan.md", target);
        for (target, expected) in [
            ("tensor::Var", "../tensor/struct.Var.html"),
            ("tensor::Var::square", "../tensor/struct.Var.html#method.square"),
            ("tensor::grad()", "../tensor/fn.grad.html"),
            ("tensor::check()", "../tensor/check/fn.check.html"),
            ("tensor::ops::add", "../tensor/ops/add/index.html"),
            ("../../tensor/src/tape.rs", "../src/tensor/tape.rs.html"),
            ("crate::c02_tape", "c02_tape.md"),
        ] {
            assert_eq!(link(target), Ok(Some(expected.into())), "{target}");
        }
        let in_manual = for_book(folder.path(), "manual/data.md", "../../../tensor/src/tape.rs");
        assert_eq!(in_manual, Ok(Some("../../src/tensor/tape.rs.html".into())));
        let picture = for_book(folder.path(), "manual/systems.md", "../../../../data/gallery/mnist.png");
        assert!(picture.unwrap().unwrap().starts_with("data:image/png;base64,"));
        for untouched in ["figures/c02_tape.svg", "https://arxiv.org/abs/1406.2661", "running.md#options", "#signals"] {
            assert_eq!(link(untouched), Ok(None));
        }
        for missing in ["tensor::Nothing", "tensor::Var::cube", "../../tensor/src/nothing.rs"] {
            assert_eq!(link(missing), Err(()), "{missing}");
        }
    }

    #[test]
    fn every_chapter_is_changed_and_every_missing_page_reported() {
        let folder = documentation();
        let text = "{\"items\": [{\"Chapter\": {\"name\": \"a\", \"content\": \"[b](tensor::Var)\\n\", \"sub_items\":
            [{\"Chapter\": {\"content\": \"[c](tensor::D)\\n\"}}]}}]}";
        let mut book: Value = serde_json::from_str(text).unwrap();
        let mut missing = Vec::new();
        relink(&mut book, folder.path(), &mut missing);
        assert_eq!(book["items"][0]["Chapter"]["content"], "[b](../tensor/struct.Var.html)\n");
        assert_eq!(missing, ["tensor::D"]);
    }
}

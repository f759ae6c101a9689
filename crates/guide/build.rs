//! Prepares the chapters and the Manual for rustdoc. A page of rustdoc has no files beside it, so
//! each figure and picture is embedded into its link. A link to a source file is changed to
//! rustdoc's page of that file, and a link to another page of the book to that page. Line numbers
//! stay the same.

use std::path::{Path, PathBuf};
use std::{env, fs};

#[allow(dead_code, unreachable_pub, reason = "a module of the library, of which the build needs the links")]
#[path = "src/markdown.rs"]
mod markdown;

fn main() {
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the folder")).join("src");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo names the folder of the output"));
    println!("cargo::rerun-if-changed={}", folder.display());
    prepare(&folder, &out, "../../");
    prepare(&folder.join("manual"), &out.join("manual"), "../../../");
}

/// Prepares the pages in `folder`. From their pages in the documentation, `root` leads to its root.
fn prepare(folder: &Path, out: &Path, root: &str) {
    fs::create_dir_all(out).expect("the output can be written");
    for entry in fs::read_dir(folder).expect("the folder of the pages").flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|end| end == "md") {
            let text = fs::read_to_string(&path).expect("a page is text");
            let text = markdown::with_links(&text, |target| for_rustdoc(folder, target, root));
            fs::write(out.join(entry.file_name()), text).expect("the output can be written");
        }
    }
}

fn for_rustdoc(folder: &Path, target: &str, root: &str) -> Option<String> {
    let (page, place) = target.split_at(target.find('#').unwrap_or(target.len()));
    if let Some(name) = page.strip_suffix(".md") {
        return Some(match markdown::source_page(target) {
            Some(page) => format!("{root}{page}"),
            None => format!("../{name}/index.html{place}"),
        });
    }
    // A missing file is reported by a test.
    markdown::picture(folder, target).or_else(|| Some(format!("{root}{}", markdown::source_page(target)?)))
}

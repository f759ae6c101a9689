//! Makes the chapters as rustdoc needs them. A page of rustdoc has no files beside it, so each figure is put into its link, and a link
//! to a source file leads to the page that rustdoc makes of that file. All else, and every line number, stays.

use std::path::{Path, PathBuf};
use std::{env, fs};

#[allow(dead_code, unreachable_pub, reason = "a module of the library, of which the build needs the links")]
#[path = "src/markdown.rs"]
mod markdown;

fn main() {
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the folder")).join("src");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo names the folder of the output"));
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(&folder).expect("the folder of the chapters").flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|end| end == "md") {
            let text = fs::read_to_string(&path).expect("a chapter is text");
            let text = markdown::with_links(&text, |target| for_rustdoc(&folder, target));
            fs::write(out.join(entry.file_name()), text).expect("the output can be written");
        }
    }
}

fn for_rustdoc(folder: &Path, target: &str) -> Option<String> {
    if target.starts_with("figures/") {
        // A figure that is missing is a test's business, which says so in words.
        let svg = fs::read_to_string(folder.join(target)).ok()?;
        return Some(format!("data:image/svg+xml,{}", percent_encoded(&svg)));
    }
    markdown::source_page(target).map(|page| format!("../../{page}"))
}

fn percent_encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'/' | b':' | b'=' | b',' | b';' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

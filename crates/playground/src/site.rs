//! The files of the site but for the modules: one page, the worker, the pictures, the trained
//! generator.

use std::io;
use std::path::Path;

use page::{Page, lean};

use crate::drawings::built_in;

const TITLE: &str = "The GAN playground";
const SCRIPT: [&str; 5] = [
    include_str!("../site/tools.js"),
    include_str!("../site/draw.js"),
    include_str!("../site/latents.js"),
    include_str!("../site/selftest.js"),
    include_str!("../site/main.js"),
];
/// The trained generator of apples, as `train playground-hash --out` writes it.
const APPLES: &[u8] = include_bytes!("../site/apples.f16");

/// The page.
///
/// # Panics
/// Never: the template has only known places.
pub fn html() -> String {
    // A page that explains a turn is opened from this one and inherits its policy, so that its style
    // and its script are named too.
    let [styles, scripts] = explain::policy();
    let page = Page {
        title: TITLE,
        style: include_str!("../site/page.css"),
        script: &SCRIPT,
        images: "data:",
        styles: &styles,
        scripts: &scripts,
        connections: "'self'",
        body: include_str!("../site/page.html"),
    };
    page.write(|name| unreachable!("page.html asks for {name}"))
}

/// Every file of the site but the modules, by name.
pub fn files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("index.html", html().into_bytes()),
        ("worker.js", lean(include_str!("../site/worker.js")).into_bytes()),
        ("digits.bin", built_in("digits")),
        ("apples.bin", built_in("apples")),
        ("apples.f16", APPLES.to_vec()),
    ]
}

/// Writes these files into `folder`.
///
/// # Errors
/// When a file cannot be written.
pub fn write(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    files().into_iter().try_for_each(|(name, bytes)| std::fs::write(folder.join(name), bytes))
}

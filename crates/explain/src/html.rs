//! The page: one self-contained HTML file with the document, its style and its script.
//!
//! The content security policy allows only the style and the script of the file, by their hashes,
//! and images made by the script. So even a text that was not escaped correctly could neither run
//! nor load anything.

use ::page::{Page, in_script};

use crate::document::Document;

const BODY: &str = include_str!("../page/page.html");
const STYLE: &str = include_str!("../page/page.css");

/// The files of the script, in order: each can use the ones before it.
const SCRIPT: [&str; 11] = [
    include_str!("../page/tape.js"),
    include_str!("../page/numbers.js"),
    include_str!("../page/pictures.js"),
    include_str!("../page/state.js"),
    include_str!("../page/graph.js"),
    include_str!("../page/panel.js"),
    include_str!("../page/views.js"),
    include_str!("../page/edit.js"),
    include_str!("../page/keys.js"),
    include_str!("../page/selftest.js"),
    include_str!("../page/main.js"),
];

fn sources(title: &str) -> Page<'_> {
    Page { title, style: STYLE, script: &SCRIPT, images: "data:", scripts: "", styles: "", connections: "", body: BODY }
}

/// The whole file.
///
/// # Panics
/// Never: every [`Document`] can be written as JSON.
pub fn page(document: &Document) -> String {
    let tape = serde_json::to_string(document).expect("a document is plain data");
    sources(&document.header.title).write(|name| match name {
        "tape" => in_script(&tape),
        _ => unreachable!("page.html asks for {name}"),
    })
}

/// The sources of every such page's style and script, for a content security policy: a page that is
/// opened from a blob inherits the policy of its opener.
pub fn policy() -> [String; 2] {
    sources("").sources()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::page::source;

    /// A document whose title tries to inject a script.
    fn hostile() -> Document {
        let mut document = Document::default();
        document.header.title = "</title></script><script>alert(1)</script> {{script}} & \u{2028}".into();
        document
    }

    #[test]
    fn no_text_leaves_its_place() {
        let page = page(&hostile());
        assert_eq!(page.matches("<script").count(), 2, "the document and the program");
        assert_eq!(page.matches("</script").count(), 2);
        assert!(!page.contains("<script>alert"));
        assert!(page.contains("<title>&lt;/title&gt;"));
        let (_, after) = page.split_once("id=\"tape\">").unwrap();
        let (tape, _) = after.split_once("</script>").unwrap();
        assert!(!tape.contains(['<', '>', '&', '\u{2028}']));
        let read: serde_json::Value = serde_json::from_str(tape).unwrap();
        assert_eq!(read["header"]["title"], hostile().header.title, "and it reads as it was written");
    }

    #[test]
    fn the_policy_names_what_is_there() {
        let page = page(&Document::default());
        for element in ["style", "script"] {
            let (_, after) = page.split_once(&format!("<{element}>")).unwrap();
            let (text, _) = after.split_once(&format!("</{element}>")).unwrap();
            assert!(page.contains(&format!("{element}-src {}", source(text))), "the hash of the {element}");
        }
        assert!(page.contains("default-src 'none'"));
        assert!(!page.contains("unsafe"));
    }

    #[test]
    fn style_and_script_fit() {
        let bytes = sources("").size();
        assert!(bytes <= 128 * 1024, "{bytes} bytes of style and script");
    }

    #[test]
    fn nothing_is_loaded() {
        let page = page(&Document::default());
        for place in page.match_indices("://") {
            let around = &page[place.0.saturating_sub(5)..(place.0 + 30).min(page.len())];
            assert!(around.contains("www.w3.org/"), "an address that is no name of a language: {around}");
        }
        for loader in
            ["fetch(", "XMLHttpRequest", "import(", "importScripts", "WebSocket", "innerHTML", "eval(", "localStorage"]
        {
            assert!(!page.contains(loader), "the page uses {loader}");
        }
    }
}

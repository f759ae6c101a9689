//! Self-contained HTML files, as `explain` and the reports of `runs` write them: a template that is
//! filled, texts and data that cannot leave their place in it, and the parts of a content security
//! policy that allows only the style and the script of the file, by their hashes.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

use sha2::{Digest, Sha256};

/// The beginning of every page, up to its body.
const HEAD: &str = include_str!("head.html");
/// The style that all pages have in common.
const BASE: &str = include_str!("base.css");

/// The sources of a page.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// The title, as plain text.
    pub title: &'a str,
    /// The style sheet, which follows the one that all pages have in common.
    pub style: &'a str,
    /// The files of the script, in order: each can use the ones before it.
    pub script: &'a [&'a str],
    /// Where images may come from, as in a content security policy.
    pub images: &'a str,
    /// Where scripts may come from besides the page itself; empty for a self-contained page.
    pub scripts: &'a str,
    /// Where styles may come from besides the page itself; empty for a self-contained page.
    pub styles: &'a str,
    /// Where a worker and data may come from; empty for a self-contained page.
    pub connections: &'a str,
    /// The template of the body, with the places `{{title}}` and `{{script}}`, and others.
    pub body: &'a str,
}

impl Page<'_> {
    /// The size of style and script in bytes, without indentation and comments.
    pub fn size(&self) -> usize {
        self.full_style().len() + lean(&self.script.concat()).len()
    }

    /// The style and the script in a content security policy, for a page that opens this one.
    pub fn sources(&self) -> [String; 2] {
        [self.full_style(), self.full_script()].map(|text| source(&text))
    }

    fn full_script(&self) -> String {
        format!("(() => {{\n\"use strict\";\n{}}})();\n", lean(&self.script.concat()))
    }

    fn full_style(&self) -> String {
        tight(&[BASE, self.style].concat())
    }

    /// The whole file; `part` has the content of the other places of the body.
    ///
    /// # Panics
    /// When a `{{` of the body is not closed.
    pub fn write(&self, part: impl Fn(&str) -> String) -> String {
        let style = self.full_style();
        let script = self.full_script();
        let mut policy = format!(
            "default-src 'none'; img-src {}; style-src {} {}; script-src {} {}; base-uri 'none'; form-action 'none'",
            self.images,
            source(&style),
            self.styles,
            source(&script),
            self.scripts,
        );
        if !self.connections.is_empty() {
            policy += &format!("; worker-src {0}; connect-src {0}", self.connections);
        }
        let common = |name: &str| match name {
            "policy" => policy.clone(),
            "title" => in_text(self.title),
            "style" => style.clone(),
            "script" => script.clone(),
            _ => part(name),
        };
        fill(HEAD, common) + &fill(self.body, common)
    }
}

/// Replaces each `{{name}}` of the template by `part(name)`. Inserted text is not searched again.
///
/// # Panics
/// When a `{{` of the template is not closed.
fn fill(frame: &str, part: impl Fn(&str) -> String) -> String {
    let mut pieces = frame.split("{{");
    let mut page = String::from(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (name, after) = piece.split_once("}}").expect("a template closes what it opens");
        page.push_str(&part(name));
        page.push_str(after);
    }
    page
}

/// Removes indentation and comment lines, a fifth of the size.
pub fn lean(text: &str) -> String {
    let lines = text.lines().map(str::trim_start);
    let kept = lines
        .filter(|line| !(line.is_empty() || line.starts_with("//") || line.starts_with("/*") && line.ends_with("*/")));
    kept.flat_map(|line| [line, "\n"]).collect()
}

/// Removes redundant spaces from a style sheet.
fn tight(style: &str) -> String {
    lean(style).replace(": ", ":").replace("; ", ";").replace(" {", "{").replace(";}", "}")
}

/// The name of a style or a script in the policy.
pub fn source(text: &str) -> String {
    format!("'sha256-{}'", base64(&Sha256::digest(text)))
}

/// Text between tags.
pub fn in_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// JSON for a script element, without characters that could end the element, start a comment or end
/// a line of JavaScript.
pub fn in_script(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => safe.push_str(&format!("\\u{:04x}", letter as u32)),
            _ => safe.push(letter),
        }
    }
    safe
}

/// Base64 as in RFC 4648, section 4: three bytes become four letters, `=` fills the last four.
pub fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let word = three.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for letter in 0..4 {
            let sixth = LETTERS[(word >> (18 - 6 * letter) & 63) as usize];
            text.push(if letter <= three.len() { char::from(sixth) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_agrees_with_the_standard() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn data_reads_as_it_was_written_and_closes_nothing() {
        let text = "</script><!-- & \u{2028}";
        let json = serde_json::to_string(text).unwrap();
        let safe = in_script(&json);
        assert!(!safe.contains(['<', '>', '&', '\u{2028}']), "{safe}");
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), text);
        assert_eq!(in_text("<b a=\"1\">&"), "&lt;b a=&quot;1&quot;&gt;&amp;");
    }

    #[test]
    fn a_template_is_filled_once() {
        assert_eq!(fill("a {{x}} b {{y}}", |name| format!("<{name}{{{{x}}}}>")), "a <x{{x}}> b <y{{x}}>");
    }
}

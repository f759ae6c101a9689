//! The page: one file.

use crate::document::Document;

/// The whole page.
pub fn page(document: &Document) -> String {
    let json = serde_json::to_string(document).unwrap_or_default().replace('<', "\\u003c");
    format!("<script type=\"application/json\" id=\"tape\">{json}</script>")
}

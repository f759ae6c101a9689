//! JSON for the page, without a library: the module that a visitor downloads stays small.

/// A value, as JSON text.
pub(crate) struct Json(String);

impl Json {
    pub(crate) fn text(text: &str) -> Self {
        let mut written = String::with_capacity(text.len() + 2);
        written.push('"');
        for letter in text.chars() {
            match letter {
                '"' | '\\' => written.extend(['\\', letter]),
                '\n' => written.push_str("\\n"),
                control if control < ' ' => written.push(' '),
                _ => written.push(letter),
            }
        }
        written.push('"');
        Self(written)
    }

    /// A number; null if it is not finite.
    pub(crate) fn number(number: f64) -> Self {
        Self(if number.is_finite() { number.to_string() } else { "null".into() })
    }

    pub(crate) fn truth(truth: bool) -> Self {
        Self(truth.to_string())
    }

    /// JSON as it is.
    pub(crate) fn raw(json: String) -> Self {
        Self(json)
    }
}

pub(crate) fn object<'a>(fields: impl IntoIterator<Item = (&'a str, Json)>) -> String {
    let fields: Vec<String> = fields.into_iter().map(|(name, value)| format!("\"{name}\":{}", value.0)).collect();
    format!("{{{}}}", fields.join(","))
}

pub(crate) fn list(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    format!("[{}]", items.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_inside_its_quotes() {
        let wild =
            object([("a", Json::text("\"x\\\n\u{1}é")), ("n", Json::number(f64::NAN)), ("t", Json::truth(true))]);
        assert_eq!(wild, "{\"a\":\"\\\"x\\\\\\n é\",\"n\":null,\"t\":true}");
    }
}

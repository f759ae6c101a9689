//! How values from outside, lists and numbers are written in messages.

use crate::plural::plural;

/// Text from outside, safe to print: control characters escaped, cut after 60 characters.
pub(crate) fn shown(text: &str) -> String {
    const MAX_CHARS: usize = 60;
    let mut line = String::new();
    for letter in text.chars().take(MAX_CHARS) {
        match letter {
            '\'' | '"' | '\\' => line.push(letter),
            _ => line.extend(letter.escape_debug()),
        }
    }
    if text.chars().nth(MAX_CHARS).is_some() {
        line.push_str("...");
    }
    line
}

/// The first names of a list, and how many more there are.
pub(crate) fn listed(names: &[String]) -> String {
    const MAX_NAMES: usize = 8;
    let first = names.iter().take(MAX_NAMES).map(|name| shown(name)).collect::<Vec<_>>().join(", ");
    if names.len() > MAX_NAMES { format!("{first} and {} more", names.len() - MAX_NAMES) } else { first }
}

/// A count with commas between thousands and the noun that it counts: `1 image`, `60,000 images`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{} {}", grouped(count), plural(count, noun))
}

/// A whole number with commas between thousands.
pub fn grouped(number: impl ToString) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in hexadecimal, separated by blanks.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// A size in bytes with a decimal unit: `5.9 GB`, `15.7 MB`.
pub(crate) fn file_size(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        1e9.. => format!("{:.1} GB", bytes / 1e9),
        1e6.. => format!("{:.1} MB", bytes / 1e6),
        _ => format!("{:.1} kB", bytes / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_is_escaped_and_cut() {
        assert_eq!(shown("'a'\u{1b}[31m\n"), "'a'\\u{1b}[31m\\n");
        assert_eq!(shown(&"x".repeat(100)).len(), 63);
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([0, 999, 1000, 144_722, 1_000_000].map(grouped), ["0", "999", "1,000", "144,722", "1,000,000"]);
    }
}

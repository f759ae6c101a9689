//! Nouns after numbers.

/// The noun in the form that follows `count`: `image` after 1, otherwise `images`; `classes`,
/// `batches`.
///
/// ```
/// use datasets::plural;
///
/// assert_eq!(format!("{} {}", 1, plural(1, "image")), "1 image");
/// assert_eq!(format!("{} {}", 0, plural(0, "class")), "0 classes");
/// ```
pub fn plural(count: usize, noun: &str) -> String {
    let hisses = ["s", "x", "ch", "sh"].iter().any(|ending| noun.ends_with(ending));
    match count {
        1 => noun.to_owned(),
        _ if hisses => format!("{noun}es"),
        _ => format!("{noun}s"),
    }
}

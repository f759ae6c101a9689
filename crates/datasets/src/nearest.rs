//! Finds the name closest to a mistyped one.

/// The name most similar to `name` (Damerau-Levenshtein distance), if at most a third of its
/// letters differ.
pub fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = name.chars().count().div_ceil(3);
    let name = name.to_lowercase();
    let distances = names.into_iter().map(|other| (strsim::damerau_levenshtein(&name, &other.to_lowercase()), other));
    distances.filter(|(distance, _)| *distance <= allowed).min_by_key(|(distance, _)| *distance).map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_a_slip_away() {
        let nearest = |name| nearest(name, ["apple", "cat", "bicycle", "dropout"]);
        assert_eq!(nearest("appel"), Some("apple"));
        assert_eq!(nearest("Cats"), Some("cat"));
        assert_eq!(nearest("bycicle"), Some("bicycle"));
        assert_eq!(nearest("dropuot"), Some("dropout"));
        assert_eq!(nearest("submarine"), None);
    }
}

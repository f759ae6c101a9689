//! The nearest of some names to a mistyped one.

/// The candidate that `name` was probably meant to be, if one is near.
pub(crate) fn nearest(name: &str, candidates: impl IntoIterator<Item = String>) -> Option<String> {
    let name = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&name, &candidate.to_lowercase()), candidate))
        .min_by_key(|(distance, _)| *distance)
        // A third of the letters may be wrong; one always may.
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count() / 3).max(1))
        .map(|(_, candidate)| candidate)
}

/// A help line for a mistyped name: the nearest one, or all of them.
pub(crate) fn suggestion(name: &str, candidates: &[&str]) -> String {
    match nearest(name, candidates.iter().map(|&candidate| candidate.to_owned())) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", candidates.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_near_and_only_the_near() {
        let names = || ["dropout", "batch", "latent"].map(str::to_owned);
        assert_eq!(nearest("dropuot", names()).as_deref(), Some("dropout"));
        assert_eq!(nearest("Batch", names()).as_deref(), Some("batch"));
        assert_eq!(nearest("zebra", names()), None);
    }
}

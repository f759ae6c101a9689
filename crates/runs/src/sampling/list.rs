//! Lists of numbers such as `1-4,7`: of seeds, samples, layers, or rows of a file.

use std::ops::RangeInclusive;

/// The ranges of the list, in its order; each number is at least `least`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn ranges(text: &str, least: u64) -> Result<Vec<RangeInclusive<u64>>, String> {
    let number = |digits: &str| {
        let number = digits.trim().parse::<u64>().ok().filter(|number| *number >= least);
        number.ok_or_else(|| format!("{digits:?} in {text:?} is not a whole number from {least} up"))
    };
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (number(first)?, number(last)?);
        if last < first { Err(format!("the range {part:?} runs backwards")) } else { Ok(first..=last) }
    };
    text.split(',').map(|part| range(part.trim())).collect()
}

/// The numbers of the list, in its order; each is from 1 to `most`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn numbers(text: &str, most: usize) -> Result<Vec<usize>, String> {
    let mut all = Vec::new();
    for range in ranges(text, 1)? {
        let last = *range.end();
        if last > most as u64 {
            return Err(format!("{last} is too large: the largest number is {most}"));
        }
        all.extend(range.map(|number| number as usize));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read() {
        assert_eq!(numbers("1-3, 7,2", 7), Ok(vec![1, 2, 3, 7, 2]));
        for (text, words) in [
            ("", "\"\""),
            ("0", "from 1 up"),
            ("1,,2", "from 1 up"),
            ("x", "\"x\""),
            ("5-2", "backwards"),
            ("8", "number is 7"),
        ] {
            let why = numbers(text, 7).unwrap_err();
            assert!(why.contains(words), "{text}: {why}");
        }
    }
}

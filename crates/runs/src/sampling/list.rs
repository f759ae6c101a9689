//! Lists of numbers that count from 1, such as `1-4,7`: of samples, layers, or rows of a file.

/// The numbers of the list, in its order; each is from 1 to `most`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn numbers(text: &str, most: usize) -> Result<Vec<usize>, String> {
    let mut all = Vec::new();
    for part in text.split(',').map(str::trim) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |digits: &str| {
            let number = digits.trim().parse::<usize>().ok().filter(|number| *number > 0);
            number.ok_or_else(|| format!("{digits:?} is not a whole number from 1 up"))
        };
        let (first, last) = (number(first)?, number(last)?);
        if last < first {
            return Err(format!("the range {part:?} runs backwards"));
        }
        if last > most {
            return Err(format!("{last} is too large: the largest number is {most}"));
        }
        all.extend(first..=last);
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

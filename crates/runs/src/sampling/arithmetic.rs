//! Arithmetic with latents or styles (`--latents`, `--styles`), such as
//! `mean(1-3) - mean(4-6) + mean(7-9)`.
//!
//! An expression is a sum of terms. A term is a list of operands, or `mean(...)` of one; a factor
//! may stand in front of it: `0.5 * z.npy`. An operand is the number of a sample of the seed, a
//! range of such numbers, or a `.npy` file with one latent per row, from which rows can be chosen:
//! `z.npy[1,3-5]`. Numbers count from 1, as the files and the tiles of `train sample` do. The signs
//! between terms have spaces on both sides, so that file names can contain signs. A name with
//! spaces or commas is quoted.
//!
//! A term with one row is added to every row of the others. Sums are computed in `f64`.

use std::path::{Path, PathBuf};

use datasets::advice;

use super::array_file::tuple;
use super::seeds::STREAM;
use super::{MOST, list, overflow};
use crate::data;
use crate::failure::{Code, Failure};
use models::FromLatents;

/// A sum of terms.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expression {
    /// As it was typed.
    text: String,
    /// The option that it was given with.
    option: &'static str,
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq)]
struct Term {
    factor: f64,
    /// Whether the mean of the rows is meant.
    mean: bool,
    operands: Vec<Operand>,
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    /// Samples of the seed, from 1.
    Samples(Vec<usize>),
    /// All rows of a file, or those of a list.
    File(PathBuf, Option<String>),
}

/// The rows that an expression calculates with: latents, or styles.
pub(super) struct Space<'a> {
    /// Draws from the rows.
    pub(super) sampler: &'a dyn FromLatents,
    /// The seed of the samples.
    pub(super) seed: u64,
    /// The shape of a row: (latent) or (layers, style). A file may also have one style for all
    /// layers.
    pub(super) row: &'a [usize],
}

impl Expression {
    /// Reads the expression `text`, which was given with `option`. If the whole text is the path of
    /// a file, that is meant.
    ///
    /// # Errors
    /// When it is not an expression.
    pub(super) fn read(text: &str, option: &'static str) -> Result<Self, Failure> {
        let terms = if Path::new(text).is_file() {
            Ok(vec![Term { factor: 1.0, mean: false, operands: vec![Operand::File(text.into(), None)] }])
        } else {
            signed(text).and_then(|parts| parts.into_iter().map(|(sign, part)| term(sign, part)).collect())
        };
        let terms = terms.map_err(|why| failure(option, why))?;
        Ok(Self { text: text.to_owned(), option, terms })
    }

    /// Whether it names samples of the seed.
    pub(super) fn has_samples(&self) -> bool {
        let operands = self.terms.iter().flat_map(|term| &term.operands);
        operands.into_iter().any(|operand| matches!(operand, Operand::Samples(_)))
    }

    /// As it was typed.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The rows that it stands for, one after the other.
    ///
    /// # Errors
    /// When a file cannot be read or has another shape, the terms do not fit together, or a row is
    /// too large to calculate with.
    pub(super) fn rows(&self, space: &Space<'_>) -> Result<Vec<f32>, Failure> {
        let length: usize = space.row.iter().product();
        let terms = self.terms.iter().map(|term| self.rows_of(term, space)).collect::<Result<Vec<_>, _>>()?;
        let counts: Vec<usize> = terms.iter().map(|rows| rows.len() / length).collect();
        let count = counts.iter().copied().max().unwrap_or(0);
        if let Some(other) = counts.iter().find(|other| ![1, count].contains(other)) {
            let why =
                format!("one term has {other} rows, another has {count}; a term has one row, or as many as others");
            return Err(failure(self.option, why));
        }
        let mut sums = vec![0.0; count * length];
        for (rows, term) in terms.iter().zip(&self.terms) {
            let rows = rows.iter().cycle();
            sums.iter_mut().zip(rows).for_each(|(sum, x)| *sum += term.factor * x);
        }
        let rows: Vec<f32> = sums.into_iter().map(|sum| sum as f32).collect();
        let Some((row, number)) = overflow::first(&rows, length) else { return Ok(rows) };
        let why =
            format!("row {row} of {}, with the number {number:e}, has a sum of squares that is not finite", self.text);
        Err(overflow::too_large(self.option, why))
    }

    /// The rows of a term, without its factor.
    fn rows_of(&self, term: &Term, space: &Space<'_>) -> Result<Vec<f64>, Failure> {
        let length: usize = space.row.iter().product();
        let mut rows = Vec::new();
        for operand in &term.operands {
            let (all, chosen) = match operand {
                Operand::Samples(numbers) => {
                    let count = numbers.iter().copied().max().unwrap_or(0);
                    (space.sampler.latents(space.seed, STREAM, count).data().to_vec(), Some(numbers.clone()))
                }
                Operand::File(path, list) => {
                    let all = space.load(path)?;
                    let chosen = list.as_deref().map(|list| list::numbers(list, all.len() / length));
                    let chosen = chosen.transpose().map_err(|why| {
                        failure(
                            self.option,
                            format!("{}: rows {}: {why}", path.display(), list.as_deref().unwrap_or("")),
                        )
                    })?;
                    (all, chosen)
                }
            };
            let mut add = |row: &[f32]| rows.extend(row.iter().map(|x| f64::from(*x)));
            match chosen {
                None => add(&all),
                Some(numbers) => numbers.iter().for_each(|number| add(&all[(number - 1) * length..][..length])),
            }
        }
        if !term.mean {
            return Ok(rows);
        }
        let count = (rows.len() / length) as f64;
        Ok((0..length).map(|at| rows.iter().skip(at).step_by(length).sum::<f64>() / count).collect())
    }
}

impl Space<'_> {
    /// The rows of a file.
    fn load(&self, path: &Path) -> Result<Vec<f32>, Failure> {
        let numbers = datasets::load_numbers(path).map_err(data::failure)?;
        let found = &numbers.shape[..];
        let repeats = match (found, self.row) {
            ([], _) => 0,
            // One row, or several.
            (found, row) if found == row && row.len() == 1 => 1,
            ([1..=usize::MAX, rest @ ..], row) if rest == row => 1,
            // One style for all layers.
            ([width], [layers, style]) | ([1..=usize::MAX, width], [layers, style]) if width == style => *layers,
            _ => 0,
        };
        if repeats == 0 {
            let wanted = match self.row {
                [latent] => format!("(N, {latent}) or ({latent},)"),
                [layers, style] => {
                    format!("(N, {style}), ({style},) or, with a style for each layer, (N, {layers}, {style})")
                }
                _ => unreachable!("a row has one or two axes"),
            };
            return Err(Failure::new(Code::Data, "the array has another shape than this run needs")
                .at(path.display())
                .because(format!("found shape {}, wanted {wanted}", tuple(found)))
                .help(advice!("rows-of-another-shape", "give an array with one row per image, made for this run")));
        }
        let width = self.row.last().copied().unwrap_or(1);
        Ok(match repeats {
            1 => numbers.values,
            layers => numbers.values.chunks_exact(width).flat_map(|style| style.repeat(layers)).collect(),
        })
    }
}

fn failure(option: &str, why: String) -> Failure {
    Failure::new(Code::Usage, "cannot calculate with these rows").at(format!("option {option}")).because(why).help(
        advice!(
            "expression",
            "give a .npy file, or the numbers of samples, with spaces around signs, such as \
         `{option} \"mean(1-3) - mean(4-6) + mean(7-9)\"`"
        ),
    )
}

/// The positions of the letters outside of quotes and brackets for which `wanted` is true.
fn outside(text: &str, wanted: impl Fn(usize, char) -> bool) -> Result<Vec<usize>, String> {
    let (mut found, mut quote, mut depth) = (Vec::new(), None, 0_usize);
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), _) => quote = (letter != open).then_some(open),
            (None, '\'' | '"') => quote = Some(letter),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => {
                depth = depth.checked_sub(1).ok_or_else(|| format!("{text:?} closes a bracket that is not open"))?;
            }
            (None, _) if depth == 0 && wanted(at, letter) => found.push(at),
            _ => {}
        }
    }
    match (quote, depth) {
        (None, 0) => Ok(found),
        _ => Err(format!("{text:?} has a quote or a bracket without its counterpart")),
    }
}

/// The terms of a sum, with their signs.
fn signed(text: &str) -> Result<Vec<(f64, &str)>, String> {
    let text = text.trim();
    let blank = |letter: Option<char>| letter.is_none_or(char::is_whitespace);
    let between_blanks = |at: usize| blank(text[..at].chars().next_back()) && blank(text[at + 1..].chars().next());
    let signs = outside(text, |at, letter| matches!(letter, '+' | '-') && between_blanks(at))?;
    let ends = signs.iter().copied().chain([text.len()]).skip(usize::from(signs.first() == Some(&0)));
    let (mut terms, mut start, mut sign) = (Vec::new(), 0, 1.0);
    if signs.first() == Some(&0) {
        (start, sign) = (1, if text.starts_with('-') { -1.0 } else { 1.0 });
    }
    for end in ends {
        terms.push((sign, &text[start..end]));
        (start, sign) = (end + 1, if text[end..].starts_with('-') { -1.0 } else { 1.0 });
    }
    Ok(terms)
}

/// Reads a term.
fn term(sign: f64, text: &str) -> Result<Term, String> {
    let (factor, rest) = match outside(text, |_, letter| letter == '*')?.first() {
        Some(at) => match text[..*at].trim().parse::<f64>() {
            Ok(factor) if factor.is_finite() => (factor, &text[at + 1..]),
            _ => return Err(format!("{:?} in {text:?} is not a finite number", text[..*at].trim())),
        },
        None => (1.0, text),
    };
    let rest = rest.trim();
    let inner = rest.strip_prefix("mean(").and_then(|rest| rest.strip_suffix(')'));
    let listed = inner.unwrap_or(rest);
    let commas = outside(listed, |_, letter| letter == ',')?;
    let (starts, ends) = (commas.iter().map(|at| at + 1), commas.iter().copied().chain([listed.len()]));
    let parts = [0].into_iter().chain(starts).zip(ends);
    let operands = parts.map(|(start, end)| operand(listed[start..end].trim())).collect::<Result<_, _>>()?;
    Ok(Term { factor: sign * factor, mean: inner.is_some(), operands })
}

/// Reads an operand.
fn operand(text: &str) -> Result<Operand, String> {
    if text.starts_with(|first: char| first.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit() || c == '-') {
        return Ok(Operand::Samples(list::numbers(text, MOST)?));
    }
    let (name, rows) = match text.strip_suffix(']').and_then(|text| text.rsplit_once('[')) {
        Some((name, rows)) => (name.trim(), Some(rows.to_owned())),
        None => (text, None),
    };
    let quoted = |quote: char| name.strip_prefix(quote).and_then(|name| name.strip_suffix(quote));
    let name = quoted('\'').or_else(|| quoted('"')).unwrap_or(name);
    if name.is_empty() {
        return Err("a term is missing".to_owned());
    }
    if !name.to_lowercase().ends_with(".npy") && !Path::new(name).is_file() {
        return Err(format!("{name:?} is neither the number of a sample nor a .npy file"));
    }
    Ok(Operand::File(name.into(), rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::LatentKind;
    use tensor::Tensor;

    /// Sample n of a seed is (n, seed).
    struct Plain;

    impl FromLatents for Plain {
        fn kind(&self) -> LatentKind {
            LatentKind::Uniform
        }
        fn latents(&self, seed: u64, _stream: &str, count: usize) -> Tensor {
            Tensor::from_fn([count, 2], |i| if i % 2 == 0 { (i / 2 + 1) as f32 } else { seed as f32 })
        }
        fn draw(&self, _latents: &Tensor) -> Tensor {
            unreachable!("rows are calculated")
        }
    }

    fn rows(text: &str) -> Result<Vec<f32>, String> {
        let space = Space { sampler: &Plain, seed: 10, row: &[2] };
        let expression = Expression::read(text, "--latents").map_err(|failure| failure.to_string())?;
        expression.rows(&space).map_err(|failure| failure.to_string())
    }

    #[test]
    fn sums_of_means_of_samples() {
        assert_eq!(rows("3"), Ok(vec![3.0, 10.0]));
        assert_eq!(rows("2-3, 7"), Ok(vec![2.0, 10.0, 3.0, 10.0, 7.0, 10.0]));
        assert_eq!(rows("mean(1-3) - mean(4-6) + mean(7-9)"), Ok(vec![5.0, 10.0]));
        assert_eq!(rows("- 1 + 0.5 * mean(2, 4)"), Ok(vec![0.5, -5.0]));
        assert_eq!(rows("1-2 + -2*3"), Ok(vec![-5.0, -10.0, -4.0, -10.0]), "one row is added to each");
        for (text, words) in [
            ("", "a term is missing"),
            ("1 +", "a term is missing"),
            ("1 + + 2", "a term is missing"),
            ("mean()", "a term is missing"),
            ("mean(1", "counterpart"),
            ("1)", "not open"),
            ("'a.npy", "counterpart"),
            ("0", "from 1 up"),
            ("3-1", "backwards"),
            ("x * 3", "\"x\""),
            ("1e999 * 3", "not a finite number"),
            ("hat", "neither the number of a sample nor a .npy file"),
            ("1-2 + 1-3", "one term has 2 rows, another has 3"),
            ("1000001", "too large"),
            ("1e300 * 3", "not finite"),
        ] {
            let why = rows(text).unwrap_err();
            assert!(why.contains(words) && why.contains("option --latents"), "{text}: {why}");
        }
    }

    #[test]
    fn files_have_rows_to_choose_from() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, shape: &[usize]| {
            let path = folder.path().join(name);
            let numbers = Tensor::from_fn(shape, |i| i as f32);
            std::fs::write(&path, super::super::array_file::of_numbers(&numbers)).unwrap();
            path.display().to_string()
        };
        let (many, one) = (write("z - 1.npy", &[3, 2]), write("one.npy", &[2]));
        assert_eq!(rows(&many), Ok(vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0]), "a file may be called so");
        assert_eq!(rows(&format!("'{many}'[3,1]")), Ok(vec![4.0, 5.0, 0.0, 1.0]));
        assert_eq!(rows(&format!("mean('{many}'[2-3]) + {one} - 1")), Ok(vec![2.0, -5.0]));
        assert!(rows(&format!("'{many}'[4]")).unwrap_err().contains("number is 3"));
        // Quotes protect a star, which no file on Windows can have.
        assert!(!rows("2 * 'a*b.npy'").unwrap_err().contains("finite number"));
        for shape in [&[2, 3][..], &[3], &[2, 2, 2], &[0, 2], &[]] {
            let why = rows(&write("other.npy", shape)).unwrap_err();
            assert!(why.contains(&format!("found shape {}, wanted (N, 2) or (2,)", tuple(shape))), "{why}");
        }
        // Styles: one for all layers, or one for each.
        let load = |shape: &[usize]| {
            let space = Space { sampler: &Plain, seed: 10, row: &[3, 2] };
            space.load(Path::new(&write("styles.npy", shape)))
        };
        assert_eq!(load(&[2]).unwrap(), [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
        assert_eq!(load(&[2, 2]).unwrap()[6..], [2.0, 3.0, 2.0, 3.0, 2.0, 3.0]);
        assert_eq!(load(&[1, 3, 2]).unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        let why = load(&[1, 2, 2]).unwrap_err().to_string();
        assert!(why.contains("found shape (1, 2, 2), wanted (N, 2), (2,) or, with a style for each layer, (N, 3, 2)"));
    }
}

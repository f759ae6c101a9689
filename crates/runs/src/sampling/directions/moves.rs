//! [`Move`]: how far samples are moved along which direction (`--direction 3:2.5`).

use std::path::PathBuf;

use datasets::{advice, quoted};

use super::closed_form;
use crate::data;
use crate::failure::{Code, Failure};
use crate::sampling::array_file::tuple;
use crate::sampling::overflow;
use models::{FromLatents, Styles};

/// A direction and an amount.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::sampling) struct Move {
    /// As it was typed.
    text: String,
    direction: Direction,
    amount: f32,
}

#[derive(Clone, Debug, PartialEq)]
enum Direction {
    /// One of the run's directions in closed form, from 1.
    Number(usize),
    /// A file, and the number of the direction in it.
    File(PathBuf, Option<usize>),
}

impl Move {
    /// Reads `3:2.5`, `file.npy:2.5` or `file.npy[3]:2.5`.
    ///
    /// # Errors
    /// When it is none of these.
    pub(in crate::sampling) fn read(text: &str) -> Result<Self, Failure> {
        let (which, amount) = text.rsplit_once(':').unwrap_or((text, ""));
        let amount = amount.trim().parse::<f32>().ok().filter(|amount| amount.is_finite());
        let (which, amount) = match (which.trim(), amount) {
            ("", _) | (_, None) => return Err(unclear(format!("{text:?} is not a direction, a colon and an amount"))),
            (which, Some(amount)) => (which, amount),
        };
        let number = |digits: &str| {
            let number = digits.trim().parse().ok().filter(|number| *number > 0);
            number.ok_or_else(|| unclear(format!("{digits:?} in {text:?} is not a whole number from 1 up")))
        };
        let direction = match which.strip_suffix(']').and_then(|which| which.rsplit_once('[')) {
            Some((file, digits)) => Direction::File(file.into(), Some(number(digits)?)),
            None if which.to_lowercase().ends_with(".npy") => Direction::File(which.into(), None),
            None => Direction::Number(number(which)?),
        };
        Ok(Self { text: text.to_owned(), direction, amount })
    }

    /// As it was typed.
    pub(in crate::sampling) fn text(&self) -> &str {
        &self.text
    }

    /// What all `moves` together add to the style of each layer; only layers that are `moved`
    /// change. `seed` is that of the run.
    ///
    /// # Errors
    /// When a file cannot be read or has another shape, there is no direction of that number, or
    /// the amount is too large to calculate with.
    pub(in crate::sampling) fn shift(
        moves: &[Self],
        sampler: &dyn FromLatents,
        styles: &dyn Styles,
        moved: &[bool],
        seed: u64,
    ) -> Result<Vec<Vec<f32>>, Failure> {
        let (layers, width) = (styles.layers(), styles.mean_style().size());
        let mut shift = vec![vec![0.0; width]; layers];
        let mut own = None;
        for Self { direction, amount, .. } in moves {
            // One vector for all layers, or one for each.
            let vector = match direction {
                Direction::File(path, number) => load(path.clone(), *number, [layers, width])?,
                Direction::Number(number) => {
                    let own = own.get_or_insert_with(|| closed_form(sampler, styles, moved, seed).vectors);
                    let most = own.shape()[0];
                    if *number > most {
                        return Err(unclear(format!("there is no direction {number}: styles have {most} numbers")));
                    }
                    own.rows(number - 1..*number).data().to_vec()
                }
            };
            let vectors = vector.chunks_exact(width).cycle();
            for ((shift, vector), _) in shift.iter_mut().zip(vectors).zip(moved).filter(|(_, moved)| **moved) {
                shift.iter_mut().zip(vector).for_each(|(sum, x)| *sum += amount * x);
            }
        }
        let Some((_, number)) = shift.iter().find_map(|shift| overflow::first(shift, width)) else { return Ok(shift) };
        let texts: Vec<&str> = moves.iter().map(Self::text).collect();
        let why = format!(
            "the styles would move by {number:e} along {}: the sum of squares is not finite",
            texts.join(" and ")
        );
        Err(overflow::too_large("--direction", why))
    }
}

/// The vector `number` (from 1) of a file, of style or layers * style numbers.
fn load(path: PathBuf, number: Option<usize>, [layers, width]: [usize; 2]) -> Result<Vec<f32>, Failure> {
    let numbers = datasets::load_numbers(&path).map_err(data::failure)?;
    let (count, length) = match numbers.shape[..] {
        [style] if style == width => (1, width),
        [count, style] if style == width => (count, width),
        [count, of_layers, style] if of_layers == layers && style == width => (count, layers * width),
        _ => (0, 0),
    };
    if count == 0 {
        return Err(Failure::new(Code::Data, "the array has another shape than this run needs")
            .at(path.display())
            .because(format!(
                "found shape {}, wanted ({width},), (N, {width}) or, with a vector for each layer, (N, {layers}, {width})",
                tuple(&numbers.shape)
            ))
            .help(advice!("directions-of-another-run", "give directions that were found with this run")));
    }
    let number = match number {
        Some(number) if number <= count => number,
        None if count == 1 => 1,
        _ => {
            let has = format!("{} has {count} directions", path.display());
            return Err(Failure::new(Code::Usage, "it is not clear which direction is meant")
                .at("option --direction")
                .because(has)
                .help(advice!(
                    "which-direction",
                    "give its number from 1 to {count}, such as `--direction {}[1]:2`",
                    quoted(&path)
                )));
        }
    };
    Ok(numbers.values[(number - 1) * length..][..length].to_vec())
}

fn unclear(why: String) -> Failure {
    Failure::new(Code::Usage, "cannot read the direction").at("option --direction").because(why).help(advice!(
        "direction-and-amount",
        "give the number of a direction or a .npy file, a colon, and an amount, such as `--direction 1:2.5`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_direction_and_an_amount_are_read() {
        let read = |text: &str| Move::read(text).map(|read| (read.direction, read.amount));
        assert_eq!(read("3:2.5").unwrap(), (Direction::Number(3), 2.5));
        assert_eq!(read("a:b.npy:-1").unwrap(), (Direction::File("a:b.npy".into(), None), -1.0));
        assert_eq!(read("d.npy[2]: 4").unwrap(), (Direction::File("d.npy".into(), Some(2)), 4.0));
        for text in ["", "3", "3:", ":2", "3:x", "3:NaN", "3:inf", "0:1", "x:1", "d.npy[0]:1", "d.npy[x]:1"] {
            assert!(read(text).unwrap_err().to_string().contains("option --direction"), "{text}");
        }
    }
}

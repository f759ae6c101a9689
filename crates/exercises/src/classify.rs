//! [`diagnose`]: finds the mistake that explains a wrong answer.
//!
//! First come the cases without arithmetic (a panic, a wrong length, NaN), then the results of
//! known mistakes of the exercise, then patterns that occur in every gradient: a constant ratio,
//! missing parts, one side of a kink, a shift. A pattern must explain every element to six digits,
//! because a wrong diagnosis is worse than none.

use crate::Mistake;
use crate::question::{Clue, Question, dot};

/// The error allowed for an element, relative to its right value (or to a hundredth of the largest
/// one).
const TOLERANCE: f64 = 1e-6;

/// A mistake, and how it shows in an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis {
    /// The mistake.
    pub mistake: Mistake,
    /// How it shows in this answer; may be empty.
    pub detail: String,
}

/// The result of all questions of an exercise.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The question that reveals most about the mistake, if there is one.
    pub failed: Option<(Question, Diagnosis)>,
}

impl Verdict {
    /// The verdict on the answers: the first wrong answer with a known mistake, otherwise the first
    /// wrong answer.
    pub fn of(questions: impl IntoIterator<Item = Question>) -> Self {
        let mut failed = None;
        for question in questions {
            let Some(diagnosis) = diagnose(&question) else { continue };
            let named = diagnosis.mistake != Mistake::Unknown;
            if named || failed.is_none() {
                failed = Some((question, diagnosis));
            }
            if named {
                break;
            }
        }
        Self { failed }
    }

    /// Whether every answer was right.
    pub fn solved(&self) -> bool {
        self.failed.is_none()
    }

    /// The mistake, if there is one.
    pub fn mistake(&self) -> Option<Mistake> {
        self.failed.as_ref().map(|(_, diagnosis)| diagnosis.mistake)
    }
}

/// Which elements of `got` differ from `expected`; `None` if the lengths differ.
pub(crate) fn wrong(got: &[f64], expected: &[f64], each_by_itself: bool) -> Option<Vec<bool>> {
    let largest = expected.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
    let floor = if each_by_itself { 0.0 } else { 0.01 * largest };
    let off = |(got, expected): (&f64, &f64)| {
        let allowed = TOLERANCE * expected.abs().max(floor).max(1e-300);
        let error = (got - expected).abs();
        error.is_nan() || error > allowed.max(if largest == 0.0 { 1e-9 } else { 0.0 })
    };
    (got.len() == expected.len()).then(|| got.iter().zip(expected).map(off).collect())
}

fn same(got: &[f64], expected: &[f64]) -> bool {
    wrong(got, expected, false).is_some_and(|wrong| !wrong.contains(&true))
}

/// The mistake in an answer; `None` if the answer is right.
pub fn diagnose(question: &Question) -> Option<Diagnosis> {
    let say = |mistake, detail: String| Some(Diagnosis { mistake, detail });
    let Question { expected, got, clues, shape, .. } = question;
    let got = match got {
        Ok(got) => got,
        Err(message) => return say(Mistake::Crash, message.clone()),
    };
    let off = wrong(got, expected, question.is_extreme());
    if off.as_ref().is_some_and(|off| !off.contains(&true)) {
        return None;
    }
    if let Some(bad) = got.iter().find(|x| !x.is_finite()) {
        let there = if question.is_extreme() {
            "The answer is right for ordinary inputs, but for extreme inputs there"
        } else {
            "There"
        };
        let bad = if bad.is_nan() { "a NaN" } else { "an infinity" };
        return say(Mistake::Unstable, format!("{there} is {bad} in your answer instead of a number."));
    }
    if question.is_extreme() && off.is_some() {
        return say(
            Mistake::Unstable,
            "The answer is right for ordinary inputs, but for these extreme inputs digits are lost.".into(),
        );
    }
    for clue in clues {
        match clue {
            Clue::Suspect { mistake, why, numbers } if same(got, numbers) => return say(*mistake, why.clone()),
            Clue::Length { mistake, why, length } if got.len() == *length && off.is_none() => {
                return say(*mistake, why.clone());
            }
            _ => {}
        }
    }
    let Some(off) = off else {
        return say(Mistake::Shape, format!("{} numbers were expected, but there are {}.", expected.len(), got.len()));
    };
    if got.iter().all(|x| *x == 0.0) {
        return say(Mistake::Unwritten, String::new());
    }
    for clue in clues {
        match clue {
            Clue::NoGradient(why) => return say(Mistake::MissingCut, why.clone()),
            Clue::IgnoresUpstream => {
                return say(Mistake::UpstreamIgnored, "Your answer stays the same for another gy.".into());
            }
            _ => {}
        }
    }
    if let Some(found) = constant_ratio(got, expected, clues) {
        return Some(found);
    }
    for clue in clues {
        let found = match clue {
            Clue::Parts { mistake, parts } => fit(got, *mistake, parts, clues),
            Clue::Region { mistake, name, mask } => region(&off, mask).then(|| Diagnosis {
                mistake: *mistake,
                detail: format!("It is wrong only {name}; everything else is right."),
            }),
            Clue::Image => image(got, expected, &off, shape),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
    }
    if transposed(got, expected, shape) {
        return say(Mistake::Transposed, "Your answer is the transpose of the right one.".into());
    }
    say(Mistake::Unknown, String::new())
}

/// A constant ratio of all elements: a sign or a factor. One or two elements nearly always have a
/// constant ratio, so there only a known ratio counts.
fn constant_ratio(got: &[f64], expected: &[f64], clues: &[Clue]) -> Option<Diagnosis> {
    let ratio = dot(got, expected) / dot(expected, expected);
    let scaled: Vec<f64> = expected.iter().map(|x| ratio * x).collect();
    if !ratio.is_finite() || ratio.abs() < TOLERANCE || !same(got, &scaled) {
        return None;
    }
    if near(ratio, -1.0) {
        let detail = "Every element of your answer is the right one times -1.".into();
        return Some(Diagnosis { mistake: Mistake::Sign, detail });
    }
    let name = factor_name(ratio, clues);
    if name.is_none() && expected.len() < 3 {
        return None;
    }
    let sign = if ratio < 0.0 { " (and the sign is wrong)" } else { "" };
    let named = name.map(|name| format!(" That is {name}.")).unwrap_or_default();
    let detail = format!("Every element of your answer is the right one times {}{sign}.{named}", short(ratio));
    Some(Diagnosis { mistake: Mistake::Factor, detail })
}

/// The meaning of a ratio of this size.
fn factor_name(ratio: f64, clues: &[Clue]) -> Option<&str> {
    let name = clues.iter().find_map(|clue| match clue {
        Clue::Factor { name, value } if near(ratio.abs(), *value) => Some(name.as_str()),
        _ => None,
    });
    let usual = [(2.0, "2"), (0.5, "1/2"), (4.0, "4"), (0.25, "1/4")];
    name.or_else(|| usual.iter().find(|(value, _)| near(ratio.abs(), *value)).map(|(_, name)| *name))
}

/// The answer as a linear combination of the parts: a coefficient of 1 is right, 0 is missing, -1
/// has the wrong sign.
fn fit(got: &[f64], missing: Mistake, parts: &[(String, Vec<f64>)], clues: &[Clue]) -> Option<Diagnosis> {
    // With nearly as many parts as elements, every answer would fit.
    if parts.len() + 2 > got.len() {
        return None;
    }
    let c = least_squares(got, parts)?;
    let sum = |i: usize| parts.iter().zip(&c).map(|((_, part), c)| c * part[i]).sum();
    if !same(got, &(0..got.len()).map(sum).collect::<Vec<f64>>()) {
        return None;
    }
    let named = |wanted: fn(f64) -> bool| {
        let names = parts.iter().zip(&c).filter(|(_, c)| wanted(**c)).map(|((name, _), _)| name.as_str());
        Some(names.collect::<Vec<_>>().join(" and ")).filter(|names| !names.is_empty())
    };
    let (mistake, detail) = if let Some(names) = named(|c| near(c, 0.0)) {
        let [first, inner @ .., last] = &c[..] else { return None };
        let at_end = near(*first, 0.0) != near(*last, 0.0) && inner.iter().all(|c| near(*c, 1.0)) && !inner.is_empty();
        // Overwriting leaves one part; a loop that is off by one leaves out the first or the last.
        let mistake = if missing == Mistake::Overwritten && at_end { Mistake::Border } else { missing };
        (mistake, format!("Missing in your answer: {names}."))
    } else if let Some(names) = named(|c| near(c, -1.0)) {
        (Mistake::Sign, format!("With the wrong sign in your answer: {names}."))
    } else {
        let counted = |(c, (name, _)): (&f64, &(String, _))| {
            let meaning = factor_name(*c, clues).map(|meaning| format!(" ({meaning})")).unwrap_or_default();
            (!near(*c, 1.0)).then(|| format!("{name} times {}{meaning}", short(*c)))
        };
        let counted: Vec<_> = c.iter().zip(parts).filter_map(counted).collect();
        (Mistake::Factor, format!("In your answer there is {}.", counted.join(", ")))
    };
    Some(Diagnosis { mistake, detail })
}

/// The coefficients of the least-squares fit of the parts to `got`; `None` if the parts are
/// linearly dependent.
fn least_squares(got: &[f64], parts: &[(String, Vec<f64>)]) -> Option<Vec<f64>> {
    let n = parts.len();
    // Solves the normal equations, with the right side in the last column, by elimination with
    // pivoting.
    let row = |(_, a): &(String, Vec<f64>)| {
        let products = parts.iter().map(|(_, b)| dot(a, b));
        products.chain([dot(a, got)]).collect::<Vec<f64>>()
    };
    let mut rows: Vec<_> = parts.iter().map(row).collect();
    let scale = (0..n).map(|i| rows[i][i]).fold(0.0, f64::max);
    for i in 0..n {
        let pivot = (i..n).max_by(|a, b| rows[*a][i].abs().total_cmp(&rows[*b][i].abs()))?;
        rows.swap(i, pivot);
        if rows[i][i].abs() <= 1e-9 * scale {
            return None;
        }
        for j in (0..n).filter(|j| *j != i) {
            let factor = rows[j][i] / rows[i][i];
            let from = rows[i].clone();
            rows[j].iter_mut().zip(from).for_each(|(x, y)| *x -= factor * y);
        }
    }
    Some((0..n).map(|i| rows[i][n] / rows[i][i]).collect())
}

/// Whether all errors are in the mask, and some right elements outside it show that the rest is
/// right.
fn region(off: &[bool], mask: &[bool]) -> bool {
    off.iter().zip(mask).all(|(off, masked)| *masked || !*off) && mask.contains(&false)
}

/// Wrong only near the border, or right but shifted by one.
fn image(got: &[f64], expected: &[f64], off: &[bool], shape: &[usize]) -> Option<Diagnosis> {
    let &[.., h, w] = shape else { return None };
    let place = |i: usize| (i / w % h, i % w);
    for rim in 1..=2 {
        let near_border = |i: usize| {
            let (y, x) = place(i);
            y.min(x).min(h - 1 - y).min(w - 1 - x) < rim
        };
        if region(off, &(0..off.len()).map(near_border).collect::<Vec<_>>()) {
            let detail = "It is wrong only near the border; the inside is right.".into();
            return Some(Diagnosis { mistake: Mistake::Border, detail });
        }
    }
    for (dy, dx) in [(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, -1), (1, -1), (-1, 1)] {
        let (ours, theirs): (Vec<f64>, Vec<f64>) = (0..got.len())
            .filter_map(|i| {
                let (y, x) = place(i);
                let (from_y, from_x) = (y.checked_add_signed(dy)?, x.checked_add_signed(dx)?);
                (from_y < h && from_x < w).then(|| (got[i], expected[i - y * w - x + from_y * w + from_x]))
            })
            .unzip();
        if ours.len() >= 6 && same(&ours, &theirs) {
            let detail = format!("Your answer is the right one shifted by ({}, {}).", -dy, -dx);
            return Some(Diagnosis { mistake: Mistake::Border, detail });
        }
    }
    None
}

fn transposed(got: &[f64], expected: &[f64], shape: &[usize]) -> bool {
    let &[rows, columns] = shape else { return false };
    let transpose: Vec<f64> = (0..rows * columns).map(|i| expected[i % rows * columns + i / rows]).collect();
    rows > 1 && columns > 1 && same(got, &transpose)
}

fn near(x: f64, value: f64) -> bool {
    (x - value).abs() < 1e-5 * value.abs().max(1.0)
}

/// Six digits without trailing zeros.
pub(crate) fn short(x: f64) -> String {
    let text = format!("{x:.6}");
    text.trim_end_matches('0').trim_end_matches('.').into()
}

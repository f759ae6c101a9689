//! [`report`]: a verdict in words, with the worst elements and a small map.

use std::fmt::Write;

use crate::classify::wrong;
use crate::{Exercise, Mistake, Question, Verdict};

/// The largest map, in rows and columns.
const MAP: [usize; 2] = [16, 32];

/// The report after a check.
pub fn report(exercise: &Exercise, verdict: &Verdict) -> String {
    let (number, name) = (exercise.number(), exercise.name);
    let Some((question, diagnosis)) = &verdict.failed else {
        return format!(
            "{name}: solved.\n\n  The reference solution may differ from yours: cargo run -p exercises -- solution {number}\n"
        );
    };
    let mut text = format!("{name}: not solved yet.\n\n");
    let _ = writeln!(text, "  question: {}{}", question.what, counts(question));
    let _ = writeln!(text, "  mistake:  {}", diagnosis.mistake);
    if !diagnosis.detail.is_empty() {
        let _ = writeln!(text, "            {}", diagnosis.detail);
    }
    let _ = writeln!(text, "            {}", diagnosis.mistake.advice());
    elements(&mut text, question);
    text + &pointers(exercise)
}

/// The report if there are no numbers to show.
pub fn crashed(exercise: &Exercise, why: &str) -> String {
    format!(
        "{}: not solved yet.\n\n  mistake:  {}\n            {why}\n{}",
        exercise.name,
        Mistake::Crash,
        pointers(exercise)
    )
}

/// Where to find more.
fn pointers(exercise: &Exercise) -> String {
    let Exercise { name, chapter, .. } = exercise;
    let number = exercise.number();
    format!(
        "\n  file:     crates/exercises/src/problems/{name}.rs\n  hint:     cargo run -p exercises -- hint {number}\n  \
         guide:    chapter {chapter}, in: cargo doc -p guide --no-deps --open\n"
    )
}

fn counts(question: &Question) -> String {
    let shape = &question.shape;
    let shape = if shape.len() == 1 { format!("({})", shape[0]) } else { index(shape) };
    let Ok(got) = &question.got else { return String::new() };
    match wrong(got, &question.expected, question.is_extreme()) {
        Some(off) if off.len() > 1 => {
            format!(", shape {shape}: {} of {} elements are wrong", off.iter().filter(|off| **off).count(), off.len())
        }
        Some(_) => String::new(),
        None => format!(", shape {shape}"),
    }
}

fn index(place: &[usize]) -> String {
    format!("({})", place.iter().map(usize::to_string).collect::<Vec<_>>().join(", "))
}

/// The index of element `i` along each axis.
fn unravel(mut i: usize, shape: &[usize]) -> Vec<usize> {
    let mut place: Vec<_> = shape.iter().rev().map(|length| (i % length, i /= length).0).collect();
    place.reverse();
    place
}

/// Writes the five worst elements, and a map of all elements.
fn elements(text: &mut String, question: &Question) {
    let Question { shape, expected, got, .. } = question;
    let Ok(got) = got else { return };
    let Some(off) = wrong(got, expected, question.is_extreme()) else { return };
    let error = |i: usize| {
        let error = (got[i] - expected[i]).abs();
        let error = if question.is_extreme() { error / expected[i].abs().max(1e-300) } else { error };
        if error.is_nan() { f64::INFINITY } else { error }
    };
    let mut worst: Vec<_> = (0..off.len()).filter(|i| off[*i]).collect();
    worst.sort_by(|a, b| error(*b).total_cmp(&error(*a)));
    let _ = writeln!(text, "\n  {:>12}  {:>14}  {:>14}  {:>10}", "worst at", "yours", "expected", "ratio");
    for i in worst.into_iter().take(5) {
        let ratio = got[i] / expected[i];
        let ratio = if ratio.is_finite() { format!("{:.4}", ratio + 0.0) } else { "-".into() };
        let place = index(&unravel(i, shape));
        let _ = writeln!(text, "  {place:>12}  {:>14}  {:>14}  {ratio:>10}", number(got[i]), number(expected[i]));
    }
    if off.len() <= 5 {
        return;
    }
    let columns = *shape.last().expect("a shape with several elements has axes");
    let _ = writeln!(text, "\n  map (. right, - wrong sign, 0 zero, x wrong, ! not a number)");
    let mark = |i: usize| match (got[i], expected[i]) {
        _ if !off[i] => '.',
        (x, _) if !x.is_finite() => '!',
        (0.0, _) => '0',
        (x, y) if (x + y).abs() <= 1e-6 * y.abs() => '-',
        _ => 'x',
    };
    for row in 0..(off.len() / columns).min(MAP[0]) {
        let marks: Vec<_> = (0..columns.min(MAP[1])).map(|x| mark(row * columns + x).to_string()).collect();
        let _ = writeln!(text, "      {}", marks.join(" "));
    }
    if off.len() / columns > MAP[0] || columns > MAP[1] {
        let _ = writeln!(text, "      (and more)");
    }
}

/// A number with six digits, with an exponent if it is very small or large.
fn number(x: f64) -> String {
    let x = x + 0.0; // no -0
    if x == 0.0 || (1e-3..1e6).contains(&x.abs()) { format!("{x:.6}") } else { format!("{x:.5e}") }
}

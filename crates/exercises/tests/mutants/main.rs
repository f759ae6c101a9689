//! Tests the checker: wrong answers to every exercise, each with a deliberate mistake.
//!
//! `cargo test -p exercises --test mutants -- --nocapture` prints a table: the exercise, the
//! mutant, its mistake, and the checker's diagnosis. A few mutants may get "not a known mistake",
//! but hardly any may get a wrong diagnosis.

#![allow(clippy::type_complexity, reason = "an exercise's function is spelled out where it is wrong")]

use exercises::{EXERCISES, Mistake, Verdict};

mod activations;
mod images;
mod norms;
mod optimizers;
mod players;
mod tables;
mod tape;

/// A wrong answer: the exercise, a description, the mistake, and the checker's diagnosis.
struct Mutant(usize, &'static str, Mistake, Verdict);

#[test]
fn mistakes_are_called_by_their_names() {
    let mut mutants: Vec<Mutant> = [
        tape::mutants(),
        tables::mutants(),
        images::mutants(),
        activations::mutants(),
        norms::mutants(),
        optimizers::mutants(),
        players::mutants(),
    ]
    .into_iter()
    .flatten()
    .collect();
    mutants.sort_by_key(|mutant| mutant.0);

    let (mut right, mut wrong) = (0, 0);
    for Mutant(number, name, made, verdict) in &mutants {
        let found = verdict.mistake();
        let mark = match found {
            Some(found) if found == *made => "",
            Some(Mistake::Unknown) => "  (not recognised)",
            _ => "  WRONG",
        };
        right += usize::from(mark.is_empty());
        wrong += usize::from(mark == "  WRONG");
        let found = found.map_or("solved".into(), |found| found.to_string());
        println!("{:<24} {name:<58} {made:<36} {found}{mark}", EXERCISES[number - 1].name);
    }
    let all = mutants.len();
    println!(
        "{all} mutants: {right} called by their names, {} not recognised, {wrong} called wrong",
        all - right - wrong
    );

    for exercise in &EXERCISES {
        let number = exercise.number();
        assert!(mutants.iter().filter(|mutant| mutant.0 == number).count() >= 3, "{}: too few mutants", exercise.name);
    }
    assert!(mutants.iter().all(|mutant| !mutant.3.solved()), "a wrong answer passed");
    assert!(right * 100 >= all * 95, "{right} of {all} is less than 95%");
    assert!(wrong * 100 <= all, "{wrong} of {all} is more than 1%");
}

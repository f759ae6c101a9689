//! Every original file fails with the intended diagnosis, and every reference solution passes.
//!
//! These tests use `starts` and `solutions`, never `problems`, so nothing that a learner writes
//! there breaks a test.

use exercises::{EXERCISES, judge};

#[path = "../src/solutions/mod.rs"]
#[allow(unused, unreachable_pub, missing_docs, clippy::all, reason = "written for who learns Rust as well")]
mod solutions;

#[path = "../src/starts/mod.rs"]
#[allow(unused, unreachable_pub, missing_docs, clippy::all, reason = "not solved yet")]
mod starts;

#[test]
fn a_shipped_file_fails_with_the_intended_diagnosis() {
    for exercise in &EXERCISES {
        let verdict = judge!(starts, exercise.number());
        assert_eq!(verdict.mistake(), Some(exercise.shipped), "{}: {:?}", exercise.name, verdict.failed);
    }
}

#[test]
fn a_reference_solution_passes() {
    for exercise in &EXERCISES {
        let verdict = judge!(solutions, exercise.number());
        assert!(verdict.solved(), "{}: {:?}", exercise.name, verdict.failed);
    }
}

#[test]
fn the_list_is_in_the_order_of_the_guide_and_the_files_say_the_same() {
    for (number, exercise) in (1..).zip(&EXERCISES) {
        let name = exercise.name;
        assert_eq!(exercise.number(), number);
        assert_eq!(name[1..3].parse(), Ok(number), "{name}");
        assert!(number < 2 || EXERCISES[number - 2].chapter <= exercise.chapter, "{name}: its chapter comes too early");
        let heading = format!("//! Exercise {number}: ");
        let (first, rest) = exercise.start.split_once('\n').expect("a heading");
        assert!(
            first.starts_with(&heading) && first.ends_with(&format!("(Guide: {})", exercise.chapter)),
            "{name}: {first}"
        );
        assert!(rest.contains(&format!("cargo run -p exercises -- check {number}\n")), "{name} says how it is checked");
        assert!(rest.contains("//! Result:"), "{name} says what the result is");
        assert!(exercise.start != exercise.solution);
    }
    let guide =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../guide/src/lib.rs")).expect("the guide");
    let chapters: Vec<_> = guide
        .lines()
        .filter_map(|line| line.strip_prefix("    c")?.strip_suffix(",").map(|_| &line[4..line.len() - 1]))
        .collect();
    assert_eq!(chapters.len(), 14);
    for chapter in &chapters {
        assert!(EXERCISES.iter().any(|exercise| exercise.chapter == *chapter), "no exercise for {chapter}");
    }
    assert!(EXERCISES.iter().all(|exercise| chapters.contains(&exercise.chapter)));
}

//! What the guide says about the exercises is true.

use exercises::{EXERCISES, Mistake};

fn chapter(name: &str) -> String {
    let file = format!("{}/../guide/src/{name}.md", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The significant words of a title.
fn words(title: &str) -> Vec<&str> {
    let telling =
        |word: &&str| word.len() > 3 && !["that", "what", "does", "this", "step", "from", "left"].contains(word);
    title.split(|c: char| !c.is_alphanumeric()).filter(telling).collect()
}

/// The chapter of an exercise covers the topic of its title.
#[test]
fn the_chapter_of_an_exercise_speaks_of_it() {
    let rare = ["along", "happens", "hyperbolic"];
    for exercise in &EXERCISES {
        let text = chapter(exercise.chapter).to_lowercase();
        for word in words(exercise.title).into_iter().filter(|word| !rare.contains(word)) {
            assert!(
                text.contains(&word.to_lowercase()),
                "{}: {} does not speak of `{word}`",
                exercise.name,
                exercise.chapter
            );
        }
    }
}

/// "write the sweep, and repair two": the numbers are right.
#[test]
fn chapter_4_counts_its_exercises() {
    let of_chapter = || EXERCISES.iter().filter(|exercise| exercise.chapter == "c04_reverse_sweep");
    let written = of_chapter().filter(|exercise| exercise.shipped == Mistake::Unwritten).count();
    assert_eq!((written, of_chapter().count() - written), (1, 2));
    assert!(chapter("c04_reverse_sweep").contains("write the sweep, and repair two that are broken"));
}

#[test]
fn the_last_exercise_is_the_one_that_the_last_chapter_names() {
    assert!(chapter("c14_proof_and_speed").contains("list` ends with the gradient penalty"));
    assert_eq!(EXERCISES.last().map(|exercise| exercise.title), Some("the gradient penalty"));
}

#[test]
fn the_front_page_names_the_first_and_the_last_exercise() {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).expect("the front page");
    let [first, .., last] = &EXERCISES;
    let message =
        format!("{} [exercises](crates/exercises/README.md), from {} to {}.", EXERCISES.len(), first.title, last.title);
    assert!(page.contains(&message), "README.md: {message}");
}

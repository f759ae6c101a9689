//! Every exhibit shows its symptom, and the diagnosis reports it; the healthy run beside it has
//! neither.

use museum::{EXHIBITS, Seen, Visit, visit};
use runs::Output;
use runs::diagnosis::SIGNS;

/// Trains the exhibits that `wanted` accepts; returns what is wrong with them.
fn problems(seed: u32, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let mut problems = Vec::new();
    for exhibit in EXHIBITS.iter().filter(|exhibit| wanted(exhibit.name)) {
        let (name, folder) = (exhibit.name, tempfile::tempdir().unwrap());
        let out = folder.path().to_owned();
        let seen = visit(&Visit { exhibit, out, seed, output: Output::Silent }).unwrap();
        let Seen { columns: [healthy, sick], diverged, diagnoses, .. } = &seen;
        let mut expect = |holds: bool, what: &str| {
            if !holds {
                problems.push(format!("{name}, seed {seed}: {what}; {diagnoses:?}"));
            }
        };
        expect((exhibit.shows)(sick, healthy), "no symptom");
        expect(!(exhibit.shows)(healthy, healthy), "the healthy run has the symptom");
        expect(diverged.is_some() == exhibit.sign.is_none(), "diverged, or did not");
        expect(exhibit.sign.is_none_or(|sign| diagnoses.iter().any(|[_, found, _]| found == sign)), "no diagnosis");
        let healthy = std::fs::read_to_string(seen.healthy.join("diagnoses.csv")).unwrap_or_default();
        expect(healthy.lines().count() <= 1, &format!("the healthy run is reported as sick: {healthy}"));
    }
    problems
}

#[test]
fn some_exhibits_have_their_symptom_and_their_diagnosis() {
    let quick = ["no-freeze", "naive-loss", "swapped-labels", "saturating-loss", "dead-units", "unscaled-data"];
    assert_eq!(problems(1, |name| quick.contains(&name)), [""; 0]);
}

#[test]
#[ignore = "takes minutes"]
fn all_exhibits_have_their_symptom_and_their_diagnosis_with_three_seeds() {
    let found: Vec<String> = [1, 2, 3].into_iter().flat_map(|seed| problems(seed, |_| true)).collect();
    assert_eq!(found, [""; 0]);
}

#[test]
fn every_exhibit_has_a_name_and_a_known_sign() {
    let mut names: Vec<&str> = EXHIBITS.iter().map(|exhibit| exhibit.name).collect();
    assert!(names.len() >= 12 && names.iter().all(|name| museum::find(name).is_some()));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), EXHIBITS.len());
    for sign in EXHIBITS.iter().filter_map(|exhibit| exhibit.sign) {
        assert!(SIGNS.iter().any(|known| known.id == sign), "{sign}");
    }
}

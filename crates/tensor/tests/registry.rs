//! Checks every op of the registry against finite differences, at first and second order, and its
//! fused rule, if it has one, against the rule composed of ops.

use tensor::ops::{Case, Domain, FEWEST_CASES, REGISTRY, sample};
use tensor::{Check, Options, Tape, Var, gradcheck::check_entry, vjp};

#[test]
fn every_op_has_right_derivatives_of_first_and_second_order() {
    let mut total = 0;
    for entry in &REGISTRY {
        let cases = (entry.cases)().len();
        assert!(cases >= FEWEST_CASES, "{}: only {cases} cases", entry.name);
        let (count, worst) = check_entry(entry, Check::default()).unwrap_or_else(|wrong| panic!("{wrong}"));
        println!(
            "{:<20} {count:>4} checks, worst error {:.1e} (first order) {:.1e} (second)",
            entry.name, worst[0], worst[1]
        );
        total += count;
    }
    println!("{} ops, {total} checks", REGISTRY.len());
}

/// The gradients of a case, for one fixed cotangent.
fn gradients(case: &Case, options: Options) -> Vec<Var<f64>> {
    let tape = Tape::new();
    let inputs: Vec<_> = case.inputs.iter().map(|x| tape.variable("x", x.clone())).collect();
    let y = (case.apply)(&inputs);
    vjp(&y, &Var::constant(sample(Domain::Any, 9, y.shape())), &inputs, options)
}

/// The second-order check cannot detect a constant error of a recorded rule; this test can.
#[test]
fn an_ordinary_sweep_and_a_recorded_one_agree() {
    for entry in &REGISTRY {
        for case in (entry.cases)() {
            let recorded = gradients(&case, Options::CREATE_GRAPH);
            for (plain, recorded) in gradients(&case, Options::default()).iter().zip(&recorded) {
                for (a, b) in plain.value().data().iter().zip(recorded.value().data()) {
                    assert!((a - b).abs() <= 1e-12 * (1.0 + b.abs()), "{} ({}): {a} and {b}", entry.name, case.label);
                }
            }
        }
    }
}

/// CONTRIBUTING.md states the number that the tests require.
#[test]
fn contributing_counts_the_cases() {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../CONTRIBUTING.md")).expect("the page");
    let (_, section) = page.split_once("## How an operation is added").expect("the section");
    let section = section.split("\n## ").next().unwrap_or_default().replace('\n', " ");
    for part in
        [&*format!("at least {FEWEST_CASES} cases"), "`mod` line", "its row", "link it from the [chapter of the guide]"]
    {
        assert!(section.contains(part), "CONTRIBUTING.md: {part}");
    }
}

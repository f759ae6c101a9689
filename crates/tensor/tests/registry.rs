//! Every op of the registry against finite differences, at first and second order.

use tensor::ops::REGISTRY;
use tensor::{Check, gradcheck::check_entry};

#[test]
fn every_op_has_right_derivatives_of_first_and_second_order() {
    let mut total = 0;
    for entry in &REGISTRY {
        let cases = (entry.cases)().len();
        assert!(cases >= 20, "{}: only {cases} cases", entry.name);
        let (count, worst) = check_entry(entry, Check::default()).unwrap_or_else(|wrong| panic!("{wrong}"));
        println!(
            "{:<20} {count:>4} checks, worst error {:.1e} (first order) {:.1e} (second)",
            entry.name, worst[0], worst[1]
        );
        total += count;
    }
    println!("{} ops, {total} checks", REGISTRY.len());
}

//! `train gradcheck` and `train derive`, from the command line.

mod common;

use common::Place;

#[test]
fn all_operations_are_checked_or_one() {
    let place = Place::new();
    let all = place.good("gradcheck").out;
    assert!(all.lines().count() > 40 && all.contains("operations, ") && all.contains("all right"), "{all}");
    assert!(all.lines().all(|line| line.len() <= 80), "{all}");
    let one = place.good("gradcheck matmul").out;
    assert!(one.contains("\nmatmul ") && one.contains("1 operation, ") && !one.contains("\nadd "), "{one}");
}

#[test]
fn a_derivation_ends_in_numbers() {
    let place = Place::new();
    let output = place.good("derive matmul").out;
    for part in [
        "c = a * b",
        "ga = gc * b^T",
        "gb(k,j) = sum over i of a(i,k) * gc(i,j)",
        "c07_matmul",
        "crates/tensor/src/ops/matmul.rs",
        "by finite differences",
        "worked",
    ] {
        assert!(output.contains(part), "{part:?} is not in\n{output}");
    }
    assert_eq!(output, place.good("derive matmul").out, "always the same numbers");
}

#[test]
fn what_is_no_operation_is_refused() {
    let place = Place::new();
    place.bad("gradcheck sigmiod", 2, &["sigmiod", "did you mean `sigmoid`?"]);
    place.bad("derive cnov2d", 2, &["did you mean `conv2d`?"]);
    place.bad("derive", 2, &["OP"]);
    place.bad("gradcheck add sub", 2, &["sub"]);
}

//! Recomputes every op, and every op that the rules are composed of, in `f64`: from the recorded
//! inputs, and from their first rows.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use tensor::ops::{Case, Domain, REGISTRY, sample};
use tensor::{Options, RecordedNode, Replay, Rows, Shape, SweptNode, Tape, TapeObserver, Tensor, Var, vjp};

/// Recomputes each node when it is recorded, and compares.
#[derive(Default)]
struct Again {
    /// The ops that were recomputed from their first rows, and those that could only be recomputed
    /// as a whole.
    by_rows: RefCell<BTreeSet<&'static str>>,
    whole: RefCell<BTreeSet<&'static str>>,
}

impl TapeObserver<f64> for Again {
    fn node_recorded(&self, node: &RecordedNode<'_, f64>) {
        let Some(op) = node.op else { return };
        let name = op.name();
        let again = op.replay().unwrap_or_else(|| panic!("`{name}` cannot be recomputed"));
        let inputs: Vec<_> = node.inputs.iter().map(|x| x.value().clone()).collect();
        same_bits(name, &on(again, &inputs, *node.value.shape()), node.value);
        let set = if same_rows(name, again, &inputs, node.value) { &self.by_rows } else { &self.whole };
        set.borrow_mut().insert(name);
    }

    fn node_swept(&self, _node: &SweptNode<'_, f64>) {}
}

fn on(again: &dyn Replay, inputs: &[Tensor<f64>], shape: Shape) -> Tensor<f64> {
    again.on(&inputs.iter().cloned().map(Var::constant).collect::<Vec<_>>(), shape).into_value()
}

fn same_bits(name: &str, got: &Tensor<f64>, expected: &Tensor<f64>) {
    assert_eq!(got.shape(), expected.shape(), "`{name}`");
    let same = got.data().iter().zip(expected.data()).all(|(a, b)| a.to_bits() == b.to_bits());
    assert!(same, "`{name}`: {got:?}, not {expected:?}");
}

/// The first rows of the inputs give the first rows of the value; false if the op has no rows.
fn same_rows(name: &str, again: &dyn Replay, inputs: &[Tensor<f64>], value: &Tensor<f64>) -> bool {
    let shapes: Vec<_> = inputs.iter().map(|x| *x.shape()).collect();
    let Some(cut) = again.rows().cut(&shapes, value.shape()) else { return false };
    for rows in 1..=value.shape()[0] {
        let first = |(x, &cut): (&Tensor<f64>, &bool)| if cut { x.first_rows(rows) } else { x.clone() };
        let first: Vec<_> = inputs.iter().zip(&cut).map(first).collect();
        let (got, expected) = (on(again, &first, value.shape().with_rows(rows)), value.first_rows(rows));
        match again.rows().keeps_numbers() {
            true => same_bits(name, &got, &expected),
            false => assert_eq!(got.shape(), expected.shape(), "`{name}`"),
        }
    }
    true
}

#[test]
fn every_op_and_every_rule_is_made_again_to_the_same_bits_and_row_by_row() {
    let again = Rc::new(Again::default());
    for entry in &REGISTRY {
        for Case { inputs, apply, .. } in (entry.cases)() {
            let tape = Tape::observed(Rc::<Again>::clone(&again));
            let variables: Vec<_> = inputs.iter().map(|x| tape.variable("x", x.clone())).collect();
            let y = apply(&variables);
            let gy = tape.variable("gy", sample(Domain::Any, 9, y.shape()));
            vjp(&y, &gy, &variables, Options::CREATE_GRAPH);
        }
    }
    let (by_rows, whole) = (again.by_rows.borrow(), again.whole.borrow());
    for entry in &REGISTRY {
        assert!(by_rows.contains(entry.name) || whole.contains(entry.name), "{} was never recomputed", entry.name);
    }
    let mixed: Vec<_> = whole.difference(&by_rows).copied().collect();
    assert_eq!(mixed, ["conv2d_weight_grad", "fold_taps", "spread_taps", "turn_taps"], "what mixes its rows");
}

#[test]
fn what_is_not_a_batch_is_not_cut() {
    let s = |lengths: &[usize]| Shape::new(lengths);
    assert_eq!(Rows::Aligned.cut(&[s(&[3, 3])], &s(&[3])), None, "a sum over the rows");
    assert_eq!(Rows::Aligned.cut(&[s(&[1, 3])], &s(&[2, 3])), None, "one row for all");
    assert_eq!(Rows::Aligned.cut(&[s(&[2, 3]), s(&[3])], &s(&[2, 3])), Some(vec![true, false]), "a bias");
    assert_eq!(Rows::First.cut(&[s(&[6]), s(&[6])], &s(&[6])), None, "a single row");
    assert_eq!(Rows::First.cut(&[s(&[4, 6])], &s(&[24, 1])), None, "rows that are cut up");
    assert_eq!(Rows::Aligned.cut(&[s(&[])], &s(&[])), None, "a number");
}

//! [`Replay`]: a recorded op made again, in `f64`, on other numbers.
//!
//! The tape of a training step holds `f32` ops. To check one of them, or to show where one of its numbers comes from, the same
//! op, with the same attributes, is made again in `f64`: on its own numbers, on numbers moved a little, or on the first few
//! rows of the batch only, which is often enough and much less work. [`Probe`](crate::Probe) does all of that.

use kernels::Element;

use crate::shape::Shape;
use crate::tensor::Tensor;
use crate::var::Var;

/// What an op says about itself so that it can be made again.
pub trait Replay {
    /// The op with the same attributes on `inputs`, all of them, in order.
    ///
    /// `shape` is that of the value: the recorded one, or the one with as many rows (the length of the first axis) as the
    /// inputs that [`rows`](Replay::rows) speaks of. Everything random is drawn by index, so the first rows keep their draws.
    ///
    /// # Panics
    /// When the inputs do not fit.
    fn on(&self, inputs: &[Var<f64>], shape: Shape) -> Var<f64>;

    /// Where the rows of the value come from.
    fn rows(&self) -> Rows {
        Rows::Whole
    }
}

/// Where the rows of an op's value, the slices along its first axis, come from; hence what the first few of them need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// From everything: there is only the whole.
    Whole,
    /// Row r from row r of the first input and all of the others.
    First,
    /// Row r from row r of each input that has as many axes and as many rows as the value, and all of the others: elementwise,
    /// with broadcasting.
    Aligned,
    /// As [`First`](Rows::First), but the rows also meet in statistics of the whole batch. On fewer rows it is the same rule on
    /// a smaller batch: good for a check of the rule, but with other numbers.
    Batch,
}

impl Rows {
    /// Which of the inputs are to be cut to their first rows, so that they give the first rows of a value of shape `value`
    /// (or, for [`Batch`](Rows::Batch), something of their shape). None if only the whole makes sense.
    pub fn cut(self, inputs: &[Shape], value: &Shape) -> Option<Vec<bool>> {
        let &rows = value.first()?;
        let cut: Vec<bool> = match self {
            Self::Whole => return None,
            Self::First | Self::Batch => {
                let has_rows = inputs[0].len() > 1 && inputs[0][0] == rows;
                (0..inputs.len()).map(|i| i == 0 && has_rows).collect()
            }
            Self::Aligned => inputs.iter().map(|x| x.len() == value.len() && x[0] == rows).collect(),
        };
        cut.contains(&true).then_some(cut)
    }

    /// Whether the first rows of the inputs give the very numbers of the first rows of the value.
    pub fn keeps_numbers(self) -> bool {
        matches!(self, Self::First | Self::Aligned)
    }
}

/// What an op keeps in itself of a tensor that goes with its input row by row, in `f64` and as far as the input, of shape `like`,
/// goes.
pub(crate) fn kept<T: Element>(tensor: &Tensor<T>, like: &Shape) -> Var<f64> {
    Var::constant(Tensor::from_fn(*like, |i| tensor.data()[i].to_f64()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::ops::{Case, Domain, REGISTRY, sample};
    use crate::{Options, Tape, vjp};

    /// Makes every node of a tape again, from its leaves on. Returns the values, and calls `look` for every op with its inputs.
    fn replay_all(
        tape: &Tape<f64>,
        leaves: &[Tensor<f64>],
        mut look: impl FnMut(&'static str, &dyn Replay, &[Tensor<f64>], &Tensor<f64>),
    ) -> Vec<Tensor<f64>> {
        let record = tape.0.borrow();
        let (mut leaves, mut values) = (leaves.iter(), Vec::<Tensor<f64>>::new());
        for node in &record.nodes {
            let Some(op) = &node.op else {
                values.push(leaves.next().expect("a value for every leaf").clone());
                continue;
            };
            let constant =
                || node.inputs.iter().find_map(|input| input.value.clone()).expect("a constant that is kept");
            let inputs: Vec<_> =
                node.inputs.iter().map(|i| i.node.map_or_else(constant, |i| values[i].clone())).collect();
            let again = op.replay().unwrap_or_else(|| panic!("`{}` cannot be made again", op.name()));
            let value = value_of(again, &inputs, node.shape);
            assert_eq!(*value.shape(), node.shape, "`{}`", op.name());
            look(op.name(), again, &inputs, &value);
            values.push(value);
        }
        values
    }

    fn value_of(again: &dyn Replay, inputs: &[Tensor<f64>], shape: Shape) -> Tensor<f64> {
        again.on(&inputs.iter().cloned().map(Var::constant).collect::<Vec<_>>(), shape).into_value()
    }

    /// The first rows of the inputs must give the first rows of the value.
    fn compare_rows(name: &str, label: &str, again: &dyn Replay, inputs: &[Tensor<f64>], value: &Tensor<f64>) -> bool {
        let shapes: Vec<_> = inputs.iter().map(|x| *x.shape()).collect();
        let Some(cut) = again.rows().cut(&shapes, value.shape()) else { return false };
        for rows in 1..=value.shape()[0] {
            let first: Vec<_> =
                inputs.iter().zip(&cut).map(|(x, &cut)| if cut { x.first_rows(rows) } else { x.clone() }).collect();
            let (got, expected) = (value_of(again, &first, value.shape().with_rows(rows)), value.first_rows(rows));
            assert_eq!(got.shape(), expected.shape(), "{name} ({label})");
            if again.rows().keeps_numbers() {
                assert_eq!(got, expected, "{name} ({label}): {rows} rows");
            }
        }
        true
    }

    #[test]
    fn every_op_and_every_rule_can_be_made_again_to_the_same_bits_and_row_by_row() {
        let (mut by_rows, mut whole) = (BTreeSet::new(), BTreeSet::new());
        for entry in &REGISTRY {
            for Case { label, inputs, apply } in (entry.cases)() {
                let tape = Tape::new();
                let variables: Vec<_> = inputs.iter().map(|x| tape.variable("x", x.clone())).collect();
                let y = apply(&variables);
                let gy = tape.variable("gy", sample(Domain::Any, 9, y.shape()));
                let gradients = vjp(&y, &gy, &variables, Options::CREATE_GRAPH);

                let leaves = [&inputs[..], &[gy.value().clone()]].concat();
                let values = replay_all(&tape, &leaves, |name, again, inputs, value| {
                    let cuts = compare_rows(name, &label, again, inputs, value);
                    if cuts {
                        by_rows.insert(name)
                    } else {
                        whole.insert(name)
                    };
                });
                for var in gradients.iter().chain([&y]) {
                    let Some((_, node)) = var.place() else { continue };
                    let (got, expected) = (&values[node], var.value());
                    let same = got.data().iter().zip(expected.data()).all(|(a, b)| a.to_bits() == b.to_bits());
                    assert!(same, "{} ({label}): {got:?}, not {expected:?}", entry.name);
                }
            }
        }
        for entry in &REGISTRY {
            assert!(by_rows.contains(entry.name) || whole.contains(entry.name), "{} was never made again", entry.name);
        }
        let never: Vec<_> = whole.difference(&by_rows).copied().collect();
        assert_eq!(never, ["conv2d_weight_grad", "gather_taps", "spread_taps", "turn_taps"], "what mixes its rows");
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
}

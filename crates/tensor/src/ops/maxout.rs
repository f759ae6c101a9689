//! `maxout`: the maximum of groups of consecutive elements.
//!
//! The last axis, of length n * pieces, is n groups; `y[i] = max over j of x[i * pieces + j]`. The
//! gradient flows to the largest element of each group, the first one if several are equal. It is
//! saved as a mask of ones and zeros. The rule is a product with the mask, so gradients of
//! gradients need nothing more.

use kernels::Element;

use crate::arithmetic::ElementContext;
use crate::ops::{Case, Domain, Entry, sample};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "maxout",
    idea: "The largest element of each group of neighbours.",
    forward: "y[i] = max over j of x[i, j]",
    rule: "gx[i, j] = gy[i] where x[i, j] is the first largest, else 0",
    derivation: &[
        "y[i] is one of the numbers of group i: the largest, the first of equal ones",
        "moving that one moves y[i] by as much: the slope is 1",
        "the others have no influence: the slope is 0",
        "so gx is gy at the largest of each group, 0 elsewhere",
    ],
    saved: "a mask of ones and zeros: 1 for the largest of each group",
    shape: "(..., n * pieces) to (..., n)",
    cost: "one comparison per element of x forward, one product backward",
    chapter: "c09_activations_and_losses",
    file: file!(),
    cases: || {
        let shapes: [(&[usize], usize); 10] = [
            (&[1], 1),
            (&[2], 2),
            (&[6], 3),
            (&[10], 5),
            (&[1, 4], 2),
            (&[3, 4], 4),
            (&[2, 15], 5),
            (&[7, 6], 2),
            (&[2, 3, 4], 2),
            (&[5, 1, 2, 9], 3),
        ];
        let case = |(seed, &(shape, pieces)): (u32, &(&[usize], usize))| {
            Case::new(format!("{shape:?} in groups of {pieces}"), vec![apart(seed, shape)], move |v| {
                v[0].maxout(pieces)
            })
        };
        let seeded = (0..2).flat_map(|round| shapes.iter().enumerate().map(move |(i, s)| (round * 100 + i as u32, s)));
        seeded.map(case).collect()
    },
};

/// Numbers that differ so much that finite differences do not cross a kink.
fn apart(seed: u32, shape: &[usize]) -> Tensor<f64> {
    let drawn = sample(Domain::Any, seed, shape);
    let rank = |i: usize| drawn.data().iter().filter(|x| **x < drawn.data()[i]).count();
    Tensor::from_fn(shape, |i| 0.1 * rank(i) as f64 - 1.0)
}

/// The op with its mask in the input's shape: 1 for the largest element of each group, 0 for the
/// others.
struct Maxout<T: Element> {
    mask: Tensor<T>,
}

impl<T: Element> Var<T> {
    /// The maximum of each group of `pieces` consecutive elements along the last axis.
    ///
    /// # Panics
    /// When the length of the last axis is not a multiple of `pieces`.
    #[track_caller]
    pub fn maxout(&self, pieces: usize) -> Self {
        let fits = self.shape().last().is_some_and(|last| pieces > 0 && last.is_multiple_of(pieces));
        assert!(fits, "maxout: the last axis of {} is not made of groups of {pieces}", self.shape());
        let x = self.value();
        let mut mask = Tensor::zeros(*x.shape());
        let mut shape = x.shape().to_vec();
        if let Some(last) = shape.last_mut() {
            *last /= pieces;
        }
        let y = Tensor::written(&shape[..], |y| {
            let groups = x.data().chunks_exact(pieces).zip(mask.data_mut().chunks_exact_mut(pieces));
            for ((x, mask), y) in groups.zip(y) {
                let first = (1..pieces).fold(0, |best, j| if x[j].to_f64() > x[best].to_f64() { j } else { best });
                mask[first] = T::from_f64(1.0);
                *y = x[first];
            }
        });
        Self::record(Maxout { mask }, &[self], y)
    }
}

impl<T: Element> Op<T> for Maxout<T> {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::NOTHING
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx[i, j] = gy[i] where x[i, j] is the first largest, else 0`
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        let groups = gy.value().size();
        let mask = Var::constant(self.mask.reshape([groups, self.mask.size() / groups]));
        let gx = &gy.reshape([groups, 1]) * &mask;
        vec![Some(gx.reshape(call.input_shape(0)))]
    }
}

impl<T: Element> Replay for Maxout<T> {
    fn on(&self, inputs: &[Var<f64>], shape: Shape) -> Var<f64> {
        inputs[0].maxout(inputs[0].value().size() / shape.size())
    }

    fn rows(&self) -> Rows {
        Rows::First
    }

    fn value_arithmetic(&self, at: &ElementContext) -> Option<String> {
        let pieces = at.inputs[0].size() / at.value.size();
        let group = &at.inputs[0].data()[at.at * pieces..][..pieces];
        Some(format!("max({})", group.iter().map(|x| at.n(*x)).collect::<Vec<_>>().join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use crate::{Options, Tape, Tensor, grad};

    #[test]
    fn the_largest_of_each_group_and_of_equal_ones_the_first() {
        let tape = Tape::new();
        let x = tape.variable("x", Tensor::new(&[2, 6], vec![1., 3., 2., 5., 5., 4., -1., -3., -2., 0., 7., 7.]));
        let y = x.maxout(3);
        assert_eq!(*y.value(), Tensor::new(&[2, 2], vec![3., 5., -1., 7.]));
        let g = grad(&y.sum(), &[x], Options::default());
        assert_eq!(g[0].value().data(), [0., 1., 0., 1., 0., 0., 1., 0., 0., 0., 1., 0.]);
    }

    #[test]
    #[should_panic(expected = "maxout: the last axis of [2, 5] is not made of groups of 3")]
    fn groups_must_fill_the_axis() {
        crate::Var::constant(Tensor::<f32>::zeros([2, 5])).maxout(3);
    }
}

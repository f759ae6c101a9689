//! `slice` and `embed`: a contiguous part of a tensor along one axis; zero padding along one axis.
//!
//! y(.., j, ..) = x(.., start + j, ..). An element inside the range gets the gradient of its copy,
//! others get none: gx is gy padded with zeros. The gradient of `embed` is a slice. The two ops are
//! adjoint, so each is the other's rule. Nothing is saved.

use core::ops::Range;

use kernels::Element;

use crate::ops::{Case, Domain, Entry, sample};
use crate::shape::Shape;
use crate::{Attributes, Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The entry of the slice.
pub const ENTRY: Entry = Entry {
    name: "slice",
    idea: "A contiguous part along one axis.",
    forward: "y[i, j, k] = x[i, start + j, k], for j < end - start",
    rule: "gx = embed(gy): zeros before start and from end on",
    derivation: &[
        "each number of y is a copy of one of x, and none is copied twice",
        "x[i, start + j, k] moves y[i, j, k] with slope 1: it gets gy[i, j, k]",
        "elements before start or from end on have no influence: their gradient is 0",
        "so gx is gy with zeros around it: embed(gy)",
    ],
    saved: "nothing: the axis and the range are attributes of the op",
    shape: "the axis has the length of the range, all others stay",
    cost: "one copy per element of y forward, one of x backward",
    chapter: "c06_broadcasting",
    file: file!(),
    cases: || cases(|axis, [before, after], x| x.slice(axis, before..x.shape()[axis] - after)),
};

/// The entry of its adjoint.
pub const EMBED_ENTRY: Entry = Entry {
    name: "embed",
    idea: "Zeros before and after, along one axis.",
    forward: "y[i, before + j, k] = x[i, j, k], 0 elsewhere",
    rule: "gx = slice(gy): the part that contains x",
    derivation: &[
        "each number of x is copied to one place of y; the zeros depend on nothing",
        "x[i, j, k] moves y[i, before + j, k] with slope 1",
        "so gx[i, j, k] = gy[i, before + j, k]: slice(gy)",
    ],
    saved: "nothing: the axis and the two numbers of zeros are attributes of the op",
    shape: "the axis is longer by before + after, all others stay",
    cost: "one copy per element of y forward, one of x backward",
    chapter: "c06_broadcasting",
    file: file!(),
    cases: || cases(|axis, [before, after], x| x.embed(axis, before, after)),
};

/// Every axis of several shapes, with several lengths cut off or padded before and after.
fn cases(apply: fn(usize, [usize; 2], &Var<f64>) -> Var<f64>) -> Vec<Case> {
    let shapes: [&[usize]; 5] = [&[7], &[4, 3], &[5, 4, 3], &[3, 3, 4, 5], &[2, 3, 3, 3]];
    let case = |shape: &[usize], axis: usize, [before, after]: [usize; 2]| {
        let inputs = vec![sample(Domain::Any, 1, shape)];
        Case::new(format!("{shape:?} on axis {axis} by {before} and {after}"), inputs, move |v| {
            apply(axis, [before, after], &v[0])
        })
    };
    let axes = shapes.into_iter().flat_map(|shape| (0..shape.len()).map(move |axis| (shape, axis)));
    let fits = |(shape, axis): (&'static [usize], usize)| {
        let by = [[1, 0], [0, 1], [1, 1], [0, 0]];
        by.into_iter().filter(move |by| by[0] + by[1] < shape[axis]).map(move |by| case(shape, axis, by))
    };
    axes.flat_map(fits).collect()
}

/// The part `range` of axis `axis`.
struct Slice {
    axis: usize,
    range: Range<usize>,
}

/// Zero padding along axis `axis`, where the input becomes the part `range`.
struct Embed {
    axis: usize,
    range: Range<usize>,
}

/// The shape with `length` as the length of axis `axis`, and the sizes of the axes before and after
/// it.
fn resized(shape: &Shape, axis: usize, length: usize) -> (Shape, [usize; 2]) {
    let mut lengths = shape.to_vec();
    lengths[axis] = length;
    (Shape::new(&lengths), [shape[..axis].iter().product(), shape[axis + 1..].iter().product()])
}

impl<T: Element> Var<T> {
    /// The part `range` along axis `axis`.
    ///
    /// # Panics
    /// When there is no such axis, or the range is out of bounds.
    #[track_caller]
    pub fn slice(&self, axis: usize, range: Range<usize>) -> Self {
        let shape = self.shape();
        assert!(axis < shape.len(), "slice: {shape} has no axis {axis}");
        let length = shape[axis];
        let inside = range.start <= range.end && range.end <= length;
        assert!(inside, "slice: {range:?} is not inside axis {axis} of {shape}");
        let (part, [outer, inner]) = resized(shape, axis, range.len());
        let (row, x) = (range.len() * inner, self.value().data());
        let y = Tensor::written(part, |y| {
            for i in 0..outer {
                y[i * row..][..row].copy_from_slice(&x[(i * length + range.start) * inner..][..row]);
            }
        });
        Self::record(Slice { axis, range }, &[self], y)
    }

    /// Pads axis `axis` with `before` zeros at its start and `after` zeros at its end.
    ///
    /// # Panics
    /// When there is no such axis.
    #[track_caller]
    pub fn embed(&self, axis: usize, before: usize, after: usize) -> Self {
        let shape = self.shape();
        assert!(axis < shape.len(), "embed: {shape} has no axis {axis}");
        let range = before..before + shape[axis];
        let (whole, [outer, inner]) = resized(shape, axis, range.end + after);
        let (row, x) = (shape[axis] * inner, self.value().data());
        let y = Tensor::written(whole, |y| {
            y.fill(T::default());
            for i in 0..outer {
                let at = (i * whole[axis] + before) * inner;
                y[at..][..row].copy_from_slice(&x[i * row..][..row]);
            }
        });
        Self::record(Embed { axis, range }, &[self], y)
    }

    /// Concatenates `self` and `other` along axis `axis`, with gradients to both.
    /// ([`Tensor::concat`] concatenates data along the first axis.)
    ///
    /// It is not an op of its own, but the sum of both, each [padded](Var::embed) with zeros. This
    /// costs one addition per element, and the rules of `embed` and of the sum give its gradients.
    ///
    /// # Panics
    /// When there is no such axis, or any other axis differs.
    #[track_caller]
    pub fn concat(&self, other: &Self, axis: usize) -> Self {
        let (a, b) = (self.shape(), other.shape());
        let same = a.len() == b.len() && axis < a.len() && resized(a, axis, 0).0 == resized(b, axis, 0).0;
        assert!(same, "concat: {a} and {b} differ in more than axis {axis}");
        &self.embed(axis, 0, b[axis]) + &other.embed(axis, a[axis], 0)
    }
}

impl<T: Element> Op<T> for Slice {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn attributes(&self) -> String {
        format!("axis {}, {:?}", self.axis, self.range)
    }

    fn attribute_data(&self) -> Attributes {
        Attributes::Slice { axis: self.axis, range: self.range.clone() }
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::NOTHING
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx = embed(gy): zeros before start and from end on`
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        let after = call.input_shape(0)[self.axis] - self.range.end;
        vec![Some(gy.embed(self.axis, self.range.start, after))]
    }
}

impl Replay for Slice {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        inputs[0].slice(self.axis, self.range.clone())
    }

    fn rows(&self) -> Rows {
        rows_apart_from(self.axis)
    }
}

impl<T: Element> Op<T> for Embed {
    fn name(&self) -> &'static str {
        EMBED_ENTRY.name
    }

    fn attributes(&self) -> String {
        format!("axis {}, at {:?}", self.axis, self.range)
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::NOTHING
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx = slice(gy): the part that contains x`
    fn vjp(&self, _call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some(gy.slice(self.axis, self.range.clone()))]
    }
}

impl Replay for Embed {
    fn on(&self, inputs: &[Var<f64>], shape: Shape) -> Var<f64> {
        inputs[0].embed(self.axis, self.range.start, shape[self.axis] - self.range.end)
    }

    fn rows(&self) -> Rows {
        rows_apart_from(self.axis)
    }
}

/// Along the first axis, whole rows are removed or added.
fn rows_apart_from(axis: usize) -> Rows {
    if axis == 0 { Rows::Whole } else { Rows::First }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Tape, vjp};

    fn numbers(shape: &[usize]) -> Var<f64> {
        Var::constant(Tensor::from_fn(shape, |i| i as f64 + 1.0))
    }

    #[test]
    fn parts_and_zeros_lie_where_they_should() {
        let x = numbers(&[2, 3, 2]); // rows 1 2, 3 4, 5 6 and 7 8, 9 10, 11 12
        assert_eq!(x.slice(1, 1..3).value(), &Tensor::new(&[2, 2, 2], vec![3.0, 4.0, 5.0, 6.0, 9.0, 10.0, 11.0, 12.0]));
        assert_eq!(x.slice(0, 1..2).value(), &Tensor::new(&[1, 3, 2], vec![7.0, 8.0, 9.0, 10.0, 11.0, 12.0]));
        assert_eq!(x.slice(2, 1..2).value().data(), [2.0, 4.0, 6.0, 8.0, 10.0, 12.0]);
        assert_eq!(x.slice(1, 3..3).value().shape().to_vec(), [2, 0, 2], "an empty part");
        let y = numbers(&[2, 1]).embed(1, 2, 1);
        assert_eq!(y.value(), &Tensor::new(&[2, 4], vec![0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 2.0, 0.0]));
    }

    #[test]
    fn joined_along_any_axis_and_split_again() {
        let tape = Tape::new();
        for axis in 0..3 {
            let other: Vec<_> = (0..3).map(|i| if i == axis { 4 } else { 2 }).collect();
            let [a, b] = [vec![2, 2, 2], other].map(|shape| tape.variable("x", numbers(&shape).into_value()));
            let y = a.concat(&b, axis);
            assert_eq!(y.slice(axis, 0..2).value(), a.value());
            assert_eq!(y.slice(axis, 2..6).value(), b.value());
            let gy = sample(Domain::Any, 1, y.shape());
            let g = vjp(&y, &Var::constant(gy.clone()), &[a, b], Options::default());
            let gy = Var::constant(gy);
            assert_eq!(g[0].value(), gy.slice(axis, 0..2).value());
            assert_eq!(g[1].value(), gy.slice(axis, 2..6).value());
        }
        let (a, b) = (numbers(&[1, 3]), numbers(&[2, 3]));
        assert_eq!(*a.concat(&b, 0).value(), a.value().concat(b.value()), "the first axis, as data are joined");
    }

    #[test]
    #[should_panic(expected = "slice: 1..4 is not inside axis 1 of [2, 3]")]
    fn a_part_that_is_not_there_is_refused() {
        let _ = numbers(&[2, 3]).slice(1, 1..4);
    }

    #[test]
    #[should_panic(expected = "concat: [2, 3] and [3, 3] differ in more than axis 1")]
    fn what_does_not_fit_is_not_joined() {
        let _ = numbers(&[2, 3]).concat(&numbers(&[3, 3]), 1);
    }
}

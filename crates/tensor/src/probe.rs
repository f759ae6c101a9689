//! [`Probe`]: where the numbers of one recorded op come from, and whether its gradients are right at its own numbers.
//!
//! A rule takes the gradient by an op's value to the gradients by its inputs: it multiplies by the op's local slopes, dy(i)/dx(j),
//! without ever writing them all down. A probe writes some of them down, and needs nothing but the rule to do so:
//!
//! * The slopes of one element of the value (a row of the Jacobian) are what the rule makes of the gradient that is 1 there and
//!   0 elsewhere.
//! * The slopes by one element of an input (a column) are found the other way round. The gradient that the rule gives it is
//!   linear in the gradient gy that the rule is given: gx(j) = sum over i of gy(i) * dy(i)/dx(j). So the derivative of gx(j) by
//!   gy(i) is the slope, and the recorded rule can be differentiated like anything else.

use std::cell::OnceCell;

use kernels::Element;

use crate::gradcheck::{Check, STEP, derivative, derivative_by, direction, dot};
use crate::op::Op;
use crate::replay::Replay;
use crate::shape::Shape;
use crate::tape::Tape;
use crate::tensor::Tensor;
use crate::var::Var;
use crate::worked::{Digits, Place, Worked, product, sum};
use crate::{Options, vjp};

/// How many terms of a sum are told one by one.
const MOST_TERMS: usize = 64;

/// Slopes are spelled out in sums of at most so many terms.
const MOST_SPELLED: usize = 4;

/// A step so small that it passes few kinks, but leaves enough digits.
const SMALL: f64 = 1e-7;

/// One summand: a number times a slope.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// The input that the slope is by.
    pub input: usize,
    /// Which element (of that input in a value's sum, of the op's value in a gradient's).
    pub at: usize,
    /// Its number: the input's element, or the gradient by the value's element.
    pub number: f64,
    /// What it is multiplied by.
    pub slope: f64,
}

/// A number as a sum.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// The largest terms, the largest first.
    pub terms: Vec<Term>,
    /// How many further ones there are whose slope is not 0.
    pub more: usize,
    /// Their sum.
    pub rest: f64,
    /// All together.
    pub total: f64,
}

impl Terms {
    fn new(terms: impl Iterator<Item = Term>) -> Self {
        let mut terms: Vec<_> = terms.filter(|term| term.slope != 0.0).collect();
        let size = |term: &Term| (term.number * term.slope).abs();
        terms.sort_by(|a, b| size(b).total_cmp(&size(a)));
        let add = |terms: &[Term]| terms.iter().map(|term| term.number * term.slope).sum::<f64>();
        let total = add(&terms);
        let told = terms.len().min(MOST_TERMS);
        let (more, rest) = (terms.len() - told, add(&terms[told..]));
        terms.truncate(told);
        Self { terms, more, rest, total }
    }

    /// The sum as text, in the order of the elements if it is a short one.
    fn written(&self, digits: Digits, slope: impl Fn(&Term) -> String) -> String {
        let mut terms = self.terms.clone();
        if terms.len() <= MOST_SPELLED {
            terms.sort_by_key(|term| (term.input, term.at));
        }
        let rest = (self.more > 0).then(|| digits.write(self.rest));
        sum(terms.iter().map(|term| product(&digits.write(term.number), &slope(term))).chain(rest))
    }
}

/// The check of one input's gradient of one node, at the node's own numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeCheck {
    /// Which input.
    pub input: usize,
    /// How much the output changes along the direction of the check, as the rule says; for an input of one number, how much it
    /// changes with that number: the gradient.
    pub analytic: f64,
    /// As finite differences say.
    pub numeric: f64,
    /// Their distance, relative to the sum of the sizes of the parts.
    pub error: f64,
    /// The largest error allowed.
    pub tolerance: f64,
    /// Whether it is no larger.
    pub passed: bool,
    /// How far the elements were moved, times their typical size.
    pub step: f64,
    /// What was special: in words, empty if nothing was.
    pub note: String,
}

/// A recorded op with its own numbers in `f64`.
pub struct Probe<'a> {
    again: &'a dyn Replay,
    inputs: Vec<Tensor<f64>>,
    shape: Shape,
    cut: Option<Vec<bool>>,
    value: OnceCell<Tensor<f64>>,
}

impl<'a> Probe<'a> {
    /// `op` on `inputs`, whose value has shape `shape`; on their first `rows` rows only, if that is asked for, there are
    /// more, and the op [works so](crate::Rows). None if the op cannot be made again.
    ///
    /// On fewer rows the gradient by an input that is not [cut](Probe::cut), such as a weight, is only what these rows add to it.
    pub fn new<T: Element>(
        op: &'a dyn Op<T>,
        inputs: &[&Tensor<T>],
        shape: Shape,
        rows: Option<usize>,
    ) -> Option<Self> {
        let again = op.replay()?;
        let shapes: Vec<_> = inputs.iter().map(|x| *x.shape()).collect();
        let rows = rows.filter(|&rows| shape.first().is_some_and(|&has| rows < has));
        let cut = rows.and_then(|_| again.rows().cut(&shapes, &shape));
        let (Some(rows), Some(cut)) = (rows, cut) else {
            let inputs = inputs.iter().map(|x| x.cast()).collect();
            return Some(Self { again, inputs, shape, cut: None, value: OnceCell::new() });
        };
        let first = |(x, &cut): (&&Tensor<T>, &bool)| if cut { x.first_rows(rows).cast() } else { x.cast() };
        let inputs = inputs.iter().zip(&cut).map(first).collect();
        Some(Self { again, inputs, shape: shape.with_rows(rows), cut: Some(cut), value: OnceCell::new() })
    }

    /// Which of the inputs were cut to their first rows; None if this is the whole.
    pub fn cut(&self) -> Option<&[bool]> {
        self.cut.as_deref()
    }

    /// Whether the value is the node's own, or its first rows. It is not where fewer rows have other statistics: in
    /// a batch normalisation.
    pub fn has_own_numbers(&self) -> bool {
        self.cut.is_none() || self.again.rows().keeps_numbers()
    }

    /// The inputs, as far as they are used.
    pub fn inputs(&self) -> &[Tensor<f64>] {
        &self.inputs
    }

    /// The value's shape.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The value.
    pub fn value(&self) -> &Tensor<f64> {
        self.value.get_or_init(|| self.made(&self.inputs))
    }

    fn made(&self, inputs: &[Tensor<f64>]) -> Tensor<f64> {
        self.again.on(&inputs.iter().cloned().map(Var::constant).collect::<Vec<_>>(), self.shape).into_value()
    }

    /// The inputs on a fresh tape, and the value.
    fn recorded(&self) -> (Tape<f64>, Vec<Var<f64>>, Var<f64>) {
        let tape = Tape::new();
        let inputs: Vec<_> = self.inputs.iter().map(|x| tape.variable("x", x.clone())).collect();
        let y = self.again.on(&inputs, self.shape);
        (tape, inputs, y)
    }

    /// The gradients by all inputs, for `gy` as the gradient by the value.
    ///
    /// # Panics
    /// When `gy` is not of the value's shape.
    #[track_caller]
    pub fn gradients(&self, gy: &Tensor<f64>) -> Vec<Tensor<f64>> {
        let (_tape, inputs, y) = self.recorded();
        let gradients = vjp(&y, &Var::constant(gy.clone()), &inputs, Options::default());
        gradients.into_iter().map(Var::into_value).collect()
    }

    /// The slopes of element `i` of the value by every element of every input.
    pub fn slopes(&self, i: usize) -> Vec<Tensor<f64>> {
        self.gradients(&unit(self.shape, i))
    }

    /// Element `i` of the value as the sum of its slopes times the inputs: those of the first input, if the op is linear in it, or
    /// those of all together. None if that is not the value: the op is not linear.
    pub fn value_terms(&self, i: usize) -> Option<Terms> {
        let (slopes, value) = (self.slopes(i), self.value().data()[i]);
        let of = |input: usize| {
            let numbers = self.inputs[input].data().iter().zip(slopes[input].data()).enumerate();
            numbers.map(move |(at, (&number, &slope))| Term { input, at, number, slope })
        };
        let candidates = [Terms::new(of(0)), Terms::new((0..self.inputs.len()).flat_map(of))];
        candidates.into_iter().find(|terms| {
            let size: f64 = terms.terms.iter().map(|term| (term.number * term.slope).abs()).sum();
            (terms.total - value).abs() <= 1e-9 * size
        })
    }

    /// The gradient by element `j` of input `input`, as the sum over the elements of the value that depend on it: the gradient by
    /// each of them times its slope.
    ///
    /// # Panics
    /// When `gy` is not of the value's shape.
    #[track_caller]
    pub fn gradient_terms(&self, input: usize, j: usize, gy: &Tensor<f64>) -> Terms {
        let (tape, inputs, y) = self.recorded();
        let upstream = tape.variable("gy", gy.clone());
        let gradient = vjp(&y, &upstream, &inputs[input..=input], Options::CREATE_GRAPH).remove(0);
        let element = Var::constant(unit(*gradient.shape(), j));
        let slopes = vjp(&gradient, &element, &[upstream], Options::default()).remove(0);
        let terms = gy.data().iter().zip(slopes.value().data()).enumerate();
        Terms::new(terms.map(|(at, (&number, &slope))| Term { input, at, number, slope }))
    }

    fn place(&self, at: usize, digits: Digits) -> Place<'_> {
        Place { inputs: &self.inputs, value: self.value(), at, digits }
    }

    /// The arithmetic of element `i` of the value.
    pub fn worked_value(&self, i: usize) -> Worked {
        let result = self.value().data()[i];
        let own = |digits| self.again.value_in_numbers(&self.place(i, digits));
        if own(Digits::Short).is_some() {
            return Worked::new(result, |digits| own(digits).unwrap_or_default());
        }
        match self.value_terms(i) {
            Some(terms) => Worked::new(result, |digits| terms.written(digits, |term| digits.write(term.slope))),
            None => Worked::new(result, |digits| digits.write(result)),
        }
    }

    /// The arithmetic of the gradient by element `j` of input `input`: upstream gradients times slopes.
    ///
    /// # Panics
    /// When `gy` is not of the value's shape.
    #[track_caller]
    pub fn worked_gradient(&self, input: usize, j: usize, gy: &Tensor<f64>) -> Worked {
        self.worked_terms(input, &self.gradient_terms(input, j, gy))
    }

    /// The same from [`gradient_terms`](Probe::gradient_terms) by input `input` that are there already.
    pub fn worked_terms(&self, input: usize, terms: &Terms) -> Worked {
        let spelled = terms.terms.len() <= MOST_SPELLED;
        let slope = |term: &Term, digits: Digits| {
            let own = if spelled { self.again.slope_in_numbers(&self.place(term.at, digits), input) } else { None };
            own.unwrap_or_else(|| digits.write(term.slope))
        };
        Worked::new(terms.total, |digits| terms.written(digits, |term| slope(term, digits)))
    }

    /// Checks the gradient by each input, for `gy` as the gradient by the value, as [`gradcheck`](crate::gradcheck()) does: along
    /// one random direction, by central differences.
    ///
    /// At recorded numbers a kink (of a ReLU, a maximum) or a pole (of a logarithm) may be so near that the step crosses it. So a
    /// check that fails is made again, first with a small step and without the numbers that bend, then with steps in proportion
    /// to the elements; and the note says how it passed.
    ///
    /// # Panics
    /// When `gy` is not of the value's shape.
    pub fn check(&self, gy: &Tensor<f64>) -> Vec<NodeCheck> {
        let gradients = self.gradients(gy);
        (0..self.inputs.len()).map(|input| self.check_input(input, gy, &gradients[input])).collect()
    }

    /// The gradient by each element of input `input` by finite differences, one element after the other: for small probes.
    ///
    /// # Panics
    /// When `gy` is not of the value's shape.
    pub fn finite_differences(&self, input: usize, gy: &Tensor<f64>) -> Tensor<f64> {
        let shape = *self.inputs[input].shape();
        Tensor::from_fn(shape, |j| derivative(|t| dot(&self.moved(input, &unit(shape, j), t), gy)))
    }

    fn check_input(&self, input: usize, gy: &Tensor<f64>, gradient: &Tensor<f64>) -> NodeCheck {
        let x = &self.inputs[input];
        let typical = match (dot(x, x) / x.size().max(1) as f64).sqrt() {
            0.0 => 1.0,
            typical => typical,
        };
        let even = direction(10 + input, x);
        let even = Tensor::from_fn(*x.shape(), |j| even.data()[j] * typical);
        let plain = self.along(input, gy, gradient, &even, STEP, String::new());
        if plain.passed {
            return plain;
        }
        let (smooth, bends) = self.without_bends(input, gy, &even);
        let note = format!("{bends} of {} numbers of the value are at a kink and left out", gy.size());
        let without = self.along(input, &smooth, &self.gradients(&smooth)[input], &even, SMALL, note);
        if without.passed {
            return without;
        }
        let own = direction(20 + input, x);
        let own = Tensor::from_fn(*x.shape(), |j| own.data()[j] * x.data()[j].abs());
        let still = x.data().iter().filter(|x| **x == 0.0).count();
        let note = format!("near a pole: elements were moved in proportion to their size ({still} are 0)");
        let proportionate = |step| self.along(input, gy, gradient, &own, step, note.clone());
        let tries = [STEP, 1e-5, SMALL].into_iter().filter(|_| still < x.size()).map(proportionate);
        tries.into_iter().find(|check| check.passed).unwrap_or(plain)
    }

    /// `gy` with zeros for those elements of the value that bend: where the differences forward and back are not the same. And how
    /// many these are.
    fn without_bends(&self, input: usize, gy: &Tensor<f64>, along: &Tensor<f64>) -> (Tensor<f64>, usize) {
        let [back, here, on] = [-SMALL, 0.0, SMALL].map(|t| self.moved(input, along, t));
        let bends = |i: usize| {
            let [back, here, on] = [&back, &here, &on].map(|value| value.data()[i]);
            let (before, after) = (here - back, on - here);
            (after - before).abs() > (1e-2 * (after.abs() + before.abs())).max(1e-14 * here.abs())
        };
        let smooth = Tensor::from_fn(*gy.shape(), |i| if bends(i) { 0.0 } else { gy.data()[i] });
        (smooth, (0..gy.size()).filter(|i| bends(*i)).count())
    }

    /// The value with input `input` moved along `along`, `t` times.
    fn moved(&self, input: usize, along: &Tensor<f64>, t: f64) -> Tensor<f64> {
        let (x, mut inputs) = (&self.inputs[input], self.inputs.clone());
        inputs[input] = Tensor::from_fn(*x.shape(), |j| x.data()[j] + t * along.data()[j]);
        self.made(&inputs)
    }

    /// The check along one direction: of a single number, by it.
    fn along(
        &self,
        input: usize,
        gy: &Tensor<f64>,
        gradient: &Tensor<f64>,
        along: &Tensor<f64>,
        step: f64,
        note: String,
    ) -> NodeCheck {
        let numeric = derivative_by(step, |t| dot(&self.moved(input, along, t), gy));
        let analytic = dot(gradient, along);
        let parts = |a: &Tensor<f64>, b: &Tensor<f64>| a.data().iter().zip(b.data()).map(|(a, b)| (a * b).abs()).sum();
        // Differences of numbers of the size of <value, gy> are no better than the last digits of that, divided by the step.
        let (slopes, values): (f64, f64) = (parts(gradient, along), parts(self.value(), gy));
        let scale = slopes.max(numeric.abs()).max(1e-9 / step * values);
        let error = if analytic == numeric { 0.0 } else { (analytic - numeric).abs() / scale };
        let tolerance = Check::default().tolerance[0];
        let [analytic, numeric] = match along.data() {
            [one] if *one != 0.0 => [analytic, numeric].map(|change| change / one),
            _ => [analytic, numeric],
        };
        NodeCheck { input, analytic, numeric, error, tolerance, passed: error <= tolerance, step, note }
    }
}

/// 1 at `at`, 0 elsewhere.
fn unit(shape: Shape, at: usize) -> Tensor<f64> {
    Tensor::from_fn(shape, |i| f64::from(u8::from(i == at)))
}

//! [`Probe`]: examines one recorded op: how its elements are computed, and whether its gradient
//! rules are right there.
//!
//! A gradient rule multiplies the gradient gy by the Jacobian of the op, dy(i)/dx(j), without
//! computing the Jacobian. A probe computes parts of it, from the rule alone:
//!
//! * The derivatives of one element of the value (a row of the Jacobian) are the result of the rule
//!   for a gy that is 1 there and 0 elsewhere.
//! * The derivatives with respect to one element of an input (a column) follow from the result of
//!   the rule being linear in gy: gx(j) = sum over i of gy(i) * dy(i)/dx(j). So dy(i)/dx(j) is the
//!   derivative of gx(j) with respect to gy(i), and the recorded rule can be differentiated like
//!   any other computation.

use std::cell::OnceCell;

use kernels::Element;

use crate::arithmetic::{Arithmetic, Digits, ElementContext, product, sum};
use crate::gradcheck::{Check, STEP, derivative, derivative_by, direction, dot};
use crate::op::Op;
use crate::replay::Replay;
use crate::shape::Shape;
use crate::tape::Tape;
use crate::tensor::Tensor;
use crate::var::Var;
use crate::{Options, vjp};

/// The number of terms of a sum that are listed.
const MOST_TERMS: usize = 64;

/// The largest number of terms in a sum whose slopes are written as arithmetic.
const MOST_SPELLED: usize = 4;

/// A step that is small enough to cross few kinks, and large enough for the precision of the
/// difference.
const SMALL: f64 = 1e-7;

/// A term of a sum: a number times a slope (a derivative).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// The input with respect to which the slope is taken.
    pub input: usize,
    /// The number of the element: of that input in the sum of a value, of the op's value in the sum
    /// of a gradient.
    pub at: usize,
    /// The element of the input, or of the gradient with respect to the value.
    pub number: f64,
    /// The slope by which it is multiplied.
    pub slope: f64,
}

/// A number as a sum.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// The largest terms, the largest first.
    pub terms: Vec<Term>,
    /// The number of further terms with a slope other than 0.
    pub more: usize,
    /// The sum of the further terms.
    pub rest: f64,
    /// The sum of all terms.
    pub total: f64,
}

impl Terms {
    fn new(terms: impl Iterator<Item = Term>) -> Self {
        let mut terms: Vec<_> = terms.filter(|term| term.slope != 0.0).collect();
        let size = |term: &Term| (term.number * term.slope).abs();
        terms.sort_by(|a, b| size(b).total_cmp(&size(a)));
        let add = |terms: &[Term]| terms.iter().map(|term| term.number * term.slope).sum::<f64>();
        let total = add(&terms);
        let listed = terms.len().min(MOST_TERMS);
        let (more, rest) = (terms.len() - listed, add(&terms[listed..]));
        terms.truncate(listed);
        Self { terms, more, rest, total }
    }

    /// The sum as text; a short sum is in the order of the elements.
    fn written(&self, digits: Digits, slope: impl Fn(&Term) -> String) -> String {
        let mut terms = self.terms.clone();
        if terms.len() <= MOST_SPELLED {
            terms.sort_by_key(|term| (term.input, term.at));
        }
        let rest = (self.more > 0).then(|| digits.write(self.rest));
        sum(terms.iter().map(|term| product(&digits.write(term.number), &slope(term))).chain(rest))
    }
}

/// The check of the gradient of a node with respect to one input, at the recorded values.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeCheck {
    /// Which input.
    pub input: usize,
    /// The derivative along the direction of the check by the gradient rule; the gradient itself if
    /// the input is a single number.
    pub analytic: f64,
    /// The same by finite differences.
    pub numeric: f64,
    /// Their difference, relative to the sum of the absolute terms.
    pub error: f64,
    /// The largest allowed error.
    pub tolerance: f64,
    /// Whether the error is within the tolerance.
    pub passed: bool,
    /// The step, relative to the typical size of the elements.
    pub step: f64,
    /// A remark about how the check was made; usually empty.
    pub note: String,
}

/// A recorded op with its inputs in `f64`.
pub struct Probe<'a> {
    op: &'a dyn Replay,
    inputs: Vec<Tensor<f64>>,
    shape: Shape,
    cut: Option<Vec<bool>>,
    value: OnceCell<Tensor<f64>>,
}

impl<'a> Probe<'a> {
    /// `op` on `inputs`, whose value has shape `shape`. If `rows` is less than the number of rows,
    /// and the op [allows it](crate::Rows), only these first rows are recomputed. None if the op
    /// cannot be recomputed.
    ///
    /// With fewer rows, the gradient with respect to an input that is not [cut](Probe::cut), such
    /// as a weight, has only the contributions of these rows.
    pub fn new<T: Element>(
        op: &'a dyn Op<T>,
        inputs: &[&Tensor<T>],
        shape: Shape,
        rows: Option<usize>,
    ) -> Option<Self> {
        let op = op.replay()?;
        let shapes: Vec<_> = inputs.iter().map(|x| *x.shape()).collect();
        let rows = rows.filter(|&rows| shape.first().is_some_and(|&has| rows < has));
        let cut = rows.and_then(|_| op.rows().cut(&shapes, &shape));
        let (Some(rows), Some(cut)) = (rows, cut) else {
            let inputs = inputs.iter().map(|x| x.cast()).collect();
            return Some(Self { op, inputs, shape, cut: None, value: OnceCell::new() });
        };
        let first = |(x, &cut): (&&Tensor<T>, &bool)| if cut { x.first_rows(rows).cast() } else { x.cast() };
        let inputs = inputs.iter().zip(&cut).map(first).collect();
        Some(Self { op, inputs, shape: shape.with_rows(rows), cut: Some(cut), value: OnceCell::new() })
    }

    /// Which inputs were cut to their first rows; None if the probe has the whole op.
    pub fn cut(&self) -> Option<&[bool]> {
        self.cut.as_deref()
    }

    /// Whether the value is that of the node, or its first rows. It is not if fewer rows have
    /// different statistics, as in batch normalisation.
    pub fn has_own_numbers(&self) -> bool {
        self.cut.is_none() || self.op.rows().keeps_numbers()
    }

    /// The inputs, cut to the rows in use.
    pub fn inputs(&self) -> &[Tensor<f64>] {
        &self.inputs
    }

    /// The value's shape.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The value.
    pub fn value(&self) -> &Tensor<f64> {
        self.value.get_or_init(|| self.replayed(&self.inputs))
    }

    fn replayed(&self, inputs: &[Tensor<f64>]) -> Tensor<f64> {
        self.op.on(&inputs.iter().cloned().map(Var::constant).collect::<Vec<_>>(), self.shape).into_value()
    }

    /// The inputs as variables of a new tape, and the value computed from them.
    fn recorded(&self) -> (Tape<f64>, Vec<Var<f64>>, Var<f64>) {
        let tape = Tape::new();
        let inputs: Vec<_> = self.inputs.iter().map(|x| tape.variable("x", x.clone())).collect();
        let y = self.op.on(&inputs, self.shape);
        (tape, inputs, y)
    }

    /// The gradients with respect to all inputs, for `gy` as the gradient with respect to the
    /// value.
    ///
    /// # Panics
    /// When the shape of `gy` is not that of the value.
    #[track_caller]
    pub fn gradients(&self, gy: &Tensor<f64>) -> Vec<Tensor<f64>> {
        let (_tape, inputs, y) = self.recorded();
        let gradients = vjp(&y, &Var::constant(gy.clone()), &inputs, Options::default());
        gradients.into_iter().map(Var::into_value).collect()
    }

    /// The derivatives of element `i` of the value with respect to all elements of all inputs.
    pub fn slopes(&self, i: usize) -> Vec<Tensor<f64>> {
        self.gradients(&unit(self.shape, i))
    }

    /// Element `i` of the value as a sum of slopes times inputs: of the first input, if the op is
    /// linear in it, or of all inputs. None if the op is not linear.
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

    /// The gradient with respect to element `j` of input `input`, as the sum over the elements of
    /// the value that depend on it: the gradient with respect to each times its slope.
    ///
    /// # Panics
    /// When the shape of `gy` is not that of the value.
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

    fn element(&self, at: usize, digits: Digits) -> ElementContext<'_> {
        ElementContext { inputs: &self.inputs, value: self.value(), at, digits }
    }

    /// The arithmetic of element `i` of the value.
    pub fn value_arithmetic(&self, i: usize) -> Arithmetic {
        let result = self.value().data()[i];
        let own = |digits| self.op.value_arithmetic(&self.element(i, digits));
        if own(Digits::Short).is_some() {
            return Arithmetic::new(result, |digits| own(digits).unwrap_or_default());
        }
        match self.value_terms(i) {
            Some(terms) => Arithmetic::new(result, |digits| terms.written(digits, |term| digits.write(term.slope))),
            None => Arithmetic::new(result, |digits| digits.write(result)),
        }
    }

    /// The arithmetic of the gradient with respect to element `j` of input `input`: upstream
    /// gradients times slopes.
    ///
    /// # Panics
    /// When the shape of `gy` is not that of the value.
    #[track_caller]
    pub fn gradient_arithmetic(&self, input: usize, j: usize, gy: &Tensor<f64>) -> Arithmetic {
        self.terms_arithmetic(input, &self.gradient_terms(input, j, gy))
    }

    /// The same from the result of [`gradient_terms`](Probe::gradient_terms) for input `input`.
    pub fn terms_arithmetic(&self, input: usize, terms: &Terms) -> Arithmetic {
        let as_arithmetic = terms.terms.len() <= MOST_SPELLED;
        let slope = |term: &Term, digits: Digits| {
            let own =
                if as_arithmetic { self.op.slope_arithmetic(&self.element(term.at, digits), input) } else { None };
            own.unwrap_or_else(|| digits.write(term.slope))
        };
        Arithmetic::new(terms.total, |digits| terms.written(digits, |term| slope(term, digits)))
    }

    /// Checks the gradient with respect to each input, for `gy` as the gradient with respect to the
    /// value, as [`gradcheck`](crate::gradcheck()) does: by central differences along one random
    /// direction.
    ///
    /// A recorded value can be so near to a kink (of a ReLU, a maximum) or a pole (of a logarithm)
    /// that the step crosses it. So a check that fails is repeated, first with a small step and
    /// without the elements at a kink, then with steps proportional to the elements. The note says
    /// how it passed.
    ///
    /// # Panics
    /// When the shape of `gy` is not that of the value.
    pub fn check(&self, gy: &Tensor<f64>) -> Vec<NodeCheck> {
        let gradients = self.gradients(gy);
        (0..self.inputs.len()).map(|input| self.check_input(input, gy, &gradients[input])).collect()
    }

    /// The gradient with respect to input `input` by finite differences, one element after the
    /// other, for small probes.
    ///
    /// # Panics
    /// When the shape of `gy` is not that of the value.
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
        let (smooth, kinks) = self.without_kinks(input, gy, &even);
        let note = format!("{kinks} of {} elements of the value are at a kink and were left out", gy.size());
        let without = self.along(input, &smooth, &self.gradients(&smooth)[input], &even, SMALL, note);
        if without.passed {
            return without;
        }
        let own = direction(20 + input, x);
        let own = Tensor::from_fn(*x.shape(), |j| own.data()[j] * x.data()[j].abs());
        let zeros = x.data().iter().filter(|x| **x == 0.0).count();
        let note = format!("near a pole: the steps were proportional to the elements ({zeros} are 0)");
        let proportionate = |step| self.along(input, gy, gradient, &own, step, note.clone());
        let tries = [STEP, 1e-5, SMALL].into_iter().filter(|_| zeros < x.size()).map(proportionate);
        tries.into_iter().find(|check| check.passed).unwrap_or(plain)
    }

    /// `gy` with zeros for the elements of the value at a kink, where the forward and the backward
    /// difference disagree; and their number.
    fn without_kinks(&self, input: usize, gy: &Tensor<f64>, along: &Tensor<f64>) -> (Tensor<f64>, usize) {
        let [back, here, on] = [-SMALL, 0.0, SMALL].map(|t| self.moved(input, along, t));
        let at_kink = |i: usize| {
            let [back, here, on] = [&back, &here, &on].map(|value| value.data()[i]);
            let (before, after) = (here - back, on - here);
            (after - before).abs() > (1e-2 * (after.abs() + before.abs())).max(1e-14 * here.abs())
        };
        let smooth = Tensor::from_fn(*gy.shape(), |i| if at_kink(i) { 0.0 } else { gy.data()[i] });
        (smooth, (0..gy.size()).filter(|i| at_kink(*i)).count())
    }

    /// The value with `t` times `along` added to input `input`.
    fn moved(&self, input: usize, along: &Tensor<f64>, t: f64) -> Tensor<f64> {
        let (x, mut inputs) = (&self.inputs[input], self.inputs.clone());
        inputs[input] = Tensor::from_fn(*x.shape(), |j| x.data()[j] + t * along.data()[j]);
        self.replayed(&inputs)
    }

    /// The check along one direction. For an input of one number the results are divided by its
    /// step.
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
        // The precision of a difference is limited by the rounding of <value, gy>, divided by the
        // step.
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

/// The tensor that is 1 at element `at` and 0 elsewhere.
fn unit(shape: Shape, at: usize) -> Tensor<f64> {
    Tensor::from_fn(shape, |i| f64::from(u8::from(i == at)))
}

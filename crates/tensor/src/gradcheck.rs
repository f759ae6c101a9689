//! [`gradcheck`]: checks gradients against finite differences.
//!
//! A derivative says how much the value changes when an input changes a little. Changing every
//! input element separately would need two evaluations per element. Instead all elements are
//! changed at once, along a random direction d, and all outputs are weighted by a random u. Then
//! two numbers must agree:
//!
//! ```text
//! <vjp(f, u), d>  =  d/dt <f(x + t d), u>  at t = 0
//! ```
//!
//! The right side is a central difference in `f64` at two step sizes, combined so that their
//! leading errors cancel (Richardson extrapolation). A wrong element of a gradient changes the left
//! side, unless the random direction happens to hide it. Only if a check fails is every element
//! checked, to report the worst.
//!
//! The second order is the same check of the function (x, u) -> <vjp(f, u), d>, as recorded by
//! [`Options::CREATE_GRAPH`](crate::Options).

use core::fmt;

use crate::ops::{Case, Domain, Entry, Function, sample};
use crate::{Options, Tape, Tensor, Var, vjp};

/// What to check, and how strictly.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// 1 for gradients, 2 for gradients of gradients as well.
    pub order: u32,
    /// The largest relative error allowed at each order.
    pub tolerance: [f64; 2],
}

impl Default for Check {
    /// Both orders, with tolerances 1e-6 and 1e-4.
    fn default() -> Self {
        Self { order: 2, tolerance: [1e-6, 1e-4] }
    }
}

/// A derivative that is wrong.
#[derive(Clone, Debug)]
pub struct WrongGradient {
    /// The name of the function.
    pub name: String,
    /// 1 for the gradient, 2 for the gradient of the gradient.
    pub order: u32,
    /// Which input.
    pub input: usize,
    /// Its element with the largest error, in memory order.
    pub index: usize,
    /// The derivative by finite differences.
    pub expected: f64,
    /// The derivative by the rule.
    pub got: f64,
    /// The relative error of the check.
    pub error: f64,
}

impl fmt::Display for WrongGradient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, order, input, index, expected, got, error } = self;
        let ratio = got / expected;
        write!(
            f,
            "{name}: wrong derivative of order {order} with respect to input {input}, element {index}: expected {expected:.9}, got {got:.9} \
             (ratio {ratio:.6}; relative error of the check {error:.1e})"
        )
    }
}

impl std::error::Error for WrongGradient {}

/// Checks the gradients of `apply` with respect to all `inputs`, at these values. Returns the
/// largest relative error of each order.
///
/// # Errors
/// The first wrong gradient, with its worst element.
pub fn gradcheck(
    name: &str,
    apply: &Function,
    inputs: &[Tensor<f64>],
    check: Check,
) -> Result<[f64; 2], WrongGradient> {
    let mut worst = [0.0, 0.0];
    worst[0] = one_order(name, 1, apply, inputs, check.tolerance[0])?;
    if check.order < 2 {
        return Ok(worst);
    }
    // The gradient as a function of the inputs and the cotangent, projected to one number.
    let n = inputs.len();
    let gradient = |v: &[Var<f64>]| {
        let tape = Tape::new();
        // If the inputs are constants, fresh variables are needed: the inner sweep needs a tape.
        let tracked = v[0].is_tracked();
        let v: Vec<_> =
            if tracked { v.to_vec() } else { v.iter().map(|x| tape.variable("x", x.value().clone())).collect() };
        let gradients = vjp(&apply(&v[..n]), &v[n], &v[..n], Options::CREATE_GRAPH);
        let along = gradients.iter().enumerate().map(|(i, g)| (g * &Var::constant(direction(40 + i, g.value()))).sum());
        along.reduce(|sum, next| &sum + &next).expect("a function has inputs")
    };
    let value = apply(&inputs.iter().cloned().map(Var::constant).collect::<Vec<_>>());
    let with_cotangent = [inputs, &[direction(30, value.value())]].concat();
    worst[1] = one_order(name, 2, &gradient, &with_cotangent, check.tolerance[1])?;
    Ok(worst)
}

/// Checks all cases of an op, each as it is and with its value used twice. Returns the number of
/// checks and the largest relative error of each order.
///
/// # Errors
/// The first wrong derivative.
pub fn check_entry(entry: &Entry, check: Check) -> Result<(usize, [f64; 2]), WrongGradient> {
    let (mut count, mut worst) = (0, [0.0_f64; 2]);
    for case in (entry.cases)() {
        let Case { label, inputs, apply } = case;
        let twice = |v: &[Var<f64>]| {
            let y = apply(v);
            &y * &y.affine(0.5, 1.0)
        };
        for (label, function) in [(label.clone(), &*apply as &Function), (format!("{label}, value used twice"), &twice)]
        {
            let errors = gradcheck(&format!("op `{}` ({label})", entry.name), function, &inputs, check)?;
            count += check.order as usize;
            worst = [worst[0].max(errors[0]), worst[1].max(errors[1])];
        }
    }
    Ok((count, worst))
}

/// A fixed random tensor of the shape of `like`.
pub(crate) fn direction(seed: usize, like: &Tensor<f64>) -> Tensor<f64> {
    sample(Domain::AwayFromZero, 1000 + seed as u32, like.shape())
}

pub(crate) fn dot(a: &Tensor<f64>, b: &Tensor<f64>) -> f64 {
    a.data().iter().zip(b.data()).map(|(a, b)| a * b).sum()
}

/// The step along the direction.
pub(crate) const STEP: f64 = 1e-3;

/// d/dt g(t) at 0 by Richardson extrapolation of central differences. The error is about 1e-11 for
/// smooth functions.
pub fn derivative(g: impl FnMut(f64) -> f64) -> f64 {
    derivative_by(STEP, g)
}

/// As [`derivative`], with steps of `step` and 2 * `step`.
pub(crate) fn derivative_by(step: f64, mut g: impl FnMut(f64) -> f64) -> f64 {
    let mut central = |h: f64| (g(h) - g(-h)) / (2.0 * h);
    let (coarse, fine) = (central(2.0 * step), central(step));
    (4.0 * fine - coarse) / 3.0
}

fn one_order(
    name: &str,
    order: u32,
    apply: &Function,
    inputs: &[Tensor<f64>],
    tolerance: f64,
) -> Result<f64, WrongGradient> {
    let tape = Tape::new();
    let variables: Vec<_> = inputs.iter().map(|x| tape.variable("x", x.clone())).collect();
    let value = apply(&variables);
    let weights = direction(0, value.value());
    let gradients = vjp(&value, &Var::constant(weights.clone()), &variables, Options::default());

    let mut worst: f64 = 0.0;
    for (i, gradient) in gradients.iter().enumerate() {
        let gradient = gradient.value();
        let projected = |shift: &Tensor<f64>, t: f64| {
            let moved = Tensor::from_fn(*inputs[i].shape(), |j| inputs[i].data()[j] + t * shift.data()[j]);
            let at = |(j, x): (usize, &Tensor<f64>)| Var::constant(if j == i { moved.clone() } else { x.clone() });
            dot(apply(&inputs.iter().enumerate().map(at).collect::<Vec<_>>()).value(), &weights)
        };
        let along = direction(10 + i, gradient);
        let (got, expected) = (dot(gradient, &along), derivative(|t| projected(&along, t)));
        // Relative to the sum of the absolute terms, which cancellation cannot make small.
        let scale: f64 = gradient.data().iter().zip(along.data()).map(|(g, d)| (g * d).abs()).sum();
        let error = (got - expected).abs() / scale.max(expected.abs()).max(1e-3);
        if error.is_nan() || error > tolerance {
            let element = |j: usize| {
                let unit = Tensor::from_fn(*gradient.shape(), |k| f64::from(u8::from(j == k)));
                derivative(|t| projected(&unit, t))
            };
            let off = |(_, got, expected): &(usize, f64, f64)| (got - expected).abs();
            let elements = gradient.data().iter().enumerate().map(|(j, &got)| (j, got, element(j)));
            let (index, got, expected) =
                elements.max_by(|a, b| off(a).total_cmp(&off(b))).expect("an empty gradient has no error");
            return Err(WrongGradient { name: name.into(), order, input: i, index, expected, got, error });
        }
        worst = worst.max(error);
    }
    Ok(worst)
}

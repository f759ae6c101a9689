//! The operations, one file each, and their registry.
//!
//! A file has, in this order: a description of the maths; the registry entry, with the derivation;
//! the method on [`Var`] with its shape check; the gradient rules; and how to
//! [recompute](crate::Replay) it. To add an op, write its file, add its `mod` line and its entry
//! here, and link it from the chapter of the guide that its entry names. The gradient checker then
//! checks it at first and second order, on every case of its entry (at least [`FEWEST_CASES`]), and
//! `train derive` explains its gradient. Tests check that the comment on its rule has the formula
//! of its entry, and that the chapter links it.

pub mod abs;
pub mod add;
pub mod affine;
pub mod all_reduce;
pub mod batch_norm;
pub mod bias_act;
pub mod broadcast_to;
pub mod clamp;
pub mod conv2d;
pub mod div;
pub mod dropout;
pub mod exp;
pub mod fir;
pub mod instance_norm;
pub mod leaky_relu;
pub mod log;
pub mod matmul;
pub mod max_pool;
pub mod maxout;
pub mod mul;
pub mod reciprocal;
pub mod reflection_pad;
pub mod reshape;
pub mod shift;
pub mod sigmoid;
pub mod slice;
pub mod softplus;
pub mod sqrt;
pub mod square;
pub mod sub;
pub mod sum_to;
pub mod sync_batch_norm;
pub mod tanh;
pub mod taps;
pub mod upsample;

use std::rc::Rc;

use kernels::{Binary, Element, Key};

use crate::shape::Shape;
use crate::{Call, Tensor, Var};

/// The registry's entry of an op.
pub struct Entry {
    /// The name, as the tape prints it.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub idea: &'static str,
    /// The formula of its value.
    pub forward: &'static str,
    /// The formula of its gradients.
    pub rule: &'static str,
    /// How the rule follows from the forward formula, step by step.
    pub derivation: &'static [&'static str],
    /// What is saved for the reverse sweep, and why.
    pub saved: &'static str,
    /// The shapes of inputs and value.
    pub shape: &'static str,
    /// The cost in both directions.
    pub cost: &'static str,
    /// The chapter of the guide that derives it: a module of `crates/guide`.
    pub chapter: &'static str,
    /// The source file, relative to the root of the workspace.
    pub file: &'static str,
    /// The cases on which its derivatives are checked.
    pub cases: fn() -> Vec<Case>,
}

/// Declares [`REGISTRY`] and counts its entries.
macro_rules! registry {
    ($($row:path),* $(,)?) => {
        /// Every op.
        //
        // A `static`, because each crate that uses a constant compiles the functions in it again.
        pub static REGISTRY: [Entry; [$(stringify!($row)),*].len()] = [$($row),*];
    };
}

registry![
    abs::ENTRY,
    abs::GRAD_ENTRY,
    add::ENTRY,
    affine::ENTRY,
    all_reduce::ENTRY,
    batch_norm::ENTRY,
    bias_act::ENTRY,
    broadcast_to::ENTRY,
    clamp::ENTRY,
    clamp::GRAD_ENTRY,
    conv2d::ENTRY,
    conv2d::INPUT_GRAD_ENTRY,
    conv2d::WEIGHT_GRAD_ENTRY,
    div::ENTRY,
    dropout::ENTRY,
    exp::ENTRY,
    fir::ENTRY,
    instance_norm::ENTRY,
    leaky_relu::ENTRY,
    leaky_relu::GRAD_ENTRY,
    log::ENTRY,
    matmul::ENTRY,
    max_pool::ENTRY,
    max_pool::SCATTER_ENTRY,
    maxout::ENTRY,
    mul::ENTRY,
    reciprocal::ENTRY,
    reflection_pad::ENTRY,
    reflection_pad::FOLD_ENTRY,
    reshape::ENTRY,
    shift::ENTRY,
    sigmoid::ENTRY,
    slice::ENTRY,
    slice::EMBED_ENTRY,
    softplus::ENTRY,
    sqrt::ENTRY,
    square::ENTRY,
    sub::ENTRY,
    sum_to::ENTRY,
    sync_batch_norm::ENTRY,
    tanh::ENTRY,
    taps::SPREAD_ENTRY,
    taps::FOLD_ENTRY,
    taps::TURN_ENTRY,
    upsample::ENTRY,
    upsample::SUM_ENTRY,
];

/// The smallest number of cases of an op.
pub const FEWEST_CASES: usize = 20;

/// A function of some tensors, as the checker calls it.
pub type Function<'a> = dyn Fn(&[Var<f64>]) -> Var<f64> + 'a;

/// A function of an op, and the inputs at which its derivatives are checked.
pub struct Case {
    /// What distinguishes this case.
    pub label: String,
    /// The inputs.
    pub inputs: Vec<Tensor<f64>>,
    /// The function.
    pub apply: Rc<Function<'static>>,
}

impl Case {
    /// A case from its parts.
    pub fn new(
        label: impl Into<String>,
        inputs: Vec<Tensor<f64>>,
        apply: impl Fn(&[Var<f64>]) -> Var<f64> + 'static,
    ) -> Self {
        Self { label: label.into(), inputs, apply: Rc::new(apply) }
    }
}

/// The range from which the inputs of a check are drawn.
#[derive(Clone, Copy, Debug)]
pub enum Domain {
    /// [-2, 2]
    Any,
    /// [0.3, 2.5]
    Positive,
    /// [-2, -0.2] and [0.2, 2]: away from poles and kinks at 0
    AwayFromZero,
}

/// A tensor of random numbers of the domain; the same seed gives the same numbers.
pub fn sample(domain: Domain, seed: u32, shape: &[usize]) -> Tensor<f64> {
    let uniform = |i: usize| {
        let words = kernels::random::words(Key::new(0, seed), i as u32);
        (f64::from(words[0]) / f64::from(u32::MAX), words[1] & 1 == 0)
    };
    Tensor::from_fn(shape, |i| match (domain, uniform(i)) {
        (Domain::Any, (u, _)) => 4.0 * u - 2.0,
        (Domain::Positive, (u, _)) => 0.3 + 2.2 * u,
        (Domain::AwayFromZero, (u, positive)) => (0.2 + 1.8 * u) * if positive { 1.0 } else { -1.0 },
    })
}

/// The rule of an elementwise op: gy times the slope, which is a function of `of`, the op's value
/// or input. An ordinary sweep uses one fused kernel; a recorded one is made of ops, from `slope`
/// on.
fn slope_times<T: Element>(
    call: &Call<T>,
    fused: Binary,
    of: &Var<T>,
    gy: &Var<T>,
    slope: impl FnOnce(&Var<T>) -> Var<T>,
) -> Var<T> {
    if call.recording() {
        return gy * &slope(of);
    }
    let (of, gy) = (of.value().data(), gy.value());
    Var::constant(Tensor::written(*gy.shape(), |gx| T::binary(fused, of, gy.data(), gx)))
}

/// Cases for a function of one tensor, of any shape.
fn elementwise(domain: Domain, apply: fn(&Var<f64>) -> Var<f64>) -> Vec<Case> {
    let shapes: [&[usize]; 20] = [
        &[],
        &[1],
        &[2],
        &[3],
        &[7],
        &[13],
        &[16],
        &[17],
        &[1, 1],
        &[1, 5],
        &[5, 1],
        &[2, 3],
        &[3, 2],
        &[7, 11],
        &[2, 3, 5],
        &[1, 1, 1, 1],
        &[1, 4, 3, 2],
        &[2, 5, 3, 1],
        &[3, 1, 2, 5],
        &[2, 3, 3, 7],
    ];
    let case = |(i, shape): (usize, &&[usize])| {
        Case::new(format!("{shape:?}"), vec![sample(domain, i as u32, shape)], move |v| apply(&v[0]))
    };
    shapes.iter().enumerate().map(case).collect()
}

/// Shapes that broadcast: a small one, and a large one that it repeats to.
const REPEATED: [(&[usize], &[usize]); 20] = [
    (&[], &[1]),
    (&[], &[3]),
    (&[1], &[2]),
    (&[1], &[1, 1]),
    (&[3], &[2, 3]),
    (&[1, 3], &[2, 3]),
    (&[2, 1], &[2, 3]),
    (&[1, 1], &[2, 3]),
    (&[5], &[2, 3, 5]),
    (&[3, 1], &[2, 3, 5]),
    (&[2, 1, 5], &[2, 3, 5]),
    (&[2, 1, 1], &[2, 3, 5]),
    (&[1, 3, 1], &[2, 3, 5]),
    (&[4], &[2, 3, 1, 4]),
    (&[2, 1, 1, 4], &[2, 3, 2, 4]),
    (&[1, 3, 2, 1], &[2, 3, 2, 4]),
    (&[7], &[11, 7]),
    (&[2, 3, 4], &[5, 2, 3, 4]),
    (&[1, 1, 1, 1], &[1, 2, 3, 1]),
    (&[13, 1], &[13, 2]),
];

/// Cases for a function between a small and a large shape: `input` chooses which of the two it
/// starts from.
fn repeated_shapes(
    input: fn(&'static [usize], &'static [usize]) -> &'static [usize],
    apply: fn(&Var<f64>, Shape) -> Var<f64>,
) -> Vec<Case> {
    let case = |(small, large): &(&'static [usize], &'static [usize])| {
        let from = input(small, large);
        let to = Shape::new(if from == *small { large } else { small });
        Case::new(format!("{small:?} and {large:?}"), vec![sample(Domain::Any, 5, from)], move |v| apply(&v[0], to))
    };
    REPEATED.iter().map(case).collect()
}

/// Cases for a function of two tensors that broadcast: with either of them the smaller one, with
/// equal shapes, and with the same tensor twice.
fn broadcasting(domain: Domain, apply: fn(&Var<f64>, &Var<f64>) -> Var<f64>) -> Vec<Case> {
    let mut cases = Vec::new();
    for (small, large) in REPEATED {
        for (a, b) in [(small, large), (large, small), (large, large)] {
            let inputs = vec![sample(domain, 1, a), sample(domain, 2, b)];
            cases.push(Case::new(format!("{a:?} and {b:?}"), inputs, move |v| apply(&v[0], &v[1])));
        }
    }
    cases.push(Case::new("a value with itself", vec![sample(domain, 1, &[3, 2])], move |v| apply(&v[0], &v[0])));
    cases
}

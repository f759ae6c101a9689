//! Optimisers: what one update does to a parameter, declared once per update rule.
//!
//! The file of a rule holds its constants, its formulas as text, the names of the state that it
//! keeps for each parameter, and the arithmetic of one step. The arithmetic is generic over the
//! number type: [`UpdateRule::update`] runs it on vectors, on all threads, in one pass over memory;
//! [`UpdateRule::update_plain`] runs it one number at a time. Both perform the same correctly
//! rounded operations in the same order, so their results have the same bits.
//!
//! To add a rule, write its file and add it to the list `rules!` below.

use core::fmt;
use core::ops::{Add, Div, Mul, Sub};

use crate::pieces::{AHEAD, GRAIN, Pieces, for_each_piece};
use crate::real::Real;
use crate::simd::{Kernel, LANES, Simd, dispatch};
use crate::timing::{Category, Work, time};

/// `target <- formula`: one line of an update, applied to each element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// What the line sets: the gradient `g`, the parameter `theta`, a number of the rule's state
    /// (such as `m` or `v`), or an intermediate result.
    pub target: &'static str,
    /// A formula over the targets of earlier lines, the state and the constants of the update.
    pub formula: &'static str,
}

impl Line {
    /// The line `target <- formula`.
    pub const fn new(target: &'static str, formula: &'static str) -> Self {
        Self { target, formula }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} <- {}", self.target, self.formula)
    }
}

/// A number that a rule keeps for each element of a parameter. It is 0 before the first update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateSlot {
    /// Its name in the formulas.
    pub symbol: &'static str,
    /// Its name in checkpoints.
    pub name: &'static str,
}

/// The settings of one update that do not depend on the rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update {
    /// The number of the update, counted from 1.
    pub t: u64,
    /// The step size.
    pub learning_rate: f64,
    /// A factor for the gradient: clipping by the norm.
    pub scale: Option<f64>,
    /// Each element of the gradient is then clipped to [-clip, clip]; infinite for no clipping.
    pub clip: f64,
    /// This times the parameter is then added to the gradient (L2 regularisation).
    pub weight_decay: f64,
}

impl Update {
    /// Update number `t`, without scaling, clipping or weight decay.
    pub fn new(t: u64, learning_rate: f64) -> Self {
        Self { t, learning_rate, scale: None, clip: f64::INFINITY, weight_decay: 0.0 }
    }

    /// The gradient that the rule gets.
    #[inline(always)]
    fn prepare<A: Arithmetic>(self, number: A::Context, mut g: A, theta: A) -> A {
        if let Some(scale) = self.scale {
            g = g * A::constant(number, scale);
        }
        if self.clip < f64::INFINITY {
            g = g.clamp(A::constant(number, -self.clip), A::constant(number, self.clip));
        }
        if self.weight_decay != 0.0 {
            g = g + A::constant(number, self.weight_decay) * theta;
        }
        g
    }
}

/// What the file of a rule declares. A step reads `COEFFICIENTS` numbers that are the same for all
/// elements, and updates `STATE` numbers of state.
pub(crate) trait Declaration<const STATE: usize, const COEFFICIENTS: usize>: Copy + Sync + 'static {
    /// The kernel's name in timings.
    const KERNEL: &'static str;
    /// The state, in the order in which [`step`](Self::step) takes it.
    const STATE: [StateSlot; STATE];
    /// Examples for tests: the rule in each of its forms, with usual constants.
    const EXAMPLES: &'static [Self];

    /// The usual name of the rule.
    fn title(self) -> &'static str;

    /// The formulas of a step.
    fn lines(self) -> &'static [Line];

    /// The constants of the rule, by their names in the formulas.
    fn constants(self) -> Vec<(&'static str, f64)>;

    /// The coefficients of update number `t`, computed once for all elements.
    fn coefficients(self, learning_rate: f64, t: u64) -> [f64; COEFFICIENTS];

    /// The new state and the new parameter of one element. `#[inline(always)]`, as it runs on
    /// vectors.
    fn step<A: Arithmetic>(self, coefficients: [A; COEFFICIENTS], g: A, state: [A; STATE], theta: A)
    -> ([A; STATE], A);
}

/// The list of the rules: `Name: file`.
macro_rules! rules {
    ($($Rule:ident: $file:ident),+ $(,)?) => {
        $(mod $file; pub use $file::$Rule;)+

        /// Only the types of the rules, for re-exports.
        pub mod rules {
            $(pub use super::$Rule;)+
        }

        /// How gradients change a parameter: one of the rules, with its constants.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum UpdateRule {
            $(#[doc = concat!("See [`", stringify!($Rule), "`](struct@", stringify!($Rule), ").")] $Rule($Rule),)+
        }

        $(impl From<$Rule> for UpdateRule {
            fn from(rule: $Rule) -> Self {
                Self::$Rule(rule)
            }
        })+

        impl UpdateRule {
            /// Examples for tests: every rule in each of its forms, with usual constants.
            pub fn examples() -> Vec<Self> {
                [$(<$Rule>::EXAMPLES.iter().copied().map(Self::from).collect::<Vec<_>>(),)+].concat()
            }

            /// Its usual name.
            pub fn title(self) -> &'static str {
                match self { $(Self::$Rule(rule) => rule.title(),)+ }
            }

            /// Its formulas.
            pub fn lines(self) -> &'static [Line] {
                match self { $(Self::$Rule(rule) => rule.lines(),)+ }
            }

            /// Its constants, by their names in the formulas.
            pub fn constants(self) -> Vec<(&'static str, f64)> {
                match self { $(Self::$Rule(rule) => rule.constants(),)+ }
            }

            /// The state that it keeps for each parameter.
            pub fn state(self) -> &'static [StateSlot] {
                match self { $(Self::$Rule(_) => &<$Rule>::STATE,)+ }
            }

            /// One update of the parameter `theta` and its [state](Self::state) by the gradient
            /// `g`.
            ///
            /// # Panics
            /// When the lengths differ, or there are not as many slices of state as the rule has.
            pub fn update(self, update: Update, g: &[f32], state: &mut [&mut [f32]], theta: &mut [f32]) {
                match self { $(Self::$Rule(rule) => on_vectors(rule, update, g, state, theta),)+ }
            }

            /// Like [`update`](Self::update), as a plain loop for any number type.
            ///
            /// # Panics
            /// When there are not as many slices of state as the rule has, or one is too short.
            pub fn update_plain<R: Real>(self, update: Update, g: &[R], state: &mut [&mut [R]], theta: &mut [R]) {
                match self { $(Self::$Rule(rule) => plain(rule, update, g, state, theta),)+ }
            }
        }
    };
}

rules! { RmsProp: rms_prop, Adam: adam, AdamTf: adam_tf, Sgd: sgd }

fn plain<R: Real, D: Declaration<N, K>, const N: usize, const K: usize>(
    rule: D,
    update: Update,
    g: &[R],
    state: &mut [&mut [R]],
    theta: &mut [R],
) {
    let state: &mut [&mut [R]; N] = state.try_into().expect("one slice for each state of the rule");
    let coefficients = rule.coefficients(update.learning_rate, update.t).map(R::from_f64);
    for (i, (g, theta)) in g.iter().zip(theta).enumerate() {
        let old = core::array::from_fn(|n| Scalar(state[n][i]));
        let g = update.prepare((), Scalar(*g), Scalar(*theta));
        let (new, stepped) = rule.step(coefficients.map(Scalar), g, old, Scalar(*theta));
        state.iter_mut().zip(new).for_each(|(state, new)| state[i] = new.0);
        *theta = stepped.0;
    }
}

fn on_vectors<D: Declaration<N, K>, const N: usize, const K: usize>(
    rule: D,
    update: Update,
    g: &[f32],
    state: &mut [&mut [f32]],
    theta: &mut [f32],
) {
    let kernel = D::KERNEL;
    let slices = state.len();
    let Ok(state) = <[&mut [f32]; N]>::try_from(state.iter_mut().map(|state| &mut **state).collect::<Vec<_>>()) else {
        panic!("{kernel}: {slices} slices of state, not {N}");
    };
    let fits = g.len() == theta.len() && state.iter().all(|state| state.len() == theta.len());
    assert!(fits, "{kernel}: g and the state must have the length of theta, {}", theta.len());
    // The gradient is read; the state and the parameter are read and written.
    let work = Work::Floats((3 + 2 * N) * g.len());
    let coefficients = rule.coefficients(update.learning_rate, update.t).map(|x| x as f32);
    let pieces = (Pieces::new(g, GRAIN), state.map(|state| Pieces::new(state, GRAIN)), Pieces::new(theta, GRAIN));
    time(Category::Optimizer, kernel, work, || {
        for_each_piece(pieces, |_, (g, state, theta)| {
            dispatch(Piece { rule, update, coefficients, g, state, theta });
        });
    });
}

/// One piece of an update.
struct Piece<'a, D, const N: usize, const K: usize> {
    rule: D,
    update: Update,
    coefficients: [f32; K],
    g: &'a [f32],
    state: [&'a mut [f32]; N],
    theta: &'a mut [f32],
}

impl<D: Declaration<N, K>, const N: usize, const K: usize> Kernel for Piece<'_, D, N, K> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { rule, update, .. } = self;
        let mut coefficients = [Vector(s, s.zero()); K];
        for (vector, number) in coefficients.iter_mut().zip(self.coefficients) {
            *vector = Vector(s, s.splat(number));
        }
        let (g, g_rest) = self.g.as_chunks::<LANES>();
        let (theta, theta_rest) = self.theta.as_chunks_mut::<LANES>();
        let state = self.state.map(|state| state.as_chunks_mut::<LANES>());
        for (i, (g, theta)) in g.iter().zip(theta).enumerate() {
            s.prefetch(g, AHEAD);
            s.prefetch(theta, AHEAD);
            let mut old = [Vector(s, s.zero()); N];
            for n in 0..N {
                s.prefetch(&state[n].0[i], AHEAD);
                old[n] = Vector(s, s.load(&state[n].0[i]));
            }
            let (g, before) = (Vector(s, s.load(g)), Vector(s, s.load(theta)));
            let (new, stepped) = rule.step(coefficients, update.prepare(s, g, before), old, before);
            for n in 0..N {
                s.store(new[n].1, &mut state[n].0[i]);
            }
            s.store(stepped.1, theta);
        }
        if !g_rest.is_empty() {
            let mut old = [Vector(s, s.zero()); N];
            for n in 0..N {
                old[n] = Vector(s, s.load_part(state[n].1));
            }
            let (g, before) = (Vector(s, s.load_part(g_rest)), Vector(s, s.load_part(theta_rest)));
            let (new, stepped) = rule.step(coefficients, update.prepare(s, g, before), old, before);
            for n in 0..N {
                s.store_part(new[n].1, state[n].1);
            }
            s.store_part(stepped.1, theta_rest);
        }
    }
}

/// The number type of a [step](Declaration::step): a single number, or a vector.
pub(crate) trait Arithmetic:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// What is needed to make one from a constant.
    type Context: Copy;

    /// The constant `x`, rounded to the type.
    fn constant(context: Self::Context, x: f64) -> Self;

    /// The square root.
    fn sqrt(self) -> Self;

    /// `low` where self < low, `high` where self > high.
    fn clamp(self, low: Self, high: Self) -> Self;
}

/// One number.
#[derive(Clone, Copy)]
struct Scalar<R>(R);

/// A vector, with the token of its instruction set.
#[derive(Clone, Copy)]
struct Vector<S: Simd>(S, S::F);

macro_rules! operators {
    ($($Operator:ident $method:ident),+) => {$(
        impl<R: Real> $Operator for Scalar<R> {
            type Output = Self;
            fn $method(self, other: Self) -> Self {
                Self($Operator::$method(self.0, other.0))
            }
        }

        impl<S: Simd> $Operator for Vector<S> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self(self.0, self.0.$method(self.1, other.1))
            }
        }
    )+};
}

operators!(Add add, Sub sub, Mul mul, Div div);

impl<R: Real> Arithmetic for Scalar<R> {
    type Context = ();

    fn constant((): (), x: f64) -> Self {
        Self(R::from_f64(x))
    }

    fn sqrt(self) -> Self {
        Self(self.0.sqrt())
    }

    fn clamp(self, low: Self, high: Self) -> Self {
        let x = if self.0 < low.0 { low } else { self };
        if x.0 > high.0 { high } else { x }
    }
}

impl<S: Simd> Arithmetic for Vector<S> {
    type Context = S;

    #[inline(always)]
    fn constant(s: S, x: f64) -> Self {
        Self(s, s.splat(x as f32))
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(self.0, self.0.sqrt(self.1))
    }

    #[inline(always)]
    fn clamp(self, low: Self, high: Self) -> Self {
        Self(self.0, self.0.min(self.0.max(self.1, low.1), high.1))
    }
}

#[cfg(test)]
mod tests;

//! Your own operation: softsign, y = x / (1 + |x|), with its gradient rule and the check of the
//! rule.
//!
//! Run `cargo run -p backdraw --example own_operation`.

use backdraw::prelude::*;
use backdraw::tensor::gradcheck::WrongGradient;
use backdraw::tensor::ops::{Domain, sample};
use backdraw::tensor::{Shape, arithmetic::ElementContext};

/// The operation as the tape records it. Attributes, such as an exponent, would be fields.
struct Softsign;

/// x / (1 + |x|), elementwise.
#[track_caller]
pub(crate) fn softsign<T: Element>(x: &Var<T>) -> Var<T> {
    let softsign = |x: T| x / (T::from_f64(1.0) + x.abs());
    let y = Tensor::from_fn(*x.shape(), |i| softsign(x.value().data()[i]));
    Var::record(Softsign, &[x], y)
}

impl<T: Element> Op<T> for Softsign {
    fn name(&self) -> &'static str {
        "softsign"
    }

    /// What the gradient rule reads; everything else is dropped after the forward pass.
    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::OUTPUT
    }

    /// dy/dx = 1 / (1 + |x|)^2 = (1 - |y|)^2. The rule is made of operations, so the engine can
    /// differentiate it again.
    fn vjp(&self, call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some(gy * (1.0 - call.output().abs()).square())]
    }

    fn replay(&self) -> Option<&dyn Replay> {
        Some(self)
    }
}

/// How the explain page recomputes the operation in `f64`; optional.
impl Replay for Softsign {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        softsign(&inputs[0])
    }

    fn rows(&self) -> Rows {
        Rows::Aligned
    }

    fn value_arithmetic(&self, at: &ElementContext) -> Option<String> {
        Some(format!("{0} / (1 + abs({0}))", at.x(0)))
    }
}

/// Compares the first and second derivatives with finite differences; returns the largest relative
/// errors.
pub(crate) fn check() -> Result<[f64; 2], WrongGradient> {
    // At 0 the second derivative jumps, so no input may be near it.
    let x = sample(Domain::AwayFromZero, 1, &[4, 5]);
    gradcheck("softsign", &|v: &[Var<f64>]| softsign(&v[0]), &[x], Check::default())
}

fn main() -> Result<(), WrongGradient> {
    let tape = Tape::new();
    let x = tape.variable("x", Tensor::new(&[3], vec![-1.0_f32, 0.0, 3.0]));
    let y = softsign(&x);
    let gradient = grad(&y.sum(), &[x], Options::default()).remove(0);
    println!("softsign {:?}, gradient {:?}", y.value().data(), gradient.value().data());
    let [first, second] = check()?;
    println!("relative errors of the derivatives: {first:.1e} (first order), {second:.1e} (second order)");
    Ok(())
}

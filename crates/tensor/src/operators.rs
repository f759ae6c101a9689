//! The operators `+`, `-`, `*`, `/` of [`Var`], between values, references and numbers.
//!
//! The files of [`ops`](crate::ops) define each operation between two references, `&a + &b`. The
//! macro below adds the other combinations, which call the same operations: they record the same
//! nodes and give the same bits.

use core::ops::{Add, Div, Mul, Neg, Sub};

use kernels::Element;

use crate::tensor::Tensor;
use crate::var::Var;

/// The operator `$Operator` for `a` and `b` where at least one of them is not a reference, and for
/// numbers on either side: `$right` is variable $ number, `$left` is number $ variable.
macro_rules! operator {
    ($Operator:ident $method:ident, |$x:ident, $number:ident| $right:expr, $left:expr) => {
        operator!(@pair $Operator $method, Var<T>, Var<T>, |a, b| $Operator::$method(&a, &b));
        operator!(@pair $Operator $method, Var<T>, &Var<T>, |a, b| $Operator::$method(&a, b));
        operator!(@pair $Operator $method, &Var<T>, Var<T>, |a, b| $Operator::$method(a, &b));
        operator!(@pair $Operator $method, &Var<T>, f64, |$x, $number| $right);
        operator!(@pair $Operator $method, Var<T>, f64, |a, b| $Operator::$method(&a, b));
        operator!(@pair $Operator $method, f64, &Var<T>, |$number, $x| $left);
        operator!(@pair $Operator $method, f64, Var<T>, |a, b| $Operator::$method(a, &b));
    };
    (@pair $Operator:ident $method:ident, $Left:ty, $Right:ty, |$a:ident, $b:ident| $value:expr) => {
        impl<T: Element> $Operator<$Right> for $Left {
            type Output = Var<T>;

            #[track_caller]
            fn $method(self, other: $Right) -> Var<T> {
                let ($a, $b) = (self, other);
                $value
            }
        }
    };
}

operator!(Add add, |x, number| x.add_scalar(number), x.add_scalar(number));
operator!(Sub sub, |x, number| x.add_scalar(-number), x.affine(-1.0, number));
operator!(Mul mul, |x, number| x.scale(number), x.scale(number));
operator!(Div div, |x, number| x / constant(number), constant(number) / x);

/// A number as a constant of shape (), which broadcasts to every shape.
fn constant<T: Element>(number: f64) -> Var<T> {
    Var::constant(Tensor::scalar(T::from_f64(number)))
}

impl<T: Element> Neg for &Var<T> {
    type Output = Var<T>;

    #[track_caller]
    fn neg(self) -> Var<T> {
        Var::neg(self)
    }
}

impl<T: Element> Neg for Var<T> {
    type Output = Var<T>;

    #[track_caller]
    fn neg(self) -> Var<T> {
        Var::neg(&self)
    }
}

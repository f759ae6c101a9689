//! The operators of `Var` in every combination of values, references and numbers: the same numbers
//! as plain arithmetic, correct derivatives, and one recorded operation each.

use tensor::ops::{Domain, sample};
use tensor::{Check, Tape, Tensor, Var, gradcheck};

type Expression = (&'static str, fn(&Var<f64>, &Var<f64>) -> Var<f64>, fn(f64, f64) -> f64);

/// Each operator in each combination, and the same expression of two numbers.
macro_rules! combinations {
    ($($operator:tt)+) => {
        vec![$(
            (stringify!(a $operator b), |a, b| a.clone() $operator b.clone(), |a, b| a $operator b),
            (stringify!(a $operator &b), |a, b| a.clone() $operator b, |a, b| a $operator b),
            (stringify!(&a $operator b), |a, b| a $operator b.clone(), |a, b| a $operator b),
            (stringify!(&a $operator &b), |a, b| a $operator b, |a, b| a $operator b),
            (stringify!(a $operator 0.75), |a, _| a.clone() $operator 0.75, |a, _| a $operator 0.75),
            (stringify!(&a $operator 0.75), |a, _| a $operator 0.75, |a, _| a $operator 0.75),
            (stringify!(0.75 $operator a), |a, _| 0.75 $operator a.clone(), |a, _| 0.75 $operator a),
            (stringify!(0.75 $operator &a), |a, _| 0.75 $operator a, |a, _| 0.75 $operator a),
        )+]
    };
}

fn expressions() -> Vec<Expression> {
    let mut all: Vec<Expression> = combinations!(+ - * /);
    all.push(("-a", |a, _| -a.clone(), |a, _| -a));
    all.push(("-&a", |a, _| -a, |a, _| -a));
    all
}

#[test]
fn operators_have_the_values_and_derivatives_of_arithmetic() {
    let [a, b] = [1, 2].map(|seed| sample(Domain::AwayFromZero, seed, &[3, 5]));
    for (text, apply, numbers) in expressions() {
        let wanted = Tensor::from_fn([3, 5], |i| numbers(a.data()[i], b.data()[i]));
        let [x, y] = [&a, &b].map(|x| Var::constant(x.clone()));
        assert_eq!(apply(&x, &y).value(), &wanted, "{text}");
        // The product with `b` makes every expression depend on both inputs, and non-linear.
        let checked = gradcheck(text, &|v| apply(&v[0], &v[1]) * &v[1], &[a.clone(), b.clone()], Check::default());
        checked.unwrap_or_else(|wrong| panic!("{wrong}"));
    }
}

#[test]
fn an_operator_records_one_operation_where_it_is_written() {
    for (text, apply, _) in expressions() {
        let tape = Tape::new();
        let [a, b] = ["a", "b"].map(|name| tape.variable(name, sample(Domain::AwayFromZero, 1, &[2])));
        let _ = apply(&a, &b);
        // A number that is divided by a variable is first repeated, as a constant, to its shape.
        assert_eq!(tape.len(), 3, "{text}");
    }
}

#[test]
fn a_number_is_divided_with_one_rounding() {
    let x = Var::constant(Tensor::new(&[3], vec![3.0_f32, 49.0, 0.1]));
    assert_eq!((&x / 3.0).value().data(), [1.0, 49.0 / 3.0, 0.1 / 3.0]);
    assert_eq!((10.0 / &x).value().data(), [10.0 / 3.0, 10.0 / 49.0, 10.0 / 0.1]);
}

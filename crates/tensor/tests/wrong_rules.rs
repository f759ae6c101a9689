//! The gradient checker detects wrong rules, and reports exactly what is wrong: op, input, index,
//! expected, got, ratio.

use tensor::gradcheck::{WrongGradient, check_entry};
use tensor::ops::{Case, Entry};
use tensor::{Call, Check, Op, Saves, Tensor, Var, gradcheck};

/// An error in a rule.
#[derive(Clone, Copy, PartialEq)]
enum Wrong {
    Nothing,
    Sign,
    Factor,
    ForgetsAnInput,
    GivesNothing,
    OneElement,
    OnlySecondOrder,
}

/// The product of a and b squared, with a deliberately wrong rule.
struct Mistaken(Wrong);

fn mistaken(wrong: Wrong, v: &[Var<f64>]) -> Var<f64> {
    let (a, b) = (v[0].value().data(), v[1].value().data());
    Var::record(Mistaken(wrong), &[&v[0], &v[1]], Tensor::from_fn(*v[0].shape(), |i| a[i] * b[i] * b[i]))
}

impl Op<f64> for Mistaken {
    fn name(&self) -> &'static str {
        "mistaken"
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::input(0).and(Saves::input(1))
    }

    fn vjp(&self, call: &Call<f64>, gy: &Var<f64>) -> Vec<Option<Var<f64>>> {
        let (a, b) = (call.input(0), call.input(1));
        let (ga, gb) = (gy * &b.square(), (gy * &(&a * &b)).scale(2.0));
        let gb = match self.0 {
            Wrong::Nothing => gb,
            Wrong::Sign => gb.neg(),
            Wrong::Factor => gb.scale(0.5),
            Wrong::ForgetsAnInput => gb.scale(0.0),
            Wrong::GivesNothing => return vec![Some(ga), None],
            Wrong::OneElement => {
                let last = gb.value().size() - 1;
                let most = Tensor::from_fn(*gb.shape(), |i| if i == last { 1.001 } else { 1.0 });
                &gb * &Var::constant(most)
            }
            Wrong::OnlySecondOrder => (gy * &(&a * &b.detach())).scale(2.0),
        };
        vec![Some(ga), Some(gb)]
    }
}

fn inputs() -> Vec<Tensor<f64>> {
    [[0.5, -1.5, 2.0], [1.0, 0.75, -1.25]].map(|x| Tensor::new(&[3], x.to_vec())).into()
}

fn check(wrong: Wrong) -> Result<[f64; 2], WrongGradient> {
    gradcheck("op `mistaken`", &|v| mistaken(wrong, v), &inputs(), Check::default())
}

#[test]
fn a_right_rule_passes_far_below_the_tolerance() {
    let [first, second] = check(Wrong::Nothing).expect("a right rule");
    assert!(first < 1e-9 && second < 1e-9, "{first:e} {second:e}");
}

#[test]
fn wrong_rules_are_found_and_described() {
    for (wrong, ratio) in
        [(Wrong::Sign, -1.0), (Wrong::Factor, 0.5), (Wrong::ForgetsAnInput, 0.0), (Wrong::OneElement, 1.001)]
    {
        let error = check(wrong).expect_err("a wrong rule");
        assert_eq!((error.order, error.input), (1, 1));
        let got = error.got / error.expected;
        assert!((got - ratio).abs() < 1e-6, "{error}");
        let text = error.to_string();
        for part in [
            "op `mistaken`".into(),
            "order 1".into(),
            "input 1".into(),
            format!("element {}", error.index),
            format!("expected {:.9}", error.expected),
            format!("got {:.9}", error.got),
            format!("ratio {got:.6}"),
        ] {
            assert!(text.contains(&part), "`{part}` is not in: {text}");
        }
    }
    assert_eq!(check(Wrong::OneElement).expect_err("a wrong rule").index, 2, "the only wrong element is named");
}

#[test]
fn a_rule_that_is_right_once_but_not_twice_is_found() {
    let error = check(Wrong::OnlySecondOrder).expect_err("a wrong rule");
    assert_eq!(error.order, 2);
    let first_only = Check { order: 1, ..Check::default() };
    gradcheck("once", &|v| mistaken(Wrong::OnlySecondOrder, v), &inputs(), first_only).expect("right at first order");
}

#[test]
#[should_panic(expected = "op `mistaken` returned no gradient for an input that needs one")]
fn a_rule_that_gives_nothing_is_named() {
    let _ = check(Wrong::GivesNothing);
}

#[test]
fn a_wrong_row_of_the_registry_names_its_case() {
    let entry = Entry {
        name: "mistaken",
        idea: "A product.",
        forward: "y = a * b^2",
        rule: "wrong",
        derivation: &[],
        saved: "a and b",
        shape: "all shapes are the same",
        cost: "none",
        chapter: "none",
        file: file!(),
        cases: || vec![Case::new("three numbers", inputs(), |v| mistaken(Wrong::Sign, v))],
    };
    let text = check_entry(&entry, Check::default()).expect_err("a wrong rule").to_string();
    assert!(
        text.starts_with("op `mistaken` (three numbers): wrong derivative of order 1 with respect to input 1"),
        "{text}"
    );
}

#[test]
fn a_gradient_that_is_not_a_number_is_an_error() {
    let at_zero = [Tensor::new(&[2], vec![1.0, 0.0])];
    gradcheck("op `sqrt`", &|v| v[0].sqrt(), &at_zero, Check::default()).expect_err("no slope at 0");
}

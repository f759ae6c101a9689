//! Probes: sums of slopes give the values and gradients, the arithmetic evaluates to them, and the
//! checks find wrong rules and nothing else.

use std::rc::Rc;

use tensor::arithmetic::{Arithmetic, evaluate};
use tensor::ops::{Case, Domain, REGISTRY, sample};
use tensor::{Call, Op, Probe, RecordedNode, Replay, Saves, Shape, SweptNode, Tape, TapeObserver, Tensor, Var};

/// Probes each node when it is recorded.
struct Prober;

impl TapeObserver<f64> for Prober {
    fn node_recorded(&self, node: &RecordedNode<'_, f64>) {
        let Some(op) = node.op else { return };
        let inputs: Vec<_> = node.inputs.iter().map(|x| x.value()).collect();
        let probe = Probe::new(&**op, &inputs, *node.value.shape(), None).expect("every op can be recomputed");
        prove(op.name(), &probe);
    }

    fn node_swept(&self, _node: &SweptNode<'_, f64>) {}
}

/// A few elements of a tensor.
fn some(shape: &Shape) -> impl Iterator<Item = usize> + use<> {
    let size = shape.size();
    [0, size / 3, size - 1].into_iter().filter(move |i| *i < size)
}

fn close(what: &str, got: f64, expected: f64, size: f64, tolerance: f64) {
    assert!((got - expected).abs() <= tolerance * size.max(1e-300), "{what}: {got}, not {expected}");
}

fn comes_to(what: &str, worked: &Arithmetic, expected: f64) {
    let got = evaluate(&worked.text).unwrap_or_else(|| panic!("{what}: `{}` is no expression", worked.text));
    close(&format!("{what}: {}", worked.text), got, expected, expected.abs(), 1e-5);
    close(what, worked.result, expected, expected.abs(), 1e-9);
}

fn prove(name: &str, probe: &Probe) {
    let gy = sample(Domain::Any, 9, &probe.shape());
    for i in some(&probe.shape()) {
        comes_to(&format!("`{name}`, element {i}"), &probe.value_arithmetic(i), probe.value().data()[i]);
    }
    let gradients = probe.gradients(&gy);
    for (input, gradient) in gradients.iter().enumerate() {
        for j in some(gradient.shape()) {
            let what = format!("`{name}`, gradient by element {j} of input {input}");
            let terms = probe.gradient_terms(input, j, &gy);
            let size: f64 = terms.terms.iter().map(|term| (term.number * term.slope).abs()).sum();
            close(&what, terms.total, gradient.data()[j], size, 1e-12);
            let listed: f64 = terms.terms.iter().map(|term| term.number * term.slope).sum();
            close(&what, listed + terms.rest, terms.total, size, 1e-12);
            for term in &terms.terms {
                let slope = probe.slopes(term.at)[input].data()[j];
                close(&format!("{what}, its slope by {}", term.at), term.slope, slope, slope.abs(), 1e-9);
            }
            comes_to(&what, &probe.gradient_arithmetic(input, j, &gy), terms.total);
        }
    }
    for check in probe.check(&gy) {
        assert!(check.passed, "`{name}`: {check:?}");
    }
}

#[test]
fn sums_of_slopes_are_gradients_and_worked_numbers_come_to_them_for_every_op() {
    for entry in &REGISTRY {
        for Case { inputs, apply, .. } in (entry.cases)() {
            let tape = Tape::observed(Rc::new(Prober));
            let variables: Vec<_> = inputs.iter().map(|x| tape.variable("x", x.clone())).collect();
            apply(&variables);
        }
    }
}

/// The first op that `make` records from one input with these elements, in `f32` as in training.
fn probed(shape: &[usize], numbers: &[f32], make: fn(&Var) -> Var, look: fn(&Probe)) {
    struct Look(fn(&Probe));
    impl TapeObserver for Look {
        fn node_recorded(&self, node: &RecordedNode<'_, f32>) {
            let Some(op) = node.op else { return };
            let inputs: Vec<_> = node.inputs.iter().map(|x| x.value()).collect();
            (self.0)(&Probe::new(&**op, &inputs, *node.value.shape(), None).expect("it can be recomputed"));
        }
        fn node_swept(&self, _node: &SweptNode<'_, f32>) {}
    }
    let tape = Tape::observed(Rc::new(Look(look)));
    make(&tape.variable("x", Tensor::new(shape, numbers.to_vec())));
}

#[test]
fn a_check_at_a_kink_or_a_pole_is_no_false_alarm() {
    let passes = |probe: &Probe| {
        for check in probe.check(&Tensor::from_fn(probe.shape(), |i| 0.25 + i as f64)) {
            assert!(check.passed && !check.note.is_empty(), "{check:?}");
        }
    };
    let near = [0.0, 1e-9, -1e-7, 0.3, -2.0, 0.0];
    probed(&[6], &near, |x| x.leaky_relu(0.2), passes);
    probed(&[6], &near, |x| x.abs(), passes);
    probed(&[4], &[0.5, 0.500_001, -0.5, 0.1], |x| x.clamp(-0.5, 0.5), passes);
    probed(&[6], &near, |x| x.maxout(3), passes);
    probed(&[1, 2, 4, 1], &[0.5, 0.5, 1.0, 2.0, 0.5, 0.25, 3.0, 4.0], |x| x.max_pool([2, 2]), passes);
    probed(&[3], &[1e-6, 1.0, 3.0], |x| x.log(), passes);
    probed(&[3], &[1e-8, 1.0, 3.0], |x| x.sqrt(), passes);
    probed(&[3], &[1e-5, -1.0, 3.0], |x| x.reciprocal(), passes);
    probed(&[2], &[0.0, 0.0], |x| x.leaky_relu(0.2), passes);
}

#[test]
fn worked_numbers_read_as_one_would_write_them() {
    probed(
        &[2],
        &[0.25, -0.5],
        |x| x.sigmoid(),
        |probe| {
            assert_eq!(probe.value_arithmetic(1).text, "1 / (1 + exp(0.5))");
            let gy = Tensor::full([2], 0.5);
            assert_eq!(probe.gradient_arithmetic(0, 1, &gy).text, "0.5 * (0.37754068 * (1 - 0.37754068))");
        },
    );
    probed(
        &[2],
        &[0.25, -0.5],
        |x| x.affine(2.0, -1.0),
        |probe| {
            assert_eq!(probe.value_arithmetic(1).text, "-0.5 * 2 - 1");
        },
    );
    probed(
        &[2, 1],
        &[0.25, -0.5],
        |x| x.batch_norm(&Var::constant(Tensor::full([1], 2.0)), &Var::constant(Tensor::zeros([1])), 0.5).0,
        |probe| {
            assert_eq!(probe.value_arithmetic(1).text, "2 * (-0.5 + 0.125) / sqrt(0.140625 + 0.5) + 0");
        },
    );
    probed(
        &[3],
        &[0.25, -0.5, 4.0],
        |x| x.sum(),
        |probe| {
            assert_eq!(probe.value_arithmetic(0).text, "0.25 - 0.5 + 4");
        },
    );
}

/// x squared, with a rule that may be wrong.
struct Square {
    factor: f64,
}

impl Op<f64> for Square {
    fn name(&self) -> &'static str {
        "square"
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::input(0)
    }

    fn replay(&self) -> Option<&dyn Replay> {
        Some(self)
    }

    fn vjp(&self, call: &Call<f64>, gy: &Var<f64>) -> Vec<Option<Var<f64>>> {
        vec![Some((gy * &call.input(0)).scale(self.factor))]
    }
}

impl Replay for Square {
    fn on(&self, inputs: &[Var<f64>], shape: Shape) -> Var<f64> {
        let x = inputs[0].value().data();
        Var::record(Self { factor: self.factor }, &[&inputs[0]], Tensor::from_fn(shape, |i| x[i] * x[i]))
    }
}

#[test]
fn a_wrong_rule_fails_its_check_at_any_numbers() {
    for numbers in [[0.5, -1.5, 2.0], [0.0, 1e-5, 3.0], [1e-4, -1e-4, 1e-4], [0.0, 0.0, 1e-3]] {
        let inputs = [&Tensor::new(&[3], numbers.to_vec())];
        for (factor, right) in [(2.0, true), (-2.0, false), (1.0, false), (2.001, false)] {
            let op = Square { factor };
            let probe = Probe::new(&op, &inputs, *inputs[0].shape(), None).expect("it can be recomputed");
            let checks = probe.check(&Tensor::full([3], 1e-3));
            assert_eq!(checks[0].passed, right, "factor {factor} at {numbers:?}: {:?}", checks[0]);
        }
    }
}

#[test]
fn the_first_rows_are_a_smaller_probe() {
    let (x, w) = (sample(Domain::Any, 1, &[5, 3]), sample(Domain::Any, 2, &[3, 2]));
    struct Look;
    impl TapeObserver<f64> for Look {
        fn node_recorded(&self, node: &RecordedNode<'_, f64>) {
            let Some(op) = node.op else { return };
            let inputs: Vec<_> = node.inputs.iter().map(|x| x.value()).collect();
            let probe =
                |rows| Probe::new(&**op, &inputs, *node.value.shape(), Some(rows)).expect("it can be recomputed");
            let few = probe(2);
            match op.name() {
                "matmul" => {
                    assert_eq!((few.cut(), few.has_own_numbers()), (Some(&[true, false][..]), true));
                    assert_eq!(*few.value(), node.value.first_rows(2));
                }
                "batch_norm" => {
                    assert!(few.cut().is_some() && !few.has_own_numbers() && **few.value().shape() == [2, 2])
                }
                _ => assert!(few.cut().is_none() && few.has_own_numbers(), "a sum over the rows"),
            }
            assert!(probe(5).cut().is_none(), "that is the whole");
            assert!(few.check(&sample(Domain::Any, 3, &few.shape())).iter().all(|check| check.passed));
        }
        fn node_swept(&self, _node: &SweptNode<'_, f64>) {}
    }
    let tape = Tape::observed(Rc::new(Look));
    let h = tape.variable("x", x).matmul(&Var::constant(w));
    let row = |value| Var::constant(Tensor::full([2], value));
    h.batch_norm(&row(1.5), &row(0.5), 0.1).0.sum_to([2]);
}

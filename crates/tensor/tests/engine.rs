//! The engine's contract, one test per property: what the tape records and prints, what a sweep
//! computes and what it skips, what it frees, and how mistakes are reported.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use kernels::{Key, Padding, Precision, TransposedPadding};
use tensor::{
    Call, FirstNonFinite, Op, Options, RecordedNode, Saves, SweptNode, Tape, TapeObserver, Tensor, Var, grad, vjp,
    vjp_with,
};

fn vector(values: &[f64]) -> Tensor<f64> {
    Tensor::new(&[values.len()], values.to_vec())
}

/// The panic message of `body`.
fn panic_of<R>(body: impl FnOnce() -> R) -> String {
    let Err(payload) = catch_unwind(AssertUnwindSafe(body)) else { panic!("this should have panicked") };
    match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => (*payload.downcast::<&str>().expect("a panic with a message")).into(),
    }
}

/// The product of two tensors of one shape, which records for which inputs a gradient was
/// requested.
struct SpyingProduct(Rc<RefCell<Vec<Vec<bool>>>>);

impl SpyingProduct {
    fn apply(asked: &Rc<RefCell<Vec<Vec<bool>>>>, a: &Var<f64>, b: &Var<f64>) -> Var<f64> {
        let y = Tensor::from_fn(*a.shape(), |i| a.value().data()[i] * b.value().data()[i]);
        Var::record(Self(Rc::clone(asked)), &[a, b], y)
    }
}

impl Op<f64> for SpyingProduct {
    fn name(&self) -> &'static str {
        "spying_product"
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::input(0).and(Saves::input(1))
    }

    fn vjp(&self, call: &Call<f64>, gy: &Var<f64>) -> Vec<Option<Var<f64>>> {
        self.0.borrow_mut().push(vec![call.wants(0), call.wants(1)]);
        vec![call.wants(0).then(|| gy * &call.input(1)), call.wants(1).then(|| gy * &call.input(0))]
    }
}

struct WithoutRule;

impl Op<f64> for WithoutRule {
    fn name(&self) -> &'static str {
        "round_to_grid"
    }

    fn has_rule(&self) -> bool {
        false
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::NOTHING
    }

    fn vjp(&self, _call: &Call<f64>, _gy: &Var<f64>) -> Vec<Option<Var<f64>>> {
        unreachable!("it has no rule")
    }
}

#[test]
fn a_tape_prints_itself_as_a_table() {
    let tape = Tape::new();
    let x = Var::constant(Tensor::full([2, 3], 0.5));
    let loss = tape.scoped("net", || {
        let hidden = tape.scoped("dense", || {
            let weight = tape.variable("net.dense.weight", Tensor::full([3, 4], 0.1));
            let bias = tape.variable("net.dense.bias", Tensor::zeros([4]));
            &x.matmul(&weight) + &bias
        });
        tape.scoped("relu", || hidden.leaky_relu(0.2))
    });
    let _ = loss.mean();
    let expected = "\
node  op                                       inputs         shape                  scope
   0  variable                                                [3, 4]                 net.dense.weight
   1  variable                                                [4]                    net.dense.bias
   2  matmul (a b)                             - 0            [2, 4]                 net.dense
   3  add                                      2 1            [2, 4]                 net.dense
   4  leaky_relu (slope 0.2)                   3              [2, 4]                 net.relu
   5  sum_to                                   4              []
   6  affine (x * 0.125 + 0)                   5              []
";
    assert_eq!(tape.to_string(), expected);
}

#[test]
fn an_op_without_a_rule_refuses_a_tracked_input_by_name() {
    let tape = Tape::new();
    let x = tape.variable("x", vector(&[1.4, 2.6]));
    let rounded = |x: &Var<f64>| Var::record(WithoutRule, &[x], vector(&[1.0, 3.0]));
    let message = panic_of(|| rounded(&x));
    assert!(message.contains("round_to_grid") && message.contains("no gradient rule"), "{message}");
    assert!(!rounded(&x.detach()).is_tracked(), "without a tracked input it is a constant like any other");
}

#[test]
fn what_is_made_of_constants_is_a_constant_and_leaves_no_node() {
    let tape = Tape::new();
    let constant = tape.constant(vector(&[1.0, 2.0]));
    let y = (&constant * &constant).exp().sum();
    assert!(!y.is_tracked() && tape.is_empty());
    let x = tape.variable("x", vector(&[1.0]));
    assert_eq!(grad(&y, &[x], Options::default())[0].value(), &vector(&[0.0]));
}

#[test]
fn detach_cuts_the_graph() {
    let tape = Tape::new();
    let x = tape.variable("x", vector(&[3.0]));
    let y = (&x * &x.square().detach()).sum();
    assert_eq!(y.item(), 27.0);
    assert_eq!(grad(&y, &[x], Options::default())[0].item(), 9.0, "the square counts as a constant 9");
}

#[test]
fn rules_are_asked_only_for_what_is_wanted() {
    let asked = Rc::default();
    let tape = Tape::new();
    let [a, b] = [2.0, 5.0].map(|x| tape.variable("x", vector(&[x])));
    let y = SpyingProduct::apply(&asked, &a, &b).sum();
    let only_a = grad(&y, std::slice::from_ref(&a), Options::KEEP);
    assert_eq!(only_a[0].item(), 5.0);
    assert_eq!(*asked.borrow(), [[true, false]]);
    let both = grad(&y, &[a.clone(), b], Options::KEEP);
    assert_eq!((both[0].item(), both[1].item()), (5.0, 2.0));
    assert_eq!(asked.borrow()[1], [true, true]);

    // No gradient is requested for a constant, and the rule of an op that does not lead to a wanted
    // variable is not called.
    asked.borrow_mut().clear();
    let beside = SpyingProduct::apply(&asked, &Var::constant(vector(&[7.0])), &a);
    let other = tape.variable("other", vector(&[1.0]));
    let y = (&beside * &other).sum();
    grad(&y, &[other], Options::KEEP);
    assert!(asked.borrow().is_empty());
    grad(&y, &[a], Options::KEEP);
    assert_eq!(*asked.borrow(), [[false, true]]);
}

/// What is recorded by a sweep over conv2d, conv_transpose2d and a product, with `weights` as
/// constants or as variables.
fn recorded_sweep(frozen: bool) -> String {
    let tape = Tape::<f64>::new();
    let weight = |shape: &[usize]| {
        let value = Tensor::from_fn(shape, |i| i as f64 * 0.1 - 0.3);
        if frozen { Var::constant(value) } else { tape.variable("weight", value) }
    };
    let x = tape.variable("x", Tensor::full([2, 4, 4, 1], 0.5));
    let (conv, transposed, dense) = (weight(&[3, 3, 1, 2]), weight(&[3, 3, 1, 2]), weight(&[16, 1]));
    let y = x.conv2d(&conv, [1, 1], Padding::Same).tanh();
    let y = y.conv_transpose2d(&transposed, [1, 1], TransposedPadding::Same).tanh();
    let y = y.reshape([2, 16]).matmul(&dense).sum();
    let weights = [conv, transposed, dense].into_iter().filter(Var::is_tracked);
    let wanted: Vec<_> = [x].into_iter().chain(weights).collect();
    let before = tape.to_string().lines().count();
    grad(&y, &wanted, Options::CREATE_GRAPH);
    tape.to_string().lines().skip(before).collect::<Vec<_>>().join("\n")
}

#[test]
fn frozen_weights_cost_no_weight_gradient() {
    assert_eq!(recorded_sweep(false).matches("conv2d_weight_grad").count(), 2);
    assert_eq!(recorded_sweep(true).matches("conv2d_weight_grad").count(), 0);
    let products = |sweep: String| sweep.matches("matmul").count();
    assert_eq!(products(recorded_sweep(false)), 2);
    assert_eq!(products(recorded_sweep(true)), 0, "the gradient that flows on is made of constants: nothing to record");
}

#[test]
fn the_first_layers_input_gradient_is_not_computed() {
    let tape = Tape::<f64>::new();
    let images = Var::constant(Tensor::full([1, 4, 4, 1], 0.5));
    let weight = tape.variable("weight", Tensor::full([3, 3, 1, 2], 0.1));
    let y = images.conv2d(&weight, [1, 1], Padding::Same).square().sum();
    grad(&y, &[weight], Options::CREATE_GRAPH);
    assert!(tape.to_string().contains("conv2d_weight_grad"));
    assert!(!tape.to_string().contains("conv2d_input_grad"));
}

#[test]
fn a_value_used_several_times_gets_the_sum() {
    let tape = Tape::new();
    let x = tape.variable("x", vector(&[2.0, -3.0]));
    let y = (&(&(&x * &x) + &x) + &x.scale(10.0)).sum();
    for options in [Options::KEEP, Options::CREATE_GRAPH] {
        assert_eq!(grad(&y, std::slice::from_ref(&x), options)[0].value(), &vector(&[15.0, 5.0]), "2 x + 1 + 10");
    }
    // Contributions are not added to the cotangent in place, so it can be used twice.
    let cotangent = Var::constant(vector(&[1.0, 1.0]));
    let double = &x + &x;
    assert_eq!(vjp(&double, &cotangent, &[x], Options::default())[0].value(), &vector(&[2.0, 2.0]));
    assert_eq!(cotangent.value(), &vector(&[1.0, 1.0]));
}

#[test]
fn a_wanted_value_in_the_middle_gets_its_gradient_and_passes_it_on() {
    let tape = Tape::new();
    let x = tape.variable("x", vector(&[2.0]));
    let middle = x.square();
    let y = middle.square().sum();
    let gradients = grad(&y, &[middle, x, y.clone()], Options::default());
    assert_eq!(gradients.iter().map(Var::item).collect::<Vec<_>>(), [8.0, 32.0, 1.0]);
}

/// They are reported from the last variable on the tape to the first.
#[test]
fn gradients_are_reported_when_nothing_is_added_to_them_any_more() {
    let tape = Tape::new();
    let [x, y, unused] = ["x", "y", "unused"].map(|name| tape.variable(name, vector(&[2.0])));
    let z = (&(&(&x * &x) * &y) + &x).sum();
    let mut completed = Vec::new();
    let wanted = [x, unused, y];
    let one = Var::constant(Tensor::full(*z.shape(), 1.0));
    let report = &mut |number, g: &Tensor<_>| completed.push((number, g.item()));
    let gradients = vjp_with(&z, &one, &wanted, Options::default(), report);
    assert_eq!(completed, [(2, 4.0), (0, 9.0)]);
    assert_eq!(gradients.iter().map(Var::item).collect::<Vec<_>>(), [9.0, 0.0, 4.0]);
}

#[test]
fn a_second_sweep_needs_what_the_first_one_freed() {
    let tape = Tape::new();
    let x = tape.variable("x", vector(&[2.0, 3.0]));
    let y = (&x * &x.exp()).sum();
    let first = grad(&y, std::slice::from_ref(&x), Options::KEEP);
    let second = grad(&y, std::slice::from_ref(&x), Options::KEEP);
    assert_eq!(first[0].value(), second[0].value(), "with KEEP the tape can be swept again");
    let third = grad(&y, std::slice::from_ref(&x), Options::default());
    assert_eq!(first[0].value(), third[0].value());
    let message = panic_of(|| grad(&y, &[x], Options::default()));
    assert!(message.contains("earlier sweep freed") && message.contains("Options::KEEP"), "{message}");
}

#[test]
fn what_the_output_does_not_depend_on_gets_zeros() {
    let tape = Tape::new();
    let [x, beside] = [[1.0, 2.0], [3.0, 4.0]].map(|x| tape.variable("x", vector(&x)));
    let unused = beside.exp();
    let gradients = grad(&x.sum(), &[x.clone(), beside, unused], Options::default());
    let values: Vec<_> = gradients.iter().map(|g| g.value().data().to_vec()).collect();
    assert_eq!(values, [[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]);
}

#[test]
fn derivatives_of_a_cube_of_every_order() {
    let tape = Tape::new();
    let x = tape.variable("x", vector(&[2.0]));
    let y = (&x.square() * &x).sum();
    let once = grad(&y, std::slice::from_ref(&x), Options::CREATE_GRAPH).remove(0);
    let twice = grad(&once.sum(), std::slice::from_ref(&x), Options::CREATE_GRAPH).remove(0);
    let thrice = grad(&twice.sum(), std::slice::from_ref(&x), Options::CREATE_GRAPH).remove(0);
    let again = grad(&thrice.sum(), &[x], Options::CREATE_GRAPH).remove(0);
    assert_eq!([once.item(), twice.item(), thrice.item(), again.item()], [12.0, 12.0, 6.0, 0.0]);
}

#[test]
fn an_ordinary_sweep_records_nothing() {
    let tape = Tape::new();
    let x = tape.variable("x", vector(&[2.0]));
    let y = (&x.exp() * &x).sum();
    let before = tape.len();
    let gradients = grad(&y, &[x], Options::default());
    assert!(tape.len() == before && !gradients[0].is_tracked());
}

#[test]
fn grad_refuses_what_it_cannot_do() {
    let (tape, other) = (Tape::new(), Tape::new());
    let x = tape.variable("x", vector(&[1.0, 2.0]));
    let stranger = other.variable("stranger", vector(&[1.0, 2.0]));
    let message = panic_of(|| grad(&x, std::slice::from_ref(&x), Options::default()));
    assert!(message.contains("[2]") && message.contains("not a single number"), "{message}");
    let message = panic_of(|| vjp(&x, &Var::constant(vector(&[1.0])), std::slice::from_ref(&x), Options::default()));
    assert!(message.contains("cotangent's shape [1] is not the output's [2]"), "{message}");
    let message = panic_of(|| grad(&x.sum(), &[x.clone(), stranger.clone()], Options::default()));
    assert!(message.contains("variable number 1") && message.contains("not on the output's tape"), "{message}");
    let message = panic_of(|| &x + &stranger);
    assert!(message.contains("add: the inputs are on different tapes"), "{message}");
}

#[test]
fn a_shape_mistake_names_the_op_and_both_shapes() {
    let of = |shape: &[usize]| Var::constant(Tensor::<f64>::zeros(shape));
    let images = || of(&[2, 5, 5, 3]);
    type Mistake<'a> = Box<dyn Fn() -> Var<f64> + 'a>;
    let cases: Vec<(&str, Mistake, &[&str])> = vec![
        ("add", Box::new(move || &of(&[2, 3]) + &of(&[2, 4])), &["[2, 3]", "[2, 4]"]),
        ("sub", Box::new(move || &of(&[5]) - &of(&[4])), &["[5]", "[4]"]),
        ("mul", Box::new(move || &of(&[3, 1]) * &of(&[2, 4])), &["[3, 1]", "[2, 4]"]),
        ("div", Box::new(move || &of(&[2]) / &of(&[3])), &["[2]", "[3]"]),
        ("matmul", Box::new(move || of(&[2, 3]).matmul(&of(&[4, 5]))), &["2x3", "4x5", "3 columns", "4 rows"]),
        ("matmul", Box::new(move || of(&[2]).matmul(&of(&[2, 5]))), &["[2]", "[2, 5]"]),
        ("reshape", Box::new(move || of(&[2, 3]).reshape([7])), &["[2, 3]", "[7]"]),
        ("broadcast_to", Box::new(move || of(&[2]).broadcast_to([3])), &["[2]", "[3]"]),
        ("sum_to", Box::new(move || of(&[2, 3]).sum_to([2])), &["[2, 3]", "[2]"]),
        (
            "conv2d",
            Box::new(move || images().conv2d(&of(&[3, 3, 2, 4]), [1, 1], Padding::Same)),
            &["[2, 5, 5, 3]", "[3, 3, 2, 4]"],
        ),
        (
            "conv2d",
            Box::new(move || images().conv2d(&of(&[7, 7, 3, 4]), [1, 1], Padding::Valid)),
            &["[2, 5, 5, 3]", "7"],
        ),
        ("conv2d", Box::new(move || images().conv2d(&of(&[3, 3]), [1, 1], Padding::Same)), &["[2, 5, 5, 3]", "[3, 3]"]),
        (
            "conv_transpose2d",
            Box::new(move || images().conv_transpose2d(&of(&[3, 3, 4, 2]), [1, 1], TransposedPadding::Same)),
            &["[2, 5, 5, 3]", "[3, 3, 4, 2]"],
        ),
        ("upsample", Box::new(move || of(&[2, 3]).upsample([2, 2])), &["[2, 3]"]),
        ("downsample_sum", Box::new(move || images().downsample_sum([2, 2])), &["5x5", "[2, 2]"]),
        ("spread_taps", Box::new(move || of(&[3, 3, 1]).spread_taps([2, 2])), &["[3, 3, 1]"]),
        ("fold_taps", Box::new(move || of(&[1, 3, 1, 1]).fold_taps([2, 2])), &["[1, 3, 1, 1]", "[2, 2]"]),
        (
            "upsample_conv2d",
            Box::new(move || images().upsample_conv2d(Precision::F32, &of(&[3, 3, 4, 2]), [2, 2], Padding::Same)),
            &["[2, 5, 5, 3]", "[3, 3, 4, 2]"],
        ),
        (
            "upsample_conv_transpose2d",
            Box::new(move || {
                images().upsample_conv_transpose2d(Precision::F32, &of(&[3, 3, 4, 2]), [2, 2], TransposedPadding::Same)
            }),
            &["[2, 5, 5, 3]", "[3, 3, 4, 2]"],
        ),
        (
            "batch_norm",
            Box::new(move || images().batch_norm(&of(&[2]), &of(&[3]), 0.1).0),
            &["[2]", "[3]", "[2, 5, 5, 3]"],
        ),
    ];
    for (op, mistake, parts) in cases {
        let message = panic_of(mistake);
        assert!(message.starts_with(op), "{op}: {message}");
        for part in parts {
            assert!(message.contains(part), "{op}: `{part}` is not in: {message}");
        }
    }
}

fn observed<T: kernels::Element>() -> (Tape<T>, Rc<FirstNonFinite>) {
    let observer = Rc::new(FirstNonFinite::default());
    (Tape::observed(observer.clone()), observer)
}

#[test]
fn the_first_bad_value_is_named_by_its_op_and_its_layer() {
    let (tape, observer) = observed();
    let x = tape.variable("x", vector(&[1.0, -1.0, -2.0]));
    assert_eq!(observer.found(), None);
    let y = tape.scoped("critic", || tape.scoped("layer3", || x.log()));
    y.exp().sum();
    let seen = observer.found().expect("two NaNs");
    assert_eq!((seen.op, &*seen.what, seen.count), ("log", "the value of `critic.layer3`", 2));
    let text = seen.to_string();
    assert_eq!(text, "the value of `critic.layer3` (op `log`, shape [3]): 2 of 3 numbers are infinite or NaN");

    // A weight that is not finite is reported itself, not the first layer that uses it.
    let (tape, observer) = observed();
    tape.scoped("critic", || tape.variable("critic.dense.weight", vector(&[f64::NAN])).square());
    let seen = observer.found().expect("a NaN");
    assert_eq!((seen.op, &*seen.what), ("variable", "critic.dense.weight"));
}

#[test]
fn what_goes_wrong_only_on_the_way_back_is_seen_too() {
    let (tape, observer) = observed();
    let x = tape.variable("x", vector(&[4.0, 0.0]));
    let y = tape.scoped("norm", || x.sqrt()).sum();
    assert_eq!((y.item(), observer.found()), (2.0, None), "the value is fine");
    let gradient = grad(&y, &[x], Options::default()).remove(0);
    assert_eq!(gradient.value().data(), [0.25, f64::INFINITY]);
    let seen = observer.found().expect("an infinite slope");
    assert_eq!((seen.op, &*seen.what, seen.count), ("sqrt", "the gradient that reaches the input of `norm`", 1));
}

#[test]
fn watching_changes_no_value() {
    let gradient = |tape: Tape| {
        let x = tape.variable("x", Tensor::from_fn([3, 4], |i| i as f32 * 0.37 - 2.0));
        let key = Key::named(1, "dropout");
        let y = x.tanh().dropout(0.3, key).softplus().mean();
        grad(&y, &[x], Options::default()).remove(0).into_value()
    };
    assert_eq!(gradient(Tape::new()), gradient(observed().0));
}

/// Records the events that it receives.
#[derive(Default)]
struct Notes(RefCell<Vec<String>>);

impl TapeObserver<f64> for Notes {
    fn node_recorded(&self, node: &RecordedNode<'_, f64>) {
        let inputs: Vec<_> = node.inputs.iter().map(|input| input.value().data().to_vec()).collect();
        let (op, file) = (node.op.map_or("variable", |op| op.name()), node.at.file());
        self.0.borrow_mut().push(format!("{} {op}{inputs:?} = {:?} in {file}", node.id, node.value.data()));
    }

    fn node_swept(&self, node: &SweptNode<'_, f64>) {
        let sent: Vec<_> = node.contributions.iter().map(|(i, node, g)| (*i, *node, g.data().to_vec())).collect();
        self.0.borrow_mut().push(format!("{} {} got {:?}, sent {sent:?}", node.id, node.op, node.gradient.data()));
    }
}

/// x is used twice, so its gradient is the sum of both contributions. The bias overwrites its
/// input's value; the observer still sees the input.
#[test]
fn an_observer_receives_every_node_in_both_directions() {
    let notes = Rc::new(Notes::default());
    let tape = Tape::observed(notes.clone());
    let x = tape.variable("x", vector(&[3.0]));
    let one = Var::constant(vector(&[1.0]));
    let y = &x.clone().bias_act(Some(&one), kernels::BiasActivation::default()) * &x;
    drop(grad(&y.sum(), &[x], Options::default()));
    let recorded = notes.0.borrow().iter().map(|line| line.replace(file!(), "here")).collect::<Vec<_>>();
    let wanted = [
        "0 variable[] = [3.0] in here",
        "1 bias_act[[3.0], [1.0]] = [4.0] in here",
        "2 mul[[4.0], [3.0]] = [12.0] in here",
        "3 sum_to[[12.0]] = [12.0] in here",
        "3 sum_to got [1.0], sent [(0, 2, [1.0])]",
        "2 mul got [1.0], sent [(0, 1, [3.0]), (1, 0, [4.0])]",
        "1 bias_act got [3.0], sent [(0, 0, [3.0])]",
        "0 variable got [7.0], sent []",
    ];
    assert_eq!(recorded, wanted);
}

/// Large buffers are reused as soon as they are free, so the addresses of the next tensors of the
/// same (unusual) size show whether the sweep has freed `saved`.
fn is_free(saved: *const f64, size: usize) -> bool {
    let next: Vec<_> = (0..16).map(|_| Tensor::<f64>::zeros([size])).collect();
    next.iter().any(|tensor| tensor.data().as_ptr() == saved)
}

#[test]
fn a_sweep_frees_what_was_saved_as_it_goes_and_keep_does_not() {
    for (options, size, freed) in [(Options::default(), 10_007, true), (Options::KEEP, 10_009, false)] {
        let tape = Tape::new();
        let x = tape.variable("x", Tensor::zeros([size]));
        let (loss, saved) = {
            let y = x.exp();
            (y.sum(), y.value().data().as_ptr())
        };
        assert!(!is_free(saved, size), "the tape keeps what the slope of exp needs");
        grad(&loss, &[x], options);
        assert_eq!(is_free(saved, size), freed, "{options:?}");
        drop((tape, loss));
        assert!(is_free(saved, size), "nothing outlives the tape");
    }
}

#[test]
fn an_op_saves_only_what_the_wanted_rules_will_read() {
    let size = 10_037;
    let tape = Tape::new();
    let a = tape.variable("a", Tensor::zeros([size]));
    let constant = Var::constant(Tensor::zeros([size]));
    // Only the gradient with respect to the constant would need this value, and nobody can request
    // it.
    let (y, value) = {
        let value = a.affine(2.0, 1.0);
        (&value * &constant, value.value().data().as_ptr())
    };
    assert!(y.is_tracked() && is_free(value, size));
}

/// A constant that is repeated along adjacent axes is not written out; a tracked one has a node for
/// its repetition, which collects gradients before they are summed.
#[test]
fn repeated_constants_are_read_in_place_and_give_the_bits_of_repeated_ones() {
    let numbers = |shape: &[usize]| Tensor::<f32>::from_fn(shape, |i| ((i * 37 + 11) % 101) as f32 / 7.0 - 5.1);
    let x = numbers(&[2, 3, 4, 5]);
    for (shape, nodes) in [
        (&[2, 1, 1, 5][..], [2, 4]),
        (&[2, 3, 4, 1], [2, 4]),
        (&[1, 3, 4, 5], [2, 4]),
        (&[2, 1, 4, 1], [2, 4]),
        (&[4, 5], [2, 3]),
        (&[], [2, 3]),
        (&[2, 3, 4, 5], [2, 3]),
    ] {
        let b = numbers(shape);
        let results = [false, true].map(|tracked| {
            let tape = Tape::new();
            let x = tape.variable("x", x.clone());
            let b = if tracked { tape.variable("b", b.clone()) } else { Var::constant(b.clone()) };
            let y = &x / &b;
            assert_eq!(tape.len(), nodes[usize::from(tracked)], "{shape:?}");
            let gradient = grad(&(&y * &y).sum(), &[x], Options::default()).remove(0);
            [y.into_value(), gradient.into_value()]
        });
        assert_eq!(results[0], results[1], "{shape:?}");
        let whole = &Var::constant(x.clone()) / &Var::constant(b).broadcast_to([2, 3, 4, 5]);
        assert_eq!(*whole.value(), results[0][0], "{shape:?}");
    }
}

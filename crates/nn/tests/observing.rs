//! What an observer of a step hears about activations and named values, and the memory that it
//! costs to hear about updates.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use nn::layers::{Activation, Conv2d, Dense, Dropout, Flatten, InstanceNorm, Residual, UpSampling2d};
use nn::optim::Optimizer;
use nn::{
    ActivationCall, Dialect, ForwardContext, Network, ParameterUpdate, RngContext, StepObserver, differentiate,
    name_value,
};
use tensor::{FirstNonFinite, TapeObserver, Tensor, Var, meta};

const RNG: RngContext = RngContext { seed: 5, step: 0, purpose: "test" };

/// Remembers activations and named values. Its tapes are observed, if `tape` is true.
#[derive(Default)]
struct Heard {
    tape: bool,
    activations: RefCell<Vec<(String, Activation, bool, Tensor)>>,
    values: RefCell<Vec<(String, String, Tensor)>>,
}

impl StepObserver for Heard {
    fn step_begins(&self, _rng: RngContext) -> Option<Rc<dyn TapeObserver>> {
        self.tape.then(|| Rc::new(FirstNonFinite::default()) as Rc<dyn TapeObserver>)
    }

    fn activation_applied(&self, call: &ActivationCall<'_>) {
        let heard = (call.layer.to_owned(), call.activation, call.frozen, call.output.value().clone());
        self.activations.borrow_mut().push(heard);
    }

    fn value_named(&self, owner: &str, name: &str, value: &Tensor) {
        self.values.borrow_mut().push((owner.into(), name.into(), value.clone()));
    }
}

/// Activations that are fused with the layer before them, that are not, and one within a block.
fn network() -> Network {
    let block = Residual::new().with("conv", Conv2d::new(4, 3)).with("relu", Activation::Relu);
    Network::new("net", &[4, 4, 3], Dialect::Keras, 1)
        .with("conv", Conv2d::new(4, 3))
        .with("relu", Activation::Relu)
        .with("drop", Dropout(0.5))
        .with("block", block)
        .with("norm", InstanceNorm)
        .with("softplus", Activation::Softplus)
        .with("up", UpSampling2d([2, 2]))
        .with("large", Conv2d::new(2, 3))
        .with("leaky", Activation::LeakyRelu(0.2))
        .with("flat", Flatten)
        .with("dense", Dense::new(3))
        .with("tanh", Activation::Tanh)
}

#[test]
fn every_activation_is_reported_once_with_its_name_and_its_output() {
    let (network, x) = (network(), nn::init::uniform(&[5, 4, 4, 3], -1.0, 1.0, kernels::Key::named(3, "batch")));
    let heard = |tape: bool, frozen: bool| {
        let observer = Rc::new(Heard { tape, ..Heard::default() });
        let x = Var::constant(x.clone());
        let forward = |ctx: &mut ForwardContext| {
            let x = ctx.scoped("outside", |ctx| ctx.parameter("x", x.value()));
            let y = if frozen { ctx.frozen(|ctx| network.forward(ctx, &x)) } else { network.forward(ctx, &x) };
            (y.sum(), y.into_value())
        };
        let (_, y) = nn::observe(observer.clone(), || differentiate(RNG, forward)).expect("finite");
        (observer.activations.take(), y)
    };
    for frozen in [false, true] {
        let [(fused, y), (apart, _)] = [false, true].map(|tape| heard(tape, frozen));
        let names = |heard: &[(String, Activation, bool, Tensor)]| {
            heard.iter().map(|(name, activation, frozen, _)| (name.clone(), *activation, *frozen)).collect::<Vec<_>>()
        };
        let expected = [
            ("net.relu", Activation::Relu),
            ("net.block.relu", Activation::Relu),
            ("net.softplus", Activation::Softplus),
            ("net.leaky", Activation::LeakyRelu(0.2)),
            ("net.tanh", Activation::Tanh),
        ]
        .map(|(name, activation)| (name.to_owned(), activation, frozen));
        assert_eq!(names(&fused), expected);
        assert_eq!(names(&apart), expected, "layers that are not fused");
        assert_eq!(fused[4].3, y, "the last activation is the output");
        for ((name, .., fused), (.., apart)) in fused.iter().zip(&apart).skip(1) {
            assert_eq!(fused, apart, "{name}");
        }
        // The first one is fused with a dropout, which drops half of it.
        let (dropped, whole) = (&fused[0].3, &apart[0].3);
        let zeros = |x: &Tensor| x.data().iter().filter(|x| **x == 0.0).count();
        assert!(zeros(dropped) > zeros(whole), "{} of {}", zeros(dropped), zeros(whole));
        assert!(dropped.data().iter().zip(whole.data()).all(|(y, x)| *y == 0.0 || *y == 2.0 * x));
    }
}

#[test]
fn a_value_is_named_to_the_observer_and_not_computed_without_one() {
    name_value("d", "scores", || panic!("nobody listens"));
    let observer = Rc::new(Heard::default());
    nn::observe(observer.clone(), || name_value("d", "scores", || Tensor::full([2], 3.0)));
    assert_eq!(observer.values.take(), [("d".into(), "scores".into(), Tensor::full([2], 3.0))]);
    name_value("d", "scores", || panic!("nobody listens any more"));
}

/// Hears of updates, and keeps nothing of them.
#[derive(Default)]
struct Reader(Cell<usize>);

impl StepObserver for Reader {
    fn parameter_updated(&self, _update: &ParameterUpdate<'_>) {
        self.0.set(self.0.get() + 1);
    }

    fn records_updates(&self) -> bool {
        false
    }
}

#[test]
fn updates_that_are_only_read_leave_no_memory_in_the_pool() {
    meta::run(|| {
        // Weights of different sizes, so that the buffer of one does not serve for another.
        let mut network = Network::new("net", &[100], Dialect::Keras, 1)
            .with("small", Dense::new(200))
            .with("middle", Dense::new(1_000))
            .with("large", Dense::new(5_000));
        let mut optimizer = Optimizer::adam(&network, 0.1, 0.5, 0.9);
        let mut step = || {
            let x = Var::constant(Tensor::zeros([4, 100]));
            let (gradients, _) = differentiate(RNG, |ctx| (network.forward(ctx, &x).sum(), ()))
                .expect("tensors without data are finite");
            optimizer.step(&mut network, &gradients);
        };
        (0..2).for_each(|_| step());
        let before = meta::usage();
        let reader = Rc::new(Reader::default());
        nn::observe(reader.clone(), step);
        assert_eq!(reader.0.get(), 6, "a weight and a bias of each layer");
        let after = meta::usage();
        assert_eq!((after.live, after.held), (before.live, before.held));
    });
}

//! The steady state of training makes no large buffer: every step uses those of the steps before. (The counter is the whole
//! process's, so the tests of this file take turns.)

use std::sync::Mutex;

use kernels::allocations::{Counted, large};
use models::quickdraw::{Quickdraw, Settings};
use models::{Settings as _, System};
use rayon::ThreadPoolBuilder;
use tensor::Tensor;

#[global_allocator]
static ALLOCATOR: Counted = Counted;

static TURN: Mutex<()> = Mutex::new(());

/// How many large buffers each step asks for, from the choice of the batch to the update of the weights.
fn large_buffers(settings: &Settings, threads: usize, steps: u64) -> Vec<u64> {
    let _turn = TURN.lock();
    let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    pool.install(|| {
        let images = datasets::apples(300, 1);
        let mut system = Quickdraw::new(settings.clone(), 1).expect("settings in range");
        let one = |step| {
            let before = large();
            let batch = system.batch(step, &[images.count()]).remove(0);
            let reals = Tensor::written([batch.len(), 28, 28, 1], |reals| images.gather(&batch, reals));
            system.step(step, &[reals]).expect("finite");
            large() - before
        };
        (0..steps).map(one).collect()
    })
}

/// On one thread the same buffers are asked for in the same order every time.
fn none_on_one_thread(settings: &Settings) {
    let counts = large_buffers(settings, 1, 6);
    assert!(counts[0] > 10, "the first step makes them, and the counter sees it: {counts:?}");
    assert_eq!(counts[1..].iter().sum::<u64>(), 0, "large buffers made by each step: {counts:?}");
}

/// Threads share the tasks differently every time: one may meet its largest task late, but each only once.
fn hardly_any_on_several(settings: &Settings) {
    let counts = large_buffers(settings, 3, 12);
    assert!(counts[2..].iter().sum::<u64>() < 5, "large buffers made by each step: {counts:?}");
}

/// Small, but a batch of images is a large buffer.
fn small() -> Settings {
    Settings { batch: 64, ..Settings::preset("cpu").expect("a preset") }
}

#[test]
fn a_step_makes_no_large_buffer() {
    none_on_one_thread(&small());
}

#[test]
fn a_step_on_several_threads_makes_no_large_buffer() {
    hardly_any_on_several(&small());
}

/// The original configuration.
#[test]
#[ignore = "takes ten seconds"]
fn a_step_makes_no_large_buffer_in_full_size() {
    none_on_one_thread(&Settings::default());
    hardly_any_on_several(&Settings::default());
}

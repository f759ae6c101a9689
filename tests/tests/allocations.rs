//! In the steady state, training allocates no large buffer: every step reuses those of the steps
//! before it. And a gradient penalty does not need much more memory. (The counter is process-wide,
//! so the tests of this file take turns.)

use std::sync::Mutex;

use kernels::allocations::{Counted, held, large};
use models::quickdraw::{Quickdraw, Settings};
use models::{FromLatents, Settings as _, System, wgan_gp};
use rayon::ThreadPoolBuilder;
use tensor::Tensor;

#[global_allocator]
static ALLOCATOR: Counted = Counted;

static TURN: Mutex<()> = Mutex::new(());

/// The number of large buffers that each step allocates, from choosing the batch to updating the
/// weights.
fn large_buffers(settings: &Settings, threads: usize, steps: u64) -> Vec<u64> {
    let _turn = TURN.lock();
    let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    pool.install(|| {
        let images = datasets::apples(300, 1).load_into_memory(u64::MAX).unwrap();
        let mut system = Quickdraw::new(settings.clone(), 1).expect("settings in range");
        let one = |step| {
            let before = large();
            let batch = system.batch(step, &[images.count()]).remove(0);
            let reals = Tensor::written([batch.len(), 28, 28, 1], |reals| images.gather(&batch, reals).unwrap());
            system.step(step, &[reals]).expect("finite");
            large() - before
        };
        (0..steps).map(one).collect()
    })
}

/// On one thread, the same buffers are requested in the same order in every step.
fn none_on_one_thread(settings: &Settings) {
    let counts = large_buffers(settings, 1, 6);
    assert!(counts[0] > 10, "the first step makes them, and the counter sees it: {counts:?}");
    assert_eq!(counts[1..].iter().sum::<u64>(), 0, "large buffers made by each step: {counts:?}");
}

/// Threads share the tasks differently in every step, and a thread may meet its largest task late.
/// But it meets it only once: what every step allocated would be counted in the last steps, too.
fn hardly_any_on_several(settings: &Settings) {
    let counts = large_buffers(settings, 3, 24);
    let quiet = counts[12..].iter().filter(|count| **count == 0).count();
    assert!(quiet >= 8, "large buffers made by each step: {counts:?}");
}

/// Small settings, but a batch of images is still a large buffer.
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

/// In the original configuration.
#[test]
#[ignore = "takes ten seconds"]
fn a_step_makes_no_large_buffer_in_full_size() {
    none_on_one_thread(&Settings::default());
    hardly_any_on_several(&Settings::default());
}

/// The bytes of large buffers that turns of the critic for digits need in addition to the weights,
/// with this batch and this penalty.
///
/// Tensor buffers are never freed, so the memory held after some turns is the peak. It is measured
/// in a separate process, because free buffers of other turns would be reused.
fn bytes_of_turns(batch: usize, penalty: f64) -> u64 {
    let this = std::env::current_exe().expect("this program has a name");
    let mut command = std::process::Command::new(this);
    command.args(["one_critic", "--exact", "--ignored", "--nocapture"]).env(CRITIC, format!("{batch} {penalty}"));
    let output = command.output().expect("this program can be started");
    let printed = String::from_utf8_lossy(&output.stdout);
    let bytes =
        printed.split_once("bytes of buffers: ").and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok());
    bytes.unwrap_or_else(|| panic!("{printed}{}", String::from_utf8_lossy(&output.stderr)))
}

/// The environment variable from which [`one_critic`] reads its batch and its penalty.
const CRITIC: &str = "BACKDRAW_TEST_CRITIC";

#[test]
#[ignore = "the part of the next test that runs in a program of its own"]
fn one_critic() {
    let asked = std::env::var(CRITIC).unwrap_or_else(|_| "50 10".into());
    let (batch, penalty) = asked.split_once(' ').expect("two numbers");
    let mut settings = wgan_gp::Settings { batch: batch.parse().expect("a number"), ..Default::default() };
    settings.options.gradient_penalty = penalty.parse().expect("a number");
    let images = datasets::digits(settings.batch, 1).load_into_memory(u64::MAX).unwrap();
    let indices: Vec<usize> = (0..settings.batch).collect();
    let pool = ThreadPoolBuilder::new().num_threads(1).build().expect("threads");
    let bytes = pool.install(|| {
        let mut trainer = wgan_gp::trainer(&settings, 1).expect("settings in range");
        let reals = Tensor::written([settings.batch, 28, 28, 1], |reals| images.gather(&indices, reals).unwrap());
        let latents = trainer.latents(1, "latents", settings.batch);
        let before = held();
        for turn in 0..2 {
            trainer.train_discriminator(turn, &reals, &latents).expect("finite");
        }
        held() - before
    });
    println!("bytes of buffers: {bytes}");
}

/// Without the penalty, the tape holds two forward passes. With it, it also holds a third one, and
/// the values of the backward pass to the images that are needed for its derivative. The gradients
/// of the weights and the kernels' own memory do not depend on the batch and are the same in both
/// cases, so the ratio is smaller for small batches.
#[test]
fn a_penalty_takes_at_most_two_and_a_half_times_the_memory() {
    for batch in [50, 300] {
        let [plain, penalised] = [0.0, 10.0].map(|penalty| bytes_of_turns(batch, penalty));
        let ratio = penalised as f64 / plain as f64;
        let result =
            format!("a critic's turn, batch {batch}: {plain} bytes, with the penalty {penalised}: {ratio:.2} times");
        println!("{result}");
        assert!((1.05..=2.5).contains(&ratio), "{result}");
    }
}

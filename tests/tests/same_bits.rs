//! The same configuration and seed give the same bits: at any thread count, on every instruction
//! set, and as last committed.

use kernels::{Precision, simd};
use models::cyclegan::{self, CycleGan};
use models::quickdraw::{Quickdraw, Settings};
use models::{Sampler, System, weights_hash};
use tensor::Tensor;

/// The hash of the state after three steps on the built-in apples.
///
/// It may only change in a commit that is meant to change results, such as one with another order
/// of summation, another polynomial, another random stream or other drawings. In that case, mention
/// it in the commit message, and copy the value that this test prints. An unintended difference
/// means that something is broken.
const GOLDEN: Option<&str> = Some("70d781b22fcf5eab5b7b12c831d70177f3c5b95bdc8d5c79bda477e7094df40d");

/// The hash after `steps` steps, and the metrics of the last step as bits.
fn train(settings: &Settings, steps: u64) -> (String, Vec<u64>) {
    train_system(Quickdraw::new(settings.clone(), 1).expect("settings in range"), steps)
}

fn train_system(mut system: impl System, steps: u64) -> (String, Vec<u64>) {
    let apples = datasets::apples(64, 1);
    let mut metrics = None;
    for step in 0..steps {
        let domains = if let Sampler::Images(_) = system.samples() { 2 } else { 1 };
        let reals: Vec<Tensor> = system
            .batch(step, &vec![apples.count(); domains])
            .iter()
            .map(|batch| {
                let reals = Tensor::written([batch.len(), 28, 28, 1], |reals| apples.gather(batch, reals).unwrap());
                enlarged(&reals, system.image_shape().expect("images"))
            })
            .collect();
        metrics = Some(system.step(step, &reals).expect("finite"));
    }
    let metrics = metrics.expect("steps");
    (weights_hash(&system.state()), metrics.values().iter().copied().map(f64::to_bits).collect())
}

/// Images of 28 x 28 in another shape: repeated or cropped, in all channels.
fn enlarged(images: &Tensor, [height, width, channels]: [usize; 3]) -> Tensor {
    let count = images.shape()[0];
    Tensor::from_fn([count, height, width, channels], |i| {
        let (pixel, image) = (i / channels % (height * width), i / (channels * height * width));
        images.data()[(image * 28 + pixel / width % 28) * 28 + pixel % width % 28]
    })
}

/// Trains with each number of threads in `threads` on every instruction set of this machine,
/// asserts that all results are equal, and returns the result.
fn same_everywhere(settings: &Settings, steps: u64, threads: &[usize]) -> String {
    same_results(|| train(settings, steps), threads)
}

fn same_results(train: impl Fn() -> (String, Vec<u64>) + Sync, threads: &[usize]) -> String {
    let mut first = None;
    for isa in simd::available() {
        for &count in threads {
            let result = simd::pool(isa, count).install(&train);
            let (expected, where_first) = first.get_or_insert((result.clone(), format!("{isa}, {count} threads")));
            assert_eq!(result, *expected, "{isa}, {count} threads against {where_first}");
        }
    }
    first.expect("every CPU has the portable set").0.0
}

#[test]
fn threads_and_instruction_sets_change_no_bit() {
    let settings = Settings { batch: 4, depth: 4, ..Settings::default() };
    let found = same_everywhere(&settings, 3, &[1, 2, 3, 4, 8]);
    match GOLDEN {
        None => println!("no golden hash is set; this is the one to paste: Some(\"{found}\")"),
        Some(golden) => assert_eq!(
            found, golden,
            "the numbers of a training step have changed. If that was meant, paste GOLDEN = Some(\"{found}\")"
        ),
    }
}

/// Products of bf16 numbers, with an instruction of their own on some CPUs: layers that are
/// convolved directly, and single images.
#[test]
fn a_run_in_bf16_has_the_same_bits_everywhere() {
    let mut settings = Settings { batch: 4, depth: 8, ..Settings::default() };
    let in_f32 = train(&settings, 2);
    settings.common.precision = Precision::Bf16;
    assert_ne!(same_everywhere(&settings, 2, &[1, 3]), in_f32.0);
    let translate = |precision: Precision| {
        let mut settings = cyclegan::Settings { size: 32, blocks: 1, ..Default::default() };
        (settings.generator_width, settings.discriminator_width) = (6, 18);
        settings.common.precision = precision;
        train_system(CycleGan::new(settings, 1).expect("settings in range"), 1)
    };
    assert_ne!(same_results(|| translate(Precision::Bf16), &[2]), translate(Precision::F32).0);
}

/// Like the test above, in the sizes of a real run, which are large enough that every kernel
/// blocks, splits and packs.
#[test]
#[ignore = "takes minutes"]
fn threads_and_instruction_sets_change_no_bit_in_full_size() {
    same_everywhere(&Settings { batch: 24, ..Settings::default() }, 2, &[1, 2, 3, 4]);
}

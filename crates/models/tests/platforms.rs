//! The same bits on every platform: the weights after a few steps have the same hashes as on x86-64
//! with AVX-512; this file has the first 16 digits of each. `tools/arm_under_qemu.sh` and
//! `tools/wasm_in_node.sh` run these tests elsewhere.
//!
//! A hash may only change together with [`kernels::NUMERICS`] or with what a system computes.

use kernels::Key;
use models::stylegan2::{self, StyleGan2};
use models::{Settings as _, System, dcgan, mnist, weights_hash, wgan_gp};
use tensor::Tensor;

/// Trains on random images, and compares the hash.
#[track_caller]
fn assert_hash(mut system: impl System, steps: u64, wanted: &str) {
    for step in 0..steps {
        let reals = system.image_shape().map(|[height, width, channels]| {
            let shape = [system.batch_size(), height, width, channels];
            nn::init::uniform(&shape, 0.0, 1.0, Key::named(1, "reals").at(step as u32))
        });
        let reals: Vec<Tensor> = reals.into_iter().collect();
        system.step(step, &reals).expect("finite");
    }
    let found = weights_hash(&system.state());
    assert!(
        found.starts_with(wanted),
        "{} after {steps} steps on {}: {found}",
        system.name(),
        kernels::simd::current()
    );
}

/// Layer normalisation, gradient penalties and Adam.
#[test]
fn a_gan_for_points() {
    let preset = wgan_gp::Settings::preset("gauss8").expect("a preset");
    let settings = wgan_gp::Settings { batch: 64, width: 64, ..preset };
    assert_hash(wgan_gp::trainer(&settings, 1).expect("good settings"), 20, "06136b97a60351e1");
}

/// Dropout, leaky ReLUs and sigmoids.
#[test]
fn perceptrons_for_digits() {
    let settings = mnist::Settings { batch: 8, ..mnist::Settings::default() };
    assert_hash(mnist::trainer(&settings, 1).expect("good settings"), 3, "b1c0f86371f4197d");
}

/// Convolutions, direct and transformed, and batch normalisation.
#[test]
fn convolutions() {
    let settings = dcgan::Settings { batch: 4, width: 16, ..dcgan::Settings::default() };
    assert_hash(dcgan::trainer(&settings, 1).expect("good settings"), 2, "a8e14f63755284fd");
}

/// Modulated convolutions, filters, noise, R1 and path lengths.
#[test]
fn styles() {
    let small =
        stylegan2::Settings { size: 16, fmap_base: 64, fmap_max: 8, mapping_layers: 2, batch: 4, ..Default::default() };
    let settings = stylegan2::Settings { r1_interval: 3, path_interval: 2, ..small };
    assert_hash(StyleGan2::new(&settings, 1).expect("good settings"), 3, "3b4c8be60a848dc9");
}

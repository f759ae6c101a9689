//! A recorded step of every example and of every system, with small settings.

#![allow(dead_code, reason = "each test uses its part")]

use explain::document::{Document, Header};
use explain::explain;
use explain::presets::PRESETS;
use explain::recorder::{Recorder, Recording};
use models::trainer::options::TrainingOptions;
use models::{
    Settings, System, cifar, cyclegan, dcgan, faces, folder, mnist, progan, quickdraw, stylegan, stylegan2, vanilla,
    wgan_gp,
};
use nn::State;
use tensor::Tensor;

/// Noise images for a step of a system; empty for a system that draws its own reals.
pub(crate) fn reals(system: &dyn System) -> Vec<Tensor> {
    let indices = system.batch(0, &[50, 50]);
    let Some([h, w, c]) = system.image_shape() else { return Vec::new() };
    let image = |count: usize, seed| nn::init::uniform(&[count, h, w, c], 0.0, 1.0, kernels::Key::new(7, seed));
    indices.iter().enumerate().map(|(domain, indices)| image(indices.len(), domain as u32)).collect()
}

/// The first step of a system, and the state after it.
pub(crate) fn recorded(mut system: Box<dyn System>) -> (Recording, State) {
    let reals = reals(&*system);
    let (recording, result) = Recorder::record(|| system.step(0, &reals));
    result.unwrap();
    (recording, system.state())
}

fn boxed<S: System + 'static, E: core::fmt::Debug>(system: Result<S, E>) -> Box<dyn System> {
    Box::new(system.unwrap())
}

/// A quickdraw that is small enough for a test.
pub(crate) fn small_quickdraw() -> Box<dyn System> {
    let settings = quickdraw::Settings { batch: 3, depth: 2, latent: 4, ..quickdraw::Settings::default() };
    boxed(quickdraw::Quickdraw::new(settings, 1))
}

/// Every system with small settings; some of them a second time, with another optimiser, with
/// points, or with all options of an update.
pub(crate) fn systems() -> Vec<(&'static str, Box<dyn System>)> {
    let batch = 4;
    let vanilla = vanilla::Settings { batch: 6, size: 8, ..Default::default() };
    let paper = vanilla::Settings { net: vanilla::Net::Paper, ..vanilla.clone() };
    let with = |options| vanilla::Settings { options, ..vanilla.clone() };
    let clipped = with(TrainingOptions { clip_value: 0.01, ..vanilla.options.clone() });
    let shortened = with(TrainingOptions { clip_norm: 0.1, ..vanilla.options.clone() });
    let horses = cifar::Settings { batch: 2, first: 2, width: 2, d_width: 2, ..Default::default() };
    let small = dcgan::Settings { batch, width: 2, latent: 5, ..Settings::preset("mnist28").unwrap() };
    let radford = dcgan::Settings { variant: dcgan::Variant::Radford, channels: 3, batch: 2, ..small.clone() };
    let cyclegan = cyclegan::Settings {
        size: 32,
        generator_width: 2,
        discriminator_width: 2,
        blocks: 1,
        ..Settings::preset("cpu").unwrap()
    };
    let critic = wgan_gp::Settings { batch, width: 2, latent: 5, ..Default::default() };
    let toy = wgan_gp::Settings { batch: 8, width: 8, ..Settings::preset("gauss8").unwrap() };
    let mut growing: progan::Settings = Settings::preset("cpu").unwrap();
    (growing.sizes.size, growing.sizes.fmap_base, growing.sizes.fmap_max, growing.sizes.batch) = (16, 32, 8, batch);
    let mut styled: stylegan::Settings = Settings::preset("cpu").unwrap();
    (styled.sizes.size, styled.sizes.fmap_base, styled.sizes.fmap_max, styled.sizes.batch) = (16, 32, 8, batch);
    let second = stylegan2::Settings { size: 8, fmap_base: 32, fmap_max: 4, batch, ..Default::default() };
    vec![
        ("quickdraw", small_quickdraw()),
        ("mnist", boxed(mnist::trainer(&mnist::Settings { batch, latent: 6, ..Default::default() }, 1))),
        ("vanilla", boxed(vanilla::trainer(&vanilla, 1))),
        ("vanilla paper", boxed(vanilla::trainer(&paper, 1))),
        ("vanilla clipped", boxed(vanilla::trainer(&clipped, 1))),
        ("vanilla shortened", boxed(vanilla::trainer(&shortened, 1))),
        ("cifar", boxed(cifar::trainer(&horses, 1))),
        ("dcgan", boxed(dcgan::trainer(&small, 1))),
        ("dcgan radford", boxed(dcgan::trainer(&radford, 1))),
        (
            "faces",
            boxed(faces::trainer(&faces::Settings { size: 32, batch, width: 2, latent: 5, ..Default::default() }, 1)),
        ),
        (
            "folder",
            boxed(folder::trainer(&folder::Settings { size: 32, batch, width: 1, latent: 5, ..Default::default() }, 1)),
        ),
        ("cyclegan", boxed(cyclegan::CycleGan::new(cyclegan, 1))),
        ("wgan-gp", boxed(wgan_gp::trainer(&critic, 1))),
        ("wgan-gp gauss8", boxed(wgan_gp::trainer(&toy, 1))),
        ("progan", boxed(progan::trainer(&growing, 1))),
        ("stylegan", boxed(stylegan::trainer(&styled, 1))),
        ("stylegan2", boxed(stylegan2::StyleGan2::new(&second, 1))),
    ]
}

/// A recorded step and its document.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) recording: Recording,
    pub(crate) document: Document,
}

/// A step of every example and of every system.
pub(crate) fn steps() -> Vec<Step> {
    let examples = PRESETS.iter().map(|preset| (preset.name, preset.teach(1).unwrap().recording));
    let systems = systems().into_iter().map(|(name, system)| (name, recorded(system).0));
    let opened = |(name, recording): (&'static str, Recording)| {
        let header = Header { hash_before: "1a".into(), hash_after: "2b".into(), ..Header::default() };
        let document = explain(&recording, header).document;
        Step { name, recording, document }
    };
    examples.chain(systems).map(opened).collect()
}

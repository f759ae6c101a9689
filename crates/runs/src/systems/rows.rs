//! The rows of the table of systems.

use datasets::Augmentation;

use super::{Preset, Row, built, preset, settings_from};
use crate::data;
use crate::engine::{
    cifar, cyclegan, dcgan, faces, folder, mnist, progan, quickdraw, stylegan, stylegan2, vanilla, wgan_gp,
};
use crate::observers::notebook_log;

/// Every system that can be trained.
pub const SYSTEMS: &[Row] =
    &[QUICKDRAW, MNIST, VANILLA, CIFAR, DCGAN, FACES, FOLDER, CYCLEGAN, WGAN_GP, PROGAN, STYLEGAN, STYLEGAN2];

const QUICKDRAW: Row = Row {
    name: "quickdraw",
    about: "28x28 doodles of apples: convolutions, dropout, batch norm, RMSprop",
    presets: &[
        Preset { name: "seed", about: "the original notebook: batch 128, 2000 steps", steps: 2000 },
        Preset { name: "cpu", about: "a discriminator half as deep, batch 32: several times faster", steps: 2000 },
    ],
    settings: preset::<quickdraw::Settings>,
    build: |settings, seed| built(quickdraw::Quickdraw::new(settings_from(settings)?, seed)),
    load: data::DOODLES,
    seed_log: notebook_log::notebook,
};

const MNIST: Row = Row {
    name: "mnist",
    about: "28x28 digits: fully connected layers and dropout, after Udacity's course",
    presets: &[
        Preset { name: "cpu", about: "the original networks, 20 epochs of MNIST", steps: 20 * 938 },
        Preset { name: "seed", about: "the original: batch 64, 100 epochs of MNIST", steps: 100 * 938 },
    ],
    settings: preset::<mnist::Settings>,
    build: |settings, seed| built(mnist::trainer(&settings_from(settings)?, seed)),
    load: data::DIGITS,
    seed_log: notebook_log::course::<400>,
};

const VANILLA: Row = Row {
    name: "vanilla",
    about: "28x28 digits: the first GAN's algorithm, k turns of the discriminator for one of the generator",
    presets: &[
        Preset { name: "cpu", about: "Keras-GAN's perceptrons, batch 128, 20 epochs of MNIST", steps: 20 * 469 },
        Preset { name: "seed", about: "the same with batches of 5, 13 epochs", steps: 13 * 12_000 },
        Preset {
            name: "paper",
            about: "Goodfellow's own: a maxout discriminator, momentum, batch 100",
            steps: 20 * 600,
        },
    ],
    settings: preset::<vanilla::Settings>,
    build: |settings, seed| built(vanilla::trainer(&settings_from(settings)?, seed)),
    load: data::DIGITS,
    seed_log: notebook_log::keras_gan,
};

const CIFAR: Row = Row {
    name: "cifar",
    about: "32x32 photographs of one class, horses at first: convolutions without batch norm, RMSprop",
    presets: &[
        Preset { name: "cpu", about: "a quarter as wide", steps: 2000 },
        Preset { name: "seed", about: "the original: batch 20, 10000 steps; days on a small CPU", steps: 10_000 },
    ],
    settings: preset::<cifar::Settings>,
    build: |settings, seed| built(cifar::trainer(&settings_from(settings)?, seed)),
    load: data::CIFAR.of_class("horse"),
    seed_log: notebook_log::horses,
};

const DCGAN: Row = Row {
    name: "dcgan",
    about: "deep convolutional GANs for images of 28, 32 or 64 pixels, grey or colour, in five variants",
    presets: &[
        Preset { name: "cpu", about: "PyTorch's example for 64x64, a quarter as wide", steps: 5000 },
        Preset { name: "seed", about: "PyTorch's example: 64x64, batch 64, 25 epochs of CelebA", steps: 25 * 3165 },
        Preset { name: "mnist28", about: "28x28, grey", steps: 3000 },
        Preset { name: "cpu32", about: "32x32, colour, half as wide as cifar32", steps: 6000 },
        Preset { name: "cifar32", about: "32x32, colour, batch 128, 25 epochs of CIFAR-10", steps: 25 * 390 },
        Preset { name: "svhn", about: "32x32, Udacity's for house numbers, 50 epochs", steps: 50 * 572 },
        Preset { name: "radford", about: "64x64, the paper's authors' own, batch 128", steps: 25 * 1582 },
    ],
    settings: preset::<dcgan::Settings>,
    build: |settings, seed| built(dcgan::trainer(&settings_from(settings)?, seed)),
    load: data::ANY,
    seed_log: notebook_log::example,
};

const FACES: Row = Row {
    name: "faces",
    about: "64x64 or 32x32 faces, after the face project of Udacity's course",
    presets: &[
        Preset { name: "cpu", about: "64x64, a quarter as wide", steps: 5000 },
        Preset { name: "seed", about: "the project: 64x64, batch 64, 15 epochs of 32600 faces", steps: 15 * 509 },
        Preset { name: "seed32", about: "its older generation: 32x32", steps: 8000 },
    ],
    settings: preset::<faces::Settings>,
    build: |settings, seed| built(faces::trainer(&settings_from(settings)?, seed)),
    load: data::FACES,
    seed_log: notebook_log::course::<50>,
};

const FOLDER: Row = Row {
    name: "folder",
    about: "any folder of pictures, brought to 28, 32, 48, 64, 96 or 128 pixels, grey or colour",
    presets: &[
        Preset { name: "cpu", about: "32x32, half as wide", steps: 3000 },
        Preset { name: "seed", about: "64x64, batch 32", steps: 20_000 },
    ],
    settings: preset::<folder::Settings>,
    build: |settings, seed| built(folder::trainer(&settings_from(settings)?, seed)),
    load: data::FOLDER.changed_by(shaken),
    seed_log: notebook_log::example,
};

/// A few pictures are made to look like more: turned, moved, sheared, stretched and mirrored a little.
fn shaken() -> Augmentation {
    Augmentation {
        rotation: 10.0,
        height_shift: 0.1,
        width_shift: 0.1,
        shear: 0.15,
        zoom: 0.1,
        flip: true,
        ..Augmentation::default()
    }
}

const CYCLEGAN: Row = Row {
    name: "cyclegan",
    about: "translates pictures of one kind into another, from two heaps without pairs",
    presets: &[
        Preset { name: "cpu", about: "64x64, 6 residual blocks of 64 channels", steps: 6000 },
        Preset {
            name: "seed",
            about: "the authors': 256x256, 9 residual blocks of 256 channels, 200 epochs of 1000 steps",
            steps: 200_000,
        },
        Preset { name: "course", about: "Udacity's smaller one: 128x128, batch norm, batch 16", steps: 4000 },
    ],
    settings: preset::<cyclegan::Settings>,
    build: |settings, seed| built(cyclegan::CycleGan::new(settings_from(settings)?, seed)),
    load: data::PAIRS,
    seed_log: notebook_log::by_name,
};

const WGAN_GP: Row = Row {
    name: "wgan-gp",
    about: "Wasserstein GANs with a gradient penalty, for digits of 28x28, colour images of 32x32 or points of the plane",
    presets: &[
        Preset { name: "cpu", about: "the authors' for digits, half as wide", steps: 2000 },
        Preset { name: "seed", about: "the authors' for digits: batch 50, 200,000 steps", steps: 200_000 },
        Preset { name: "cpu32", about: "32x32, colour, half as wide as cifar", steps: 3000 },
        Preset {
            name: "cifar",
            about: "the authors' for CIFAR-10: layer normalisation, 200,000 steps",
            steps: 200_000,
        },
        Preset {
            name: "gauss8",
            about: "no images: points of the plane in 8 clouds, 128 wide, batch 256",
            steps: 15_000,
        },
        Preset { name: "gauss25", about: "the same in 25 clouds", steps: 20_000 },
        Preset { name: "gauss8-wide", about: "8 clouds with the authors' networks, 512 wide", steps: 100_000 },
        Preset { name: "resnet", about: "the authors' residual networks for CIFAR-10, 100,000 steps", steps: 100_000 },
    ],
    settings: preset::<wgan_gp::Settings>,
    build: |settings, seed| built(wgan_gp::trainer(&settings_from(settings)?, seed)),
    load: data::ANY,
    seed_log: notebook_log::by_name,
};

const PROGAN: Row = Row {
    name: "progan",
    about: "grows from 4x4 pixels to large pictures of any kind, grey or colour",
    presets: &[
        Preset { name: "cpu", about: "32x32, colour, up to 64 channels: 112,000 images shown", steps: 7000 },
        Preset { name: "grey", about: "the same for grey pictures", steps: 7000 },
        Preset { name: "cpu64", about: "64x64, colour: 144,000 images shown", steps: 9000 },
        Preset {
            name: "seed",
            about: "the authors': 1024x1024, 12 million images shown; months on a small CPU",
            steps: 1_354_672,
        },
    ],
    settings: preset::<progan::Settings>,
    build: |settings, seed| built(progan::trainer(&settings_from(settings)?, seed)),
    load: data::ANY,
    seed_log: notebook_log::ticks,
};

const STYLEGAN: Row = Row {
    name: "stylegan",
    about: "grows like progan; a style at each layer says what to draw, so that pictures can be mixed",
    presets: &[
        Preset { name: "cpu", about: "32x32, colour, up to 64 channels: 120,000 images shown", steps: 7500 },
        Preset { name: "grey", about: "the same for grey pictures", steps: 7500 },
        Preset { name: "cpu64", about: "64x64, colour: 144,000 images shown", steps: 9000 },
        Preset {
            name: "seed",
            about: "the authors': 1024x1024, 25 million images shown; years on a small CPU",
            steps: 4_895_300,
        },
    ],
    settings: preset::<stylegan::Settings>,
    build: |settings, seed| built(stylegan::trainer(&settings_from(settings)?, seed)),
    load: data::ANY,
    seed_log: notebook_log::ticks,
};

const STYLEGAN2: Row = Row {
    name: "stylegan2",
    about: "styles scale the weights, pictures of all resolutions add up; square pictures of any kind, grey or colour",
    presets: &[
        Preset {
            name: "cpu",
            about: "32x32, colour, up to 64 channels, batch 16: 160,000 images shown",
            steps: 10_000,
        },
        Preset { name: "grey", about: "the same for grey pictures", steps: 10_000 },
        Preset {
            name: "seed",
            about: "the authors' configuration F: 1024x1024, 25 million images shown; years on a small CPU",
            steps: 781_250,
        },
    ],
    settings: preset::<stylegan2::Settings>,
    build: |settings, seed| built(stylegan2::StyleGan2::new(&settings_from(settings)?, seed)),
    load: data::ANY,
    seed_log: notebook_log::ticks,
};

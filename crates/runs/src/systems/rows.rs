//! The systems of the table, an entry each.

use datasets::Augmentation;

use super::{Preset, SystemEntry};
use crate::data;
use crate::observers::notebook_log;
use models::{cifar, cyclegan, dcgan, faces, folder, mnist, progan, quickdraw, stylegan, stylegan2, vanilla, wgan_gp};

/// Every system that can be trained, in the order of the lists.
pub(super) fn all() -> Vec<SystemEntry> {
    vec![
        quickdraw_entry(),
        mnist_entry(),
        vanilla_entry(),
        cifar_entry(),
        dcgan_entry(),
        faces_entry(),
        folder_entry(),
        cyclegan_entry(),
        wgan_gp_entry(),
        progan_entry(),
        stylegan_entry(),
        stylegan2_entry(),
    ]
}

fn quickdraw_entry() -> SystemEntry {
    SystemEntry {
        about: "28x28 doodles of apples: convolutions, dropout, batch norm, RMSprop",
        presets: &[
            Preset { name: "original", about: "the original notebook: batch 128, 2000 steps", steps: 2000 },
            Preset { name: "cpu", about: "a discriminator half as deep, batch 32: several times faster", steps: 2000 },
        ],
        load: data::DOODLES,
        notebook_log: notebook_log::notebook,
        ..SystemEntry::of("quickdraw", |settings: quickdraw::Settings, seed| quickdraw::Quickdraw::new(settings, seed))
    }
}

fn mnist_entry() -> SystemEntry {
    SystemEntry {
        about: "28x28 digits: fully connected layers and dropout, after Udacity's course",
        presets: &[
            Preset { name: "cpu", about: "the original networks, 20 epochs of MNIST", steps: 20 * 938 },
            Preset { name: "original", about: "the original: batch 64, 100 epochs of MNIST", steps: 100 * 938 },
        ],
        load: data::DIGITS,
        notebook_log: notebook_log::course::<400>,
        ..SystemEntry::of("mnist", |settings: mnist::Settings, seed| mnist::trainer(&settings, seed))
    }
}

fn vanilla_entry() -> SystemEntry {
    SystemEntry {
        about: "28x28 digits: the first GAN's algorithm, k turns of the discriminator for one of the generator",
        presets: &[
            Preset { name: "cpu", about: "Keras-GAN's perceptrons, batch 128, 20 epochs of MNIST", steps: 20 * 469 },
            Preset { name: "original", about: "the same with batches of 5, 13 epochs", steps: 13 * 12_000 },
            Preset {
                name: "paper",
                about: "Goodfellow's own: a maxout discriminator, momentum, batch 100",
                steps: 20 * 600,
            },
        ],
        load: data::DIGITS,
        notebook_log: notebook_log::keras_gan,
        ..SystemEntry::of("vanilla", |settings: vanilla::Settings, seed| vanilla::trainer(&settings, seed))
    }
}

fn cifar_entry() -> SystemEntry {
    SystemEntry {
        about: "32x32 photographs of one class, horses at first: convolutions without batch norm, RMSprop",
        presets: &[
            Preset { name: "cpu", about: "a quarter as wide", steps: 2000 },
            Preset {
                name: "original",
                about: "the original: batch 20, 10000 steps; days on a small CPU",
                steps: 10_000,
            },
        ],
        load: data::CIFAR.of_class("horse"),
        notebook_log: notebook_log::horses,
        ..SystemEntry::of("cifar", |settings: cifar::Settings, seed| cifar::trainer(&settings, seed))
    }
}

fn dcgan_entry() -> SystemEntry {
    SystemEntry {
        about: "deep convolutional GANs for images of 28, 32 or 64 pixels, grey or colour, in five variants",
        presets: &[
            Preset { name: "cpu", about: "PyTorch's example for 64x64, a quarter as wide", steps: 5000 },
            Preset {
                name: "original",
                about: "PyTorch's example: 64x64, batch 64, 25 epochs of CelebA",
                steps: 25 * 3165,
            },
            Preset { name: "mnist28", about: "28x28, grey", steps: 3000 },
            Preset { name: "cpu32", about: "32x32, colour, half as wide as cifar32", steps: 6000 },
            Preset { name: "cifar32", about: "32x32, colour, batch 128, 25 epochs of CIFAR-10", steps: 25 * 390 },
            Preset { name: "svhn", about: "32x32, Udacity's for house numbers, 50 epochs", steps: 50 * 572 },
            Preset { name: "radford", about: "64x64, the paper's authors' own, batch 128", steps: 25 * 1582 },
        ],
        load: data::ANY,
        notebook_log: notebook_log::example,
        ..SystemEntry::of("dcgan", |settings: dcgan::Settings, seed| dcgan::trainer(&settings, seed))
    }
}

fn faces_entry() -> SystemEntry {
    SystemEntry {
        about: "64x64 or 32x32 faces, after the face project of Udacity's course",
        presets: &[
            Preset { name: "cpu", about: "64x64, a quarter as wide", steps: 5000 },
            Preset {
                name: "original",
                about: "the project: 64x64, batch 64, 15 epochs of 32600 faces",
                steps: 15 * 509,
            },
            Preset { name: "original32", about: "its older generation: 32x32", steps: 8000 },
        ],
        load: data::FACES,
        notebook_log: notebook_log::course::<50>,
        ..SystemEntry::of("faces", |settings: faces::Settings, seed| faces::trainer(&settings, seed))
    }
}

fn folder_entry() -> SystemEntry {
    SystemEntry {
        about: "any folder of pictures, brought to 28, 32, 48, 64, 96 or 128 pixels, grey or colour",
        presets: &[
            Preset { name: "cpu", about: "32x32, half as wide", steps: 3000 },
            Preset { name: "original", about: "64x64, batch 32", steps: 20_000 },
        ],
        load: data::FOLDER.changed_by(shaken),
        notebook_log: notebook_log::example,
        ..SystemEntry::of("folder", |settings: folder::Settings, seed| folder::trainer(&settings, seed))
    }
}

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

fn cyclegan_entry() -> SystemEntry {
    SystemEntry {
        about: "translates pictures of one kind into another, from two heaps without pairs",
        presets: &[
            Preset { name: "cpu", about: "64x64, 6 residual blocks of 64 channels", steps: 6000 },
            Preset {
                name: "original",
                about: "the authors': 256x256, 9 residual blocks of 256 channels, 200 epochs of 1000 steps",
                steps: 200_000,
            },
            Preset { name: "course", about: "Udacity's smaller one: 128x128, batch norm, batch 16", steps: 4000 },
        ],
        load: data::PAIRS,
        notebook_log: notebook_log::by_name,
        ..SystemEntry::of("cyclegan", |settings: cyclegan::Settings, seed| cyclegan::CycleGan::new(settings, seed))
    }
}

fn wgan_gp_entry() -> SystemEntry {
    SystemEntry {
        about: "Wasserstein GANs with a gradient penalty, for digits of 28x28, colour images of 32x32 or points of the plane",
        presets: &[
            Preset { name: "cpu", about: "the authors' for digits, half as wide", steps: 2000 },
            Preset { name: "original", about: "the authors' for digits: batch 50, 200,000 steps", steps: 200_000 },
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
            Preset {
                name: "resnet",
                about: "the authors' residual networks for CIFAR-10, 100,000 steps",
                steps: 100_000,
            },
        ],
        load: data::ANY,
        notebook_log: notebook_log::by_name,
        ..SystemEntry::of("wgan-gp", |settings: wgan_gp::Settings, seed| wgan_gp::trainer(&settings, seed))
    }
}

fn progan_entry() -> SystemEntry {
    SystemEntry {
        about: "grows from 4x4 pixels to large pictures of any kind, grey or colour",
        presets: &[
            Preset { name: "cpu", about: "32x32, colour, up to 64 channels: 112,000 images shown", steps: 7000 },
            Preset { name: "grey", about: "the same for grey pictures", steps: 7000 },
            Preset { name: "cpu64", about: "64x64, colour: 144,000 images shown", steps: 9000 },
            Preset {
                name: "original",
                about: "the authors': 1024x1024, 12 million images shown; months on a small CPU",
                steps: 1_354_672,
            },
        ],
        load: data::ANY,
        notebook_log: notebook_log::ticks,
        ..SystemEntry::of("progan", |settings: progan::Settings, seed| progan::trainer(&settings, seed))
    }
}

fn stylegan_entry() -> SystemEntry {
    SystemEntry {
        about: "grows like progan; a style at each layer says what to draw, so that pictures can be mixed",
        presets: &[
            Preset { name: "cpu", about: "32x32, colour, up to 64 channels: 120,000 images shown", steps: 7500 },
            Preset { name: "grey", about: "the same for grey pictures", steps: 7500 },
            Preset { name: "cpu64", about: "64x64, colour: 144,000 images shown", steps: 9000 },
            Preset {
                name: "original",
                about: "the authors': 1024x1024, 25 million images shown; years on a small CPU",
                steps: 4_895_300,
            },
        ],
        load: data::ANY,
        notebook_log: notebook_log::ticks,
        ..SystemEntry::of("stylegan", |settings: stylegan::Settings, seed| stylegan::trainer(&settings, seed))
    }
}

fn stylegan2_entry() -> SystemEntry {
    SystemEntry {
        about: "styles scale the weights, pictures of all resolutions add up; square pictures of any kind, grey or colour",
        presets: &[
            Preset {
                name: "cpu",
                about: "32x32, colour, up to 64 channels, batch 16: 160,000 images shown",
                steps: 10_000,
            },
            Preset { name: "grey", about: "the same for grey pictures", steps: 10_000 },
            Preset {
                name: "original",
                about: "the authors' configuration F: 1024x1024, 25 million images shown; years on a small CPU",
                steps: 781_250,
            },
        ],
        load: data::ANY,
        notebook_log: notebook_log::ticks,
        ..SystemEntry::of("stylegan2", |settings: stylegan2::Settings, seed| stylegan2::StyleGan2::new(&settings, seed))
    }
}

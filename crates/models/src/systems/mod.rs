//! The GANs, one module per system: its networks, its settings and presets, and what is special
//! about its training step. Read [`quickdraw`] first: it contains its whole step.
//!
//! To add a GAN, write its module and add it twice here: as a `mod`, and to [`SYSTEMS`].

use crate::SystemEntry;

pub mod cifar;
pub mod cyclegan;
pub mod dcgan;
pub mod faces;
pub mod folder;
pub mod mnist;
pub mod progan;
pub mod quickdraw;
pub mod stylegan;
pub mod stylegan2;
pub mod vanilla;
pub mod wgan_gp;

/// Every system.
//
// A `static`, because each crate that uses a constant compiles the functions in it again.
pub static SYSTEMS: &[SystemEntry] = &[
    quickdraw::ENTRY,
    mnist::ENTRY,
    vanilla::ENTRY,
    cifar::ENTRY,
    dcgan::ENTRY,
    faces::ENTRY,
    folder::ENTRY,
    cyclegan::ENTRY,
    wgan_gp::ENTRY,
    progan::ENTRY,
    stylegan::ENTRY,
    stylegan2::ENTRY,
];

//! The GANs: one module per system, which holds its networks and its training step and reads like the paper.
//!
//! [`System`] is what the trainer needs to know of any of them. [`quickdraw`] spells its whole step out: read it first. The other
//! GANs with latents are tables of networks and rules for one [`Game`](game::Game), with the field's advice as its switches
//! ([`Tips`](tips::Tips)). [`evalnet`] is no GAN: a classifier to measure them with.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod between;
pub mod cifar;
pub mod cyclegan;
pub mod dcgan;
pub mod diff_augment;
pub mod evalnet;
pub mod faces;
pub mod folder;
pub mod game;
pub mod growing;
pub mod image_pool;
mod lint;
pub mod mapping;
mod mixture;
pub mod mnist;
mod penalty;
pub mod progan;
mod projection;
pub mod quickdraw;
mod rules;
mod strided;
pub mod stylegan;
pub mod stylegan2;
pub mod switches;
mod system;
pub mod tips;
mod update;
pub mod vanilla;
mod verdict;
mod walk;
pub mod wgan_gp;

pub use lint::Remark;
pub use mixture::Mixture;
pub use projection::Projection;
pub use system::{
    Direction, FromLatents, LatentKind, Plane, Sampler, Settings, SettingsError, Styles, System, Translate,
};
use system::{distinct_indices, in_range};

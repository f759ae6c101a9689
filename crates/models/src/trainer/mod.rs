//! The parts that the training steps of the systems share: the step of two networks ([`gan`]), its
//! options ([`options`]), losses and targets, gradient penalties, augmentation, the image pool, and
//! the sampling of mini-batches.

pub mod ada;
pub(crate) mod adversarial;
pub(crate) mod averaging;
pub(crate) mod batch_sampler;
pub mod common;
pub mod diff_augment;
pub mod gan;
pub mod image_pool;
pub mod lint;
pub mod options;
pub mod penalty;
pub mod seen;
pub(crate) mod services;
pub(crate) mod spec;
pub mod switches;
pub(crate) mod update;

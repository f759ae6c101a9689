//! Metrics of generated images.
//!
//! A metric compares two sets: real images and fakes. Most compare *features*, a row of numbers
//! that an [`Extractor`] computes from each image, instead of pixels. Scores are only comparable if
//! they use the same extractor and the same number of images, so both are part of a score's label:
//! `frechet[pca64, n=2500]`. The names FID, KID and Inception Score imply the features of one
//! particular network, so the [metrics](suite::INCEPTION_METRICS) of these names are selected only
//! with the extractor of that network.
//!
//! There is one file per metric, with its formula, its source, its pitfalls and its entry in the
//! suite. All arithmetic is in `f64`. Sums have a fixed order that depends only on the sizes, and
//! random choices come from keyed streams: the same images give the same bits with any number of
//! threads.
//!
//! | question | metric |
//! |---|---|
//! | are the two sets alike, in one number? | [`frechet`], [`kid`], [`sliced_wasserstein`], [`two_sample`] |
//! | are the fakes good, and do they cover all kinds? | [`precision_recall`], [`classes`], [`class_score`] |
//! | are the fakes diverse? | [`diversity`], [`ms_ssim`] |
//! | are they copies? | [`memorization`] |
//! | are brightness and colours right? | [`ink`], [`color_histogram`] |
//!
//! Measures panic on features that are NaN, infinite, or larger than every `f32`; a
//! [`suite::Sample`] of such features is an error ([`NotFinite`]).
//!
//! [`suite`] lists all metrics by name. [`modes`] is for points in the plane.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod distances;
pub mod eigen;
mod extractor;
mod finite;
mod matrix;
mod measures;
mod metric;
pub mod modes;
mod pca;
mod pictures;
pub mod suite;

pub use extractor::Extractor;
pub use finite::NotFinite;
pub use matrix::Matrix;
pub use measures::{
    class_score, classes, color_histogram, diversity, frechet, ink, kid, memorization, ms_ssim, precision_recall,
    sliced_wasserstein, two_sample,
};
pub use pca::Pca;
pub use pictures::Pictures;

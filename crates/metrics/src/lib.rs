//! How good generated images are, in numbers.
//!
//! A metric compares two sets: real images and fakes. Most do not look at pixels but at *features*, a row of numbers that an
//! [`Extractor`] makes of each image; a score is only comparable with others of the same extractor and the same number of
//! images, so both belong to its name: `frechet[pca64, n=2500]`. None of these is a "FID" or an "Inception Score": those
//! names mean the features of one certain network.
//!
//! One file per metric, each with its formula, its source and its pitfalls. All arithmetic is in `f64`. Sums have one order, given
//! by the sizes, and random choices come from keyed streams: the same images give the same bits, whatever the number of threads.
//!
//! | question | metric |
//! |---|---|
//! | are the sets alike, in one number? | [`frechet`], [`kid`], [`sliced_wasserstein`], [`two_sample`] |
//! | are the fakes good, and are they all kinds? | [`precision_recall`], [`classes`], [`class_score`] |
//! | are the fakes different from each other? | [`diversity`], [`ms_ssim`] |
//! | are they copies? | [`memorization`] |
//! | are brightness and colours right? | [`ink`], [`color_histogram`] |
//!
//! No measure takes features that are NaN, infinite, or larger than every `f32`: it panics, and a [`suite::Sample`] of such
//! features is an error ([`NotFinite`]).
//!
//! [`suite`] is the table of all of them, as `train evaluate` knows it. For points of the plane there is [`modes`].

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod distances;
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

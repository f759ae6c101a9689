//! The measures, one per file, each with its formula, its source, its pitfalls and its entry in the
//! suite.

use crate::metric::Metric;

pub mod class_score;
pub mod classes;
pub mod color_histogram;
pub mod diversity;
pub mod frechet;
mod inception;
pub mod ink;
pub mod kid;
pub mod memorization;
pub mod ms_ssim;
pub mod precision_recall;
pub mod sliced_wasserstein;
pub mod two_sample;

pub use inception::INCEPTION_METRICS;

/// Every metric that can use any extractor.
pub static METRICS: &[Metric] = &[
    frechet::METRIC,
    kid::METRIC,
    precision_recall::METRIC,
    two_sample::METRIC,
    diversity::METRIC,
    memorization::METRIC,
    class_score::METRIC,
    classes::METRIC,
    sliced_wasserstein::METRIC,
    ms_ssim::METRIC,
    color_histogram::METRIC,
    ink::METRIC,
];

//! [`Extractor`]: what turns images into the rows of numbers that most metrics compare.

use crate::{Matrix, Pictures};

/// Computes features of images.
pub trait Extractor {
    /// The name in the labels of scores, such as `pca64` or `evalnet28-mnist`.
    fn name(&self) -> String;

    /// The features, a row per image; and, from a classifier, its logits, a row per image and a
    /// column per class.
    ///
    /// # Panics
    /// When the images do not have the size that the extractor requires.
    fn extract(&self, pictures: &Pictures) -> (Matrix, Option<Matrix>);
}

//! [`Metric`]: what a measure is called, what it looks at, and how it is computed; [`Sample`]: the
//! images that it looks at.

use core::ops::Range;

use crate::{Extractor, Matrix, NotFinite, Pictures};

/// The minimal number of images of a sample.
pub const FEWEST: usize = 8;

/// Images with everything that metrics need of them.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The images.
    pub pictures: Pictures,
    /// Their features, a row each.
    pub features: Matrix,
    /// Their logits, a row each, if the extractor is a classifier.
    pub logits: Option<Matrix>,
    /// Features of the generator's training images, if these reals are others.
    pub learned: Option<Matrix>,
}

impl Sample {
    /// Images, with their features by `extractor`.
    ///
    /// # Errors
    /// When a feature or a logit is not finite.
    pub fn new(pictures: Pictures, extractor: &dyn Extractor) -> Result<Self, NotFinite> {
        let (features, logits) = extractor.extract(&pictures);
        features.check_finite("feature")?;
        logits.as_ref().map_or(Ok(()), |logits| logits.check_finite("logit"))?;
        Ok(Self { pictures, features, logits, learned: None })
    }

    /// With these features of the generator's training images.
    ///
    /// # Errors
    /// When a feature is not finite.
    pub fn with_learned(self, learned: Matrix) -> Result<Self, NotFinite> {
        learned.check_finite("feature")?;
        Ok(Self { learned: Some(learned), ..self })
    }

    /// The logits, a row per image.
    ///
    /// # Panics
    /// When the extractor is no classifier.
    #[track_caller]
    pub fn classified(&self) -> &Matrix {
        self.logits.as_ref().expect("measures of classes are only asked of classifiers")
    }

    /// The number of images.
    pub fn count(&self) -> usize {
        self.pictures.count()
    }

    /// Some of the images; the training images stay complete.
    pub fn part(&self, range: Range<usize>) -> Self {
        Self {
            pictures: self.pictures.part(range.clone()),
            features: self.features.part(range.clone()),
            logits: self.logits.as_ref().map(|logits| logits.part(range)),
            learned: self.learned.clone(),
        }
    }
}

/// What a metric looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// The extractor's features.
    Features,
    /// The logits of the extractor, which must be a classifier.
    Classes,
    /// The images themselves.
    Pixels,
    /// This many random pairs of images.
    Pairs(usize),
}

/// One number of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number {
    /// Its name: a column of a file.
    pub name: &'static str,
    /// The number.
    pub value: f64,
    /// The standard deviation over subsets, if the value is a mean over them.
    pub deviation: Option<f64>,
}

impl Number {
    pub(crate) fn plain(name: &'static str, value: f64) -> Self {
        Self { name, value, deviation: None }
    }
}

/// A metric that can be asked for by name.
pub struct Metric {
    /// The name, which is what people type.
    pub name: &'static str,
    /// An older name that is accepted as well.
    pub alias: Option<&'static str>,
    /// One line for people.
    pub about: &'static str,
    /// What it compares.
    pub of: Of,
    /// The maximal number of images of a set that it uses.
    pub most: usize,
    /// Whether it is quick enough to be measured during training.
    pub quick: bool,
    /// Computes its numbers from reals and fakes.
    pub measure: fn(&Sample, &Sample) -> Vec<Number>,
}

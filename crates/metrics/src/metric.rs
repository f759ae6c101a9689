//! [`Metric`]: the name, the inputs and the function of a metric; [`Sample`]: the images that it
//! measures.

use core::ops::Range;

use crate::{Extractor, Matrix, NotFinite, Pictures};

/// The smallest number of images in a sample.
pub const FEWEST: usize = 8;

/// Images with everything that metrics need of them.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The images; None if only their features are known.
    pub pictures: Option<Pictures>,
    /// Their features, a row each.
    pub features: Matrix,
    /// Their logits, a row each, if the extractor is a classifier.
    pub logits: Option<Matrix>,
    /// Features of the generator's training images, if this is a sample of other (held-out) reals.
    pub learned: Option<Matrix>,
}

impl Sample {
    /// A sample of images, with the features that `extractor` computes.
    ///
    /// # Errors
    /// When a feature or a logit is not finite.
    pub fn new(pictures: Pictures, extractor: &dyn Extractor) -> Result<Self, NotFinite> {
        let (features, logits) = extractor.extract(&pictures);
        Ok(Self { pictures: Some(pictures), ..Self::of_features(features, logits)? })
    }

    /// A sample of images of which only the features and the logits are known. Metrics of pixels
    /// cannot measure it.
    ///
    /// # Errors
    /// When a feature or a logit is not finite.
    pub fn of_features(features: Matrix, logits: Option<Matrix>) -> Result<Self, NotFinite> {
        features.check_finite("feature")?;
        logits.as_ref().map_or(Ok(()), |logits| logits.check_finite("logit"))?;
        Ok(Self { pictures: None, features, logits, learned: None })
    }

    /// Adds features of the generator's training images.
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
    /// When the extractor is not a classifier.
    #[track_caller]
    pub fn classified(&self) -> &Matrix {
        self.logits.as_ref().expect("metrics of classes need a classifier as extractor")
    }

    /// The images.
    ///
    /// # Panics
    /// When only their features are known.
    #[track_caller]
    pub fn pixels(&self) -> &Pictures {
        self.pictures.as_ref().expect("metrics of pixels need the images themselves")
    }

    /// The number of images.
    pub fn count(&self) -> usize {
        self.features.rows()
    }

    /// A range of the images; the training images stay complete.
    pub fn part(&self, range: Range<usize>) -> Self {
        Self {
            pictures: self.pictures.as_ref().map(|pictures| pictures.part(range.clone())),
            features: self.features.part(range.clone()),
            logits: self.logits.as_ref().map(|logits| logits.part(range)),
            learned: self.learned.clone(),
        }
    }
}

/// The inputs of a metric.
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

/// One value of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number {
    /// Its name, also used as a column name in files.
    pub name: &'static str,
    /// The value.
    pub value: f64,
    /// The standard deviation over subsets, if the value is a mean over them.
    pub deviation: Option<f64>,
}

impl Number {
    pub(crate) fn plain(name: &'static str, value: f64) -> Self {
        Self { name, value, deviation: None }
    }
}

/// A metric that can be selected by name.
pub struct Metric {
    /// The name that users type.
    pub name: &'static str,
    /// An older name that is accepted as well.
    pub alias: Option<&'static str>,
    /// A one-line description.
    pub about: &'static str,
    /// The inputs that it compares.
    pub of: Of,
    /// The smallest number of images of a set for which it is defined.
    pub fewest: usize,
    /// The largest number of images of a set that it uses.
    pub most: usize,
    /// Whether it is quick enough to be measured during training.
    pub quick: bool,
    /// Computes its numbers from reals and fakes.
    pub measure: fn(&Sample, &Sample) -> Vec<Number>,
}

impl Metric {
    /// Whether users call it `name`.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.alias == Some(name)
    }
}

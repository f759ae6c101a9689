//! [`Metric`]: what a measure is called, what it looks at, and how it is computed; [`Sample`]: the
//! images that it looks at.

use core::ops::Range;

use crate::{Extractor, Matrix, NotFinite, Pictures};

/// Fewer images than this cannot be measured.
pub const FEWEST: usize = 8;

/// Images with all that is measured of them.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The images.
    pub pictures: Pictures,
    /// Their features, a row each.
    pub features: Matrix,
    /// What a classifier says of them, a row each, if the extractor is one.
    pub logits: Option<Matrix>,
    /// Features of the images that a generator learned from, if these reals are others.
    pub learned: Option<Matrix>,
}

impl Sample {
    /// Images, and what `extractor` makes of them.
    ///
    /// # Errors
    /// When it makes a number that is not finite.
    pub fn new(pictures: Pictures, extractor: &dyn Extractor) -> Result<Self, NotFinite> {
        let (features, logits) = extractor.extract(&pictures);
        features.check_finite("feature")?;
        logits.as_ref().map_or(Ok(()), |logits| logits.check_finite("logit"))?;
        Ok(Self { pictures, features, logits, learned: None })
    }

    /// With these features of the images that a generator learned from.
    ///
    /// # Errors
    /// When one is not finite.
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

    /// How many images.
    pub fn count(&self) -> usize {
        self.pictures.count()
    }

    /// Some of the images; what was learned from stays whole.
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
    /// The classes that the extractor sees; it must be a classifier.
    Classes,
    /// The images themselves.
    Pixels,
    /// So many random pairs of the images.
    Pairs(usize),
}

/// One number of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number {
    /// What it is called: a column of a file.
    pub name: &'static str,
    /// The number.
    pub value: f64,
    /// How much it varies between subsets, if it is a mean over such.
    pub deviation: Option<f64>,
}

impl Number {
    pub(crate) fn plain(name: &'static str, value: f64) -> Self {
        Self { name, value, deviation: None }
    }
}

/// A row of the table.
pub struct Metric {
    /// The name, which is what people type.
    pub name: &'static str,
    /// An older name that is accepted as well.
    pub alias: Option<&'static str>,
    /// One line for people.
    pub about: &'static str,
    /// What it looks at.
    pub of: Of,
    /// It looks at so many images of a set at most.
    pub most: usize,
    /// Whether it is quick enough to be measured during training.
    pub quick: bool,
    /// Its numbers, for reals and fakes.
    pub measure: fn(&Sample, &Sample) -> Vec<Number>,
}

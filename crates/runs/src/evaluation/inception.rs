//! Inception as the feature extractor: reading its weights, and extracting the features of images
//! batch by batch.

use std::convert::Infallible;
use std::path::Path;

use datasets::{advice, plural};
use metrics::suite::Metric;
use metrics::{Extractor, Matrix, Pictures};
use models::inception::{self, Inception, SIDE};
use rayon::prelude::*;
use tensor::Tensor;

use crate::console::{LateBar, Output};
use crate::failure::{Code, Failure};
use crate::import;
use crate::import::state_dict::{Layout, StateDict, Wanted};

/// Images per forward pass. A pass needs about 25 MB for each.
const AT_A_TIME: usize = 16;
/// Memory per image for its features and logits, of reals, as many others, halves of these, and of
/// generated images.
pub(super) const BYTES: usize = 5 * 8 * (inception::FEATURES + inception::CLASSES);

/// The network, as an extractor.
pub(super) struct Network {
    network: Inception,
    output: Output,
}

impl Network {
    /// Reads the weights: a .safetensors file with the tensors of torch-fidelity's network.
    ///
    /// # Errors
    /// When there is no file, or it cannot be read or has other tensors.
    pub(super) fn open(weights: Option<&Path>, output: &Output) -> Result<Self, Failure> {
        let path = weights.ok_or_else(needs_weights)?;
        let tensors = Inception::tensors();
        let wanted = |(name, shape): (String, _)| {
            let (ours, theirs, layout) = (name.clone(), name, Layout::Weight);
            Wanted { ours, theirs, shape, layout }
        };
        let wanted: Vec<Wanted> = tensors.into_iter().map(wanted).collect();
        let weights = StateDict::read(path)?.take(&wanted).map_err(|error| {
            import::misfit("the weights are not those of Inception", &[(path.to_owned(), error)]).help(advice!(
                "not-inception",
                "convert the weights of torch-fidelity, as the page of the Manual about evaluating says"
            ))
        })?;
        Ok(Self { network: Inception::new(weights), output: output.clone() })
    }

    /// The features and the logits of `count` images. `resize` writes image number i, resized for
    /// the network.
    ///
    /// # Errors
    /// The first error of `resize`.
    pub(super) fn features<E: Send>(
        &self,
        count: usize,
        resize: impl Fn(usize, &mut [f32]) -> Result<(), E> + Sync,
    ) -> Result<(Matrix, Matrix), E> {
        let [mut features, mut logits] =
            [inception::FEATURES, inception::CLASSES].map(|n| Vec::with_capacity(count * n));
        self.output.say(&format!("inception    {count} {}", plural(count, "image")));
        let bar = LateBar::new(&self.output, "images", count as u64);
        for first in (0..count).step_by(AT_A_TIME) {
            let batch = AT_A_TIME.min(count - first);
            let mut result = Ok(());
            let images = Tensor::written([batch, SIDE, SIDE, 3], |images| {
                let each = images.par_chunks_exact_mut(SIDE * SIDE * 3).enumerate();
                result = each.map(|(i, image)| resize(first + i, image)).collect();
            });
            result?;
            let [some, classes] = self.network.infer(&images);
            features.extend(some.data().iter().map(|x| f64::from(*x)));
            logits.extend(classes.data().iter().map(|x| f64::from(*x)));
            bar.advance(batch as u64);
        }
        Ok((Matrix::new(count, inception::FEATURES, features), Matrix::new(count, inception::CLASSES, logits)))
    }
}

impl Extractor for Network {
    fn name(&self) -> String {
        "inception".into()
    }

    fn extract(&self, pictures: &Pictures) -> (Matrix, Option<Matrix>) {
        let resize = |i, image: &mut [f32]| {
            inception::resize(pictures.image(i), pictures.size(), image);
            Ok::<(), Infallible>(())
        };
        let Ok((features, logits)) = self.features(pictures.count(), resize);
        (features, Some(logits))
    }
}

/// The failure when no file is named.
pub(super) fn needs_weights() -> Failure {
    Failure::new(Code::Usage, "the extractor `inception` needs its weights")
        .at("option --extractor")
        .because("they are not part of this program")
        .help(advice!(
            "inception-weights",
            "name the file with `--weights FILE`; the page of the Manual about evaluating says where it comes from"
        ))
}

/// The metrics that are defined for `count` images of each set. A message names the others; if the
/// request named them, that is an error.
///
/// # Errors
/// Names the metric and the number of images that it needs.
pub(super) fn defined_for(
    metrics: Vec<&'static Metric>,
    are_named: bool,
    count: usize,
    output: &Output,
) -> Result<Vec<&'static Metric>, Failure> {
    let (defined, others): (Vec<_>, Vec<_>) = metrics.into_iter().partition(|metric| metric.fewest <= count);
    for metric in others {
        let why = format!("it is defined for at least {} images of each set; there are {count}", metric.fewest);
        if are_named {
            return Err(Failure::new(Code::Usage, format!("`{}` cannot be computed", metric.name))
                .at("option --metric")
                .because(why)
                .help(advice!("too-few-for-metric", "compare more images, or leave out this metric")));
        }
        output.say(&format!("left out     {}: {why}", metric.name));
    }
    Ok(defined)
}

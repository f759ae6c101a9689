//! The classifier whose features and predictions some metrics use: trained once on a labelled data
//! set, stored under `data/evalnet/`, and found again by the fingerprint of its images.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datasets::{Advice, advice};
use metrics::{Extractor, Matrix, Pictures};
use rand::seq::SliceRandom;

use crate::checkpoint::{Checkpoint, weights_hash};
use crate::config::{Assignment, Config};
use crate::console::Output;
use crate::data::{ALL, Dataset};
use crate::failure::{Code, Failure};
use crate::storage::{self, RealDisk};
use crate::systems::Trainable;
use kernels::Key;
use models::evalnet;
use models::evalnet::Evalnet;
use tensor::{Tensor, meta};

/// The folder of the trained classifiers.
const FOLDER: &str = "data/evalnet";
/// The number of training images it sees in total; smaller data sets are repeated.
const SEEN: usize = 180_000;
/// Every n-th image is held out from training and used to measure accuracy.
const HELD_OUT: usize = 10;
/// Images per forward pass.
const AT_A_TIME: usize = 256;

/// A trained classifier, used as a feature extractor.
struct Trained {
    name: String,
    net: Evalnet,
    accuracy: f64,
}

impl Extractor for Trained {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn extract(&self, pictures: &Pictures) -> (Matrix, Option<Matrix>) {
        let count = pictures.count();
        let parts = (0..count).step_by(AT_A_TIME).map(|first| {
            let batch = pictures.batch(first..count.min(first + AT_A_TIME));
            self.net.infer(&batch).map(|part| Matrix::from_tensor(&part))
        });
        let both = parts.reduce(|[features, logits], [more, further]| [features.above(&more), logits.above(&further)]);
        let [features, logits] = both.unwrap_or([Matrix::zeros(0, evalnet::FEATURES), Matrix::zeros(0, 0)]);
        (features, Some(logits))
    }
}

/// Which classifier to train.
#[derive(Clone, Debug)]
pub struct EvalnetRequest {
    /// The system whose data set is used.
    pub system: Arc<Trainable>,
    /// Configuration settings to change, such as `data`.
    pub assignments: Vec<Assignment>,
    /// Seed of the weights and of the order of the training images.
    pub seed: u64,
    /// Where messages go.
    pub output: Output,
}

/// The result of training a classifier.
#[derive(Clone, Debug)]
pub struct EvalnetReport {
    /// Its file.
    pub path: PathBuf,
    /// The fraction of the held-out images that it classifies correctly.
    pub accuracy: f64,
    /// The number of held-out images.
    pub held_out: usize,
    /// The hash of its weights.
    pub hash: String,
}

impl fmt::Display for EvalnetReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.path.display())?;
        writeln!(f, "accuracy: {:.4} on {} held-out images", self.accuracy, self.held_out)?;
        writeln!(f, "weights hash: {}", self.hash)
    }
}

/// Trains a classifier, and replaces an earlier one for the same images.
///
/// # Errors
/// When the images cannot be read, have no classes, or the file cannot be written.
pub fn train(request: &EvalnetRequest) -> Result<EvalnetReport, Failure> {
    let config = Config::resolve(&request.system, &request.assignments)?;
    let shape = meta::run(|| config.build().map(|system| system.image_shape()))?.ok_or_else(|| {
        Failure::new(Code::Usage, format!("`{}` does not learn from images", request.system.name))
            .because("a classifier is trained on images with classes")
    })?;
    let data = all_classes(&config, shape, &request.output)?;
    let help = advice!("no-labels", "use a data set with classes and enough images");
    let set = Labelled::new(&config, &data, help)?;
    let (trained, hash) = set.train(request.seed, &request.output)?;
    Ok(EvalnetReport { path: set.path(), accuracy: trained.accuracy, held_out: set.held_out().len(), hash })
}

/// The classifier for the images of `data`: loaded if it was trained before, otherwise trained now.
///
/// # Errors
/// When the images have no classes or another size than `side`, or the file cannot be read or
/// written.
pub(super) fn extractor(
    side: usize,
    config: &Config,
    data: &Dataset,
    output: &Output,
) -> Result<Box<dyn Extractor>, Failure> {
    // The run may use a single class; the classifier needs all classes.
    let every;
    let data = match data.classes() {
        Some((labels, _)) if labels.iter().all(|label| *label == labels[0]) => {
            every = all_classes(config, data.shape(0), output)?;
            &every
        }
        _ => data,
    };
    let help = advice!("no-classifier", "measure with `--extractor pca64`, which needs no classes");
    let set = Labelled::new(config, data, help)?;
    if set.shape[..2] != [side; 2] {
        let [height, width, _] = set.shape;
        return Err(Failure::new(Code::Usage, format!("evalnet{side} does not fit the images"))
            .at("option --extractor")
            .because(format!("they have {height} x {width} pixels"))
            .help(advice!("classifier-of-other-size", "measure with `--extractor pca64`, which takes any size")));
    }
    let trained = match set.saved()? {
        Some(trained) => trained,
        None => set.train(1, output)?.0,
    };
    output.say(&format!(
        "classifier   {}: accuracy {:.2} % on held-out images",
        set.path().display(),
        100.0 * trained.accuracy
    ));
    Ok(Box::new(trained))
}

/// The images of all classes of `config`'s data set, regardless of its `class`.
fn all_classes(config: &Config, shape: [usize; 3], output: &Output) -> Result<Dataset, Failure> {
    let config = config.clone().with_class(ALL);
    config.entry.load.load(&config, shape, output)
}

/// Images with classes.
struct Labelled<'a> {
    data: &'a Dataset,
    labels: &'a [u32],
    classes: usize,
    shape: [usize; 3],
    name: String,
    /// The fingerprint of the images.
    fingerprint: String,
}

impl<'a> Labelled<'a> {
    fn new(config: &Config, data: &'a Dataset, help: Advice) -> Result<Self, Failure> {
        let failure = |why: &str| {
            Failure::new(Code::Data, "a classifier cannot be trained on these images")
                .at(data.origin())
                .because(why)
                .help(help.clone())
        };
        let (labels, classes) = data.classes().ok_or_else(|| failure("they have no classes"))?;
        let present = labels.iter().collect::<std::collections::BTreeSet<_>>().len();
        if present < 2 {
            return Err(failure("all of them belong to one class"));
        }
        let shape = data.shape(0);
        if !Evalnet::fits(shape) {
            return Err(failure("their height and width must be divisible by 4"));
        }
        if labels.len() < 2 * HELD_OUT.max(evalnet::BATCH) {
            return Err(failure("there are too few of them"));
        }
        let name = format!("evalnet{}-{}", shape[0], set_name(config));
        Ok(Self { data, labels, classes, shape, name, fingerprint: data.fingerprint()? })
    }

    /// The path of its classifier.
    fn path(&self) -> PathBuf {
        let short = &self.fingerprint[..self.fingerprint.len().min(8)];
        Path::new(FOLDER).join(format!("{}-{short}.safetensors", self.name))
    }

    fn held_out(&self) -> Vec<usize> {
        (0..self.labels.len()).filter(|i| i % HELD_OUT == HELD_OUT - 1).collect()
    }

    /// Loads the classifier that was trained on these images before, if there is one.
    fn saved(&self) -> Result<Option<Trained>, Failure> {
        let path = self.path();
        if !path.exists() {
            return Ok(None);
        }
        let failure = |why: String| {
            Failure::new(Code::Checkpoint, "cannot use the classifier").at(path.display()).because(why).help(advice!(
                "classifier-of-others",
                "delete the file: the classifier is trained again when it is needed"
            ))
        };
        let saved = Checkpoint::read(&path).map_err(|flaw| failure(flaw.to_string()))?;
        if saved.data != self.fingerprint {
            return Err(failure("it was trained on other images".to_owned()));
        }
        let accuracy = saved.config.strip_prefix("accuracy = ").and_then(|text| text.trim().parse().ok());
        let accuracy = accuracy.ok_or_else(|| failure("its accuracy is missing".to_owned()))?;
        let mut net = Evalnet::new(self.shape, self.classes, 1);
        net.restore(&saved.state).map_err(|error| failure(error.to_string()))?;
        Ok(Some(Trained { name: self.name.clone(), net, accuracy }))
    }

    /// Trains a classifier, measures its accuracy on the held-out images, and saves it; returns it
    /// with its accuracy and the hash of its weights.
    fn train(&self, seed: u64, output: &Output) -> Result<(Trained, String), Failure> {
        let learned: Vec<usize> = (0..self.labels.len()).filter(|i| i % HELD_OUT != HELD_OUT - 1).collect();
        let steps = (SEEN / evalnet::BATCH) as u64;
        output.say(&format!("classifier   training {} on {} images, {steps} steps", self.name, learned.len()));
        let mut net = Evalnet::new(self.shape, self.classes, seed);
        let mut order: Vec<usize> = Vec::new();
        let mut epoch = 0;
        let (mut loss, mut right) = (0.0, 0.0);
        for step in 0..steps {
            if order.len() < evalnet::BATCH {
                order.clone_from(&learned);
                order.shuffle(&mut Key::named(seed, "classifier epoch").at(epoch).draws());
                epoch += 1;
            }
            let batch = order.split_off(order.len() - evalnet::BATCH);
            let [step_loss, step_right] = net
                .step(step, steps, &self.images(&batch)?, &self.classes_of(&batch))
                .map_err(|error| Failure::new(Code::Diverged, "the classifier diverged").because(error))?;
            (loss, right) = (loss + step_loss, right + step_right);
            let each = (steps / 10).max(1);
            if (step + 1).is_multiple_of(each) {
                let [mean, share] = [loss, right].map(|sum| sum / each as f64);
                output.say(&format!("step {:>4}/{steps}  loss {mean:.4}  accuracy {share:.4}", step + 1));
                (loss, right) = (0.0, 0.0);
            }
        }
        let accuracy = self.accuracy(&net)?;
        let state = net.state();
        let checkpoint = Checkpoint {
            system: self.name.clone(),
            step: steps,
            seed,
            config: format!("accuracy = {accuracy}\n"),
            data: self.fingerprint.clone(),
            layouts: String::new(),
            state,
        };
        storage::make_folder(Path::new(FOLDER))?;
        checkpoint.write(&RealDisk, &self.path())?;
        let hash = weights_hash(&checkpoint.state);
        Ok((Trained { name: self.name.clone(), net, accuracy }, hash))
    }

    fn images(&self, indices: &[usize]) -> Result<Tensor, Failure> {
        Ok(self.data.pictures(0, indices)?.batch(0..indices.len()))
    }

    fn classes_of(&self, indices: &[usize]) -> Vec<usize> {
        indices.iter().map(|&index| self.labels[index] as usize).collect()
    }

    /// The fraction of the held-out images that `net` classifies correctly.
    fn accuracy(&self, net: &Evalnet) -> Result<f64, Failure> {
        let held_out = self.held_out();
        let mut right = 0.0;
        for some in held_out.chunks(AT_A_TIME) {
            let [_, logits] = net.infer(&self.images(some)?);
            right += evalnet::accuracy(&logits, &self.classes_of(some)) * some.len() as f64;
        }
        Ok(right / held_out.len() as f64)
    }
}

/// The name of the images within the classifier's file name: that of their file or folder, or of
/// the system for built-in images.
fn set_name(config: &Config) -> String {
    let stem = config.data().and_then(|data| Path::new(data).file_stem()).map(|stem| stem.to_string_lossy());
    let name = stem.map_or_else(|| config.entry.name.to_owned(), std::borrow::Cow::into_owned);
    name.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

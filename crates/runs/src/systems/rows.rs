//! Builds the table of systems from the catalogue: the data source and the original log format of
//! each.

use datasets::Augmentation;

use models::catalogue::{self, OriginalLog, SystemEntry, TrainingData};

use super::Trainable;
use crate::data::{self, Loader};
use crate::observers::notebook_log::{self, Lines};

/// Every system of the catalogue.
pub(super) fn all() -> impl Iterator<Item = Trainable> {
    catalogue::SYSTEMS.iter().map(|entry| {
        let SystemEntry { name, about, presets, settings, build, data, log, .. } = *entry;
        let (load, notebook_log, images) = (loader(data), lines(log), None);
        let (settings, build) = (Box::new(settings), Box::new(build));
        Trainable { name, about, presets, load, images, notebook_log, settings, build }
    })
}

fn loader(data: TrainingData) -> Loader {
    match data {
        TrainingData::Doodles => data::DOODLES,
        TrainingData::Digits => data::DIGITS,
        TrainingData::Cifar10 { class } => data::CIFAR.of_class(class),
        TrainingData::Faces => data::FACES,
        TrainingData::Any => data::ANY,
        TrainingData::Folder => data::FOLDER.changed_by(strong_augmentation),
        TrainingData::Pairs => data::PAIRS,
    }
}

fn lines(log: OriginalLog) -> Lines {
    match log {
        OriginalLog::QuickdrawNotebook => notebook_log::notebook,
        OriginalLog::UdacityMnist => notebook_log::course::<400>,
        OriginalLog::UdacityFaces => notebook_log::course::<50>,
        OriginalLog::KerasGan => notebook_log::keras_gan,
        OriginalLog::DeepLearningWithPython => notebook_log::horses,
        OriginalLog::PyTorchDcgan => notebook_log::example,
        OriginalLog::ByName => notebook_log::by_name,
        OriginalLog::NvidiaTicks => notebook_log::ticks,
    }
}

/// Strong augmentation for small data sets: rotates, shifts, shears, zooms and mirrors images.
fn strong_augmentation() -> Augmentation {
    Augmentation {
        rotation: 10.0,
        height_shift: 0.1,
        width_shift: 0.1,
        shear: 0.15,
        zoom: 0.1,
        flip: true,
        ..Augmentation::default()
    }
}

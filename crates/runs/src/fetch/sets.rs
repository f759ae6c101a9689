//! The data sets that can be downloaded: what they are, where they are published, and how their
//! files are verified.

use std::path::Path;

use super::check;
use datasets::{DataError, QUICKDRAW_URL, Split, load_cifar, load_idx, load_npy};

/// A data set.
pub(super) struct Set {
    /// The name on the command line.
    pub(super) name: &'static str,
    /// A one-line description.
    pub(super) about: &'static str,
    /// Its folder within the data folder.
    pub(super) folder: &'static str,
    /// The base address of its files.
    pub(super) address: &'static str,
    /// Its files; for doodles they depend on the class.
    pub(super) files: &'static [Known],
    /// Checks whether the downloaded files can be used.
    pub(super) check: fn(&Path) -> Result<(), DataError>,
}

/// A file of a set.
pub(super) struct Known {
    pub(super) name: &'static str,
    /// Its length in bytes.
    pub(super) length: Option<u64>,
    /// Its SHA-256, if known from a file that was verified.
    pub(super) sha256: Option<&'static str>,
    /// The expected content.
    pub(super) inside: Inside,
}

/// The expected content of a file, checked whether or not its hash is known.
#[derive(Clone, Copy)]
pub(super) enum Inside {
    /// Compressed IDX data with these dimensions.
    Idx(&'static [u32]),
    /// The archive of CIFAR-10.
    Cifar,
}

impl Inside {
    /// Checks the whole file.
    ///
    /// # Errors
    /// Describes what is wrong with it.
    pub(super) fn check(self, path: &Path) -> Result<(), String> {
        match self {
            Self::Idx(dimensions) => check::idx(path, dimensions),
            Self::Cifar => check::cifar(path, 10_000),
        }
    }
}

/// The images and labels of the two parts of MNIST, and of data sets in its format.
const TRAIN_IMAGES: Inside = Inside::Idx(&[60_000, 28, 28]);
const TRAIN_LABELS: Inside = Inside::Idx(&[60_000]);
const TEST_IMAGES: Inside = Inside::Idx(&[10_000, 28, 28]);
const TEST_LABELS: Inside = Inside::Idx(&[10_000]);

const fn known(name: &'static str, inside: Inside, length: u64, sha256: &'static str) -> Known {
    Known { name, length: Some(length), sha256: Some(sha256), inside }
}

const fn unknown(name: &'static str, inside: Inside) -> Known {
    Known { name, length: None, sha256: None, inside }
}

/// Every set.
pub(super) const SETS: &[Set] = &[
    Set {
        name: "quickdraw",
        about: "doodles of one class, apples if none is named, 28x28 grey, 345 classes, about 100 MB each; Google, CC BY 4.0",
        folder: "quickdraw",
        address: QUICKDRAW_URL,
        files: &[],
        check: |path| load_npy(path).map(drop),
    },
    Set {
        name: "mnist",
        about: "70,000 hand-written digits, 28x28 grey, 11 MB; LeCun, Cortes, Burges, CC BY-SA 3.0",
        folder: "mnist",
        address: "https://storage.googleapis.com/cvdf-datasets/mnist",
        files: &[
            known(
                "train-images-idx3-ubyte.gz",
                TRAIN_IMAGES,
                9_912_422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            known(
                "train-labels-idx1-ubyte.gz",
                TRAIN_LABELS,
                28_881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            known(
                "t10k-images-idx3-ubyte.gz",
                TEST_IMAGES,
                1_648_877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            known(
                "t10k-labels-idx1-ubyte.gz",
                TEST_LABELS,
                4_542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        ],
        check: both_parts,
    },
    Set {
        name: "fashion-mnist",
        about: "70,000 pieces of clothing, 28x28 grey, 31 MB; Zalando, MIT licence; its hash is not known in advance: counts and gzip checksums are checked",
        folder: "fashion-mnist",
        address: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        files: &[
            unknown("train-images-idx3-ubyte.gz", TRAIN_IMAGES),
            unknown("train-labels-idx1-ubyte.gz", TRAIN_LABELS),
            unknown("t10k-images-idx3-ubyte.gz", TEST_IMAGES),
            unknown("t10k-labels-idx1-ubyte.gz", TEST_LABELS),
        ],
        check: both_parts,
    },
    Set {
        name: "cifar10",
        about: "60,000 photographs of ten classes, 32x32 colour, 170 MB; Krizhevsky 2009; its hash is not known in advance: length, records and gzip checksum are checked",
        folder: "cifar-10",
        address: "https://www.cs.toronto.edu/~kriz",
        files: &[Known {
            name: "cifar-10-binary.tar.gz",
            length: Some(170_052_171),
            sha256: None,
            inside: Inside::Cifar,
        }],
        check: |folder| {
            load_cifar(folder, Split::Train)?;
            load_cifar(folder, Split::Test).map(drop)
        },
    },
];

fn both_parts(folder: &Path) -> Result<(), DataError> {
    load_idx(folder, Split::Train)?;
    load_idx(folder, Split::Test).map(drop)
}

//! Training images: read from files, checked before they are believed, or drawn here.
//!
//! * [`Images`]: a set of images of one size, wherever their bytes lie, and the batches taken from it; [`LoadOptions`] say how much
//!   memory it may take.
//! * [`Augmentation`]: the random changes with which they are shown.
//! * [`load_npy`]: the Quick, Draw! bitmaps and other `.npy` files of their form.
//! * [`load_idx`], [`load_cifar`], [`load_folder`], [`Pair`]: MNIST's form, CIFAR-10's, folders of pictures, two such folders.
//! * [`apples`], [`digits`], [`shapes`], [`faces`], [`seasons`]: built-in pictures, for a first run without a download.
//! * [`Source`]: which doodles the words on the command line mean.
//! * [`nearest`]: which name was meant by a mistyped one; [`plural`]: a noun after a number.
//! * [`DataError`]: what was wrong, where, why, and what to do. No file of any content makes this crate panic.
//! * [`Advice`]: what to do, in a form that a test can follow; [`advice!`] makes one.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

#[macro_use]
mod advice;
mod augment;
mod built_in;
mod cifar;
mod error;
mod folder;
mod form;
mod idx;
mod images;
mod kinds;
mod labels;
mod layout;
mod load_options;
mod look;
mod nearest;
mod npy;
mod pairs;
mod plural;
mod range;
mod source;
mod store;
mod strokes;

pub use advice::{Advice, quoted};
pub use augment::{Angle, Augmentation, BadAugmentation, Centre};
pub use built_in::{Season, apples, digits, faces, seasons, shapes};
pub use cifar::{has_cifar, load_cifar};
pub use error::{DataError, QUICKDRAW_URL};
pub use folder::{
    Aspect, Background, Crop, Depth, Filter, Fitting, Folder, depth_of, list_pictures, load_folder, load_picture,
};
pub use form::{Form, has_class_file, holds_pictures};
pub use idx::{Split, has_idx, load_idx};
pub use images::{Images, Suspects};
pub use load_options::{LoadOptions, Progress};
pub use look::{Look, Numbers, only_value};
pub use nearest::nearest;
pub use npy::{LoadedArray, NpyFault, load_array, load_npy};
pub use pairs::Pair;
pub use plural::plural;
pub use range::{Levels, Range};
pub use source::{BUILT_IN, BUILT_IN_COUNT, Source};
pub use strokes::load_strokes;

//! Training images: loaded from files, or drawn by built-in generators.
//!
//! * [`Images`]: a set of images of one size, in memory or on disk, and the batches taken from it.
//!   [`LoadOptions`] limit its memory.
//! * [`Augmentation`]: random changes to the images of a batch.
//! * [`DataFiles`]: finds the format of a file or folder, which may be in a zip archive, and loads
//!   it. [`load_npy`], [`load_idx`], [`load_cifar`], [`load_strokes`] and [`load_folder`] load one
//!   format each.
//! * [`ZipArchive`]: the files in an archive. [`exists`], [`canonicalize`] and [`is_in_archive`]
//!   take paths that lead into one.
//! * [`load_numbers`]: a `.npy` file of plain numbers, such as latents.
//! * [`decode_picture`]: one picture at its own size.
//! * [`Pair`]: two folders or files of unpaired images.
//! * [`QuickDraw`]: finds the images of a Quick, Draw! class.
//! * [`apples`], [`digits`], [`shapes`], [`faces`], [`seasons`]: built-in pictures, for a first run
//!   without a download.
//! * [`Histogram`]: warns about images whose values fill a small part of their range.
//! * [`DataError`]: what is wrong, where, why, and what to do. No content of a file makes this
//!   crate panic.
//! * [`Advice`]: what to do about an error, in a form that a test can follow; made by [`advice!`].
//! * [`free_space`]: how much can still be written to a disk.
//! * [`nearest`]: the name closest to a mistyped one; [`plural`]: a noun after a number;
//!   [`grouped`]: a number in a sentence.
//!
//! Modules depend on each other in one direction: `formats` and `built_in` make `images`, which
//! read from a `store`.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

#[macro_use]
mod advice;
mod augment;
mod built_in;
mod error;
mod file;
mod file_type;
mod fitting;
mod formats;
mod free_space;
mod histogram;
mod images;
mod labels;
mod load_options;
mod nearest;
mod pairs;
mod plural;
mod quickdraw;
mod run_folders;
mod store;
mod text;
mod value_range;
mod zip;

pub use advice::{Advice, quoted};
pub use augment::{Angle, Augmentation, BadAugmentation, Centre};
pub use built_in::{Season, apples, digits, faces, seasons, shapes};
pub use error::{DataError, ErrorKind};
pub use fitting::{Aspect, Background, Crop, Filter, Fitting, scaled_within};
pub use formats::{
    ArrayHeader, DataFiles, Dtype, LoadRequest, Loaded, LoadedArray, NumberKind, Numbers, Picture, PictureFolder,
    PictureSource, array_header, decode_picture, list_pictures, load_array, load_cifar, load_folder, load_idx,
    load_npy, load_numbers, load_picture, load_strokes, picture_size,
};
pub use free_space::free_space;
pub use histogram::{Histogram, constant_value};
pub use images::Images;
pub use load_options::{LoadOptions, Progress, Split};
pub use nearest::nearest;
pub use pairs::Pair;
pub use plural::plural;
pub use quickdraw::{BUILT_IN, BUILT_IN_COUNT, QUICKDRAW_URL, QuickDraw};
pub use store::survey::Suspects;
pub use text::grouped;
pub use value_range::{ValueRange, ValueScale, ValueStats};
pub use zip::{ZipArchive, ZipEntry, canonicalize, exists, is_in_archive};

//! Training images: read from files, checked before they are believed, or drawn here.
//!
//! * [`Images`]: a set of images of one size, and the batches taken from it.
//! * [`load_npy`]: the Quick, Draw! bitmaps and other `.npy` files of their form.
//! * [`apples`]: built-in drawings, for a first run without a download.
//! * [`Source`]: which of the two the words on the command line mean.
//! * [`DataError`]: what was wrong, where, why, and what to do. No file of any content makes this crate panic.

mod built_in;
mod error;
mod images;
mod labels;
mod npy;
mod source;

pub use built_in::{Season, apples, digits, faces, seasons, shapes};
pub use error::{DataError, QUICKDRAW_URL};
pub use images::{Images, Suspects};
pub use npy::{NpyFault, load_npy};
pub use source::{BUILT_IN, BUILT_IN_COUNT, Source};

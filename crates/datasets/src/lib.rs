//! Training images: read from files, checked before they are believed.
//!
//! * [`Images`]: a set of images of one size, and the batches taken from it.
//! * [`load_npy`]: the Quick, Draw! bitmaps and other `.npy` files of their form.
//! * [`DataError`]: what was wrong, where, why, and what to do. No file of any content makes this crate panic.

mod error;
mod images;
mod npy;

pub use error::{DataError, QUICKDRAW_URL};
pub use images::{Images, Suspects};
pub use npy::{NpyFault, load_npy};

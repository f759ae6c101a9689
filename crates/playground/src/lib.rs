//! The playground: a web page in which GANs train, with this engine, compiled to WebAssembly.
//!
//! Everything that the page computes is in this library, which the command line uses too
//! (`train playground-hash`), so both have the same weights to the last bit. The page's script only
//! draws.
//!
//! * [`Link`]: what is trained, as the text after `#` in an address: the settings, the seed, the
//!   turns and changes since the start, and the points or doodles that a visitor has drawn.
//! * [`Session`]: a GAN in training, created from a link: [`points`] for a distribution in the
//!   plane, [`pictures`] for small pictures.
//! * [`Settings`]: one table of settings, from which links are read and the page makes its
//!   controls.
//! * [`Engine`]: the commands of the page's script, as text and bytes.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod adversaries;
mod doodle;
#[cfg(not(target_family = "wasm"))]
pub mod drawings;
mod engine;
#[cfg(any(feature = "explain", not(target_family = "wasm")))]
mod explained;
#[cfg(target_family = "wasm")]
mod exports;
mod json;
mod link;
pub mod pictures;
pub mod points;
mod session;
mod settings;
mod shape;
#[cfg(not(target_family = "wasm"))]
pub mod site;
pub mod trained;

pub use engine::Engine;
pub use link::{Effort, Event, Link, Mode, Turn};
pub use session::{Session, Step};
pub use settings::{Choice, Kind, Setting, Settings};

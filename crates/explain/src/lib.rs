//! Records a real training step and explains it in a page.
//!
//! A [`Recorder`](recorder::Recorder) observes the engine during a step, without changing a bit of
//! the result, and records every value, every gradient, what each was computed from, and why some
//! values have no gradient. The [`Document`](document::Document) made from it has everything that
//! the page shows; every number in it is computed and tested here.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod assemble;
pub mod atlas;
mod cost;
mod dictionary;
pub mod document;
mod editable;
mod html;
mod layout;
pub mod picture;
pub mod presets;
mod probes;
mod questions;
pub mod recorder;
mod shrink;
mod story;
pub mod summary;
mod update;

pub use assemble::Detail;
pub use html::{page, policy};
pub use shrink::{CAP, Explained, Progress, explain, explain_observed, explain_within};

//! The tape of a real training step, opened.
//!
//! A recorder listens to the engine while a step is made, changes no bit of it, and writes down what happened: every value,
//! every gradient, what each was made of, and why some have none. From that comes a [`Document`](document::Document), all
//! that the teaching page shows; every number in it is computed and tested here.

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
pub use html::page;
pub use shrink::{CAP, Explained, Progress, explain, explain_observed, explain_within};

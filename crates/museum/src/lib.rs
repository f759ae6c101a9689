//! The museum of bugs: a small GAN whose training step makes one classic mistake at a time, beside
//! the healthy run.
//!
//! `train museum` lists the [`EXHIBITS`], and `train museum no-cut` trains one of them: two short
//! runs with the same seed and settings, which differ only in the mistake. Everything that can be
//! wrong stands in one file, `gan.rs`, at the place where it would stand in a real program. No
//! other system contains any of it.
//!
//! Each exhibit has a test that its symptom appears in the metrics, that the healthy run does not
//! have it, and that the [diagnosis](runs::diagnosis) reports it.

mod bug;
mod columns;
mod exhibits;
mod gan;
mod visit;

pub use bug::Bug;
pub use columns::Columns;
pub use exhibits::{EXHIBITS, Exhibit, find};
pub use visit::{Seen, Visit, visit};

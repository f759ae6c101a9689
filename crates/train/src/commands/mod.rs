//! Commands about the engine itself, which need no run.

pub(crate) mod derive;
pub(crate) mod gradcheck;

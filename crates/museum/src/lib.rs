//! A museum.
mod bug;
mod gan;
pub use bug::Bug;
pub use gan::*;

//! What the style-based generators share: the mapping network with its truncation, interpolation
//! between latents, and the projection of a given picture into the style space.

pub(crate) mod interpolation;
pub mod mapping;
pub(crate) mod projection;

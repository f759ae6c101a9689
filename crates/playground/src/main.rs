//! Builds the playground's site.
fn main() {}

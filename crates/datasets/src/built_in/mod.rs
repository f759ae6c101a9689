//! Built-in pictures, so that every system runs at once and with no download.
//!
//! | set | pictures | classes |
//! |---|---|---|
//! | [`apples`] | 28x28 grey drawings, like the Quick, Draw! bitmaps | |
//! | [`digits`] | 28x28 grey hand-written digits, like MNIST's | ten |
//! | [`shapes`] | 32x32 coloured figures, in the place of CIFAR-10 | six |
//! | [`faces`] | cartoon faces of 32 or 64 pixels, in the place of photographs | |
//! | [`seasons`] | 64x64 landscapes in summer or winter, for translation between unpaired pictures | |
//!
//! Two ways of drawing lead to pixels: [`hand`] and [`raster`] move a pen over paper, [`canvas`] lays areas of colour over
//! one another. Both use only arithmetic that IEEE 754 fixes to the last bit ([`geometry`]), and picture number `i` of a
//! seed depends on nothing but the two, so a set is the same on every machine, at any number of threads and at any length.

mod apples;
mod canvas;
mod digits;
mod faces;
mod geometry;
mod hand;
mod raster;
mod seasons;
mod shapes;

pub use apples::apples;
pub use digits::digits;
pub use faces::faces;
pub use seasons::{Season, seasons};
pub use shapes::shapes;

use kernels::random::{Draws, Key};
use rayon::prelude::*;
use std::ops::Range;

/// Draws the pictures `numbers`, each of `length` bytes, and gathers what `draw` returns (a label) of each.
fn draw_each<L: Send>(
    key: Key,
    numbers: Range<u64>,
    length: usize,
    draw: impl Fn(Draws, &mut [u8]) -> L + Sync,
) -> (Vec<u8>, Vec<L>) {
    let count = numbers.end.saturating_sub(numbers.start) as usize;
    let mut pixels = vec![0; count * length];
    let labels = pixels.par_chunks_mut(length).enumerate().map(|(index, picture)| {
        let number = numbers.start + index as u64;
        // The step counts 2^32 drawings; further ones take other streams, far from those of other names in practice.
        let stream = key.stream.wrapping_add((number >> 32) as u32);
        draw(Key { stream, step: number as u32, ..key }.draws(), picture)
    });
    let labels = labels.collect();
    (pixels, labels)
}

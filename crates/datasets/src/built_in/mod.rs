//! Built-in pictures, so that every system can be trained without a download.
//!
//! | set | pictures | classes |
//! |---|---|---|
//! | [`apples()`] | 28x28 grey drawings, like the Quick, Draw! bitmaps | |
//! | [`digits()`] | 28x28 grey hand-written digits, like MNIST's | ten |
//! | [`shapes()`] | 32x32 coloured figures, as a substitute for CIFAR-10 | six |
//! | [`faces()`] | cartoon faces of any size, as a substitute for photographs | |
//! | [`seasons()`] | 64x64 landscapes in summer or winter, for unpaired image translation | |
//!
//! There are two ways of drawing: [`hand`] and [`raster`] move a pen over paper, and [`canvas`]
//! paints areas of colour. Both use only arithmetic that IEEE 754 specifies exactly ([`geometry`]),
//! and picture `i` of a seed depends on the seed and `i` only. So a set is the same on every
//! machine, for any number of threads, and for any length.

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

use crate::images::Images;
use crate::store::generated::{Generated, draws};
use kernels::random::{Draws, Key};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// The side of a picture drawn by [`draw_strokes`].
pub(crate) const DRAWING_SIDE: usize = raster::SIDE;

/// Draws strokes, each with at least one point (x, y), into `picture` the way the Quick, Draw!
/// bitmaps were made. 0 is paper, 255 is ink.
pub(crate) fn draw_strokes(strokes: &[Vec<(f64, f64)>], picture: &mut [u8]) {
    let points = |stroke: &Vec<(f64, f64)>| stroke.iter().map(|&(x, y)| geometry::at(x, y)).collect();
    let strokes: Vec<hand::Stroke> = strokes.iter().map(points).collect();
    raster::rasterise(&strokes, raster::QUICKDRAW, 1.0, picture);
}

/// The pictures `numbers` of `key`, each of `size` (height, width, channels), drawn on demand by
/// `draw`.
fn drawn(
    key: Key,
    numbers: Range<u64>,
    size: [usize; 3],
    origin: String,
    draw: impl Fn(Draws, &mut [u8]) + Send + Sync + 'static,
) -> Images {
    Images::of(Arc::new(Generated { key, numbers, image: size.iter().product(), draw }), size, origin)
}

/// The labels of the pictures `numbers`: `label` makes each from the first random numbers of its
/// picture.
fn labels(key: Key, numbers: Range<u64>, label: impl Fn(Draws) -> u32 + Sync) -> Vec<u32> {
    numbers.into_par_iter().map(|number| label(draws(key, number))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fixed hashes detect differences between machines and versions: runs on built-in pictures are
    /// reproducible only if the pictures never change. They are drawn without kernels, so the
    /// instruction set does not matter.
    #[test]
    fn the_pictures_are_these_and_no_others() {
        let set = |name, images: Images| (name, images.fingerprint().unwrap());
        let found = [
            set("apples", apples(1000, 0)),
            set("digits", digits(200, 1)),
            set("shapes", shapes(100, 1)),
            set("faces of 32", faces(50, 1, 32)),
            set("faces of 64", faces(20, 1, 64)),
            set("summer", seasons(3..23, 1, Season::Summer)),
            set("winter", seasons(3..23, 1, Season::Winter)),
        ];
        let golden = [
            ("apples", "4f4a25de31542e1b"),
            ("digits", "5047295076e4bc1f"),
            ("shapes", "9e4f10ab3768ad54"),
            ("faces of 32", "399217f39e3c752b"),
            ("faces of 64", "26e8d4d6dad98f6d"),
            ("summer", "3e7c3dd763dba7ce"),
            ("winter", "40f92f08fade427e"),
        ];
        assert_eq!(found, golden.map(|(name, fingerprint)| (name, fingerprint.to_owned())));
    }

    /// Labels are not part of a fingerprint.
    #[test]
    fn the_classes_are_these_and_no_others() {
        let first = |images: Images| images.labels().unwrap()[..12].to_vec();
        assert_eq!(first(digits(12, 1)), [8, 9, 7, 8, 2, 5, 6, 8, 6, 2, 9, 7]);
        assert_eq!(first(shapes(12, 1)), [3, 4, 1, 4, 1, 2, 3, 0, 2, 1, 5, 5]);
    }
}

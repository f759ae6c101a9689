//! Built-in drawings of apples, as a substitute for a Quick, Draw! file.
//!
//! Each is drawn as people draw one in twenty seconds: an outline, a dent, a stem, perhaps a leaf
//! or a bite, by a hand with its own habits ([`Hand`]). [`outline`] and [`details`] make the
//! strokes, and [`raster`] makes pixels of them exactly as in the Quick, Draw! bitmaps. Drawing `i`
//! is a function of the seed and `i`.

mod details;
mod outline;

use super::geometry::{Point, at};
use super::hand::{Hand, Stroke};
use super::raster::{self, SIDE};
use crate::images::Images;
use crate::plural::plural;
use kernels::random::Key;

/// `count` drawings, 28x28x1. 0 is paper, 255 is ink. The same seed gives the same drawings on
/// every machine and for any number of threads, and the first `n` of a longer set are the set of
/// `n`.
pub fn apples(count: usize, seed: u64) -> Images {
    let origin = format!("built-in apples ({count} {}, seed {seed})", plural(count, "drawing"));
    let key = Key::named(seed, "apples");
    super::drawn(key, 0..count as u64, [SIDE, SIDE, 1], origin, |draws, picture| {
        let mut hand = Hand::new(draws);
        let strokes = draw(&mut hand);
        let pressure = hand.around(1.0, 0.04);
        raster::rasterise(&strokes, raster::QUICKDRAW, pressure, picture);
    })
}

/// The strokes of one apple. The body extends about one unit from the origin.
fn draw(hand: &mut Hand) -> Vec<Stroke> {
    let body = outline::Body::new(hand);
    let mut strokes = body.strokes(hand);
    details::add(hand, &body, &mut strokes);
    // Nobody holds the tablet perfectly straight: the whole drawing is slanted and tilted a little.
    let (lean, tilt) = (hand.around(0.0, 0.07), hand.around(0.0, 0.05));
    for point in strokes.iter_mut().flatten() {
        *point = leaning(*point, lean, tilt);
    }
    strokes
}

/// A sheared point.
fn leaning(point: Point, lean: f64, tilt: f64) -> Point {
    at(point.x + lean * point.y, point.y + tilt * point.x)
}

#[cfg(test)]
mod tests;

//! Built-in coloured figures, as a substitute for CIFAR-10: 32x32 pictures in six classes.

use super::canvas::{Canvas, Colour, blend, ellipse, hsv};
use super::geometry::{Point, at, direction};
use super::hand::Hand;
use crate::images::Images;
use crate::plural::plural;
use kernels::random::Key;

/// The side of a picture in pixels.
const SIDE: usize = 32;
/// The names of the classes.
const NAMES: [&str; 6] = ["disc", "square", "triangle", "star", "ring", "cross"];

/// `count` pictures, 32x32x3, each of one coloured figure on a soft background, with the labels
/// disc, square, triangle, star, ring and cross. The same seed gives the same pictures on every
/// machine and for any number of threads, and the first `n` of a longer set are the set of `n`.
pub fn shapes(count: usize, seed: u64) -> Images {
    let key = Key::named(seed, "shapes");
    let origin = format!("built-in shapes ({count} {}, seed {seed})", plural(count, "picture"));
    let images = super::drawn(key, 0..count as u64, [SIDE, SIDE, 3], origin, |draws, picture| {
        let mut hand = Hand::new(draws);
        let class = choose(&mut hand);
        paint(&mut hand, class).write(picture);
    });
    let labels = super::labels(key, 0..count as u64, |draws| choose(&mut Hand::new(draws)) as u32);
    images.with_labels(labels, NAMES.map(str::to_owned).to_vec())
}

/// The figure to draw: the first random choice.
fn choose(hand: &mut Hand) -> usize {
    hand.choose(&[1.0; NAMES.len()])
}

/// Paints one picture.
fn paint(hand: &mut Hand, class: usize) -> Canvas {
    let hue = hand.unit();
    // The background is dark or light, the figure is neither.
    let (low, high) = if hand.chance(0.5) { (0.12, 0.34) } else { (0.78, 1.0) };
    let ground_hue = hue + hand.within(0.3, 0.7);
    let mut corner = || hsv(ground_hue + hand.around(0.0, 0.08), hand.within(0.15, 0.5), hand.within(low, high));
    let (above, below) = (corner(), corner());
    let lean = hand.around(0.0, 0.6);
    let ground = move |place: Point| blend(above, below, (place.y + lean * (place.x - 0.5)).clamp(0.0, 1.0));
    let mut canvas = Canvas::new(SIDE, ground);

    let size = hand.within(0.24, 0.4);
    let centre = at(hand.within(size, 1.0 - size), hand.within(size, 1.0 - size));
    let colour = hsv(hue, hand.within(0.65, 1.0), hand.within(0.6, 0.95));
    let turn = hand.unit();
    // First a soft shadow to the lower right, which lifts the figure off the background.
    figure(&mut canvas, class, centre + at(0.03, 0.04), size, turn, ground_shadow(ground(centre)));
    figure(&mut canvas, class, centre, size, turn, colour);
    canvas
}

fn ground_shadow(ground: Colour) -> Colour {
    ground.map(|value| 0.7 * value)
}

/// Paints the figure of `class`, which reaches `size` from its centre.
fn figure(canvas: &mut Canvas, class: usize, centre: Point, size: f64, turn: f64, colour: Colour) {
    let corner = |number: f64, of: f64, reach: f64| centre + direction(turn + number / of) * (reach * size);
    match class {
        0 => canvas.ellipse(centre, at(0.85 * size, 0.85 * size), colour),
        1 => canvas.polygon(&[0.0, 1.0, 2.0, 3.0].map(|number| corner(number, 4.0, 1.0)), colour),
        2 => canvas.polygon(&[0.0, 1.0, 2.0].map(|number| corner(number, 3.0, 1.1)), colour),
        3 => {
            let corners: Vec<Point> = (0..10)
                .map(|number| corner(f64::from(number), 10.0, if number % 2 == 0 { 1.1 } else { 0.46 }))
                .collect();
            canvas.polygon(&corners, colour);
        }
        4 => {
            let reach = at(size, size);
            let middle = 0.68 * size;
            let ring = |place: Point| ellipse(place - centre, at(middle, middle)).abs() - 0.24 * size;
            canvas.paint((centre - reach, centre + reach), ring, |_| colour);
        }
        _ => {
            for number in [0.0, 1.0] {
                canvas.line(&[corner(number, 4.0, 0.78), corner(number + 2.0, 4.0, 0.78)], 0.5 * size, colour);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_comes_and_stands_off_its_ground() {
        let images = shapes(600, 1);
        assert_eq!(images.class_names(), NAMES);
        for class in 0..6 {
            assert!(images.labels().unwrap().iter().filter(|&&label| label == class).count() > 60, "{class}");
        }
        for index in 0..600 {
            let grey: Vec<u32> =
                images.image(index).unwrap().chunks(3).map(|p| p.iter().map(|&v| u32::from(v)).sum()).collect();
            let (low, high) = (grey.iter().min().unwrap(), grey.iter().max().unwrap());
            assert!(high - low > 60, "picture {index}: {low} to {high}");
        }
    }
}

//! Built-in landscapes in summer and winter: an unpaired data set for image translation, for which
//! the true translations are known.

use super::canvas::{Canvas, Colour, blend, shade};
use super::geometry::{Point, at, sine};
use super::hand::Hand;
use crate::images::Images;
use kernels::random::Key;
use std::ops::Range;

/// The side of a picture in pixels.
const SIDE: usize = 64;

/// The palette of a landscape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Season {
    /// Green hills, blue water, leaves on the trees.
    Summer,
    /// Snow, ice, bare trees.
    Winter,
}

/// The landscapes `numbers` of `seed`, 64x64x3, painted in `season`. The number determines hills,
/// trees, house and light; the season determines the colours only. So the same numbers in both
/// seasons are true pairs, and disjoint ranges make an unpaired data set. The pictures are the same
/// on every machine and for any number of threads.
pub fn seasons(numbers: Range<u64>, seed: u64, season: Season) -> Images {
    let key = Key::named(seed, "seasons");
    let name = if season == Season::Summer { "summer" } else { "winter" };
    let (first, end) = (numbers.start, numbers.end);
    let origin = format!("built-in {name} landscapes ({first} to {end}, seed {seed})");
    super::drawn(key, numbers, [SIDE, SIDE, 3], origin, move |draws, picture| {
        paint(&mut Hand::new(draws), season).write(picture);
    })
}

/// The colours of a season.
struct Palette {
    sky: [Colour; 2],
    sun: Colour,
    mountain: Colour,
    cap: Colour,
    far: Colour,
    near: Colour,
    water: Colour,
    trunk: Colour,
    crown: Colour,
    fir: Colour,
    roof: Colour,
}

const SUMMER: Palette = Palette {
    sky: [[0.30, 0.58, 0.93], [0.78, 0.90, 0.99]],
    sun: [1.0, 0.92, 0.45],
    mountain: [0.44, 0.50, 0.56],
    cap: [0.55, 0.60, 0.60],
    far: [0.42, 0.66, 0.32],
    near: [0.33, 0.58, 0.20],
    water: [0.20, 0.48, 0.78],
    trunk: [0.40, 0.26, 0.14],
    crown: [0.16, 0.46, 0.14],
    fir: [0.10, 0.36, 0.18],
    roof: [0.72, 0.26, 0.18],
};

const WINTER: Palette = Palette {
    sky: [[0.60, 0.66, 0.76], [0.88, 0.89, 0.92]],
    sun: [0.98, 0.96, 0.88],
    mountain: [0.58, 0.62, 0.70],
    cap: [0.97, 0.98, 1.0],
    far: [0.84, 0.88, 0.93],
    near: [0.94, 0.96, 0.98],
    water: [0.72, 0.83, 0.90],
    trunk: [0.30, 0.24, 0.22],
    crown: [0.62, 0.58, 0.60],
    fir: [0.42, 0.54, 0.56],
    roof: [0.93, 0.94, 0.97],
};

/// One landscape. The random numbers must not depend on the season.
fn paint(hand: &mut Hand, season: Season) -> Canvas {
    let palette = if season == Season::Summer { &SUMMER } else { &WINTER };
    let light = hand.within(0.88, 1.08);
    let horizon = hand.within(0.42, 0.58);
    let sky = palette.sky.map(|colour| shade(colour, light));
    let mut canvas = Canvas::new(SIDE, |place| blend(sky[0], sky[1], (place.y / horizon).min(1.0)));
    if hand.chance(0.6) {
        let (sun, radius) = (at(hand.within(0.12, 0.88), hand.within(0.1, 0.24)), hand.within(0.045, 0.075));
        canvas.ellipse(sun, at(radius, radius), palette.sun);
    }
    for _ in 0..hand.choose(&[1.0, 1.0, 1.0]) {
        cloud(hand, &mut canvas, shade([0.98; 3], light));
    }
    for _ in 0..1 + hand.choose(&[1.0, 2.0, 1.0]) {
        mountain(hand, &mut canvas, horizon, palette, light);
    }
    hills(hand, &mut canvas, horizon, shade(palette.far, light));
    let near = hand.within(horizon + 0.14, 0.76);
    if hand.chance(0.5) {
        let lake = at(hand.within(0.2, 0.8), 0.5 * (horizon + near) + 0.05);
        canvas.ellipse(lake, at(hand.within(0.16, 0.3), hand.within(0.035, 0.06)), shade(palette.water, light));
    }
    if hand.chance(0.45) {
        house(hand, &mut canvas, near, palette, light);
    }
    hills(hand, &mut canvas, near, shade(palette.near, light));
    let count = 2 + hand.choose(&[1.0; 4]);
    // Distant trees first.
    let mut feet: Vec<Point> =
        (0..count).map(|_| at(hand.within(0.05, 0.95), hand.within(near + 0.04, 0.97))).collect();
    feet.sort_by(|a, b| a.y.total_cmp(&b.y));
    for foot in feet {
        tree(hand, &mut canvas, foot, palette, light);
    }
    canvas
}

/// Everything below a wavy line at the height `y`.
fn hills(hand: &mut Hand, canvas: &mut Canvas, y: f64, colour: Colour) {
    let (phase, long, short) = (hand.unit(), hand.within(0.02, 0.05), hand.within(0.0, 0.015));
    let (turns, fine) = (hand.within(0.5, 1.2), hand.within(2.0, 3.5));
    let line = |x: f64| y - long * sine(phase + turns * x) - short * sine(3.0 * phase + fine * x);
    let darker = shade(colour, 0.8);
    let tone = |place: Point| blend(colour, darker, ((place.y - y) / 0.5).clamp(0.0, 1.0));
    canvas.paint((at(0.0, y - 0.08), at(1.0, 1.0)), |place| line(place.x) - place.y, tone);
}

fn cloud(hand: &mut Hand, canvas: &mut Canvas, colour: Colour) {
    let centre = at(hand.within(0.1, 0.9), hand.within(0.06, 0.28));
    for aside in [-1.0, 0.0, 1.0] {
        let size = hand.within(0.035, 0.06);
        canvas.ellipse(centre + at(0.07 * aside, 0.012 * aside * aside), at(1.5 * size, 0.75 * size), colour);
    }
}

fn mountain(hand: &mut Hand, canvas: &mut Canvas, horizon: f64, palette: &Palette, light: f64) {
    let peak = at(hand.within(0.05, 0.95), horizon - hand.within(0.16, 0.34));
    let foot = horizon + 0.1;
    let (left, right) = (hand.within(0.22, 0.42), hand.within(0.22, 0.42));
    canvas.polygon(&[peak, at(peak.x + right, foot), at(peak.x - left, foot)], shade(palette.mountain, light));
    // The snow cap, a third of the way down, with a jagged edge.
    let down = 0.34;
    let drop = down * (foot - peak.y);
    let cap = [
        peak,
        at(peak.x + down * right, peak.y + drop),
        at(peak.x + 0.3 * down * right, peak.y + 0.75 * drop),
        at(peak.x - 0.1 * down * left, peak.y + 1.05 * drop),
        at(peak.x - 0.5 * down * left, peak.y + 0.72 * drop),
        at(peak.x - down * left, peak.y + drop),
    ];
    canvas.polygon(&cap, shade(palette.cap, light));
}

fn house(hand: &mut Hand, canvas: &mut Canvas, ground: f64, palette: &Palette, light: f64) {
    let (x, width, height) = (hand.within(0.15, 0.85), hand.within(0.06, 0.1), hand.within(0.09, 0.13));
    let base = ground + 0.03;
    let wall = shade([0.86, 0.78, 0.64], light * hand.within(0.85, 1.05));
    let top = base - height;
    canvas.polygon(&[at(x - width, top), at(x + width, top), at(x + width, base), at(x - width, base)], wall);
    let over = 1.25 * width;
    canvas.polygon(&[at(x, top - 0.08), at(x + over, top), at(x - over, top)], shade(palette.roof, light));
    let window = 0.28 * width;
    for aside in [-0.5, 0.5] {
        let centre = at(x + aside * width, top + 0.35 * height);
        canvas.ellipse(centre, at(window, window), [0.25, 0.27, 0.33]);
    }
}

fn tree(hand: &mut Hand, canvas: &mut Canvas, foot: Point, palette: &Palette, light: f64) {
    // Lower objects are nearer and larger.
    let size = hand.within(0.13, 0.19) * (0.5 + foot.y);
    let tone = light * hand.within(0.85, 1.12);
    canvas.line(&[foot, foot - at(0.0, 0.6 * size)], 0.14 * size, shade(palette.trunk, light));
    if hand.chance(0.5) {
        for (height, width) in [(0.35, 0.42), (0.75, 0.34), (1.1, 0.25)] {
            let base = foot.y - height * size;
            let tip = at(foot.x, base - 0.65 * size);
            canvas.polygon(
                &[tip, at(foot.x + width * size, base), at(foot.x - width * size, base)],
                shade(palette.fir, tone),
            );
        }
    } else {
        let crown = foot - at(0.0, size);
        for (aside, up) in [(-0.26, 0.0), (0.26, 0.05), (0.0, 0.3)] {
            canvas.ellipse(crown + at(aside, -up) * size, at(0.36, 0.34) * size, shade(palette.crown, tone));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_landscape_in_two_seasons_has_the_same_things_in_it() {
        let (summer, winter) = (seasons(5..45, 1, Season::Summer), seasons(5..45, 1, Season::Winter));
        // Edges are at the same positions: where neighbouring pixels differ in one season, most
        // differ in the other.
        let edges = |images: &Images, index: usize| -> Vec<bool> {
            let image = &*images.image(index).unwrap();
            let grey = |at: usize| image[at * 3..at * 3 + 3].iter().map(|&value| i32::from(value)).sum::<i32>();
            (0..SIDE * SIDE - 1).map(|at| (grey(at) - grey(at + 1)).abs() > 24).collect()
        };
        let (mut both, mut one) = (0, 0);
        for index in 0..40 {
            for (a, b) in edges(&summer, index).into_iter().zip(edges(&winter, index)) {
                both += usize::from(a && b);
                one += usize::from(a);
            }
        }
        assert!(both * 2 > one, "{both} of {one}");
        // The colours differ.
        let mean = |images: &Images, channel: usize| {
            let all = (0..40).flat_map(|i| images.image(i).unwrap().into_owned().into_iter().skip(channel).step_by(3));
            all.map(f64::from).sum::<f64>() / (40 * SIDE * SIDE) as f64
        };
        assert!(mean(&winter, 0) > mean(&summer, 0) + 30.0);
    }

    #[test]
    fn a_number_is_a_landscape_wherever_its_range_begins() {
        let (long, short) = (seasons(0..10, 3, Season::Winter), seasons(7..9, 3, Season::Winter));
        assert_eq!(long.image(8).unwrap(), short.image(1).unwrap());
    }
}

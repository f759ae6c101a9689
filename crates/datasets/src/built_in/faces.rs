//! Built-in cartoon faces, as a substitute for photographs: skin, hair, eyes, eyebrows, nose,
//! mouth, and sometimes glasses or a beard, each with a few random parameters.

use super::canvas::{Canvas, Colour, blend, hsv, shade};
use super::geometry::{Point, at};
use super::hand::Hand;
use crate::images::Images;
use crate::plural::plural;
use kernels::random::Key;

/// `count` faces, `side` x `side` x 3. The same seed gives the same faces on every machine, for any
/// number of threads and at every size, and the first `n` of a longer set are the set of `n`.
///
/// # Panics
/// If `side` is 0.
#[track_caller]
pub fn faces(count: usize, seed: u64, side: usize) -> Images {
    let key = Key::named(seed, "faces");
    assert!(side > 0, "faces: no pictures of 0 pixels");
    let origin = format!("built-in faces ({count} {}, seed {seed})", plural(count, "drawing"));
    super::drawn(key, 0..count as u64, [side, side, 3], origin, move |draws, picture| {
        let mut hand = Hand::new(draws);
        let face = Face::new(&mut hand);
        face.paint(&mut hand, side).write(picture);
    })
}

/// Skin tones, from light to dark.
const SKIN: [Colour; 5] =
    [[0.99, 0.87, 0.77], [0.94, 0.76, 0.61], [0.80, 0.59, 0.43], [0.58, 0.39, 0.27], [0.38, 0.25, 0.18]];
/// Hair colours: black, brown, chestnut, blond, red, grey.
const HAIR: [Colour; 6] = [
    [0.10, 0.08, 0.08],
    [0.28, 0.17, 0.10],
    [0.45, 0.26, 0.14],
    [0.88, 0.73, 0.42],
    [0.72, 0.33, 0.15],
    [0.7, 0.7, 0.72],
];

/// The parameters of a face.
struct Face {
    centre: Point,
    /// Half the width and half the height of the head.
    half: Point,
    skin: Colour,
    hair: Colour,
    /// 0 none, 1 short, 2 long, 3 curly, 4 parted.
    style: usize,
    shirt: Colour,
    iris: Colour,
    /// The distance of an eye from the middle, and the height of the eyes.
    eyes: Point,
    /// Half the width of an eye.
    eye: f64,
    /// How far the corners of the mouth are raised.
    smile: f64,
    /// Half the width of the mouth.
    mouth: f64,
}

impl Face {
    fn new(hand: &mut Hand) -> Self {
        let tone = hand.within(0.0, SKIN.len() as f64 - 1.0);
        let (below, share) = (tone as usize, tone - tone.floor());
        let skin = blend(SKIN[below], SKIN[(below + 1).min(SKIN.len() - 1)], share);
        // Dark skin with light hair is rare.
        let hair =
            hand.choose(if tone < 1.6 { &[2.0, 3.0, 3.0, 3.0, 1.5, 1.5] } else { &[6.0, 3.0, 0.7, 0.1, 0.2, 1.0] });
        let half = at(hand.within(0.225, 0.275), hand.within(0.285, 0.335));
        Self {
            centre: at(hand.around(0.5, 0.03), hand.around(0.5, 0.03)),
            half,
            skin,
            hair: shade(HAIR[hair], hand.within(0.85, 1.15)),
            style: hand.choose(&[0.7, 3.0, 3.0, 2.0, 2.0]),
            shirt: hsv(hand.unit(), hand.within(0.4, 0.9), hand.within(0.4, 0.95)),
            iris: [[0.25, 0.15, 0.08], [0.2, 0.42, 0.7], [0.25, 0.5, 0.3]][hand.choose(&[5.0, 3.0, 2.0])],
            eyes: at(half.x * hand.within(0.4, 0.48), half.y * hand.within(-0.16, -0.04)),
            eye: half.x * hand.within(0.19, 0.25),
            smile: hand.within(-0.012, 0.05),
            mouth: half.x * hand.within(0.34, 0.52),
        }
    }

    /// A position on the head: `x` and `y` in half widths and half heights from its centre.
    fn place(&self, x: f64, y: f64) -> Point {
        self.centre + at(x * self.half.x, y * self.half.y)
    }

    fn paint(&self, hand: &mut Hand, side: usize) -> Canvas {
        let hue = hand.unit();
        let (above, below) = (hsv(hue, hand.within(0.1, 0.45), 0.92), hsv(hue + 0.06, hand.within(0.2, 0.55), 0.72));
        let mut canvas = Canvas::new(side, |place| blend(above, below, place.y));
        let dark = shade(self.skin, 0.8);
        if matches!(self.style, 2 | 3) {
            self.hair_behind(&mut canvas);
        }
        canvas.ellipse(at(self.centre.x, 1.06), at(0.4, 0.24), self.shirt);
        let neck = [self.place(-0.42, 0.6), self.place(0.42, 0.6), self.place(0.46, 1.3), self.place(-0.46, 1.3)];
        canvas.polygon(&neck, dark);
        for aside in [-1.0, 1.0] {
            canvas.ellipse(self.place(aside, 0.05), self.half * 0.2, dark);
        }
        canvas.ellipse(self.centre, self.half, self.skin);
        if hand.chance(0.13) {
            self.beard(&mut canvas);
        }
        let rosy = blend(self.skin, [0.95, 0.45, 0.4], 0.25);
        for aside in [-0.58, 0.58] {
            canvas.ellipse(self.place(aside, 0.32), self.half * 0.17, rosy);
        }
        self.eyes(&mut canvas);
        let nose = [self.place(0.02, 0.0), self.place(0.12, 0.26), self.place(-0.04, 0.29)];
        canvas.line(&nose, 0.016, shade(self.skin, 0.72));
        self.mouth(&mut canvas);
        self.hair_before(&mut canvas);
        if hand.chance(0.16) {
            self.glasses(&mut canvas);
        }
        canvas
    }

    fn eyes(&self, canvas: &mut Canvas) {
        for aside in [-1.0, 1.0] {
            let eye = self.centre + at(aside * self.eyes.x, self.eyes.y);
            canvas.ellipse(eye, at(self.eye, 0.72 * self.eye), [1.0; 3]);
            canvas.ellipse(eye, at(0.55 * self.eye, 0.6 * self.eye), self.iris);
            canvas.ellipse(eye, at(0.28 * self.eye, 0.32 * self.eye), [0.04; 3]);
            let brow = [at(-1.15, -1.35), at(0.0, -1.75), at(1.15, -1.3)];
            let brow = brow.map(|knot| eye + at(aside * knot.x, knot.y) * self.eye);
            canvas.line(&brow, 0.02, shade(self.hair, 0.8));
        }
    }

    fn mouth(&self, canvas: &mut Canvas) {
        let middle = self.place(0.0, 0.56);
        let knots: Vec<Point> = (-4..=4)
            .map(|k| {
                let along = f64::from(k) / 4.0;
                middle + at(along * self.mouth, self.smile * (0.6 - along * along))
            })
            .collect();
        canvas.line(&knots, 0.028, [0.72, 0.22, 0.24]);
    }

    fn hair_behind(&self, canvas: &mut Canvas) {
        if self.style == 2 {
            canvas.ellipse(self.place(0.0, 0.15), at(1.28 * self.half.x, 1.3 * self.half.y), self.hair);
        } else {
            for k in -4..=4 {
                let along = f64::from(k) / 4.0;
                let curl = self.place(1.08 * along, -0.78 + 0.75 * along * along);
                canvas.ellipse(curl, self.half * 0.36, self.hair);
            }
        }
    }

    /// The hair above the forehead: the part of a larger ellipse above a hairline.
    fn hair_before(&self, canvas: &mut Canvas) {
        if self.style == 0 {
            return;
        }
        let half = at(1.06 * self.half.x, 1.08 * self.half.y);
        // The hairline is an arch; a parted one rises from one side to the other.
        let (height, arch, rise) = if self.style == 4 { (-0.5, 0.18, 0.34) } else { (-0.58, 0.4, 0.0) };
        let hairline = |place: Point| {
            let x = (place.x - self.centre.x) / self.half.x;
            place.y - self.centre.y - self.half.y * (height + arch * x * x - rise * x)
        };
        let inside = |place: Point| super::canvas::ellipse(place - self.centre, half).max(hairline(place));
        canvas.paint((self.centre - half, self.centre + half), inside, |_| self.hair);
    }

    /// The part of the head below a line under the nose, without the mouth.
    fn beard(&self, canvas: &mut Canvas) {
        let distance = |place: Point| {
            let x = (place.x - self.centre.x) / self.half.x;
            let line = self.centre.y + self.half.y * (0.42 - 0.3 * x * x) - place.y;
            super::canvas::ellipse(place - self.centre, self.half).max(line)
        };
        canvas.paint((self.centre - self.half, self.centre + self.half), distance, |_| self.hair);
        canvas.ellipse(self.place(0.0, 0.58), at(1.25 * self.mouth, 0.14 * self.half.y), self.skin);
    }

    fn glasses(&self, canvas: &mut Canvas) {
        let frame = [0.12, 0.12, 0.16];
        let radius = at(1.5 * self.eye, 1.4 * self.eye);
        let reach = radius * 1.2;
        for aside in [-1.0, 1.0] {
            let eye = self.centre + at(aside * self.eyes.x, self.eyes.y);
            let ring = |place: Point| super::canvas::ellipse(place - eye, radius).abs() - 0.009;
            canvas.paint((eye - reach, eye + reach), ring, |_| frame);
        }
        let bridge = self.eyes.x - radius.x;
        let across = [self.centre + at(-bridge, self.eyes.y), self.centre + at(bridge, self.eyes.y)];
        canvas.line(&across, 0.018, frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_face_is_the_same_at_both_sizes() {
        let (small, large) = (faces(20, 1, 32), faces(20, 1, 64));
        for index in 0..20 {
            let mean = |images: &Images| {
                let bytes = images.image(index).unwrap();
                bytes.iter().map(|&byte| f64::from(byte)).sum::<f64>() / bytes.len() as f64
            };
            assert!((mean(&small) - mean(&large)).abs() < 3.0, "face {index}");
        }
        assert_eq!(faces(300, 2, 32).suspects().unwrap().copies, 0);
    }
}

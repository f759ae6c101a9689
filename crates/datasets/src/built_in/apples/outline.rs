//! The apple's body: its outline in several styles, and the way the pen follows it.

use crate::built_in::geometry::{Point, at, direction, smooth};
use crate::built_in::hand::{Hand, Stroke};

/// Half an outline, from the dent at the top along the right side to the bottom. The left side
/// mirrors it.
struct Manner {
    /// How frequent the style is.
    weight: f64,
    /// The range of width over height.
    width: (f64, f64),
    /// The points of the curve.
    half: &'static [Point],
}

/// The styles of outlines, as seen in sheets of real drawings.
#[rustfmt::skip] // a knot a line would hide the shapes
const MANNERS: [Manner; 9] = [
    // Shoulders above a dent, narrower below, a shallow dent underneath.
    Manner {
        weight: 30.0,
        width: (0.88, 1.38),
        half: &[
            at(0.0, -0.74), at(0.2, -0.91), at(0.55, -1.0), at(0.9, -0.68), at(1.0, -0.1), at(0.84, 0.5),
            at(0.52, 0.92), at(0.24, 1.0), at(0.0, 0.9),
        ],
    },
    // Nearly a circle.
    Manner {
        weight: 34.0,
        width: (0.86, 1.34),
        half: &[
            at(0.0, -0.88), at(0.36, -0.96), at(0.78, -0.7), at(1.0, -0.08), at(0.84, 0.56), at(0.44, 0.93),
            at(0.0, 1.0),
        ],
    },
    // A heart.
    Manner {
        weight: 9.0,
        width: (0.9, 1.4),
        half: &[
            at(0.0, -0.5), at(0.2, -0.84), at(0.58, -1.0), at(0.95, -0.72), at(0.94, -0.15), at(0.62, 0.42),
            at(0.26, 0.85), at(0.0, 1.0),
        ],
    },
    // A box with round corners.
    Manner {
        weight: 7.0,
        width: (0.9, 1.4),
        half: &[
            at(0.0, -0.84), at(0.3, -0.97), at(0.84, -0.94), at(1.0, -0.55), at(0.98, 0.25), at(0.9, 0.82),
            at(0.52, 1.0), at(0.0, 0.97),
        ],
    },
    // An upright egg.
    Manner {
        weight: 9.0,
        width: (0.7, 0.98),
        half: &[
            at(0.0, -0.96), at(0.5, -0.88), at(0.92, -0.38), at(0.98, 0.2), at(0.72, 0.76), at(0.32, 0.98),
            at(0.0, 1.0),
        ],
    },
    // Two feet with a notch between them.
    Manner {
        weight: 11.0,
        width: (0.9, 1.35),
        half: &[
            at(0.0, -0.74), at(0.25, -0.94), at(0.68, -0.96), at(1.0, -0.5), at(0.95, 0.12), at(0.76, 0.7),
            at(0.5, 1.0), at(0.22, 0.96), at(0.0, 0.72),
        ],
    },
    // Broad shoulders on a narrow base with two small feet.
    Manner {
        weight: 5.0,
        width: (0.72, 1.0),
        half: &[
            at(0.0, -0.78), at(0.28, -0.97), at(0.75, -0.94), at(1.0, -0.55), at(0.86, 0.05), at(0.62, 0.62),
            at(0.44, 0.97), at(0.2, 0.98), at(0.0, 0.84),
        ],
    },
    // Wide and flat, like a tomato.
    Manner {
        weight: 12.0,
        width: (1.3, 1.85),
        half: &[
            at(0.0, -0.72), at(0.25, -0.93), at(0.66, -0.96), at(0.98, -0.4), at(0.94, 0.3), at(0.6, 0.86),
            at(0.2, 1.0), at(0.0, 0.96),
        ],
    },
    // Narrow at the top, heavy at the bottom.
    Manner {
        weight: 4.0,
        width: (0.9, 1.4),
        half: &[
            at(0.0, -0.9), at(0.36, -0.96), at(0.68, -0.6), at(0.95, 0.1), at(0.98, 0.62), at(0.7, 0.98),
            at(0.0, 0.95),
        ],
    },
];

/// A body, and where the rest of the drawing is attached to it.
pub(super) struct Body {
    /// Clockwise from the dent to the dent, which is the first and the last knot.
    knots: Vec<Point>,
    /// The index of the lowest middle knot.
    base: usize,
    /// The dent on top.
    pub(super) dent: Point,
    /// The middle of the bottom.
    pub(super) bottom: Point,
    /// Half the width of the body.
    pub(super) half_width: f64,
}

impl Body {
    /// Chooses the shape at random: a style, its proportions, and how asymmetric it is.
    pub(super) fn new(hand: &mut Hand) -> Self {
        let weights = MANNERS.map(|manner| manner.weight);
        let manner = &MANNERS[hand.choose(&weights)];
        let half_width = 1.05 * hand.within(manner.width.0, manner.width.1);
        let unevenness = 0.02 + 0.17 * hand.unit() * hand.unit();
        let dent_depth = hand.around(1.25, 0.7).min(1.6);
        let (right, left) = (hand.around(1.0, 0.2), hand.around(1.0, 0.2));
        let (raise_right, raise_left) = (hand.around(0.0, 0.2), hand.around(0.0, 0.2));
        let (aside, low_aside) = (hand.around(0.0, 0.17), hand.around(0.0, 0.2));
        // How much the shape is blended with an oval, and how far it is rotated.
        let softness = 0.7 * hand.unit();
        let turn = direction(hand.around(0.0, 0.04));
        let mut place = |point: Point, side: f64| {
            let (stretch, raise) = if side > 0.0 { (right, raise_right) } else { (left, raise_left) };
            let dented = point.x == 0.0 && point.y < 0.0;
            let sunk = if dented { at(0.0, -1.0 + (point.y + 1.0) * dent_depth) } else { point };
            let oval = sunk * (1.0 / sunk.length());
            let soft = sunk + (oval - sunk) * if dented { 0.3 * softness } else { softness };
            let shift = (1.0 - point.x) * if point.y < 0.0 { aside } else { low_aside };
            let ideal = at(side * soft.x * stretch * half_width + shift, soft.y + raise * soft.x.min(0.7));
            let turned = at(turn.x * ideal.x - turn.y * ideal.y, turn.y * ideal.x + turn.x * ideal.y);
            hand.near(turned, unevenness)
        };
        let half = manner.half;
        let base = half.len() - 1;
        let right: Vec<Point> = half.iter().map(|&point| place(point, 1.0)).collect();
        let left: Vec<Point> = half[1..base].iter().rev().map(|&point| place(point, -1.0)).collect();
        let (dent, bottom) = (right[0], right[base]);
        // Someone who draws quickly leaves out points.
        let haste = 0.3 * hand.unit() * hand.unit();
        let mut knots = vec![dent];
        knots.extend(right[1..base].iter().filter(|_| !hand.chance(haste)));
        let base = knots.len();
        knots.push(bottom);
        knots.extend(left.iter().filter(|_| !hand.chance(haste)));
        knots.push(dent);
        Self { base, dent, bottom, half_width, knots }
    }

    /// Draws the outline: usually in one stroke from the dent, sometimes in two halves, with a
    /// bite, unfinished, or traced twice.
    pub(super) fn strokes(&self, hand: &mut Hand) -> Vec<Stroke> {
        let last = self.knots.len() - 1;
        let mut knots = self.knots.clone();
        knots[last] = hand.miss(self.dent);
        match hand.choose(&[64.0, 13.0, 9.0, 3.5, 3.0, 2.5, 4.0]) {
            // One stroke around, clockwise or counter-clockwise.
            0 => {
                if hand.chance(0.5) {
                    knots.reverse();
                }
                vec![hand.curve(&knots)]
            }
            // Two halves, both from the top.
            1 => {
                let mut left = knots.split_off(self.base);
                knots.push(hand.miss(left[0]));
                left.reverse();
                vec![hand.curve(&knots), hand.curve(&left)]
            }
            // One stroke that begins on the side and overshoots its beginning, without a corner at
            // the dent.
            2 => {
                let begin = 1 + (hand.unit() * (last - 1) as f64) as usize;
                let mut round: Vec<Point> = (0..last).map(|k| self.knots[(begin + k) % last]).collect();
                let (start, next) = (round[0], round[1]);
                round.push(hand.miss(start));
                if hand.chance(0.7) {
                    round.push(hand.miss(start + (next - start) * 0.5));
                }
                vec![hand.curve(&round)]
            }
            // With a bite.
            3 => vec![self.bitten(hand)],
            // Unfinished.
            4 => {
                let end = last - usize::from(hand.chance(0.4));
                let stop = knots[end - 1] + (knots[end] - knots[end - 1]) * hand.within(0.0, 0.7);
                knots.truncate(end);
                knots.push(stop);
                if hand.chance(0.5) {
                    for knot in &mut knots {
                        knot.x = -knot.x;
                    }
                }
                vec![hand.curve(&knots)]
            }
            // Traced a second time, part of the way.
            5 => {
                let again = 3 + (hand.unit() * (last - 3) as f64) as usize;
                let second: Vec<Point> = self.knots[1..=again].iter().map(|&knot| hand.near(knot, 0.08)).collect();
                knots.extend(second);
                vec![hand.curve(&knots)]
            }
            // Straight lines from corner to corner.
            _ => {
                let corners: Vec<Point> = knots
                    .iter()
                    .enumerate()
                    .filter(|&(index, _)| index == 0 || index == last || hand.chance(0.75))
                    .map(|(_, &knot)| knot)
                    .collect();
                vec![hand.lines(&corners)]
            }
        }
    }

    /// The outline with a bite on the right or left side: two to four scallops that curve inwards.
    fn bitten(&self, hand: &mut Hand) -> Stroke {
        let (top, low) = (hand.within(-0.6, -0.3), hand.within(0.15, 0.55));
        let side = hand.side();
        // Mirrored and reversed, a left side is a right side.
        let mut mirrored: Vec<Point> = self.knots.iter().map(|knot| at(side * knot.x, knot.y)).collect();
        if side < 0.0 {
            mirrored.reverse();
        }
        let wide = 0.85 * self.half_width;
        let above: Vec<Point> = mirrored
            .iter()
            .take_while(|knot| knot.x < 0.5 * wide || knot.y < top - 0.1)
            .take(self.base)
            .copied()
            .collect();
        let rest = &mirrored[above.len().max(2)..];
        let skipped = rest.iter().take_while(|knot| knot.y < low + 0.1 && knot.x > 0.4 * wide).count();
        let below = &rest[skipped..];
        let (from, to) = (at(wide, top), at(wide * hand.within(0.85, 1.0), low));
        let mut path = above;
        path.push(from);
        let mut path = smooth(&path, 12);
        let teeth = 2 + hand.choose(&[3.0, 4.0, 2.0]);
        let depth = hand.within(0.25, 0.55) * self.half_width;
        let place = |t: f64| {
            let inwards = 4.0 * t * (1.0 - t) * depth;
            from + (to - from) * t - at(inwards, 0.0)
        };
        for tooth in 0..teeth {
            let (start, end) = (tooth as f64 / teeth as f64, (tooth + 1) as f64 / teeth as f64);
            let middle = place(0.5 * (start + end)) - at(0.16 * self.half_width, 0.0);
            let bow = [place(start), hand.near(middle, 0.05), place(end)];
            path.extend(&smooth(&bow, 8)[1..]);
        }
        let mut rest = vec![to];
        rest.extend(below);
        path.extend(&smooth(&rest, 12)[1..]);
        for point in &mut path {
            point.x *= side;
        }
        hand.trace(&path)
    }
}

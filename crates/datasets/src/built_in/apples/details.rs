//! What people add to the outline of an apple: stems, leaves, and details inside.

use super::outline::Body;
use crate::built_in::geometry::{Point, at, direction};
use crate::built_in::hand::{Hand, Stroke};

/// Adds the rest of the drawing to the `strokes` of the outline.
pub(super) fn add(hand: &mut Hand, body: &Body, strokes: &mut Vec<Stroke>) {
    // The stem is rarely in exactly the right place.
    let aside = at(0.22 * hand.around(0.0, 1.0) * hand.unit(), 0.08);
    let foot = hand.near(body.dent + aside, 0.09);
    let (tip, has_stem) = stem(hand, foot, strokes);
    leaves(hand, foot, tip, has_stem, strokes);
    if hand.chance(0.07) {
        calyx(hand, body.bottom, strokes);
    }
    if hand.chance(0.035) {
        hole(hand, body, strokes);
    }
    if hand.chance(0.035) {
        highlight(hand, body, strokes);
    }
    if hand.chance(0.024) {
        shading(hand, body, strokes);
    }
}

/// Draws a stem upwards from `foot`; returns its tip, and whether there is a stem.
fn stem(hand: &mut Hand, foot: Point, strokes: &mut Vec<Stroke>) -> (Point, bool) {
    let height = hand.within(0.5, 0.95) + 0.85 * hand.unit() * hand.unit();
    let lean = hand.around(0.12, 0.6);
    let tip = foot + at(lean * height * 1.6, -height);
    let middle = foot + (tip - foot) * 0.5;
    match hand.choose(&[34.0, 26.0, 8.0, 11.0, 4.0, 4.0, 13.0]) {
        // One line.
        0 => strokes.push(hand.lines(&[foot, tip])),
        // A bent line.
        1 => {
            let bend = hand.side() * hand.within(0.06, 0.16);
            let knots = [foot, middle + (tip - foot).sideways() * bend, tip];
            strokes.push(hand.curve(&knots));
        }
        // A hook.
        2 => {
            let side = hand.side();
            let over = tip + at(side * hand.within(0.2, 0.5), hand.around(0.0, 0.15));
            let knots = [foot, middle - at(0.05 * side, 0.0), tip, over];
            strokes.push(hand.curve(&knots));
        }
        // Two sides and a top.
        3 => {
            let half = hand.within(0.05, 0.13);
            let flare = hand.within(0.8, 1.5);
            let knots = [
                foot - at(half, 0.0),
                tip - at(half * flare, 0.0),
                tip + at(half * flare, hand.around(0.0, 0.06)),
                foot + at(half, 0.0),
            ];
            let knots = knots.map(|knot| hand.near(knot, 0.03));
            strokes.push(hand.lines(&knots));
        }
        // Up and down again, a thick line.
        4 => {
            let mut knots = vec![foot];
            for k in 0..3 + hand.choose(&[1.0, 1.0, 1.0]) {
                knots.push(hand.near(if k % 2 == 0 { tip } else { foot }, 0.07));
            }
            strokes.push(hand.lines(&knots));
        }
        // A fork.
        5 => {
            let other = hand.near(tip + at(-2.0 * lean * height - 0.15, 0.05), 0.15);
            strokes.push(hand.lines(&[tip, foot]));
            strokes.push(hand.lines(&[foot, other]));
        }
        // No stem.
        _ => return (foot, false),
    }
    (tip, true)
}

/// Draws up to two leaves on the stem, or on the body if there is no stem.
fn leaves(hand: &mut Hand, foot: Point, tip: Point, has_stem: bool, strokes: &mut Vec<Stroke>) {
    let count = hand.choose(if has_stem { &[44.0, 48.0, 8.0] } else { &[8.0, 78.0, 14.0] });
    let mut side = if hand.chance(0.72) { 1.0 } else { -1.0 };
    for _ in 0..count {
        let height = hand.unit();
        let base = hand.near(foot + (tip - foot) * height, 0.04);
        // From nearly horizontal to nearly vertical.
        let up = hand.within(0.03, 0.2);
        let along = direction(-up);
        let along = at(side * along.x, along.y);
        leaf(hand, base, along, strokes);
        side = -side;
    }
    if hand.chance(0.09) {
        scribble(hand, foot + (tip - foot) * 0.5 - at(0.0, 0.1), 0.16, strokes);
    }
}

/// Draws one leaf from `base` in the direction `along`.
fn leaf(hand: &mut Hand, base: Point, along: Point, strokes: &mut Vec<Stroke>) {
    let length = hand.within(0.38, 0.85) + 0.7 * hand.unit() * hand.unit() * hand.unit();
    let end = base + along * length;
    let thickness = along.sideways() * (length * hand.within(0.18, 0.36));
    let middle = base + along * (0.5 * length);
    match hand.choose(&[48.0, 17.0, 12.0, 12.0, 6.0]) {
        // An almond: out on one side, back on the other.
        0 => {
            let out = hand.curve(&[base, middle - thickness, end]);
            let home = hand.miss(base);
            let back = hand.curve(&[end, middle + thickness, home]);
            strokes.push([out, back].concat());
            if hand.chance(0.14) {
                let stop = base + along * (length * hand.within(0.6, 0.9));
                strokes.push(hand.lines(&[base, stop]));
            }
        }
        // A loop without a tip.
        1 => {
            let home = hand.miss(base);
            let knots =
                [base, middle - thickness, end - thickness * 0.4, end + thickness * 0.4, middle + thickness, home];
            strokes.push(hand.curve(&knots));
        }
        // A flag.
        2 => {
            let home = hand.miss(base + along.sideways() * (0.35 * length));
            let knots = [base, end - thickness * 0.5, hand.near(end + thickness, 0.05), home];
            strokes.push(hand.lines(&knots));
        }
        // A tick.
        3 => strokes.push(hand.curve(&[base, middle - thickness * 0.6, end])),
        // Filled with a zigzag.
        _ => {
            let mut knots = vec![base];
            for k in 1..=6 {
                let swing = if k % 2 == 0 { 0.8 } else { -0.8 };
                knots.push(hand.near(base + along * (length * f64::from(k) / 6.0) + thickness * swing, 0.04));
            }
            strokes.push(hand.lines(&knots));
        }
    }
}

/// A tangle of short lines around `centre`.
fn scribble(hand: &mut Hand, centre: Point, size: f64, strokes: &mut Vec<Stroke>) {
    let count = 5 + hand.choose(&[1.0; 5]);
    let knots: Vec<Point> = (0..count).map(|_| hand.near(centre, size)).collect();
    strokes.push(hand.lines(&knots));
}

/// The remains of the blossom: a few short lines under the apple.
fn calyx(hand: &mut Hand, bottom: Point, strokes: &mut Vec<Stroke>) {
    if hand.chance(0.5) {
        scribble(hand, bottom, 0.1, strokes);
    } else {
        let spread = hand.within(0.08, 0.18);
        let knots = [at(-spread, 0.05), at(0.0, -0.1), at(spread, 0.05)].map(|knot| hand.near(bottom + knot, 0.05));
        strokes.push(hand.lines(&knots));
    }
}

/// A worm hole, a speck, or a worm that looks out of its hole.
fn hole(hand: &mut Hand, body: &Body, strokes: &mut Vec<Stroke>) {
    let centre = at(hand.around(0.0, 0.6 * body.half_width), hand.around(0.15, 0.4));
    let size = hand.within(0.02, 0.13);
    let start = hand.unit();
    let knots: Vec<Point> =
        (0..=6).map(|k| hand.near(centre + direction(start + f64::from(k) / 6.0) * size, 0.2 * size)).collect();
    strokes.push(hand.curve(&knots));
    if hand.chance(0.2) {
        let side = hand.side();
        let worm = [at(0.0, 0.0), at(0.2, -0.16), at(0.38, 0.02), at(0.58, -0.14)];
        let worm = worm.map(|knot| hand.near(centre + at(side * knot.x, knot.y), 0.05));
        strokes.push(hand.curve(&worm));
    }
}

/// A highlight: a short arc inside the outline.
fn highlight(hand: &mut Hand, body: &Body, strokes: &mut Vec<Stroke>) {
    let side = hand.side();
    let (begin, arc) = (hand.within(-0.14, 0.02), hand.within(0.08, 0.18));
    let inside = hand.within(0.55, 0.75);
    let knots: Vec<Point> = (0..=4)
        .map(|k| {
            let around = direction(begin + arc * (f64::from(k) / 4.0 - 0.5));
            at(side * around.x * inside * body.half_width, around.y * inside)
        })
        .collect();
    strokes.push(hand.curve(&knots));
}

/// Hatching on one side of the body.
fn shading(hand: &mut Hand, body: &Body, strokes: &mut Vec<Stroke>) {
    let side = hand.side();
    let count = 4 + hand.choose(&[3.0, 3.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    let mut knots = Vec::new();
    for k in 0..count {
        let y = -0.3 + 0.8 * k as f64 / count as f64;
        let (near, far) = (0.25 * body.half_width, 0.7 * body.half_width);
        knots.push(hand.near(at(side * if k % 2 == 0 { near } else { far }, y), 0.07));
    }
    strokes.push(hand.lines(&knots));
}

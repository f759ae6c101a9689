//! Points, curves and a sine for the built-in drawings.
//!
//! Only operations that IEEE 754 specifies exactly are used (`+ - * /`, square root, comparisons,
//! rounding). The standard library's `sin` may differ in the last bit between platforms, so a short
//! polynomial replaces it.

use std::ops::{Add, Mul, Sub};

/// A position on the paper; `x` points right, `y` down.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// Makes a [`Point`].
pub(super) const fn at(x: f64, y: f64) -> Point {
    Point { x, y }
}

impl Add for Point {
    type Output = Point;

    fn add(self, other: Point) -> Point {
        at(self.x + other.x, self.y + other.y)
    }
}

impl Sub for Point {
    type Output = Point;

    fn sub(self, other: Point) -> Point {
        at(self.x - other.x, self.y - other.y)
    }
}

impl Mul<f64> for Point {
    type Output = Point;

    fn mul(self, factor: f64) -> Point {
        at(self.x * factor, self.y * factor)
    }
}

impl Point {
    /// The distance from the origin.
    pub(super) fn length(self) -> f64 {
        (self.x * self.x + self.y * self.y).sqrt()
    }

    /// A quarter turn clockwise, as seen on the paper.
    pub(super) fn sideways(self) -> Point {
        at(-self.y, self.x)
    }
}

/// The distance of `point` from the segment `a b`.
pub(super) fn distance_to_segment(point: Point, a: Point, b: Point) -> f64 {
    let (along, to) = (b - a, point - a);
    let square = along.x * along.x + along.y * along.y;
    let t = if square > 0.0 { ((to.x * along.x + to.y * along.y) / square).clamp(0.0, 1.0) } else { 0.0 };
    (to - along * t).length()
}

/// `sin(2π turns)` to about four digits, with the same bits on every machine.
pub(super) fn sine(turns: f64) -> f64 {
    let phase = turns - turns.floor();
    // A parabola through the zeros and extrema of each half wave, and one correction of its shape.
    let half = if phase < 0.5 { phase } else { phase - 0.5 };
    let parabola = 16.0 * half * (0.5 - half);
    let wave = parabola * (0.775 + 0.225 * parabola);
    if phase < 0.5 { wave } else { -wave }
}

/// The unit vector at `turns` of a full turn clockwise (as seen on the paper) from the x axis.
pub(super) fn direction(turns: f64) -> Point {
    at(sine(turns + 0.25), sine(turns))
}

/// A smooth curve through `knots` (Catmull-Rom) with `per_span` points per span, from the first
/// knot to the last.
pub(super) fn smooth(knots: &[Point], per_span: usize) -> Vec<Point> {
    if knots.len() < 3 {
        return knots.to_vec();
    }
    let last = knots.len() - 1;
    let mut curve = Vec::with_capacity(last * per_span + 1);
    curve.push(knots[0]);
    for i in 0..last {
        let (p1, p2) = (knots[i], knots[i + 1]);
        // Beyond the ends the curve continues straight.
        let p0 = if i == 0 { p1 + (p1 - p2) } else { knots[i - 1] };
        let p3 = if i + 1 == last { p2 + (p2 - p1) } else { knots[i + 2] };
        for k in 1..=per_span {
            let t = k as f64 / per_span as f64;
            let a = p1 * 2.0;
            let b = (p2 - p0) * t;
            let c = (p0 * 2.0 - p1 * 5.0 + p2 * 4.0 - p3) * (t * t);
            let d = (p1 * 3.0 - p0 - p2 * 3.0 + p3) * (t * t * t);
            curve.push((a + b + c + d) * 0.5);
        }
    }
    curve
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sine_is_a_sine() {
        for k in -400..400 {
            let turns = f64::from(k) / 100.0;
            assert!((sine(turns) - (turns * std::f64::consts::TAU).sin()).abs() < 1.2e-3, "at {turns} turns");
        }
    }

    #[test]
    fn a_curve_passes_its_knots() {
        let knots = [at(0.0, 0.0), at(1.0, 0.5), at(1.5, 2.0), at(0.0, 3.0)];
        let curve = smooth(&knots, 5);
        assert_eq!(curve.len(), 16);
        for (i, knot) in knots.iter().enumerate() {
            assert!((curve[i * 5] - *knot).length() < 1e-12);
        }
    }
}

//! A hand that draws: it trembles, hurries, misses the beginning of a loop, and differs for every
//! drawing.

use super::geometry::{Point, at, smooth};
use kernels::random::Draws;
use rand::RngExt;

/// One stroke: the positions of the pen in order.
pub(super) type Stroke = Vec<Point>;

/// The habits of one person during one drawing. Lengths are in units of half the apple's body.
pub(super) struct Hand {
    draws: Draws,
    /// How far the pen deviates from its path.
    tremor: f64,
    /// The distance between two reported points: a quick hand has few, and its curves are angular.
    spacing: f64,
    /// How far the end of a loop is from its beginning.
    carelessness: f64,
}

impl Hand {
    /// A hand with random habits from `draws`.
    pub(super) fn new(draws: Draws) -> Self {
        let mut hand = Self { draws, tremor: 0.0, spacing: 0.0, carelessness: 0.0 };
        hand.tremor = 0.014 + 0.05 * hand.unit() * hand.unit();
        hand.spacing = 0.06 + 0.34 * hand.unit() * hand.unit();
        hand.carelessness = 0.03 + 0.25 * hand.unit() * hand.unit();
        hand
    }

    /// A random number in [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        self.draws.random::<f64>()
    }

    /// A random number in [low, high).
    pub(super) fn within(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A random number around `centre`, rarely more than `spread` away and never more than 1.5
    /// times that: the sum of three uniform numbers, which is bell-shaped without the logarithms of
    /// a normal distribution.
    pub(super) fn around(&mut self, centre: f64, spread: f64) -> f64 {
        centre + spread * (self.unit() + self.unit() + self.unit() - 1.5)
    }

    /// A random position around `centre`, within `spread` in each direction.
    pub(super) fn near(&mut self, centre: Point, spread: f64) -> Point {
        at(self.around(centre.x, spread), self.around(centre.y, spread))
    }

    /// True with this probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// -1 or 1 at random.
    pub(super) fn side(&mut self) -> f64 {
        if self.chance(0.5) { -1.0 } else { 1.0 }
    }

    /// A random index; index i has the probability `weights[i]` divided by their sum.
    pub(super) fn choose(&mut self, weights: &[f64]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f64>();
        for (index, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return index;
            }
        }
        weights.len() - 1
    }

    /// Where a loop that should return to `start` ends.
    pub(super) fn miss(&mut self, start: Point) -> Point {
        let spread = self.carelessness;
        self.near(start, spread)
    }

    /// Draws a curve through `knots`.
    pub(super) fn curve(&mut self, knots: &[Point]) -> Stroke {
        self.trace(&smooth(knots, 12))
    }

    /// Draws straight lines between knots.
    pub(super) fn lines(&mut self, knots: &[Point]) -> Stroke {
        let fine: Vec<Point> = knots
            .windows(2)
            .flat_map(|pair| (0..8).map(|k| pair[0] + (pair[1] - pair[0]) * (f64::from(k) / 8.0)))
            .collect();
        let mut path = fine;
        path.extend(knots.last());
        self.trace(&path)
    }

    /// Follows `path` with the pen: reports a point about every `spacing`, and deviates slowly.
    pub(super) fn trace(&mut self, path: &[Point]) -> Stroke {
        let Some((&first, rest)) = path.split_first() else { return Stroke::new() };
        let (mut astray, mut aim) = (Point::default(), Point::default());
        let mut stroke = vec![first];
        let (mut last, mut walked) = (first, 0.0);
        let mut pause = self.pause();
        for (index, &point) in rest.iter().enumerate() {
            let step = (point - last).length();
            last = point;
            walked += step;
            // The deviation is a random walk that is pulled back, so neighbouring points deviate
            // alike.
            if self.chance(4.0 * step) {
                aim = self.near(Point::default(), 1.3 * self.tremor);
            }
            let follow = (5.0 * step).min(1.0);
            astray = astray + (aim - astray) * follow;
            if walked >= pause || index + 1 == rest.len() {
                stroke.push(point + astray);
                walked = 0.0;
                pause = self.pause();
            }
        }
        stroke
    }

    /// The distance to the next reported point.
    fn pause(&mut self) -> f64 {
        let spacing = self.spacing;
        self.within(0.6 * spacing, 1.4 * spacing)
    }
}

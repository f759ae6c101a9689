//! Paints areas of colour with anti-aliased edges.
//!
//! A figure is given by its signed distance in pixels: negative inside, positive outside. The
//! coverage of a pixel depends on the distance at its centre, and falls from full to none over one
//! pixel.

use super::geometry::{Point, at, distance_to_segment};

/// Red, green and blue, from 0 to 1.
pub(super) type Colour = [f64; 3];

/// A square picture. Lengths are in units of the side, so a scene can be painted at any size.
pub(super) struct Canvas {
    side: usize,
    pixels: Vec<Colour>,
}

impl Canvas {
    /// A canvas of `side` x `side` pixels; the background is a function of the position.
    pub(super) fn new(side: usize, background: impl Fn(Point) -> Colour) -> Self {
        let centre = |index: usize| (index as f64 + 0.5) / side as f64;
        let pixels = (0..side * side).map(|index| background(at(centre(index % side), centre(index / side)))).collect();
        Self { side, pixels }
    }

    /// Paints everything with a negative `distance` in `colour`. Only the part between `low` and
    /// `high` is examined.
    pub(super) fn paint(
        &mut self,
        (low, high): (Point, Point),
        distance: impl Fn(Point) -> f64,
        colour: impl Fn(Point) -> Colour,
    ) {
        let size = self.side as f64;
        // One more pixel on every side for the soft edge. The cast turns negative values into 0.
        let first = |place: f64| (place * size - 1.0) as usize;
        let last = |place: f64| ((place * size + 2.0) as usize).min(self.side);
        for y in first(low.y)..last(high.y) {
            for x in first(low.x)..last(high.x) {
                let place = at((x as f64 + 0.5) / size, (y as f64 + 0.5) / size);
                let cover = (0.5 - distance(place) * size).clamp(0.0, 1.0);
                if cover > 0.0 {
                    let pixel = &mut self.pixels[y * self.side + x];
                    *pixel = blend(*pixel, colour(place), cover);
                }
            }
        }
    }

    /// Paints an ellipse with these semi-axes.
    pub(super) fn ellipse(&mut self, centre: Point, half: Point, colour: Colour) {
        self.paint((centre - half, centre + half), |place| ellipse(place - centre, half), |_| colour);
    }

    /// Paints a polygon.
    pub(super) fn polygon(&mut self, corners: &[Point], colour: Colour) {
        let low = corners.iter().fold(at(1.0, 1.0), |low, corner| at(low.x.min(corner.x), low.y.min(corner.y)));
        let high = corners.iter().fold(at(0.0, 0.0), |high, corner| at(high.x.max(corner.x), high.y.max(corner.y)));
        self.paint((low, high), |place| polygon(place, corners), |_| colour);
    }

    /// Paints a line with round ends through `knots`.
    pub(super) fn line(&mut self, knots: &[Point], width: f64, colour: Colour) {
        let radius = at(0.5 * width, 0.5 * width);
        for pair in knots.windows(2) {
            let low = at(pair[0].x.min(pair[1].x), pair[0].y.min(pair[1].y)) - radius;
            let high = at(pair[0].x.max(pair[1].x), pair[0].y.max(pair[1].y)) + radius;
            self.paint((low, high), |place| distance_to_segment(place, pair[0], pair[1]) - radius.x, |_| colour);
        }
    }

    /// Writes the picture as bytes, (side, side, 3).
    pub(super) fn write(&self, bytes: &mut [u8]) {
        for (pixel, colour) in bytes.as_chunks_mut::<3>().0.iter_mut().zip(&self.pixels) {
            *pixel = colour.map(|value| (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8);
        }
    }
}

/// Interpolates between two colours: `from` for a `share` of 0, `to` for 1.
pub(super) fn blend(from: Colour, to: Colour, share: f64) -> Colour {
    [0, 1, 2].map(|channel| from[channel] + (to[channel] - from[channel]) * share)
}

/// Makes a colour lighter (factor above 1) or darker.
pub(super) fn shade(colour: Colour, factor: f64) -> Colour {
    colour.map(|value| (value * factor).min(1.0))
}

/// Converts hue (in turns), saturation and value, from 0 to 1, to red, green and blue.
pub(super) fn hsv(hue: f64, saturation: f64, value: f64) -> Colour {
    let hue = hue - hue.floor();
    [0.0, 2.0 / 3.0, 1.0 / 3.0].map(|shift| {
        let phase = hue + shift;
        // The distance from the channel's own hue in sixths of a turn: the channel is full within
        // one, and zero beyond two.
        let away = ((phase - phase.floor()) * 6.0 - 3.0).abs() - 1.0;
        value * (1.0 - saturation * (1.0 - away.clamp(0.0, 1.0)))
    })
}

/// The signed distance from an ellipse about the origin: exact on its edge, and accurate near it.
pub(super) fn ellipse(place: Point, half: Point) -> f64 {
    let scaled = at(place.x / half.x, place.y / half.y);
    let slope = at(scaled.x / half.x, scaled.y / half.y).length();
    let ring = scaled.length();
    if slope > 0.0 { ring * (ring - 1.0) / slope } else { -half.x.min(half.y) }
}

/// The signed distance from a polygon.
fn polygon(place: Point, corners: &[Point]) -> f64 {
    let (mut inside, mut distance) = (false, f64::MAX);
    let mut last = corners[corners.len() - 1];
    for &corner in corners {
        distance = distance.min(distance_to_segment(place, last, corner));
        let crosses = (corner.y > place.y) != (last.y > place.y);
        if crosses && place.x < corner.x + (last.x - corner.x) * (place.y - corner.y) / (last.y - corner.y) {
            inside = !inside;
        }
        last = corner;
    }
    if inside { -distance } else { distance }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_cover_what_they_should() {
        let mut canvas = Canvas::new(20, |_| [0.0; 3]);
        canvas.ellipse(at(0.5, 0.5), at(0.4, 0.2), [1.0, 0.5, 0.0]);
        let mut bytes = vec![0; 20 * 20 * 3];
        canvas.write(&mut bytes);
        let area: f64 = bytes.chunks_exact(3).map(|pixel| f64::from(pixel[0]) / 255.0).sum();
        let exact = std::f64::consts::PI * 0.4 * 0.2 * 400.0;
        assert!((area - exact).abs() < 0.03 * exact, "{area}, exact {exact}");
        assert_eq!(&bytes[(10 * 20 + 10) * 3..][..3], [255, 128, 0]);

        let mut canvas = Canvas::new(20, |_| [0.0; 3]);
        canvas.polygon(&[at(0.1, 0.1), at(0.9, 0.1), at(0.1, 0.9)], [1.0; 3]);
        canvas.write(&mut bytes);
        let area: f64 = bytes.chunks_exact(3).map(|pixel| f64::from(pixel[1]) / 255.0).sum();
        assert!((area - 128.0).abs() < 2.0, "{area}");
    }

    #[test]
    fn hues_are_the_known_colours() {
        for (hue, wanted) in [
            (0.0, [1.0, 0.0, 0.0]),
            (1.0 / 3.0, [0.0, 1.0, 0.0]),
            (2.0 / 3.0, [0.0, 0.0, 1.0]),
            (1.0 / 6.0, [1.0, 1.0, 0.0]),
        ] {
            let found = hsv(hue, 1.0, 1.0);
            assert!(found.iter().zip(wanted).all(|(found, wanted)| (found - wanted).abs() < 1e-9), "{hue}: {found:?}");
        }
    }
}

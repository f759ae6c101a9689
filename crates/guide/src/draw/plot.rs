//! [`Plot`]: curves in a frame.

use super::canvas::{Anchor, Canvas, Stroke, color};

/// A frame on a canvas with an axis of numbers along its bottom and its left side.
pub struct Plot {
    /// The upper left corner of the frame, on the canvas.
    pub at: [f64; 2],
    /// Its width and height.
    pub size: [f64; 2],
    /// The values of x at its left and right end.
    pub x: [f64; 2],
    /// The values of y at its bottom and top.
    pub y: [f64; 2],
}

impl Plot {
    /// The position of the point (x, y) on the canvas.
    pub fn place(&self, x: f64, y: f64) -> [f64; 2] {
        let along = |value: f64, [low, high]: [f64; 2]| (value - low) / (high - low);
        [self.at[0] + self.size[0] * along(x, self.x), self.at[1] + self.size[1] * (1.0 - along(y, self.y))]
    }

    /// The frame, with lines and numbers at the ticks, and a name for each axis.
    pub fn frame(&self, canvas: &mut Canvas, ticks: [&[f64]; 2], names: [&str; 2]) {
        let grid = Stroke::new(color::FAINT).width(1.0);
        for x in ticks[0] {
            let [left, bottom] = self.place(*x, self.y[0]);
            canvas.line([left, bottom], [left, self.at[1]], grid);
            canvas.text([left, bottom + 16.0], Anchor::Middle, 12.0, color::QUIET, &label(*x));
        }
        for y in ticks[1] {
            let [left, height] = self.place(self.x[0], *y);
            canvas.line([left, height], [left + self.size[0], height], grid);
            canvas.text([left - 6.0, height + 4.0], Anchor::End, 12.0, color::QUIET, &label(*y));
        }
        canvas.rectangle(self.at, self.size, color::NONE, Stroke::new(color::QUIET).width(1.0));
        let below = self.at[1] + self.size[1] + 34.0;
        canvas.text([self.at[0] + self.size[0] / 2.0, below], Anchor::Middle, 13.0, color::INK, names[0]);
        canvas.text([self.at[0], self.at[1] - 8.0], Anchor::Start, 13.0, color::INK, names[1]);
    }

    /// A curve through points, for x inside the frame; y outside of it is clipped.
    pub fn curve(&self, canvas: &mut Canvas, points: impl IntoIterator<Item = [f64; 2]>, stroke: Stroke) {
        let inside = points.into_iter().filter(|[x, _]| (self.x[0]..=self.x[1]).contains(x));
        let points: Vec<_> = inside.map(|[x, y]| self.place(x, y.clamp(self.y[0], self.y[1]))).collect();
        canvas.path(&points, stroke);
    }

    /// The graph of `f`, at 121 points.
    pub fn graph(&self, canvas: &mut Canvas, f: impl Fn(f64) -> f64, stroke: Stroke) {
        let x = |i: i32| self.x[0] + (self.x[1] - self.x[0]) * f64::from(i) / 120.0;
        self.curve(canvas, (0..=120).map(|i| [x(i), f(x(i))]), stroke);
    }
}

fn label(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e5).contains(&size) { format!("{value:e}") } else { format!("{value}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_are_in_place() {
        let plot = Plot { at: [10.0, 20.0], size: [100.0, 50.0], x: [-1.0, 1.0], y: [0.0, 5.0] };
        assert_eq!(plot.place(-1.0, 0.0), [10.0, 70.0]);
        assert_eq!(plot.place(1.0, 5.0), [110.0, 20.0]);
        assert_eq!([1e-4, 0.5, 0.0, 1e6].map(label), ["1e-4", "0.5", "0", "1e6"]);
    }
}

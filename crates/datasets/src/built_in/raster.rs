//! Rasterises strokes to a 28x28 picture in the way the Quick, Draw! bitmaps were made.
//!
//! Those drawings were scaled to fill a box of 256 units (by the longer side), simplified
//! (Ramer-Douglas-Peucker, tolerance 2) and rounded to whole units. Then each was centred, drawn
//! with a round pen 16 units wide and a margin of 16 units, and reduced to 28 pixels with exact
//! anti-aliasing. Measured on the published file: a straight line is 16/304 * 28 = 1.47 pixels
//! wide, and the margin at the longer side is 1.5 pixels.

use super::geometry::{Point, at, distance_to_segment};
use super::hand::Stroke;

/// The side of a picture in pixels.
pub(super) const SIDE: usize = 28;
/// The side of the box to which strokes are scaled.
const BOX: f64 = 255.0;

/// The sheet and the pen, in units of the box.
#[derive(Clone, Copy)]
pub(super) struct Sheet {
    /// The side of the sheet that is reduced to [`SIDE`] pixels: the box, the pen's width and both
    /// margins.
    pub(super) paper: f64,
    /// The width of the pen.
    pub(super) pen: f64,
}

/// The sheet of the Quick, Draw! bitmaps.
pub(super) const QUICKDRAW: Sheet = Sheet { paper: 304.0, pen: 16.0 };
/// A sheet like MNIST's: the box is 20 of 28 pixels, and the pen is wide.
pub(super) const MNIST: Sheet = Sheet { paper: 357.0, pen: 28.0 };

/// The largest distance of a line from the points it replaces.
const TOLERANCE: f64 = 2.0;
/// Sub-rows of a pixel.
const ROWS: usize = 8;
/// Sub-columns of a pixel. A row of a picture has `SIDE * COLUMNS` bits, a whole number of words.
const COLUMNS: usize = 16;
/// 64-bit words of a sub-row.
const WORDS: usize = SIDE * COLUMNS / 64;

/// Draws the strokes, centred and filling the box, into `picture` (`SIDE * SIDE` values; 0 is
/// paper, 255 is ink). `pressure` scales the pen's width.
pub(super) fn rasterise(strokes: &[Stroke], sheet: Sheet, pressure: f64, picture: &mut [u8]) {
    let strokes: Vec<Stroke> = fill_box(strokes).iter().map(simplify).collect();
    let (low, high) = bounds(&strokes);
    let shift = at(sheet.paper / 2.0, sheet.paper / 2.0) - (low + high) * 0.5;
    let scale = SIDE as f64 / sheet.paper;
    let radius = 0.5 * sheet.pen * pressure * scale;
    let mut mask = Mask::new();
    for stroke in &strokes {
        let mut last = (stroke[0] + shift) * scale;
        for &point in &stroke[usize::from(stroke.len() > 1)..] {
            let next = (point + shift) * scale;
            mask.line(last, next, radius);
            last = next;
        }
    }
    mask.reduce(picture);
}

/// The smallest and the largest coordinates.
fn bounds(strokes: &[Stroke]) -> (Point, Point) {
    let (mut low, mut high) = (at(f64::MAX, f64::MAX), at(f64::MIN, f64::MIN));
    for point in strokes.iter().flatten() {
        low = at(low.x.min(point.x), low.y.min(point.y));
        high = at(high.x.max(point.x), high.y.max(point.y));
    }
    (low, high)
}

/// Moves the strokes to the corner of the box and scales them uniformly until the longer side fills
/// it.
fn fill_box(strokes: &[Stroke]) -> Vec<Stroke> {
    let (low, high) = bounds(strokes);
    let size = high - low;
    let scale = BOX / size.x.max(size.y).max(1e-9);
    strokes.iter().map(|stroke| stroke.iter().map(|&point| (point - low) * scale).collect()).collect()
}

/// The fewest points whose lines stay within [`TOLERANCE`] of the stroke, in whole units.
fn simplify(stroke: &Stroke) -> Stroke {
    let mut kept = vec![false; stroke.len()];
    kept[0] = true;
    kept[stroke.len() - 1] = true;
    let mut spans = vec![(0, stroke.len() - 1)];
    while let Some((from, to)) = spans.pop() {
        let (mut worst, mut distance) = (from, TOLERANCE);
        for middle in from + 1..to {
            let away = distance_to_segment(stroke[middle], stroke[from], stroke[to]);
            if away > distance {
                (worst, distance) = (middle, away);
            }
        }
        if worst > from {
            kept[worst] = true;
            spans.extend([(from, worst), (worst, to)]);
        }
    }
    // Halves are rounded up, not to even. The points are never negative, so truncation rounds down.
    let whole = |point: Point| at(f64::from((point.x + 0.5) as u32), f64::from((point.y + 0.5) as u32));
    stroke.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(&point, _)| whole(point)).collect()
}

/// One bit for each of `ROWS * COLUMNS` positions in every pixel: ink or paper. Crossing lines do
/// not add up.
struct Mask {
    rows: Vec<[u64; WORDS]>,
}

impl Mask {
    fn new() -> Self {
        Self { rows: vec![[0; WORDS]; SIDE * ROWS] }
    }

    /// Inks the segment `a b` (in pixels) with a round pen. Each sub-row cuts the convex shape in
    /// one interval.
    fn line(&mut self, a: Point, b: Point, radius: f64) {
        let (top, bottom) = if a.y <= b.y { (a, b) } else { (b, a) };
        let rows = ROWS as f64;
        let first = ((top.y - radius) * rows) as usize;
        let last = (((bottom.y + radius) * rows).ceil() as usize).min(SIDE * ROWS);
        let along = bottom - top;
        let length = along.length();
        let offset = if length > 0.0 { along.sideways() * (radius / length) } else { Point::default() };
        for row in first..last {
            let y = (row as f64 + 0.5) / rows;
            let (mut left, mut right) = (f64::MAX, f64::MIN);
            for end in [top, bottom] {
                let rise = y - end.y;
                let square = radius * radius - rise * rise;
                if square > 0.0 {
                    let half = square.sqrt();
                    left = left.min(end.x - half);
                    right = right.max(end.x + half);
                }
            }
            if along.y > 0.0 {
                for edge in [top + offset, top - offset] {
                    let below = y - edge.y;
                    if (0.0..=along.y).contains(&below) {
                        let x = edge.x + below / along.y * along.x;
                        left = left.min(x);
                        right = right.max(x);
                    }
                }
            }
            if left < right {
                fill(&mut self.rows[row], left, right);
            }
        }
    }

    /// Writes the share of inked positions of every pixel, from 0 to 255.
    fn reduce(&self, picture: &mut [u8]) {
        const PLACES: u64 = (ROWS * COLUMNS) as u64;
        const PIXELS: usize = 64 / COLUMNS; // in a word
        for (rows, pixels) in self.rows.chunks_exact(ROWS).zip(picture.chunks_exact_mut(SIDE)) {
            for (index, pixels) in pixels.chunks_exact_mut(PIXELS).enumerate() {
                // A byte counts at most 8 positions of a row, 64 in all; a pixel is two bytes.
                let bytes: u64 = rows.iter().map(|row| ones_per_byte(row[index])).sum();
                let counts = (bytes & 0x00FF_00FF_00FF_00FF) + (bytes >> 8 & 0x00FF_00FF_00FF_00FF);
                for (place, pixel) in pixels.iter_mut().enumerate() {
                    let inked = counts >> (COLUMNS * place) & 0xFFFF;
                    *pixel = ((inked * 255 + PLACES / 2) / PLACES) as u8;
                }
            }
        }
    }
}

/// Counts the set bits of each byte: adds neighbouring bits, then pairs, then groups of four.
/// Portable builds have no instruction for it.
fn ones_per_byte(word: u64) -> u64 {
    let pairs = word - (word >> 1 & 0x5555_5555_5555_5555);
    let fours = (pairs & 0x3333_3333_3333_3333) + (pairs >> 2 & 0x3333_3333_3333_3333);
    (fours + (fours >> 4)) & 0x0F0F_0F0F_0F0F_0F0F
}

/// Sets the bits between the positions `left` and `right` (in pixels).
fn fill(row: &mut [u64; WORDS], left: f64, right: f64) {
    // A cast to an integer rounds positive values down, and turns negative ones into 0.
    let place = |x: f64| ((x * COLUMNS as f64 + 0.5) as usize).min(SIDE * COLUMNS);
    let (from, to) = (place(left), place(right));
    let words = from / 64..to.div_ceil(64).max(from / 64);
    for (index, word) in words.clone().zip(&mut row[words]) {
        let (low, high) = (from.max(index * 64), to.min(index * 64 + 64));
        if low < high {
            *word |= (u64::MAX >> (64 - (high - low))) << (low - index * 64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upright_line_has_the_real_width_of_ink() {
        let mut picture = [0; SIDE * SIDE];
        rasterise(&[vec![at(0.0, 0.0), at(0.0, 1.0)]], QUICKDRAW, 1.0, &mut picture);
        let ink: u32 = picture[14 * SIDE..15 * SIDE].iter().map(|&value| u32::from(value)).sum();
        // 1.47 pixels of 255. In the real file, the vertical lines sum to 371 to 377.
        assert!((366..=384).contains(&ink), "{ink}");
        assert_eq!((picture[0], picture[14]), (0, 0), "the paper's rim stays free");
        assert!(picture[SIDE + 14] > 0 && picture[26 * SIDE + 13] > 0);
    }

    #[test]
    fn a_straight_stroke_needs_two_points_and_a_corner_three() {
        let bent: Stroke =
            (0..=10).map(|k| at(f64::from(k), if k < 5 { 0.0 } else { 20.0 * f64::from(k - 5) })).collect();
        assert_eq!(simplify(&bent[..5].to_vec()).len(), 2);
        assert_eq!(simplify(&bent).len(), 3);
    }

    #[test]
    fn strokes_of_one_point_leave_a_dot() {
        let mut picture = [0; SIDE * SIDE];
        rasterise(&[vec![at(3.0, 3.0)]], QUICKDRAW, 1.0, &mut picture);
        assert!(picture.iter().any(|&value| value > 0));
    }
}

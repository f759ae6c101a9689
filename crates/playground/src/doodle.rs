//! [`Doodle`]: a visitor's drawing of a few strokes, and its picture.

use crate::link::{letter, six_bits};

/// The height and the width of a picture.
pub(crate) const SIDE: usize = 28;
/// The most doodles.
const MOST: usize = 24;
/// The most points of one doodle.
const MOST_POINTS: usize = 400;

/// Strokes; a point is (x, y) in 64ths of the picture's side.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Doodle(Vec<Vec<[u16; 2]>>);

/// Reads doodles: two letters for a point, `.` between strokes, `*` between doodles.
pub(crate) fn parse(text: &str) -> Result<Vec<Doodle>, String> {
    let point = |pair: &[u8]| Some([six_bits(pair[0])?, six_bits(*pair.get(1)?)?]);
    let stroke = |stroke: &str| stroke.as_bytes().chunks(2).map(point).collect::<Option<Vec<_>>>();
    let doodle = |doodle: &str| doodle.split('.').map(stroke).collect::<Option<Vec<_>>>().map(Doodle);
    let doodles: Option<Vec<_>> = text.split('*').filter(|doodle| !doodle.is_empty()).map(doodle).collect();
    let doodles = doodles.ok_or("`doodles` is damaged: it needs two letters for each point")?;
    // A stroke without points counts too: it takes time and memory.
    let points = |doodle: &Doodle| doodle.0.iter().map(|stroke| stroke.len().max(1)).sum::<usize>();
    let longest = doodles.iter().map(points).max();
    if doodles.len() > MOST || longest > Some(MOST_POINTS) {
        return Err(format!("`doodles` is too long: at most {MOST} doodles of {MOST_POINTS} points"));
    }
    Ok(doodles)
}

/// The doodles as text.
pub(crate) fn write(doodles: &[Doodle]) -> String {
    let stroke = |stroke: &Vec<[u16; 2]>| stroke.iter().flatten().map(|place| letter(*place)).collect::<String>();
    let doodle = |doodle: &Doodle| doodle.0.iter().map(stroke).collect::<Vec<_>>().join(".");
    doodles.iter().map(doodle).collect::<Vec<_>>().join("*")
}

impl Doodle {
    /// The picture, SIDE x SIDE, 0 for paper and 1 for ink, moved by (right, down) pixels: each
    /// pixel's ink falls with its distance from the nearest stroke.
    pub(crate) fn draw(&self, [right, down]: [f32; 2], picture: &mut [f32]) {
        let scale = SIDE as f32 / 64.0;
        picture.fill(0.0);
        for stroke in &self.0 {
            let places: Vec<[f32; 2]> = stroke
                .iter()
                .map(|[x, y]| [(f32::from(*x) + 0.5) * scale + right, (f32::from(*y) + 0.5) * scale + down])
                .collect();
            let dot = places.first().map(|place| [*place, *place]);
            let lines = places.windows(2).map(|pair| [pair[0], pair[1]]);
            for line in dot.into_iter().chain(lines) {
                for (pixel, ink) in picture.iter_mut().enumerate() {
                    let at = [(pixel % SIDE) as f32 + 0.5, (pixel / SIDE) as f32 + 0.5];
                    *ink = ink.max((1.7 - distance(at, line)).clamp(0.0, 1.0));
                }
            }
        }
    }
}

/// The distance of a point from a line segment.
fn distance(at: [f32; 2], [from, to]: [[f32; 2]; 2]) -> f32 {
    let [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    let [px, py] = [at[0] - from[0], at[1] - from[1]];
    let square = dx * dx + dy * dy;
    let share = if square > 0.0 { ((px * dx + py * dy) / square).clamp(0.0, 1.0) } else { 0.0 };
    let [x, y] = [px - share * dx, py - share * dy];
    (x * x + y * y).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doodle_reads_as_it_was_written_and_a_damaged_one_is_refused() {
        let text = "AABB.CCDD*__";
        assert_eq!(write(&parse(text).unwrap()), text);
        assert!(parse("A").is_err() && parse("A!").is_err());
        assert!(parse(&"AA*".repeat(MOST + 1)).unwrap_err().contains("too long"));
    }

    #[test]
    fn a_line_is_ink_where_it_is_and_paper_elsewhere() {
        let mut picture = [0.5; SIDE * SIDE];
        // A level line from the left edge to the right edge, at half height.
        parse("Ag_g").unwrap()[0].draw([0.0, 0.0], &mut picture);
        assert_eq!((picture[14 * SIDE + 3], picture[2 * SIDE + 3]), (1.0, 0.0));
        parse("Ag_g").unwrap()[0].draw([0.0, 8.0], &mut picture);
        assert_eq!((picture[14 * SIDE + 3], picture[22 * SIDE + 3]), (0.0, 1.0));
    }
}

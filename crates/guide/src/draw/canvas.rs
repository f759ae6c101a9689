//! [`Canvas`]: an SVG picture, shape by shape.

use core::fmt::Write as _;

/// The colours of the figures. Each has a contrast of at least 4.5:1 on white, but for
/// [`FAINT`](color::FAINT) and the fills.
pub mod color {
    /// Text and important lines.
    pub const INK: &str = "#222222";
    /// Captions.
    pub const QUIET: &str = "#666666";
    /// Grids and frames.
    pub const FAINT: &str = "#d0d0d0";
    /// Values, in the forward direction.
    pub const VALUE: &str = "#0b57a4";
    /// Gradients, in the backward direction.
    pub const GRADIENT: &str = "#b3400a";
    /// A third colour.
    pub const THIRD: &str = "#2a7a2a";
    /// The fill of boxes with values.
    pub const VALUE_FILL: &str = "#e4effa";
    /// The fill of boxes with gradients.
    pub const GRADIENT_FILL: &str = "#fdeadf";
    /// No fill.
    pub const NONE: &str = "none";
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Stroke {
    color: &'static str,
    width: f64,
    dashed: bool,
}

impl Stroke {
    /// A line of this colour, 2 points wide.
    pub const fn new(color: &'static str) -> Self {
        Self { color, width: 2.0, dashed: false }
    }

    /// Sets the width, in points.
    pub const fn width(self, width: f64) -> Self {
        Self { width, ..self }
    }

    /// Makes it dashed: a difference is never shown by colour alone.
    pub const fn dashed(self) -> Self {
        Self { dashed: true, ..self }
    }

    fn attributes(self) -> String {
        let dashes = if self.dashed { " stroke-dasharray=\"6 4\"" } else { "" };
        format!("stroke=\"{}\" stroke-width=\"{}\"{dashes}", self.color, number(self.width))
    }
}

/// Which point of a text is at the given position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Its left end.
    Start,
    /// Its middle.
    Middle,
    /// Its right end.
    End,
}

/// An SVG picture. All lengths are in points, from the upper left corner.
pub struct Canvas {
    width: f64,
    height: f64,
    body: String,
}

impl Canvas {
    /// An empty, white picture.
    pub fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new() }
    }

    /// A straight line.
    pub fn line(&mut self, from: [f64; 2], to: [f64; 2], stroke: Stroke) {
        self.path(&[from, to], stroke);
    }

    /// A line through points.
    pub fn path(&mut self, points: &[[f64; 2]], stroke: Stroke) {
        let points: Vec<String> = points.iter().map(|[x, y]| format!("{},{}", number(*x), number(*y))).collect();
        let attributes = stroke.attributes();
        self.element(&format!("<polyline points=\"{}\" fill=\"none\" {attributes}/>", points.join(" ")));
    }

    /// A straight line with a head at its end.
    pub fn arrow(&mut self, from: [f64; 2], to: [f64; 2], stroke: Stroke) {
        let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
        let length = (dx * dx + dy * dy).sqrt().max(1e-9);
        let (ux, uy) = (dx / length, dy / length);
        let (long, half) = (5.0 + 2.0 * stroke.width, 2.0 + stroke.width);
        let base = [to[0] - long * ux, to[1] - long * uy];
        self.line(from, base, stroke);
        let corners = [to, [base[0] - half * uy, base[1] + half * ux], [base[0] + half * uy, base[1] - half * ux]];
        let points = corners.map(|[x, y]| format!("{},{}", number(x), number(y))).join(" ");
        self.element(&format!("<polygon points=\"{points}\" fill=\"{}\"/>", stroke.color));
    }

    /// A rectangle with slightly round corners.
    pub fn rectangle(&mut self, at: [f64; 2], size: [f64; 2], fill: &str, stroke: Stroke) {
        let [x, y, width, height] = [at[0], at[1], size[0], size[1]].map(number);
        let attributes = stroke.attributes();
        self.element(&format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"4\" fill=\"{fill}\" {attributes}/>"
        ));
    }

    /// A filled rectangle without a line around it: a cell of a heat map, a bar. Neighbours touch.
    pub fn cell(&mut self, at: [f64; 2], size: [f64; 2], fill: &str) {
        let [x, y, width, height] = [at[0], at[1], size[0], size[1]].map(number);
        self.element(&format!("<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\"/>"));
    }

    /// A filled disc.
    pub fn disc(&mut self, center: [f64; 2], radius: f64, fill: &str) {
        let [x, y, radius] = [center[0], center[1], radius].map(number);
        self.element(&format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"{fill}\"/>"));
    }

    /// A line of text; `at` is on its base line.
    pub fn text(&mut self, at: [f64; 2], anchor: Anchor, size: f64, color: &str, text: &str) {
        let [x, y, size] = [at[0], at[1], size].map(number);
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escaped(text);
        self.element(&format!(
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" font-size=\"{size}\" fill=\"{color}\">{text}</text>"
        ));
    }

    /// The content of the SVG file. Screen readers read the `title`.
    pub fn finish(self, title: &str) -> String {
        let Self { width, height, body } = self;
        let [width, height] = [width, height].map(number);
        let title = escaped(title);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"sans-serif\">\n<title>{title}</title>\n<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n{body}</svg>\n"
        )
    }

    fn element(&mut self, element: &str) {
        writeln!(self.body, "{element}").expect("writing to a string does not fail");
    }
}

/// A length, rounded to a tenth of a point and written as short as possible; never `-0`.
fn number(x: f64) -> String {
    let tenths = (x * 10.0).round() + 0.0;
    format!("{}", tenths / 10.0)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_short_and_signs_of_zero_are_gone() {
        assert_eq!([0.04, -0.04, 2.0, 1.25, -3.17].map(number), ["0", "0", "2", "1.3", "-3.2"]);
    }

    #[test]
    fn text_is_escaped() {
        let mut canvas = Canvas::new(10.0, 20.0);
        canvas.text([1.0, 2.0], Anchor::Middle, 12.0, color::INK, "a < b & c");
        let svg = canvas.finish("<title>");
        assert!(svg.contains("a &lt; b &amp; c") && svg.contains("<title>&lt;title&gt;</title>"), "{svg}");
    }
}

//! One chart: thin lines for every step, thick ones for the mean, a light grid, a legend; as SVG
//! and as PNG.
//!
//! Text uses the compiled-in DejaVu font, so the picture is the same on every machine. The PNG is
//! drawn at twice its size and averaged down, for anti-aliasing.

use datasets::plural;
use plotters::coord::Shift;
use plotters::coord::ranged1d::ValueFormatter;
use plotters::prelude::*;

use crate::fonts;

/// Width and height of the pictures in pixels.
const SIZE: (u32, u32) = (1200, 720);
/// The PNG is drawn this many times larger.
const OVERSAMPLING: u32 = 2;
/// A line with more points than this is reduced: the difference is invisible, and the SVG stays
/// small.
const MOST_POINTS: usize = 1500;
/// Values that span more than this factor get a logarithmic axis.
const WIDE: f64 = 12.0;

const INK: RGBColor = RGBColor(40, 40, 40);
const QUIET: RGBColor = RGBColor(110, 110, 110);
const GRID: RGBColor = RGBColor(225, 225, 225);
const FINE_GRID: RGBColor = RGBColor(243, 243, 243);

/// The contents of a chart.
pub(super) struct Chart {
    pub(super) title: String,
    pub(super) y_label: String,
    /// The range of the vertical axis; derived from the values if absent.
    pub(super) range: Option<(f64, f64)>,
    pub(super) series: Vec<Series>,
}

/// One line of a chart.
pub(super) struct Series {
    pub(super) name: String,
    pub(super) color: (u8, u8, u8),
    /// Steps and values; for a long run the minimum and maximum of each group of steps.
    pub(super) points: Vec<(f64, f64)>,
    /// The means of groups of steps.
    pub(super) means: Vec<(f64, f64)>,
    pub(super) per_mean: usize,
}

impl Chart {
    /// The chart as an SVG file.
    pub(super) fn svg(&self) -> Result<Vec<u8>, String> {
        let mut text = String::new();
        self.draw(&SVGBackend::with_string(&mut text, SIZE).into_drawing_area(), 1.0)?;
        Ok(text.into_bytes())
    }

    /// The chart as a PNG file.
    pub(super) fn png(&self) -> Result<Vec<u8>, String> {
        let large = (SIZE.0 * OVERSAMPLING, SIZE.1 * OVERSAMPLING);
        let mut pixels = vec![0_u8; (large.0 * large.1 * 3) as usize];
        let area = BitMapBackend::with_buffer(&mut pixels, large).into_drawing_area();
        self.draw(&area, f64::from(OVERSAMPLING))?;
        drop(area);
        let small = shrink(&pixels, large.0 as usize, OVERSAMPLING as usize);
        crate::sampling::pictures::encode(&small, SIZE.0 as usize, SIZE.1 as usize, png::ColorType::Rgb)
    }

    /// Draws with all lengths multiplied by `scale`.
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: f64) -> Result<(), String> {
        fonts::register()?;
        let message = |error: DrawingAreaErrorKind<B::ErrorType>| error.to_string();
        area.fill(&WHITE).map_err(message)?;

        let window = self.window();
        let size = |points: f64| (points * scale).round() as u32;
        let font = |points: f64, color: RGBColor| ("sans-serif", points * scale).into_font().color(&color);
        let place = |x: f64, y: f64| ((x * scale) as i32, (y * scale) as i32);
        area.draw(&Text::new(self.title.clone(), place(86.0, 22.0), font(25.0, INK))).map_err(message)?;
        if window > 1 {
            let note = format!("Thin lines: every step. Thick lines: mean of {window} {}.", plural(window, "step"));
            area.draw(&Text::new(note, place(86.0, 57.0), font(15.0, QUIET))).map_err(message)?;
        }
        self.legend(area, scale).map_err(message)?;

        let last =
            self.series.iter().flat_map(|series| &series.points).fold(1.0, |last: f64, (step, _)| last.max(*step));
        let axis = Axis::of(self);
        let mut builder = ChartBuilder::on(area);
        builder
            .margin_top(size(84.0))
            .margin_right(size(34.0))
            .margin_bottom(size(14.0))
            .margin_left(size(14.0))
            .x_label_area_size(size(56.0))
            .y_label_area_size(size(72.0));
        match axis {
            Axis::Linear(low, high) => {
                let chart = builder.build_cartesian_2d(0.0..last, low..high).map_err(message)?;
                self.fill(chart, window, (low, high), decimals(high - low), scale).map_err(message)
            }
            Axis::Log(low, high) => {
                let (strong, weak) = log_ticks(low, high);
                let range = (low..high).log_scale().with_key_points(strong).with_light_points(weak);
                let chart = builder.build_cartesian_2d(0.0..last, range).map_err(message)?;
                self.fill(chart, window, (low, high), 0, scale).map_err(message)
            }
        }
    }

    /// Draws the legend, above the plot so that it never covers a line.
    fn legend<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
        scale: f64,
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        let size = |points: f64| (points * scale).round() as i32;
        let style = TextStyle::from(("sans-serif", 17.0 * scale).into_font()).color(&INK);
        let mut right = size(f64::from(SIZE.0) - 34.0);
        let top = size(54.0);
        for series in self.series.iter().rev() {
            let (width, height) = area.estimate_text_size(&series.name, &style)?;
            let left = right - i32::try_from(width).unwrap_or(0);
            area.draw(&Text::new(series.name.clone(), (left, top), style.clone()))?;
            let middle = top + i32::try_from(height).unwrap_or(0) / 2;
            let thick = series.ink().stroke_width((3.0 * scale) as u32);
            area.draw(&PathElement::new([(left - size(34.0), middle), (left - size(8.0), middle)], thick))?;
            right = left - size(34.0 + 26.0);
        }
        Ok(())
    }

    /// The grid and the lines.
    fn fill<'a, B, Y>(
        &self,
        mut chart: ChartContext<'a, B, Cartesian2d<plotters::coord::types::RangedCoordf64, Y>>,
        window: usize,
        (low, high): (f64, f64),
        digits: usize,
        scale: f64,
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>>
    where
        B: DrawingBackend + 'a,
        Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let size = |points: f64| (points * scale).round().max(1.0) as u32;
        let font = |points: f64, color: RGBColor| ("sans-serif", points * scale).into_font().color(&color);
        chart
            .configure_mesh()
            .x_desc("Step")
            .y_desc(self.y_label.clone())
            .axis_desc_style(font(18.0, INK))
            .label_style(font(15.0, INK))
            .axis_style(QUIET.stroke_width(size(1.0)))
            .bold_line_style(GRID.stroke_width(size(1.0)))
            .light_line_style(FINE_GRID.stroke_width(size(1.0)))
            .x_max_light_lines(2)
            .y_max_light_lines(2)
            .x_labels(11)
            .y_labels(11)
            .x_label_formatter(&|step| thousands(*step))
            .y_label_formatter(&|value| tick(*value, digits))
            .set_all_tick_mark_size(size(4.0))
            .draw()?;

        let fit = |points: Vec<(f64, f64)>| points.into_iter().map(move |(x, y)| (x, y.clamp(low, high)));
        if window > 1 {
            for series in &self.series {
                let thin = series.ink().mix(0.28).stroke_width(size(0.8));
                chart.draw_series(LineSeries::new(fit(gather(&series.points)), thin))?;
            }
        }
        for series in &self.series {
            let ink = series.ink();
            let thick = ink.stroke_width(size(2.6));
            // An odd number of whole groups.
            let groups = (window / series.per_mean) | 1;
            let line = LineSeries::new(fit(gather(&smooth(&series.means, groups))), thick);
            chart.draw_series(line)?;
            // A single step has no line, so it gets a dot.
            if let [point] = series.points.as_slice() {
                chart.draw_series([Circle::new((point.0, point.1.clamp(low, high)), size(4.0), ink.filled())])?;
            }
        }
        Ok(())
    }

    /// The number of steps averaged for the thick lines: odd, and about a fortieth of the run. If
    /// the steps are kept in groups, an odd number of groups.
    fn window(&self) -> usize {
        let (steps, group) =
            self.series.iter().map(|series| (series.means.len(), series.per_mean)).max().unwrap_or((0, 1));
        match steps * group {
            ..60 => 1,
            steps => ((((steps / 40).clamp(3, 99) | 1) / group) | 1) * group,
        }
    }
}

impl Series {
    fn ink(&self) -> RGBColor {
        RGBColor(self.color.0, self.color.1, self.color.2)
    }
}

/// The vertical axis with its range.
#[derive(Debug, PartialEq)]
enum Axis {
    Linear(f64, f64),
    Log(f64, f64),
}

impl Axis {
    fn of(chart: &Chart) -> Self {
        if let Some((low, high)) = chart.range {
            return Self::Linear(low, high);
        }
        // Larger values cannot be compared by eye, and would overflow the arithmetic of the axis.
        let sane = |value: f64| value.is_finite() && value.abs() < 1e12;
        let mut values: Vec<f64> =
            chart.series.iter().flat_map(|series| &series.points).map(|(_, y)| *y).filter(|y| sane(*y)).collect();
        values.sort_unstable_by(f64::total_cmp);
        let (Some(&least), Some(&most)) = (values.first(), values.last()) else {
            return Self::Linear(0.0, 1.0);
        };
        // A few outliers may leave the plot instead of stretching the axis.
        let near = values[values.len() / 500];
        if near > 0.0 && most / near > WIDE {
            return Self::Log(near.max(most * 1e-9) / 1.25, most * 1.25);
        }
        let room = ((most - least) * 0.06).max(1e-3 * most.abs()).max(1e-9);
        let low = if (0.0..most.max(1e-9) * 0.5).contains(&least) { 0.0 } else { least - room };
        Self::Linear(low, most + room)
    }
}

/// Averages blocks of `factor` x `factor` RGB pixels.
fn shrink(pixels: &[u8], width: usize, factor: usize) -> Vec<u8> {
    let columns = width / factor;
    let rows = pixels.len() / 3 / width / factor;
    let mut small = Vec::with_capacity(columns * rows * 3);
    let area = (factor * factor) as u32;
    for row in 0..rows {
        for column in 0..columns {
            for channel in 0..3 {
                let at = |y: usize, x: usize| ((row * factor + y) * width + column * factor + x) * 3 + channel;
                let block = (0..factor).flat_map(|y| (0..factor).map(move |x| (y, x)));
                let sum: u32 = block.map(|(y, x)| u32::from(pixels[at(y, x)])).sum();
                small.push(((sum + area / 2) / area) as u8);
            }
        }
    }
    small
}

/// Moving averages over `window` steps; shorter at both ends.
fn smooth(points: &[(f64, f64)], window: usize) -> Vec<(f64, f64)> {
    let half = window / 2;
    (0..points.len())
        .map(|at| {
            let near = &points[at.saturating_sub(half)..(at + half + 1).min(points.len())];
            let finite = near.iter().map(|(_, y)| *y).filter(|y| y.is_finite());
            let (sum, count) = finite.fold((0.0, 0.0_f64), |(sum, count), y| (sum + y, count + 1.0));
            (points[at].0, if count > 0.0 { sum / count } else { f64::NAN })
        })
        .filter(|(_, y)| y.is_finite())
        .collect()
}

/// At most [`MOST_POINTS`] points: the minimum and maximum of each group, in their order, so every
/// peak is kept.
fn gather(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let finite: Vec<(f64, f64)> = points.iter().copied().filter(|(_, y)| y.is_finite()).collect();
    if finite.len() <= MOST_POINTS {
        return finite;
    }
    let group = finite.len().div_ceil(MOST_POINTS / 2);
    let ends = |group: &[(f64, f64)]| {
        let by_value = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let mut both: Vec<(f64, f64)> =
            group.iter().min_by(by_value).into_iter().chain(group.iter().max_by(by_value)).copied().collect();
        both.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        both.dedup();
        both
    };
    finite.chunks(group).flat_map(ends).collect()
}

/// Formats with thousands separators: `2,000`.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The number of decimals that ticks need on an axis of this length.
fn decimals(length: f64) -> usize {
    (-(length / 10.0).log10()).ceil().clamp(0.0, 6.0) as usize
}

/// Formats the value at a tick, with at least `digits` decimals.
fn tick(value: f64, digits: usize) -> String {
    if value != 0.0 && !(1e-3..1e6).contains(&value.abs()) {
        return format!("{value:.0e}");
    }
    let plain = ((value * 1e6).round() / 1e6).to_string();
    let fixed = format!("{value:.digits$}");
    if plain.len() > fixed.len() { plain } else { fixed }
}

/// The labelled and the unlabelled ticks of a logarithmic axis: the fewer decades, the more ticks
/// per decade.
fn log_ticks(low: f64, high: f64) -> (Vec<f64>, Vec<f64>) {
    let decades = (high / low).log10();
    let numbered: &[u32] = match decades {
        ..1.5 => &[1, 2, 3, 4, 5, 7],
        ..3.5 => &[1, 2, 5],
        _ => &[1],
    };
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let all =
        (first..=last).flat_map(|decade| (1..=9).map(move |digit| (digit, f64::from(digit) * 10_f64.powi(decade))));
    let (strong, weak): (Vec<_>, Vec<_>) =
        all.filter(|(_, value)| (low..=high).contains(value)).partition(|(digit, _)| numbered.contains(digit));
    let values = |ticks: Vec<(u32, f64)>| ticks.into_iter().map(|(_, value)| value).collect();
    (values(strong), values(weak))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_is_logarithmic_where_values_differ_widely() {
        let chart = |values: &[f64]| Chart {
            title: String::new(),
            y_label: String::new(),
            range: None,
            series: vec![Series {
                name: String::new(),
                color: (0, 0, 0),
                points: values.iter().map(|y| (1.0, *y)).collect(),
                means: Vec::new(),
                per_mean: 1,
            }],
        };
        assert!(matches!(Axis::of(&chart(&[0.1, 5.0])), Axis::Log(..)));
        assert!(matches!(Axis::of(&chart(&[0.5, 0.9])), Axis::Linear(..)));
        assert!(matches!(Axis::of(&chart(&[-3.0, 900.0])), Axis::Linear(..)));
        assert_eq!(Axis::of(&chart(&[f64::NAN])), Axis::Linear(0.0, 1.0));
    }

    #[test]
    fn means_and_groups_keep_the_ends_and_the_peaks() {
        let points: Vec<(f64, f64)> = (0..10_000).map(|x| (f64::from(x), f64::from(x % 7))).collect();
        let gathered = gather(&points);
        assert!(gathered.len() <= MOST_POINTS);
        assert!(gathered.iter().any(|(_, y)| *y == 6.0) && gathered.iter().any(|(_, y)| *y == 0.0));
        let means = smooth(&points[..3], 3);
        assert_eq!(means, [(0.0, 0.5), (1.0, 1.0), (2.0, 1.5)]);
    }

    #[test]
    fn shrinking_averages() {
        let pixels = [[0_u8, 0, 0], [4, 4, 4], [8, 8, 8], [4, 4, 4]].concat();
        assert_eq!(shrink(&pixels, 2, 2), [4, 4, 4]);
    }

    #[test]
    fn ticks_read_well() {
        let ticks = |digits| [0.0, 0.1, 1.0].map(|value| tick(value, digits)).join(" ");
        assert_eq!((ticks(1).as_str(), ticks(0).as_str()), ("0.0 0.1 1.0", "0 0.1 1"));
        assert_eq!((decimals(1.0), decimals(300.0), decimals(0.4)), (1, 0, 2));
        let ticks: Vec<String> = log_ticks(0.2, 3.5).0.into_iter().map(|value| tick(value, 0)).collect();
        assert_eq!(ticks.join(" "), "0.2 0.3 0.4 0.5 0.7 1 2 3");
        assert_eq!(thousands(1_234_567.0), "1,234,567");
    }
}

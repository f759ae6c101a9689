//! Pictures of the plane, for systems that learn from points: the discriminator's level sets, real
//! and generated points over them.
//!
//! The discriminator's output is a height over the plane. It is evaluated on a grid and shown in
//! evenly spaced shades: the darker, the more a point looks generated. Where the lines between the
//! shades are close together, the slope is steep. The generator moves its points uphill.

use std::path::Path;

use crate::failure::Failure;
use crate::sampling::pictures;
use crate::storage::{self, RealDisk, StorageError};
use kernels::Key;
use models::{Mixture, Plane};
use nn::Network;
use tensor::Tensor;

/// The default numbers of generated and of real points in a picture.
pub(crate) const COUNT: usize = 1000;
/// The number of points per forward pass.
pub(crate) const AT_A_TIME: usize = 4096;

/// The side length of the plane's picture, in pixels.
const SIDE: usize = 560;
/// The height of the legend below it, in pixels.
const STRIP: usize = 32;
/// The visible range of both coordinates is from minus this to this.
const VIEW: f64 = 2.0;
/// The spacing of the grid on which the discriminator is evaluated, in pixels.
const STEP: usize = 4;
/// The number of shades between its lowest and its highest output.
const SHADES: usize = 16;
/// The opacity of the lines between the shades.
const LINE: f64 = 0.45;

type Color = [f64; 3];
const LOWEST: Color = [186.0, 202.0, 224.0];
const HIGHEST: Color = [253.0, 251.0, 245.0];
const LINES: Color = [104.0, 126.0, 160.0];
const PAPER: Color = [255.0; 3];
/// The colour of a point, its radius in pixels and its opacity.
const REAL: (Color, f64, f64) = ([232.0, 126.0, 34.0], 3.2, 0.85);
const GENERATED: (Color, f64, f64) = ([22.0, 60.0, 140.0], 1.9, 0.8);

/// Writes a picture of the real points alone to the PNG file `path`.
///
/// # Errors
/// When it cannot be drawn or written.
pub(crate) fn write_reals(path: &Path, mixture: Mixture, seed: u64) -> Result<(), Failure> {
    write(path, picture(&reals(mixture, seed), None))
}

/// Writes a picture of `plane`, with the points that the sampler makes from `latents`, to the PNG
/// file `path`.
///
/// # Errors
/// When it cannot be drawn or written.
pub(crate) fn write_points(path: &Path, plane: Plane<'_>, generated: &Tensor, seed: u64) -> Result<(), Failure> {
    write(path, picture(&reals(plane.mixture, seed), Some((generated, plane.discriminator))))
}

fn write(path: &Path, picture: Result<Vec<u8>, String>) -> Result<(), Failure> {
    let file = picture.map_err(|why| StorageError::drawing(path, why))?;
    Ok(storage::write_whole(&RealDisk, path, &file)?)
}

fn reals(mixture: Mixture, seed: u64) -> Tensor {
    mixture.points(COUNT, Key::named(seed, "reals of pictures"))
}

/// Applies `network` to `rows` in parts, because memory grows with their number.
pub(crate) fn in_parts(rows: &Tensor, network: impl Fn(&Tensor) -> Tensor) -> Tensor {
    let length = rows.shape()[1];
    let parts = rows.data().chunks(AT_A_TIME * length);
    let made = parts.map(|part| network(&Tensor::new(&[part.len() / length, length], part.to_vec())));
    made.reduce(|all, part| all.concat(&part)).unwrap_or_else(|| Tensor::zeros([0, 2]))
}

/// The picture as a PNG file: `reals` of shape (n, 2), and, if given, the generated points and the
/// discriminator.
fn picture(reals: &Tensor, learned: Option<(&Tensor, &Network)>) -> Result<Vec<u8>, String> {
    let mut canvas = Canvas { pixels: vec![PAPER; SIDE * (SIDE + STRIP)] };
    if let Some((_, discriminator)) = learned {
        canvas.shade(&Heights::of(discriminator));
    }
    canvas.points(reals, REAL);
    let mut legend = vec![("real", REAL)];
    if let Some((generated, _)) = learned {
        canvas.points(generated, GENERATED);
        legend.push(("generated", GENERATED));
    }
    canvas.clear_strip();
    for (entry, (_, (color, ..))) in legend.iter().enumerate() {
        canvas.disc([legend_x(entry) - 12.0, (SIDE + STRIP / 2) as f64], (*color, 4.5, 1.0));
    }
    let rgb = canvas.pixels.iter().flatten().map(|x| x.round_ties_even().clamp(0.0, 255.0) as u8);
    let mut pixels: Vec<u8> = rgb.collect();
    let shades = learned.map(|_| "darker: the critic finds it less real");
    write_legend(&mut pixels, legend.iter().map(|(name, _)| *name).chain(shades))?;
    pictures::encode(&pixels, SIDE, SIDE + STRIP, png::ColorType::Rgb)
}

/// The horizontal position of a legend entry's text.
fn legend_x(entry: usize) -> f64 {
    [28.0, 98.0, 210.0][entry]
}

#[cfg(feature = "curves")]
fn write_legend<'a>(pixels: &mut [u8], names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    use plotters::prelude::*;
    crate::fonts::register()?;
    let area = BitMapBackend::with_buffer(pixels, (SIDE as u32, (SIDE + STRIP) as u32)).into_drawing_area();
    for (entry, name) in names.enumerate() {
        let place = (legend_x(entry) as i32, (SIDE + STRIP / 2) as i32 - 8);
        let style = ("sans-serif", 15.0).into_font().color(&RGBColor(40, 40, 40));
        area.draw(&Text::new(name, place, style)).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Without fonts, a legend only shows the colours.
#[cfg(not(feature = "curves"))]
fn write_legend<'a>(_pixels: &mut [u8], _names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    Ok(())
}

/// The position of a point in pixels, from the left and from the top.
fn place(x: f64, y: f64) -> [f64; 2] {
    let pixels = SIDE as f64 / (2.0 * VIEW);
    [(x + VIEW) * pixels, (VIEW - y) * pixels]
}

/// The outputs of the discriminator on the grid, row by row from the top left corner, scaled to 0
/// for the lowest and [`SHADES`] for the highest.
struct Heights(Vec<f64>);

/// Grid points per row.
const GRID: usize = SIDE / STEP + 1;

impl Heights {
    fn of(discriminator: &Network) -> Self {
        let unit = 2.0 * VIEW / (GRID - 1) as f64;
        let points = Tensor::from_fn([GRID * GRID, 2], |i| {
            let (row, column) = (i / 2 / GRID, i / 2 % GRID);
            (if i % 2 == 0 { column as f64 * unit - VIEW } else { VIEW - row as f64 * unit }) as f32
        });
        let outputs = in_parts(&points, |part| discriminator.infer(part));
        let all = || outputs.data().iter().map(|x| f64::from(*x));
        let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
        let scale = if high > low { SHADES as f64 / (high - low) } else { 0.0 };
        Self(all().map(|x| (x - low) * scale).collect())
    }

    /// The height at the centre of a pixel, and its slope per pixel, both by bilinear interpolation
    /// of the four surrounding grid points.
    fn at(&self, row: usize, column: usize) -> (f64, f64) {
        let inside = |pixel: usize| ((pixel % STEP) as f64 + 0.5) / STEP as f64;
        let (down, right) = (inside(row), inside(column));
        let corner = |below: usize, beside: usize| self.0[(row / STEP + below) * GRID + column / STEP + beside];
        let [a, b, c, d] = [corner(0, 0), corner(0, 1), corner(1, 0), corner(1, 1)];
        let (top, bottom) = (a + (b - a) * right, c + (d - c) * right);
        let (rise_down, rise_right) = (bottom - top, (b - a) + ((d - c) - (b - a)) * down);
        let slope = (rise_down * rise_down + rise_right * rise_right).sqrt() / STEP as f64;
        (top + (bottom - top) * down, slope)
    }
}

/// A picture being drawn, row by row, with the legend at the bottom.
struct Canvas {
    pixels: Vec<Color>,
}

impl Canvas {
    /// Blends a colour into a pixel with the weight `share`.
    fn mix(&mut self, row: usize, column: usize, color: Color, share: f64) {
        let pixel = &mut self.pixels[row * SIDE + column];
        pixel.iter_mut().zip(color).for_each(|(x, new)| *x += (new - *x) * share);
    }

    fn shade(&mut self, heights: &Heights) {
        for row in 0..SIDE {
            for column in 0..SIDE {
                let (height, slope) = heights.at(row, column);
                self.mix(row, column, LOWEST, 1.0);
                let shade = height.floor().clamp(0.0, (SHADES - 1) as f64);
                self.mix(row, column, HIGHEST, shade / (SHADES - 1) as f64);
                // The distance to the nearest line in pixels; a line fades over one pixel on each
                // side.
                let far = (height - height.round()).abs() / slope.max(1e-9);
                self.mix(row, column, LINES, LINE * (1.2 - far).clamp(0.0, 1.0));
            }
        }
    }

    fn points(&mut self, points: &Tensor, style: (Color, f64, f64)) {
        for point in points.data().chunks_exact(2) {
            let [x, y] = [point[0], point[1]].map(f64::from);
            // Points outside the visible range, or not finite, are not drawn.
            if x.abs().max(y.abs()) <= VIEW {
                self.disc(place(x, y), style);
            }
        }
    }

    /// Draws a disc with soft edges, centred `x` pixels from the left and `y` from the top.
    fn disc(&mut self, [x, y]: [f64; 2], (color, radius, opacity): (Color, f64, f64)) {
        let span = |middle: f64, most: usize| {
            let [first, last] = [middle - radius - 1.0, middle + radius + 1.0];
            first.max(0.0) as usize..(last.max(0.0) as usize + 1).min(most)
        };
        for row in span(y, SIDE + STRIP) {
            for column in span(x, SIDE) {
                let [across, down] = [column as f64 + 0.5 - x, row as f64 + 0.5 - y];
                let covered = (radius + 0.5 - (across * across + down * down).sqrt()).clamp(0.0, 1.0);
                self.mix(row, column, color, opacity * covered);
            }
        }
    }

    /// Points at the lower edge of the plane must not extend into the legend.
    fn clear_strip(&mut self) {
        self.pixels[SIDE * SIDE..].fill(PAPER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::{Sampler, Settings as _, System as _, wgan_gp};

    fn decoded(file: &[u8]) -> Vec<u8> {
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width as usize, info.height as usize), (SIDE, SIDE + STRIP));
        assert_eq!(info.color_type, png::ColorType::Rgb);
        pixels
    }

    fn pixel(pixels: &[u8], point: [f64; 2]) -> [u8; 3] {
        let [x, y] = place(point[0], point[1]).map(|at| at as usize);
        [0, 1, 2].map(|channel| pixels[(y * SIDE + x) * 3 + channel])
    }

    /// A critic that outputs 0 everywhere.
    fn flat() -> Network {
        let settings = wgan_gp::Settings::preset("gauss8").unwrap();
        let mut network = wgan_gp::critic(&wgan_gp::Settings { width: 16, ..settings }, 1);
        network.tensors_mut().into_iter().for_each(|(_, _, tensor)| tensor.data_mut().fill(0.0));
        network
    }

    #[test]
    fn points_lie_where_they_are_in_their_colours_and_stray_ones_harm_nothing() {
        let reals = Tensor::new(&[4, 2], vec![1.0, 0.5, 9.0, 0.0, f32::NAN, 1.0, f32::INFINITY, -2.0]);
        let generated = Tensor::new(&[2, 2], vec![-1.0, -1.5, 2.0, -2.0]);
        let pixels = decoded(&picture(&reals, Some((&generated, &flat()))).unwrap());
        let near =
            |found: [u8; 3], wanted: Color| found.iter().zip(wanted).all(|(x, y)| (f64::from(*x) - y).abs() < 60.0);
        assert!(near(pixel(&pixels, [1.0, 0.5]), REAL.0), "{:?}", pixel(&pixels, [1.0, 0.5]));
        assert!(near(pixel(&pixels, [-1.0, -1.5]), GENERATED.0));
        // A flat critic has no lines: everything else has one colour.
        let plain = pixel(&pixels, [0.0, 0.0]);
        let others = pixels[..SIDE * SIDE * 3].chunks(3).filter(|pixel| **pixel != plain);
        assert!((60..160).contains(&others.count()), "two discs");
        let alone = decoded(&picture(&reals, None).unwrap());
        assert_eq!(pixel(&alone, [0.0, 0.0]), [255; 3]);
    }

    #[test]
    fn shades_are_even_and_their_lines_lie_between_them() {
        let rows = |value: fn(usize) -> f64| Heights((0..GRID * GRID).map(|i| value(i % GRID)).collect());
        // Rises from 0 at the left edge to the maximum at the right.
        let slope = rows(|column| (column * SHADES) as f64 / (GRID - 1) as f64);
        let (height, steep) = slope.at(7, SIDE / 2);
        assert!((height - 8.0 - 0.5 * SHADES as f64 / SIDE as f64).abs() < 1e-9);
        assert!((steep - SHADES as f64 / SIDE as f64).abs() < 1e-12);
        let mut canvas = Canvas { pixels: vec![PAPER; SIDE * (SIDE + STRIP)] };
        canvas.shade(&slope);
        let at = |shade: usize, pixels: usize| canvas.pixels[5 * SIDE + shade * SIDE / SHADES + pixels];
        let middle = SIDE / SHADES / 2;
        assert!((0..SHADES).all(|shade| at(shade, middle - 5) == at(shade, middle + 5)));
        assert!((1..SHADES).all(|shade| at(shade, middle)[0] > at(shade - 1, middle)[0]));
        assert!(
            (1..SHADES).all(|shade| at(shade, 0)[0] < at(shade - 1, middle)[0]),
            "a line is darker than both sides"
        );
    }

    #[test]
    fn a_picture_has_the_same_bytes_on_any_number_of_threads() {
        let settings = wgan_gp::Settings { width: 16, ..wgan_gp::Settings::preset("gauss25").unwrap() };
        let drawn = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let trainer = wgan_gp::trainer(&settings, 1).unwrap();
                let Sampler::Points(plane) = trainer.samples() else { panic!("it draws points") };
                let generated = plane.sampler.draw(&plane.sampler.latents(1, "samples", 50));
                picture(&reals(plane.mixture, 1), Some((&generated, plane.discriminator))).unwrap()
            })
        };
        let one = drawn(1);
        assert!(one == drawn(2) && one == drawn(3));
        assert_ne!(decoded(&one)[..300], [255; 300]);
    }

    /// More rows than fit into one forward pass are returned complete and in order.
    #[test]
    fn rows_are_given_in_parts() {
        let rows = Tensor::from_fn([AT_A_TIME + 3, 2], |i| i as f32);
        assert_eq!(in_parts(&rows, Tensor::clone), rows);
    }
}

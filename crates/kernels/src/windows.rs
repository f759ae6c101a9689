//! Pooling over windows that may overlap, for inference: the largest number, or the mean, of each
//! window of pixels, per channel.
//!
//! Padding never counts: a window at the edge has fewer pixels. (This is PyTorch's `MaxPool2d`, and
//! its `AvgPool2d` with `count_include_pad=False`.) Threads share the work by image. The plain loop
//! does each image: its inner loop runs over the channels, and memory limits it.

use core::ops::Range;

use crate::pieces::{Pieces, for_each_piece};
use crate::reference;

/// Square windows on NHWC images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WindowGeometry {
    /// The number of images.
    pub batch: usize,
    /// Height and width of the images.
    pub input: [usize; 2],
    /// Channels.
    pub channels: usize,
    /// Height and width of a window.
    pub window: usize,
    /// The distance from one window to the next.
    pub stride: usize,
    /// Rows and columns that the first window begins outside of the image, less than `window`.
    pub padding: usize,
}

impl WindowGeometry {
    /// Shape of the images.
    pub fn x_shape(&self) -> [usize; 4] {
        [self.batch, self.input[0], self.input[1], self.channels]
    }

    /// Shape of the output, which has a pixel per window.
    ///
    /// # Panics
    /// When no window fits, or the padding is not less than the window.
    #[track_caller]
    pub fn y_shape(&self) -> [usize; 4] {
        let Self { batch, input, channels, window, stride, padding } = *self;
        let fits = stride > 0 && padding < window && input.iter().all(|side| side + 2 * padding >= window);
        assert!(fits, "windows: {self:?} has no window");
        let [h, w] = input.map(|side| (side + 2 * padding - window) / stride + 1);
        [batch, h, w, channels]
    }

    /// The rows (axis 0) or columns (axis 1) of the image in window number `out`.
    pub fn source(&self, axis: usize, out: usize) -> Range<usize> {
        let start = out * self.stride;
        let end = (start + self.window).saturating_sub(self.padding);
        start.saturating_sub(self.padding)..end.min(self.input[axis])
    }

    #[track_caller]
    pub(crate) fn check(&self, kernel: &str, x: usize, y: usize) {
        let wanted: [usize; 2] = [self.x_shape(), self.y_shape()].map(|shape| shape.iter().product());
        assert_eq!([x, y], wanted, "{kernel}: lengths of x and y for {self:?}");
    }
}

/// Applies the plain loop `one` to each image.
#[track_caller]
fn by_image(
    kernel: &str,
    g: &WindowGeometry,
    x: &[f32],
    y: &mut [f32],
    one: impl Fn(&WindowGeometry, &[f32], &mut [f32]) + Sync,
) {
    g.check(kernel, x.len(), y.len());
    let image = WindowGeometry { batch: 1, ..*g };
    let (Some(from), Some(to)) = (x.len().checked_div(g.batch), y.len().checked_div(g.batch)) else { return };
    if from == 0 || to == 0 {
        return;
    }
    for_each_piece((Pieces::new(x, from), Pieces::new(y, to)), |_, (x, y)| one(&image, x, y));
}

/// See [`Element::window_max`](crate::Element::window_max).
pub(crate) fn window_max(g: &WindowGeometry, x: &[f32], y: &mut [f32]) {
    by_image("window_max", g, x, y, reference::window_max);
}

/// See [`Element::window_mean`](crate::Element::window_mean).
pub(crate) fn window_mean(g: &WindowGeometry, x: &[f32], y: &mut [f32]) {
    by_image("window_mean", g, x, y, reference::window_mean);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_same_bits, numbers, same_bits_everywhere, wild_numbers};

    fn geometries() -> impl Iterator<Item = WindowGeometry> {
        let inputs = [[0, 4, 4, 2], [1, 3, 3, 1], [2, 5, 7, 3], [3, 8, 8, 17]];
        let windows = [[1, 1, 0], [3, 1, 1], [3, 2, 0], [2, 3, 1], [3, 2, 2]];
        inputs.into_iter().flat_map(move |[batch, h, w, channels]| {
            windows.map(|[window, stride, padding]| WindowGeometry {
                batch,
                input: [h, w],
                channels,
                window,
                stride,
                padding,
            })
        })
    }

    #[test]
    fn both_have_the_bits_of_the_plain_loop_whatever_the_threads() {
        for g in geometries() {
            let [from, to]: [usize; 2] = [g.x_shape(), g.y_shape()].map(|shape| shape.iter().product());
            let x = wild_numbers(from, 3);
            let got = same_bits_everywhere("windows", || {
                let mut y = [vec![f32::NAN; to], vec![f32::NAN; to]];
                window_max(&g, &x, &mut y[0]);
                window_mean(&g, &x, &mut y[1]);
                y.concat()
            });
            let mut wanted = [vec![f32::NAN; to], vec![f32::NAN; to]];
            reference::window_max(&g, &x, &mut wanted[0]);
            reference::window_mean(&g, &x, &mut wanted[1]);
            assert_same_bits(&got, &wanted.concat(), &format!("{g:?}"));
        }
    }

    /// A window is what the definition says, pixel by pixel; padding neither wins nor counts.
    #[test]
    fn a_window_at_the_edge_has_fewer_pixels() {
        for g in geometries() {
            let [from, to]: [usize; 2] = [g.x_shape(), g.y_shape()].map(|shape| shape.iter().product());
            let x: Vec<f32> = numbers(from, 5).into_iter().map(|x| x - 10.0).collect();
            let [mut most, mut mean] = [vec![0.0; to], vec![0.0; to]];
            reference::window_max(&g, &x, &mut most);
            reference::window_mean(&g, &x, &mut mean);
            let [_, h, w, channels] = g.y_shape();
            for at in 0..to {
                let [c, ox, oy, n] = [at % channels, at / channels % w, at / channels / w % h, at / channels / w / h];
                let inside = |out: usize, tap: usize, side: usize| {
                    (out * g.stride + tap).checked_sub(g.padding).filter(|place| *place < side)
                };
                let taps = (0..g.window).flat_map(|down| (0..g.window).map(move |right| (down, right)));
                let pixels: Vec<f32> = taps
                    .filter_map(|(down, right)| {
                        let (iy, ix) = (inside(oy, down, g.input[0])?, inside(ox, right, g.input[1])?);
                        Some(x[((n * g.input[0] + iy) * g.input[1] + ix) * channels + c])
                    })
                    .collect();
                assert_eq!(most[at], pixels.iter().copied().fold(f32::NEG_INFINITY, f32::max), "{g:?} {at}");
                let wanted = pixels.iter().sum::<f32>() / pixels.len() as f32;
                assert!((mean[at] - wanted).abs() < 1e-5, "{g:?} {at}: {} and {wanted}", mean[at]);
            }
        }
    }

    #[test]
    fn a_nan_is_the_largest_wherever_it_stands() {
        let g = WindowGeometry { batch: 1, input: [3, 3], channels: 1, window: 3, stride: 1, padding: 0 };
        for place in 0..9 {
            let mut x = [1.0; 9];
            x[place] = f32::NAN;
            let mut y = [0.0];
            window_max(&g, &x, &mut y);
            assert!(y[0].is_nan(), "{place}");
        }
    }
}

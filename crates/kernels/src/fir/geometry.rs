//! [`Fir`]: a filter that blurs, enlarges or shrinks images; [`FirGeometry`]: where its taps meet the pixels of one batch.

/// A separable filter with a finite impulse response, the same down and right and for every channel (`upfirdn2d` of StyleGAN2;
/// Karras, Laine, Aittala, Hellsten, Lehtinen and Aila, "Analyzing and improving the image quality of StyleGAN", 2020). Along an
/// axis: `up` - 1 zeros are put behind every pixel, `pad` zeros before and after; a window as long as the taps slides over that in
/// steps of `down`.
///
/// Tap k meets the window's pixel k: the taps are not turned. (StyleGAN2 turns them. Its filters are symmetric, as are those
/// below.)
#[derive(Clone, Debug, PartialEq)]
pub struct Fir {
    /// The factors of the pixels along an axis. A pixel of an image is multiplied by one of a row and one of a column.
    pub taps: Vec<f64>,
    /// How many times as large the image becomes first.
    pub up: usize,
    /// How far the window goes from one place to the next.
    pub down: usize,
    /// Zeros before and after, counted after the enlargement; negative ones cut off.
    pub pad: [isize; 2],
}

impl Fir {
    /// [1, 2, 1] / 4 with a border of zeros, to the same size: StyleGAN's blur.
    pub fn blur() -> Self {
        Self { taps: vec![0.25, 0.5, 0.25], up: 1, down: 1, pad: [1, 1] }
    }

    /// Images (h, w) to (2 h, 2 w): [1, 3, 3, 1] / 4 over every pixel and a zero, which puts the new pixels a quarter of the
    /// way to their neighbours (`upsample_2d` of StyleGAN2).
    pub fn up2() -> Self {
        Self { pad: [2, 1], up: 2, ..Self::smooth(2.0) }
    }

    /// Images (h, w) of even sides to (h / 2, w / 2): [1, 3, 3, 1] / 8, every second place (`downsample_2d` of StyleGAN2).
    pub fn down2() -> Self {
        Self { pad: [1, 1], down: 2, ..Self::smooth(1.0) }
    }

    /// What follows a transposed convolution of stride 2, without padding, with a kernel of `kernel` taps: its images of
    /// side 2 h + kernel - 2 are smoothed to 2 h (`upsample_conv_2d` of StyleGAN2). The sum of the taps makes up for the zeros between the
    /// pixels that the transposed convolution has read.
    pub fn after_transposed(kernel: usize) -> Self {
        let spare = 3 - kernel as isize;
        Self { pad: [(spare + 1).div_euclid(2) + 1, spare.div_euclid(2) + 1], ..Self::smooth(2.0) }
    }

    /// What precedes a convolution of stride 2, without padding, with a kernel of `kernel` taps: images of an even side h are
    /// smoothed to h + kernel - 2, of which it makes h / 2 (`conv_downsample_2d` of StyleGAN2).
    pub fn before_strided(kernel: usize) -> Self {
        let border = kernel as isize + 1;
        Self { pad: [(border + 1) / 2, border / 2], ..Self::smooth(1.0) }
    }

    /// [1, 3, 3, 1] scaled to a sum of `gain`.
    fn smooth(gain: f64) -> Self {
        Self { taps: [1.0, 3.0, 3.0, 1.0].map(|tap| tap * gain / 8.0).into(), up: 1, down: 1, pad: [0, 0] }
    }
}

/// A [`Fir`] on NHWC images of one size:
///
/// y(n, oy, ox, c) = sum over ky, kx of taps(ky) * taps(kx) * x(n, (oy * down + ky - before) / up, (ox * down + kx - before) / up, c)
///
/// over the pixels that there are: a quotient that is not whole, or outside the image, counts as zero. What is put or cut
/// off behind the image needs no number: it is whatever the last window reads.
#[derive(Clone, Debug, PartialEq)]
pub struct FirGeometry {
    /// Images.
    pub batch: usize,
    /// Height and width of `x`.
    pub input: [usize; 2],
    /// Height and width of `y`.
    pub output: [usize; 2],
    /// Channels.
    pub channels: usize,
    /// The factors along an axis.
    pub taps: Vec<f64>,
    /// The distance of two pixels of `x`, in places of the window.
    pub up: usize,
    /// The distance of two windows.
    pub down: usize,
    /// Zeros before the first pixel; negative: places that are cut off.
    pub before: isize,
}

impl FirGeometry {
    /// The geometry of `fir` on images of shape `[n, h, w, c]`.
    ///
    /// # Errors
    /// One sentence when no output pixel is left, or a size is zero where it must not be.
    pub fn new([batch, h, w, channels]: [usize; 4], fir: &Fir) -> Result<Self, String> {
        let Fir { taps, up, down, pad } = fir.clone();
        if taps.is_empty() || up == 0 || down == 0 || h == 0 || w == 0 {
            return Err(format!("{} taps, up {up}, down {down} and image {h}x{w} must be at least 1", taps.len()));
        }
        let along = |side: usize| {
            let padded = (side * up) as isize + pad[0] + pad[1];
            let places = padded - taps.len() as isize;
            (places >= 0).then(|| places as usize / down + 1)
        };
        let (Some(oh), Some(ow)) = (along(h), along(w)) else {
            return Err(format!("{} taps do not fit the image {h}x{w} times {up}, padded by {pad:?}", taps.len()));
        };
        Ok(Self { batch, input: [h, w], output: [oh, ow], channels, taps, up, down, before: pad[0] })
    }

    /// The geometry of the adjoint, which takes gradients by `y` to gradients by `x`. It is a filter again: the taps turned, up and
    /// down exchanged, `x` and `y` exchanged.
    ///
    /// Along an axis: x(j) meets y(o) at tap k = j * up + before - o * down. Counted from the other end that is tap
    /// last - k = o * down - j * up + (last - before), where last is the number of the last tap: the same with o and j exchanged.
    pub fn adjoint(&self) -> Self {
        Self {
            input: self.output,
            output: self.input,
            taps: self.taps.iter().rev().copied().collect(),
            up: self.down,
            down: self.up,
            before: self.taps.len() as isize - 1 - self.before,
            ..*self
        }
    }

    /// Shape of `x`.
    pub fn x_shape(&self) -> [usize; 4] {
        [self.batch, self.input[0], self.input[1], self.channels]
    }

    /// Shape of `y`.
    pub fn y_shape(&self) -> [usize; 4] {
        [self.batch, self.output[0], self.output[1], self.channels]
    }

    /// The row (axis 0) or column (axis 1) of `x` that `tap` meets in window `out`, if there is one.
    #[inline]
    pub fn source(&self, axis: usize, out: usize, tap: usize) -> Option<usize> {
        let place = usize::try_from((out * self.down + tap) as isize - self.before).ok()?;
        (place.is_multiple_of(self.up) && place / self.up < self.input[axis]).then_some(place / self.up)
    }
}

//! [`Fir`]: a filter that blurs, enlarges or shrinks images; [`FirGeometry`]: where its taps meet
//! the pixels of one batch.

/// A separable filter with a finite impulse response, the same in both directions and for every
/// channel (`upfirdn2d` of StyleGAN2; Karras, Laine, Aittala, Hellsten, Lehtinen and Aila,
/// "Analyzing and improving the image quality of StyleGAN", 2020). Along an axis, `up` - 1 zeros
/// are inserted after every pixel and `pad` zeros are added before and after; then a window of the
/// length of the taps slides over the result in steps of `down`.
///
/// Tap k is multiplied by pixel k of the window: the filter is a correlation. (StyleGAN2 uses a
/// convolution. Its filters, like those below, are symmetric, so the results are the same.)
#[derive(Clone, Debug, PartialEq)]
pub struct Fir {
    /// The taps along an axis. A pixel is multiplied by one tap of its row and one of its column.
    pub taps: Vec<f64>,
    /// The factor of the up-sampling.
    pub up: usize,
    /// The step of the window.
    pub down: usize,
    /// The zeros before and after, added after up-sampling. Negative numbers crop.
    pub pad: [isize; 2],
}

impl Fir {
    /// [1, 2, 1] / 4 with zero padding that keeps the size: StyleGAN's blur.
    pub fn blur() -> Self {
        Self { taps: vec![0.25, 0.5, 0.25], up: 1, down: 1, pad: [1, 1] }
    }

    /// Images (h, w) to (2 h, 2 w): [1, 3, 3, 1] / 4 over pixels alternating with zeros, so that
    /// the new pixels lie a quarter of the way between the old ones (`upsample_2d` of StyleGAN2).
    pub fn up2() -> Self {
        Self { pad: [2, 1], up: 2, ..Self::smooth(2.0) }
    }

    /// Images (h, w) with even sides to (h / 2, w / 2): [1, 3, 3, 1] / 8, at every second position
    /// (`downsample_2d` of StyleGAN2).
    pub fn down2() -> Self {
        Self { pad: [1, 1], down: 2, ..Self::smooth(1.0) }
    }

    /// The filter after a transposed convolution of stride 2 without padding and with `kernel`
    /// taps: it smooths images of side 2 h + kernel - 2 to 2 h (`upsample_conv_2d` of StyleGAN2).
    /// The sum of the taps compensates for the zeros that the transposed convolution inserts.
    pub fn after_transposed(kernel: usize) -> Self {
        let spare = 3 - kernel as isize;
        Self { pad: [(spare + 1).div_euclid(2) + 1, spare.div_euclid(2) + 1], ..Self::smooth(2.0) }
    }

    /// The filter before a convolution of stride 2 without padding and with `kernel` taps: it
    /// smooths images of even side h to h + kernel - 2, which the convolution reduces to h / 2
    /// (`conv_downsample_2d` of StyleGAN2).
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
/// ```text
/// y(n, oy, ox, c) = sum over ky, kx of taps(ky) * taps(kx)
///     * x(n, (oy * down + ky - before) / up, (ox * down + kx - before) / up, c)
/// ```
///
/// over real pixels: a quotient that is not an integer or lies outside the image counts as zero.
/// The padding after the image needs no field: it is what the last window reads.
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
    /// The taps along an axis.
    pub taps: Vec<f64>,
    /// The factor of the up-sampling: the distance between two pixels of `x`.
    pub up: usize,
    /// The distance between two windows.
    pub down: usize,
    /// The zeros before the first pixel; negative if the image is cropped.
    pub before: isize,
}

impl FirGeometry {
    /// The geometry of `fir` on images of shape `[n, h, w, c]`.
    ///
    /// # Errors
    /// One sentence when no output pixel is left, or a size is zero that must not be.
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

    /// The geometry of the adjoint, which maps gradients with respect to `y` to gradients with
    /// respect to `x`. It is a filter too: with the taps reversed, and up and down as well as `x`
    /// and `y` exchanged.
    ///
    /// Along an axis, x(j) and y(o) meet at tap k = j * up + before - o * down. Counted from the
    /// other end, this is tap last - k = o * down - j * up + (last - before), where last is the
    /// index of the last tap: the same formula with o and j exchanged.
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

    /// The row (axis 0) or column (axis 1) of `x` that `tap` meets in window `out`, if any.
    #[inline]
    pub fn source(&self, axis: usize, out: usize, tap: usize) -> Option<usize> {
        let place = usize::try_from((out * self.down + tap) as isize - self.before).ok()?;
        (place.is_multiple_of(self.up) && place / self.up < self.input[axis]).then_some(place / self.up)
    }
}

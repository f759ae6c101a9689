//! The geometry of convolutions, up-sampling and padding: which pixels each output reads.

use crate::arguments::Precision;
use crate::conv::Convolution;
use crate::simd::LANES;

/// How a convolution treats the border of its input, per axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Padding {
    /// TensorFlow's `same`: out = ceil(in / stride), zeros around the image, the odd one at the
    /// bottom or right.
    Same,
    /// No padding: out = floor((in - kernel) / stride) + 1.
    Valid,
    /// The number of zeros at the [top, bottom, left, right].
    Explicit([usize; 4]),
}

/// How a transposed convolution sizes its output, per axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransposedPadding {
    /// Keras `same`: out = in * stride.
    Same,
    /// Keras `valid`: out = in * stride + max(kernel - stride, 0).
    Valid,
    /// PyTorch: out = (in - 1) * stride - 2 * padding + kernel + output_padding.
    Explicit {
        /// `padding` of PyTorch's `ConvTranspose2d`.
        padding: [usize; 2],
        /// `output_padding` of PyTorch's `ConvTranspose2d`.
        output_padding: [usize; 2],
    },
}

/// A two-dimensional convolution of NHWC images with an HWIO kernel:
///
/// ```text
/// y(n, oy, ox, o) = sum over ky, kx, i of
///     x(n, oy * stride - pad + ky, ox * stride - pad + kx, i) * w(ky, kx, i, o)
/// ```
///
/// where pixels outside `x` count as zero. The zeros at the bottom and right need no field: they
/// are what the last output pixel reads beyond the image. The same geometry describes the
/// convolution, its input gradient (the transposed convolution) and its weight gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvGeometry {
    /// The number of images.
    pub batch: usize,
    /// Height and width of `x`.
    pub input: [usize; 2],
    /// Channels of `x`.
    pub in_channels: usize,
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Steps of the kernel, vertical and horizontal.
    pub stride: [usize; 2],
    /// Zeros above and left of `x`.
    pub pad: [usize; 2],
    /// Height and width of `y`.
    pub output: [usize; 2],
    /// Channels of `y`.
    pub out_channels: usize,
    /// How the products are computed.
    pub precision: Precision,
}

impl ConvGeometry {
    /// The geometry of a convolution of images of shape `[n, h, w, c]`.
    ///
    /// # Errors
    /// One sentence when no output pixel is left, or a size is zero that must not be.
    pub fn new(
        [batch, h, w, in_channels]: [usize; 4],
        kernel: [usize; 2],
        out_channels: usize,
        stride: [usize; 2],
        padding: Padding,
    ) -> Result<Self, String> {
        let (mut pad, mut output) = ([0; 2], [0; 2]);
        for (axis, size) in [h, w].into_iter().enumerate() {
            let (k, s) = (kernel[axis], stride[axis]);
            if k == 0 || s == 0 {
                return Err(format!("kernel {kernel:?} and stride {stride:?} must be at least 1"));
            }
            let padded = match padding {
                Padding::Same => {
                    let out = size.div_ceil(s);
                    let total = (out.saturating_sub(1) * s + k).saturating_sub(size);
                    pad[axis] = total / 2;
                    size + total
                }
                Padding::Valid => size,
                Padding::Explicit(zeros) => {
                    pad[axis] = zeros[2 * axis];
                    size + zeros[2 * axis] + zeros[2 * axis + 1]
                }
            };
            if padded < k {
                return Err(format!(
                    "the kernel {kernel:?} is larger than the padded image: {padded} pixels on axis {axis}"
                ));
            }
            output[axis] = (padded - k) / s + 1;
        }
        let precision = Precision::F32;
        Ok(Self { batch, input: [h, w], in_channels, kernel, stride, pad, output, out_channels, precision })
    }

    /// The convolution whose input gradient is the transposed convolution of images of shape `[n,
    /// h, w, c]` into `out_channels` channels. The input of the transposed convolution is the `y`
    /// of this geometry, its output is `x`, and its kernel is stored (kh, kw, out, in).
    ///
    /// # Errors
    /// One sentence when the sizes do not fit.
    pub fn transposed(
        [batch, h, w, channels]: [usize; 4],
        kernel: [usize; 2],
        out_channels: usize,
        stride: [usize; 2],
        padding: TransposedPadding,
    ) -> Result<Self, String> {
        let (mut pad, mut input) = ([0; 2], [0; 2]);
        for (axis, size) in [h, w].into_iter().enumerate() {
            let (k, s) = (kernel[axis], stride[axis]);
            if k == 0 || s == 0 || size == 0 {
                return Err(format!("kernel {kernel:?}, stride {stride:?} and image [{h}, {w}] must be at least 1"));
            }
            let overlap = k.saturating_sub(s);
            match padding {
                TransposedPadding::Same => (pad[axis], input[axis]) = (overlap / 2, size * s),
                TransposedPadding::Valid => (pad[axis], input[axis]) = (0, size * s + overlap),
                TransposedPadding::Explicit { padding, output_padding } => {
                    let grown = (size - 1) * s + k + output_padding[axis];
                    if grown <= 2 * padding[axis] {
                        return Err(format!("padding {padding:?} leaves no output pixel on axis {axis}"));
                    }
                    (pad[axis], input[axis]) = (padding[axis], grown - 2 * padding[axis]);
                }
            }
        }
        Ok(Self {
            batch,
            input,
            in_channels: out_channels,
            kernel,
            stride,
            pad,
            output: [h, w],
            out_channels: channels,
            precision: Precision::F32,
        })
    }

    /// The same geometry, with products in this precision.
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// The precision that is in effect. [`Precision::Bf16`] multiplies [pairs](crate::bf16) of
    /// channels, or of images for the weight gradient. It has no effect where there are no pairs,
    /// nor in the weight gradient of layers with few channels, which is bound by memory: there it
    /// would cost accuracy without being faster.
    pub(crate) fn effective_precision(&self, call: Convolution) -> Precision {
        let takes_effect = match call {
            Convolution::Forward => self.in_channels > 1,
            Convolution::InputGrad => self.out_channels > 1,
            Convolution::WeightGrad => self.in_channels > LANES,
        };
        if takes_effect { self.precision } else { Precision::F32 }
    }

    /// The same result from small images. This is a transposed convolution of stride 1 of images
    /// that are up-sampled by `factor` before it; the result is the transposed convolution of the
    /// small images, with the taps of the kernel [spread](TapsGeometry).
    ///
    /// Along one axis, pixel f * m + r of the large image repeats pixel m of the small one, for r <
    /// f, and tap t adds it to position f * m + r + t. So pixel m is added to position f * m + u
    /// with the sum of all taps t = u - r: this is a stride of f and a kernel of k + f - 1 taps.
    /// The padding is unchanged.
    ///
    /// # Panics
    /// When the stride is not 1, or these are not images up-sampled by `factor`.
    pub fn of_small_images(&self, factor: [usize; 2]) -> Self {
        let whole = (0..2).all(|axis| factor[axis] > 0 && self.output[axis].is_multiple_of(factor[axis]));
        assert!(
            self.stride == [1; 2] && whole,
            "not a transposed convolution of stride 1 of images up-sampled by {factor:?}: {self:?}"
        );
        let along = |axis: usize| (self.kernel[axis] + factor[axis] - 1, self.output[axis] / factor[axis]);
        let [(kh, h), (kw, w)] = [along(0), along(1)];
        Self { kernel: [kh, kw], stride: factor, output: [h, w], ..*self }
    }

    /// This convolution of stride 1 as a transposed convolution: the geometry whose input gradient
    /// it is, with the kernel [turned](TapsGeometry). `None` if the padding is wider than that of
    /// any transposed convolution.
    ///
    /// Along one axis, y(o) is the sum of x(o - pad + t) * w(t); with t' = k - 1 - t that is x(o +
    /// pad' - t') * w(k - 1 - t') for pad' = k - 1 - pad.
    ///
    /// # Panics
    /// When the stride is not 1.
    pub fn as_transposed(&self) -> Option<Self> {
        assert!(
            self.stride == [1, 1],
            "a convolution of stride {:?} cannot be computed as a transposed one",
            self.stride
        );
        let pad = |axis: usize| (self.kernel[axis] - 1).checked_sub(self.pad[axis]);
        Some(Self {
            input: self.output,
            output: self.input,
            in_channels: self.out_channels,
            out_channels: self.in_channels,
            pad: [pad(0)?, pad(1)?],
            ..*self
        })
    }

    /// Shape of `x`: (n, h, w, in).
    pub fn x_shape(&self) -> [usize; 4] {
        [self.batch, self.input[0], self.input[1], self.in_channels]
    }

    /// Shape of `w`: (kh, kw, in, out).
    pub fn w_shape(&self) -> [usize; 4] {
        [self.kernel[0], self.kernel[1], self.in_channels, self.out_channels]
    }

    /// Shape of `y`: (n, oh, ow, out).
    pub fn y_shape(&self) -> [usize; 4] {
        [self.batch, self.output[0], self.output[1], self.out_channels]
    }

    /// The pixel of `x` on `axis` that output pixel `out` reads through tap `tap`, if it is inside
    /// the image.
    #[inline]
    pub fn source(&self, axis: usize, out: usize, tap: usize) -> Option<usize> {
        (out * self.stride[axis] + tap).checked_sub(self.pad[axis]).filter(|&at| at < self.input[axis])
    }

    /// The number of multiply-adds of one pass, including those with padding.
    pub fn dense_products(&self) -> u64 {
        let taps = [self.kernel[0], self.kernel[1], self.in_channels];
        self.y_shape().into_iter().chain(taps).map(|size| size as u64).product()
    }

    /// The number of multiply-adds of one pass that read real pixels.
    pub fn useful_products(&self) -> u64 {
        let taps = |axis| {
            let pairs = (0..self.output[axis]).flat_map(|out| (0..self.kernel[axis]).map(move |tap| (out, tap)));
            pairs.filter(|&(out, tap)| self.source(axis, out, tap).is_some()).count()
        };
        [self.batch, taps(0), taps(1), self.in_channels, self.out_channels].map(|count| count as u64).iter().product()
    }
}

/// Nearest-neighbour up-sampling of NHWC images: each pixel becomes a block of `factor` equal
/// pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UpsampleGeometry {
    /// The number of images.
    pub batch: usize,
    /// Height and width of the small image.
    pub input: [usize; 2],
    /// Channels.
    pub channels: usize,
    /// Repetitions, vertical and horizontal.
    pub factor: [usize; 2],
}

impl UpsampleGeometry {
    /// Shape of the small image.
    pub fn small_shape(&self) -> [usize; 4] {
        [self.batch, self.input[0], self.input[1], self.channels]
    }

    /// Shape of the large image.
    pub fn large_shape(&self) -> [usize; 4] {
        [self.batch, self.input[0] * self.factor[0], self.input[1] * self.factor[1], self.channels]
    }
}

/// Reflection padding of NHWC images: added rows and columns mirror the image at its edges, without
/// repeating the edge itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReflectGeometry {
    /// The number of images.
    pub batch: usize,
    /// Height and width of the image without padding.
    pub input: [usize; 2],
    /// Channels.
    pub channels: usize,
    /// The rows and columns added at the top, bottom, left, right. Each must be less than the side
    /// of the image.
    pub pad: [usize; 4],
}

impl ReflectGeometry {
    /// Shape of the image without padding.
    pub fn input_shape(&self) -> [usize; 4] {
        [self.batch, self.input[0], self.input[1], self.channels]
    }

    /// Shape of the padded image.
    pub fn output_shape(&self) -> [usize; 4] {
        let [top, bottom, left, right] = self.pad;
        [self.batch, self.input[0] + top + bottom, self.input[1] + left + right, self.channels]
    }

    /// Checks that no padding reaches beyond the opposite edge.
    ///
    /// # Errors
    /// The rule, with the numbers.
    pub fn check(&self) -> Result<(), String> {
        let ([h, w], [top, bottom, left, right]) = (self.input, self.pad);
        if top.max(bottom) < h && left.max(right) < w {
            return Ok(());
        }
        Err(format!(
            "reflection padding {:?} (top, bottom, left, right) must be less than the image's {h}x{w}",
            self.pad
        ))
    }

    /// The row (axis 0) or column (axis 1) of the image that row or column `out` of the padded
    /// image shows.
    #[inline]
    pub fn source(&self, axis: usize, out: usize) -> usize {
        let (before, last) = (self.pad[2 * axis], self.input[axis] - 1);
        let inside = out.abs_diff(before);
        if inside > last { 2 * last - inside } else { inside }
    }
}

/// The taps of a kernel (kh, kw, a, b), for three linear maps that make convolutions of up-sampled
/// images cheap ([`ConvGeometry::of_small_images`], [`ConvGeometry::as_transposed`]):
///
/// * *Spreading* over a block of pixels, to (kh + fy - 1, kw + fx - 1, a, b): tap (u, v) becomes
///   the sum of the taps (u - r, v - s) that exist, for r < fy and s < fx.
/// * *Folding*, its adjoint: tap (u, v) becomes the sum of the taps (u + r, v + s).
/// * *Turning*, to (kh, kw, b, a): tap (u, v) becomes the transpose of tap (kh - 1 - u, kw - 1 -
///   v). It is its own adjoint and inverse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TapsGeometry {
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// The two axes of channels.
    pub channels: [usize; 2],
    /// The block, vertical and horizontal.
    pub factor: [usize; 2],
}

impl TapsGeometry {
    /// Shape of the kernel: (kh, kw, a, b).
    pub fn shape(&self) -> [usize; 4] {
        [self.kernel[0], self.kernel[1], self.channels[0], self.channels[1]]
    }

    /// Shape of the kernel after spreading: (kh + fy - 1, kw + fx - 1, a, b).
    pub fn spread_shape(&self) -> [usize; 4] {
        let [kh, kw, a, b] = self.shape();
        [kh + self.factor[0] - 1, kw + self.factor[1] - 1, a, b]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(size: usize, k: usize, s: usize) -> (usize, usize, usize) {
        let g = ConvGeometry::new([1, size, size, 1], [k, k], 1, [s, s], Padding::Same).unwrap();
        let after = ((g.output[0] - 1) * s + k).saturating_sub(size + g.pad[0]);
        (g.output[0], g.pad[0], after)
    }

    #[test]
    fn same_padding_follows_tensorflow() {
        assert_eq!(same(28, 5, 2), (14, 1, 2));
        assert_eq!(same(14, 5, 2), (7, 1, 2));
        assert_eq!(same(7, 5, 2), (4, 2, 2));
        assert_eq!(same(4, 5, 1), (4, 2, 2));
        assert_eq!(same(9, 7, 1), (9, 3, 3));
        assert_eq!(same(5, 1, 3), (2, 0, 0));
    }

    #[test]
    fn transposed_sizes_follow_keras_and_pytorch() {
        let keras = |k: usize, s: usize, padding| {
            let g = ConvGeometry::transposed([1, 7, 7, 3], [k, k], 2, [s, s], padding).unwrap();
            (g.input[0], g.pad[0])
        };
        assert_eq!(keras(5, 1, TransposedPadding::Same), (7, 2));
        assert_eq!(keras(4, 2, TransposedPadding::Same), (14, 1));
        assert_eq!(keras(5, 2, TransposedPadding::Same), (14, 1));
        assert_eq!(keras(3, 2, TransposedPadding::Same), (14, 0));
        assert_eq!(keras(5, 2, TransposedPadding::Valid), (17, 0));
        let torch = |padding, output_padding| TransposedPadding::Explicit {
            padding: [padding; 2],
            output_padding: [output_padding; 2],
        };
        assert_eq!(keras(4, 2, torch(1, 0)), (14, 1));
        assert_eq!(keras(3, 2, torch(1, 1)), (14, 1));
    }

    #[test]
    fn reflections_do_not_repeat_the_edge() {
        let g = ReflectGeometry { batch: 1, input: [4, 3], channels: 1, pad: [3, 2, 1, 2] };
        assert_eq!(g.output_shape(), [1, 9, 6, 1]);
        assert_eq!([0, 1, 2, 3, 4, 5, 6, 7, 8].map(|out| g.source(0, out)), [3, 2, 1, 0, 1, 2, 3, 2, 1]);
        assert_eq!([0, 1, 2, 3, 4, 5].map(|out| g.source(1, out)), [1, 0, 1, 2, 1, 0]);
        assert!(g.check().is_ok());
        assert!(ReflectGeometry { pad: [4, 0, 0, 0], ..g }.check().unwrap_err().contains("less than the image's 4x3"));
    }

    #[test]
    fn impossible_geometries_are_refused() {
        assert!(ConvGeometry::new([1, 3, 3, 1], [5, 5], 1, [1, 1], Padding::Valid).unwrap_err().contains("larger"));
        assert!(ConvGeometry::new([1, 3, 3, 1], [3, 3], 1, [0, 1], Padding::Same).unwrap_err().contains("at least 1"));
    }
}

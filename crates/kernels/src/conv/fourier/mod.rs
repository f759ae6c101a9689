//! Convolutions by transforms, which need fewer multiplications than the direct sum.
//!
//! On a map of a few pixels, almost every output reads almost every pixel, each through a different
//! tap. In the frequency domain a convolution is one product per frequency instead. A 4 x 4 map
//! under a 5 x 5 kernel has 196 products of a pixel and a tap; its 6 x 6 transform has 52. Each
//! frequency is a matrix product over channels and images, computed by the tiles of
//! [`gemm`](crate::gemm), between the small transforms of [`transform`].
//!
//! * **Number of points.** The transform is cyclic: what leaves the map on one side re-enters on
//!   the other. This is harmless as long as it only affects outputs that are not needed. With n
//!   pixels, taps at offsets d to D (0 is the tap on the output's own pixel) and m outputs, max(n -
//!   d, m + D) points suffice, fewer than a linear convolution needs.
//! * **Tiles.** A larger map is cut into tiles that overlap by the length of the kernel less one
//!   ([`tiles`]). The tiles of all images are the rows of the products, or the depth of the weight
//!   gradient.
//! * **Strides.** With stride s, the outputs read each of the s * s sub-grids of pixels through a
//!   stride-1 convolution of its own. The sub-grids (**phases**) are therefore treated as channels,
//!   s * s times as many, whose products are summed before the inverse transform.
//! * **One trilinear form.** The convolution and its two gradients are the partial derivatives of
//!   <conv(x, w), g> with respect to g, x and w. Each of the three tensors has a transform to
//!   planes. To get any of them, multiply the planes of the other two and apply the transpose of
//!   its own transform.
//! * **Two families of transforms.** Frequencies suit kernels of many taps. For two or three taps,
//!   those of [`winograd`] save as many products, and cost much less.
//!
//! **Rounding.** Let B, G and A be the matrices of the three transforms. Each plane of x and w is a
//! sum of few products, each plane of the result is a chain over k channels (tiles, for the weight
//! gradient), and each result is a sum of few planes. The error of y is at most
//!
//! ```text
//! γ(k + c) A' (G|w| · B|x|)      with γ(n) = n u / (1 - n u) and u = 2^-24
//! ```
//!
//! where c is the total length of the sums in the transforms and every matrix stands for the
//! absolute values of its entries (Higham 2002, section 3.1; for fast convolutions Barabasz et al.,
//! "Error analysis and improving the accuracy of Winograd convolution for deep neural networks",
//! 2020). For the gradients, exchange the roles of the three tensors. Where k is summed in p
//! pieces, each with its own inverse transform, the chains are k / p long and p - 1 additions
//! follow, so one more rounding than k is enough. Cosines are at most √2 after Gauss' trick, so the
//! bound is close to that of the direct sum. The matrices of Winograd have larger entries: if all
//! numbers have the same size, A' (G|w| · B|x|) is up to 47 (4 x 4 outputs, 2 x 2 taps) and 85 (3 x
//! 3 taps) times the sum of |w||x|. Their errors are much smaller, because signs differ: the root
//! of the mean square is 1.7 and 2.6 times that of the direct sum, for 256 channels of random
//! numbers. A test holds all three results to the bound, and another one the mean to 3.4 times.

mod block;
mod operand;
mod product;
#[cfg(test)]
mod tests;
mod tiles;
mod transform;
mod winograd;

use core::ops::Range;

use super::Convolution;
use crate::geometry::ConvGeometry;
pub(super) use transform::LENGTHS;
use transform::{Role, WHOLE};
pub(super) use winograd::Winograd;

/// The non-spatial axes of the three tensors: x has images and inputs, w has inputs and outputs, y
/// has images and outputs. An input is a channel of a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Axis {
    Image,
    Input,
    Output,
}

/// A convolution by transforms.
pub(crate) struct Fourier {
    geometry: ConvGeometry,
    /// Points of the transform.
    points: [usize; 2],
    /// The transform of Winograd, if it is one.
    winograd: Option<Winograd>,
    /// Whether the whole map is one tile.
    whole: bool,
    /// The number of sub-grids of pixels, and the first one.
    phases: [usize; 2],
    first_phase: [usize; 2],
    /// The first element of the sub-grids is this far before the first pixel.
    origin: [isize; 2],
    /// The offsets of the taps on a sub-grid.
    taps: [Range<isize>; 2],
}

impl Fourier {
    /// The convolution of the whole map as one tile, if it is small enough.
    pub(super) fn whole(g: &ConvGeometry) -> Option<Self> {
        let (mut points, mut taps) = ([0; 2], [0..0, 0..0]);
        for axis in 0..2 {
            let (stride, pad) = (g.stride[axis] as isize, g.pad[axis] as isize);
            // Tap t of output p reads pixel stride * p + t - pad: element p + offset of its
            // sub-grid.
            let offsets = (-pad).div_euclid(stride)..(g.kernel[axis] as isize - 1 - pad).div_euclid(stride) + 1;
            let pixels = g.input[axis].div_ceil(g.stride[axis]);
            let needed = (pixels as isize - offsets.start).max(g.output[axis] as isize + offsets.end - 1);
            let fits = |length: &usize| {
                *length as isize >= needed.max(offsets.len() as isize) && *length >= pixels.max(g.output[axis])
            };
            points[axis] = WHOLE.into_iter().find(fits)?;
            taps[axis] = offsets;
        }
        let real = g.batch > 0 && g.in_channels > 0 && g.out_channels > 0;
        real.then_some(Self {
            geometry: *g,
            points,
            winograd: None,
            whole: true,
            phases: g.stride,
            first_phase: [0; 2],
            origin: [0; 2],
            taps,
        })
    }

    /// The convolution of tiles with this many points, if these are enough for the kernel.
    pub(super) fn tiled(g: &ConvGeometry, points: [usize; 2]) -> Option<Self> {
        // The sub-grids begin with the padding, so that the taps of each begin at 0.
        let origin = g.pad.map(|pad| pad as isize);
        let taps = [0, 1].map(|axis| g.kernel[axis].div_ceil(g.stride[axis]));
        let mut sizes = [g.x_shape(), g.w_shape(), g.y_shape()].into_iter().flatten();
        let fits = sizes.all(|size| size > 0) && (0..2).all(|axis| taps[axis] < points[axis]);
        let taps = taps.map(|taps| 0..taps as isize);
        fits.then_some(Self {
            geometry: *g,
            points,
            winograd: None,
            whole: false,
            phases: g.stride,
            first_phase: [0; 2],
            origin,
            taps,
        })
    }

    /// The convolution of tiles by a transform of Winograd, if it is for a kernel of this size.
    pub(super) fn winograd(g: &ConvGeometry, winograd: Winograd) -> Option<Self> {
        let tiled = Self::tiled(g, [winograd.points(); 2])?;
        let fits = tiled.taps.iter().all(|taps| taps.len() == winograd.size()[1]);
        fits.then_some(Self { winograd: Some(winograd), ..tiled })
    }

    /// Whether the transform is one of Winograd.
    pub(super) fn is_winograd(&self) -> bool {
        self.winograd.is_some()
    }

    /// The number of planes.
    pub(super) fn planes(&self) -> usize {
        if self.winograd.is_some() {
            return self.points[0] * self.points[1];
        }
        // The real frequencies: 0, and N / 2 if N is even.
        let real = |n: usize| 2 - n % 2;
        let [ny, nx] = self.points;
        let real_points = real(ny) * real(nx);
        real_points + (ny * nx - real_points) / 2 * 3
    }

    /// The number of multiplications per image.
    pub(super) fn products(&self) -> u64 {
        let channels = self.phases[0] * self.phases[1] * self.geometry.in_channels * self.geometry.out_channels;
        [self.tiles(Convolution::Forward), self.planes(), channels].map(|count| count as u64).iter().product()
    }

    /// The number of phases along an axis, and its length in each. The images are counted in tiles.
    fn extent(&self, call: Convolution, axis: Axis) -> [usize; 2] {
        match axis {
            Axis::Image => [1, self.geometry.batch * self.tiles(call)],
            Axis::Input => [self.phases[0] * self.phases[1], self.geometry.in_channels],
            Axis::Output => [1, self.geometry.out_channels],
        }
    }

    /// The problems of single phases: in the input gradient, the pixels of each.
    ///
    /// Together, the phases of n pixels have one position more than n / stride, because they begin
    /// before and after the border. Apart, no tile is needed for it.
    fn each_phase(&self) -> impl Iterator<Item = Self> {
        let [down, across] = self.geometry.stride;
        let one = move |first_phase: [usize; 2]| Self { phases: [1; 2], first_phase, taps: self.taps.clone(), ..*self };
        let phases = (0..down * across).map(move |phase| one([phase / across, phase % across]));
        phases.filter(|phase| phase.tiles(Convolution::InputGrad) > 0)
    }

    pub(crate) fn conv2d(&self, x: &[f32], w: &[f32], y: &mut [f32]) {
        self.product(Convolution::Forward, x, w, y);
    }

    pub(crate) fn conv2d_input_grad(&self, gy: &[f32], w: &[f32], gx: &mut [f32]) {
        if self.whole {
            return self.product(Convolution::InputGrad, gy, w, gx);
        }
        for phase in self.each_phase() {
            phase.product(Convolution::InputGrad, gy, w, gx);
        }
    }

    pub(crate) fn conv2d_weight_grad(&self, x: &[f32], gy: &[f32], gw: &mut [f32]) {
        self.product(Convolution::WeightGrad, x, gy, gw);
    }
}

impl Convolution {
    /// The axes of the rows, the depth and the columns of the products of planes.
    fn axes(self) -> [Axis; 3] {
        match self {
            Self::Forward => [Axis::Image, Axis::Input, Axis::Output],
            Self::InputGrad => [Axis::Image, Axis::Output, Axis::Input],
            Self::WeightGrad => [Axis::Input, Axis::Image, Axis::Output],
        }
    }

    /// The tensors that are the left and the right operand, and the result.
    fn roles(self) -> [Role; 3] {
        match self {
            Self::Forward => [Role::Pixels, Role::Taps, Role::Outputs],
            Self::InputGrad => [Role::Outputs, Role::Taps, Role::Pixels],
            Self::WeightGrad => [Role::Pixels, Role::Outputs, Role::Taps],
        }
    }
}

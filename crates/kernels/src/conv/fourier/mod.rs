//! Convolutions of small maps by Fourier transforms, which need fewer multiplications than the
//! direct sum.
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
//! * **Strides.** With stride s, the outputs read each of the s * s sub-grids of pixels through a
//!   stride-1 convolution of its own. The sub-grids (**phases**) are therefore treated as channels,
//!   s * s times as many, whose products are summed before the inverse transform.
//! * **One trilinear form.** The convolution and its two gradients are the partial derivatives of
//!   <conv(x, w), g> with respect to g, x and w. Each of the three tensors has a [`Transform`] to
//!   planes. To get any of them, multiply the planes of the other two and apply the transpose of
//!   its own transform.
//!
//! **Rounding.** Let B, G and A be the matrices of the three transforms. Each plane of x and w is a
//! sum of few products, each plane of the result is a chain over k channels (images, for the weight
//! gradient), and each result is a sum of few planes. The error of y is at most
//!
//! ```text
//! γ(k + c) A' (G|w| · B|x|)      with γ(n) = n u / (1 - n u) and u = 2^-24
//! ```
//!
//! where c is the total length of the sums in the transforms and every matrix stands for the
//! absolute values of its entries (Higham 2002, section 3.1; for fast convolutions Barabasz et al.,
//! "Error analysis and improving the accuracy of Winograd convolution for deep neural networks",
//! 2020). The entries are cosines, at most √2 after Gauss' trick, so the bound is close to that of
//! the direct sum. A test holds all three results to it.

mod block;
mod product;
#[cfg(test)]
mod tests;
mod transform;

use core::ops::Range;

use super::Convolution;
use crate::arguments::Precision;
use crate::geometry::ConvGeometry;
use transform::{LENGTHS, Role, Transform};

/// The non-spatial axes of the three tensors: x has images and inputs, w has inputs and outputs, y
/// has images and outputs. An input is a channel of a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Axis {
    Image,
    Input,
    Output,
}

/// One of the three tensors: its transform and its layout.
struct Factor {
    transform: Transform,
    /// For each phase, the offset of each tile element in the tensor; `None` where the tensor has
    /// no such element.
    offsets: Vec<Vec<Option<usize>>>,
    /// The non-spatial axes of the tensor, and the stride of each.
    strides: [(Axis, usize); 2],
}

impl Factor {
    fn stride(&self, axis: Axis) -> usize {
        self.strides.iter().find(|(own, _)| *own == axis).map_or(0, |(_, stride)| *stride)
    }
}

/// A convolution in the frequency domain.
pub(crate) struct Fourier {
    geometry: ConvGeometry,
    /// Points of the transform.
    points: [usize; 2],
    /// The number of sub-grids of pixels.
    phases: [usize; 2],
    /// The size of the largest sub-grid.
    pixels: [usize; 2],
    /// The offsets of the taps on a sub-grid.
    taps: [Range<isize>; 2],
}

/// The least number of input and of output channels for which the transforms pay off.
const CHANNELS: usize = 64;

impl Fourier {
    /// The convolution in the frequency domain, if that pays off. The choice depends on the shape
    /// of the layer but not on the number of images, so that a sample is the same in any batch.
    pub(crate) fn choose(g: &ConvGeometry) -> Option<Self> {
        let fourier = Self::new(g)?;
        let [planes, mut direct] = [fourier.products(), g.useful_products() / g.batch.max(1)];
        if g.precision == Precision::Bf16 {
            // Planes are multiplied in f32, which takes twice as long as products of pairs.
            direct /= 2;
        }
        let wide = (g.in_channels * fourier.phases[0] * fourier.phases[1]).min(g.out_channels) >= CHANNELS;
        (wide && 3 * planes < 2 * direct).then_some(fourier)
    }

    /// The convolution in the frequency domain, if the map is small enough.
    fn new(g: &ConvGeometry) -> Option<Self> {
        let (mut points, mut pixels, mut taps) = ([0; 2], [0; 2], [0..0, 0..0]);
        for axis in 0..2 {
            let (stride, pad) = (g.stride[axis] as isize, g.pad[axis] as isize);
            // Tap t of output p reads pixel stride * p + t - pad: element p + offset of its
            // sub-grid.
            let offsets = (-pad).div_euclid(stride)..(g.kernel[axis] as isize - 1 - pad).div_euclid(stride) + 1;
            pixels[axis] = g.input[axis].div_ceil(g.stride[axis]);
            let needed = (pixels[axis] as isize - offsets.start).max(g.output[axis] as isize + offsets.end - 1);
            let fits = |length: &usize| *length as isize >= needed && *length as isize >= offsets.len() as isize;
            points[axis] = LENGTHS.into_iter().find(fits)?;
            taps[axis] = offsets;
        }
        let small = |axis: usize| g.output[axis] <= points[axis] && pixels[axis] <= points[axis];
        let real = g.batch > 0 && g.in_channels > 0 && g.out_channels > 0 && small(0) && small(1);
        real.then_some(Self { geometry: *g, points, phases: g.stride, pixels, taps })
    }

    /// The number of multiplications per image.
    fn products(&self) -> usize {
        // The real frequencies: 0, and N / 2 if N is even.
        let real = |n: usize| 2 - n % 2;
        let [ny, nx] = self.points;
        let real_points = real(ny) * real(nx);
        let planes = real_points + (ny * nx - real_points) / 2 * 3;
        planes * self.phases[0] * self.phases[1] * self.geometry.in_channels * self.geometry.out_channels
    }

    fn factor(&self, role: Role) -> Factor {
        let g = &self.geometry;
        let [phases_y, phases_x] = self.phases;
        let phases: Vec<[usize; 2]> = (0..phases_y).flat_map(|y| (0..phases_x).map(move |x| [y, x])).collect();
        let (tile, offset) = match role {
            Role::Pixels => (self.pixels, [0; 2]),
            Role::Taps => ([0, 1].map(|i| self.taps[i].len()), [0, 1].map(|i| self.taps[i].start)),
            Role::Outputs => (g.output, [0; 2]),
        };
        // The position of tile element i of a phase on an axis of the tensor.
        let at = |axis: usize, phase: usize, i: usize| {
            let (i, stride) = (i as isize, g.stride[axis] as isize);
            let (at, size) = match role {
                Role::Pixels => (i * stride + phase as isize, g.input[axis]),
                Role::Taps => ((i + offset[axis]) * stride + phase as isize + g.pad[axis] as isize, g.kernel[axis]),
                Role::Outputs => (i, g.output[axis]),
            };
            usize::try_from(at).ok().filter(|&at| at < size)
        };
        let (width, channels, image) = match role {
            Role::Pixels => (g.input[1], g.in_channels, g.input[0] * g.input[1] * g.in_channels),
            Role::Taps => (g.kernel[1], g.in_channels * g.out_channels, 0),
            Role::Outputs => (g.output[1], g.out_channels, g.output[0] * g.output[1] * g.out_channels),
        };
        let phases = if role == Role::Outputs { vec![[0, 0]] } else { phases };
        let offset_of =
            |[y, x]: [usize; 2], i: usize| Some((at(0, y, i / tile[1])? * width + at(1, x, i % tile[1])?) * channels);
        let offsets =
            phases.iter().map(|&phase| (0..tile[0] * tile[1]).map(|i| offset_of(phase, i)).collect()).collect();
        let strides = match role {
            Role::Pixels => [(Axis::Image, image), (Axis::Input, 1)],
            Role::Taps => [(Axis::Input, g.out_channels), (Axis::Output, 1)],
            Role::Outputs => [(Axis::Image, image), (Axis::Output, 1)],
        };
        Factor { transform: Transform::new(role, tile, offset, self.points), offsets, strides }
    }

    /// The number of phases along an axis, and its length in each.
    fn extent(&self, axis: Axis) -> [usize; 2] {
        match axis {
            Axis::Image => [1, self.geometry.batch],
            Axis::Input => [self.phases[0] * self.phases[1], self.geometry.in_channels],
            Axis::Output => [1, self.geometry.out_channels],
        }
    }

    pub(crate) fn conv2d(&self, x: &[f32], w: &[f32], y: &mut [f32]) {
        self.product([Axis::Image, Axis::Input, Axis::Output], [Role::Pixels, Role::Taps, Role::Outputs], x, w, y);
    }

    pub(crate) fn conv2d_input_grad(&self, gy: &[f32], w: &[f32], gx: &mut [f32]) {
        self.product([Axis::Image, Axis::Output, Axis::Input], [Role::Outputs, Role::Taps, Role::Pixels], gy, w, gx);
    }

    pub(crate) fn conv2d_weight_grad(&self, x: &[f32], gy: &[f32], gw: &mut [f32]) {
        self.product([Axis::Input, Axis::Image, Axis::Output], [Role::Pixels, Role::Outputs, Role::Taps], x, gy, gw);
    }

    /// The lengths of the planes of the two operands that a call holds at a time, approximately.
    pub(crate) fn packed(&self, call: Convolution) -> [usize; 2] {
        let g = &self.geometry;
        let planes = self.points[0] * self.points[1];
        let inputs = planes * self.phases[0] * self.phases[1] * g.in_channels;
        let [pixels, taps, outputs] = [inputs * g.batch, inputs * g.out_channels, planes * g.batch * g.out_channels];
        let [left, right] = match call {
            Convolution::Forward => [pixels, taps],
            Convolution::InputGrad => [outputs, taps],
            Convolution::WeightGrad => [pixels, outputs],
        };
        product::held_at_a_time([left, right])
    }
}

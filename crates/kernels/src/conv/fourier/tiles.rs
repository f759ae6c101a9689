//! How the tensors of a convolution are cut into tiles.
//!
//! A whole map is one tile. A larger map is cut along both axes, by **overlap-save**: the results
//! are cut into tiles of m = n - k + 1 positions (n points, k taps), which together cover the map
//! once, and each of them reads a tile of n positions of the source, which overlaps its neighbours
//! by k - 1. Positions outside the map read as zeros and are not written.
//!
//! * In the convolution and in its weight gradient, the outputs are the results and the pixels the
//!   source. The weight gradient sums over all pairs of tiles.
//! * In the input gradient it is the other way round. Pixel q sums over the outputs q - t for all
//!   taps t. With both tensors mirrored, this is a convolution as above.

use super::transform::{Role, Transform};
use super::{Axis, Fourier};
use crate::conv::Convolution;

/// The tiles of one tensor along one axis of its sub-grids.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    pub(super) tiles: usize,
    /// The first position of the first tile, and the distance from tile to tile.
    first: isize,
    advance: usize,
    /// Positions in a tile.
    pub(super) len: usize,
    /// Whether the elements of a tile are in descending order of their positions.
    mirrored: bool,
}

impl Grid {
    /// A tensor that is one tile.
    fn whole(first: isize, len: usize) -> Self {
        Self { tiles: 1, first, advance: 0, len, mirrored: false }
    }

    fn position(&self, tile: usize, element: usize) -> isize {
        let element = if self.mirrored { self.len - 1 - element } else { element };
        self.first + (tile * self.advance + element) as isize
    }
}

impl Fourier {
    /// The tiles of a tensor along an axis.
    pub(super) fn grid(&self, call: Convolution, role: Role, axis: usize) -> Grid {
        let (g, points, taps) = (&self.geometry, self.points[axis], &self.taps[axis]);
        let (stride, results) = (g.stride[axis], points + 1 - taps.len().min(points));
        match (self.whole, role, call) {
            (_, Role::Taps, _) => Grid::whole(taps.start, taps.len()),
            (true, Role::Pixels, _) => Grid::whole(0, g.input[axis].div_ceil(stride)),
            (true, Role::Outputs, _) => Grid::whole(0, g.output[axis]),
            (false, _, Convolution::Forward | Convolution::WeightGrad) => {
                let len = if role == Role::Pixels { points } else { results };
                Grid { tiles: g.output[axis].div_ceil(results), first: 0, advance: results, len, mirrored: false }
            }
            (false, _, Convolution::InputGrad) => {
                // The elements of the sub-grids that lie in the image in at least one phase.
                let (phase, last) = (self.first_phase[axis], self.phases[axis] - 1);
                let first = g.pad[axis].saturating_sub(phase + last).div_ceil(stride);
                let end = (g.input[axis] + g.pad[axis]).saturating_sub(phase).div_ceil(stride);
                let tiles = end.saturating_sub(first).div_ceil(results);
                let (before, len) = if role == Role::Pixels { (0, results) } else { (taps.len() - 1, points) };
                Grid { tiles, first: first as isize - before as isize, advance: results, len, mirrored: true }
            }
        }
    }

    /// The number of tiles of an image.
    pub(in crate::conv) fn tiles(&self, call: Convolution) -> usize {
        [0, 1].map(|axis| self.grid(call, Role::Pixels, axis).tiles).iter().product()
    }

    pub(super) fn factor(&self, call: Convolution, role: Role) -> Factor {
        let g = &self.geometry;
        let grids = [0, 1].map(|axis| self.grid(call, role, axis));
        let (width, channels) = match role {
            Role::Pixels => (g.input[1], g.in_channels),
            Role::Taps => (g.kernel[1], g.in_channels * g.out_channels),
            Role::Outputs => (g.output[1], g.out_channels),
        };
        // The place of a position of a phase's sub-grid on an axis of the tensor.
        let at = |axis: usize, phase: usize, position: isize| {
            let phase = self.first_phase[axis] + phase;
            let (stride, origin) = (g.stride[axis] as isize, self.origin[axis]);
            let (at, size) = match role {
                Role::Pixels => (position * stride + phase as isize - origin, g.input[axis]),
                Role::Taps => (position * stride + phase as isize + g.pad[axis] as isize - origin, g.kernel[axis]),
                Role::Outputs => (position, g.output[axis]),
            };
            usize::try_from(at).ok().filter(|&at| at < size)
        };
        let phases = if role == Role::Outputs { [1, 1] } else { self.phases };
        let offsets = [0, 1].map(|axis| {
            let (grid, scale) = (&grids[axis], if axis == 0 { width * channels } else { channels });
            let elements = (0..grid.tiles).flat_map(|tile| (0..grid.len).map(move |element| (tile, element)));
            let offset = |phase, (tile, element)| Some(at(axis, phase, grid.position(tile, element))? * scale);
            (0..phases[axis]).map(|phase| elements.clone().map(|e| offset(phase, e)).collect()).collect()
        });
        let image = |map: [usize; 2]| map[0] * map[1] * channels;
        let strides = match role {
            Role::Pixels => [(Axis::Image, image(g.input)), (Axis::Input, 1)],
            Role::Taps => [(Axis::Input, g.out_channels), (Axis::Output, 1)],
            Role::Outputs => [(Axis::Image, image(g.output)), (Axis::Output, 1)],
        };
        let tile = grids.map(|grid| grid.len);
        // With mirrored tiles, pixels and outputs exchange their matrices. If the map is cut, the
        // elements of every tile are counted from the tile's start.
        let matrix = match (role, grids[0].mirrored) {
            (Role::Pixels, true) => Role::Outputs,
            (Role::Outputs, true) => Role::Pixels,
            (role, _) => role,
        };
        let first = if self.whole { grids.map(|grid| grid.first) } else { [0; 2] };
        let transform = match self.winograd {
            Some(winograd) => Transform::winograd(winograd, matrix),
            None => Transform::fourier(matrix, tile, first, self.points),
        };
        Factor { transform, offsets, tiles: grids.map(|grid| grid.tiles), strides }
    }
}

/// One of the three tensors: its transform and its layout.
pub(super) struct Factor {
    pub(super) transform: Transform,
    /// Down and across, for each phase along that axis: the contribution of each element of each
    /// tile to the offset in the tensor; `None` where the tensor has no such element.
    offsets: [Vec<Vec<Option<usize>>>; 2],
    /// The number of tiles down and across.
    tiles: [usize; 2],
    /// The non-spatial axes of the tensor, and the stride of each.
    strides: [(Axis, usize); 2],
}

/// The place of an index of a non-spatial axis in a tensor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The offset of the image or the channel.
    pub(super) base: usize,
    /// The first element of the tile, down and across, in the offsets of an axis.
    first: [usize; 2],
}

/// An element of all tiles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    /// The offsets down and across, from this element of the first tile on.
    offsets: [&'a [Option<usize>]; 2],
}

/// A tile in a tensor. The offset of an element is the sum of the base and those of its row and its
/// column; `None` where the tensor has no such row or column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tile<'a> {
    pub(super) base: usize,
    pub(super) rows: &'a [Option<usize>],
    pub(super) columns: &'a [Option<usize>],
}

impl Element<'_> {
    /// The offset of the element in the tensor at a place; `None` where the tensor has no such
    /// element.
    #[inline(always)]
    pub(super) fn offset(&self, place: Place) -> Option<usize> {
        let [down, across] = self.offsets;
        Some(place.base + down[place.first[0]]? + across[place.first[1]]?)
    }
}

impl Factor {
    pub(super) fn stride(&self, axis: Axis) -> usize {
        self.strides.iter().find(|(own, _)| *own == axis).map_or(0, |(_, stride)| *stride)
    }

    /// The place of an index of an axis. The indices of the images count tiles.
    pub(super) fn place(&self, axis: Axis, index: usize) -> Place {
        let stride = self.stride(axis);
        if axis != Axis::Image {
            return Place { base: index * stride, first: [0; 2] };
        }
        let ([down, across], [height, width]) = (self.tiles, self.transform.tile);
        let (image, tile) = (index / (down * across), index % (down * across));
        Place { base: image * stride, first: [tile / across * height, tile % across * width] }
    }

    /// The tile of a phase at a place: its offset, and the contributions of its rows and columns.
    pub(super) fn tile(&self, phase: usize, place: Place) -> Tile<'_> {
        let [down, across] = &self.offsets;
        let (down, across) = (&down[phase / across.len()], &across[phase % across.len()]);
        let [height, width] = self.transform.tile;
        let [y, x] = place.first;
        Tile { base: place.base, rows: &down[y..y + height], columns: &across[x..x + width] }
    }

    /// The elements of the tiles of a phase, row by row.
    pub(super) fn elements(&self, phase: usize) -> impl Iterator<Item = Element<'_>> {
        let [down, across] = &self.offsets;
        let (down, across) = (&down[phase / across.len()], &across[phase % across.len()]);
        let [height, width] = self.transform.tile;
        (0..height)
            .flat_map(move |row| (0..width).map(move |column| Element { offsets: [&down[row..], &across[column..]] }))
    }
}

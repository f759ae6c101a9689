//! The weight gradient of layers with few in-channels, straight from the images.
//!
//! With few channels there is little to multiply per number read, so packing both images would take
//! longer than all products. But one row of the kernel with all its channels, (kx, in-channel), is
//! contiguous in memory under each output pixel. This turns even a single channel into a tile of
//! several rows. Nothing is packed: a tile of sums stays in registers while all output columns and
//! images are processed. Each step reads a short stretch of `x` and of `gy`. The longer of the two
//! is read as vectors (*wide*), the other number by number (*narrow*).

use core::ops::Range;

use crate::gemm::blocking::{SERIAL, tile_cost};
use crate::gemm::for_each_task;
use crate::gemm::micro::TALLEST;
use crate::gemm::scratch::Scratch;
use crate::geometry::ConvGeometry;
use crate::shared::{Region, Shared};
use crate::simd::{self, Isa, Kernel, LANES, Simd};

/// The widest tile, in vectors.
const WIDEST: usize = 4;
/// Memory for the sums of a tile: rows of [`WIDEST`] vectors, and one more, because tiles with
/// clipped columns begin within a row and read beyond its end.
const SUMS: usize = (TALLEST + 1) * WIDEST * LANES;

/// The number of tasks to aim for. More would be slower: each reads all operands of its tile from
/// memory once.
const TASKS: usize = 4;

/// The tiles into which the sums of one row of the kernel are divided: (kx, in-channel) by
/// out-channel.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tiles {
    /// Whether the wide operand is `x` rather than `gy`.
    wide_x: bool,
    narrow: Vec<Range<usize>>,
    wide: Vec<Range<usize>>,
}

/// Cuts `len` into `count` nearly equal ranges of whole `unit`s.
fn cut(len: usize, count: usize, unit: usize) -> Vec<Range<usize>> {
    let units = len.div_ceil(unit);
    (0..count).map(|i| units * i / count * unit..len.min(units * (i + 1) / count * unit)).collect()
}

impl Tiles {
    /// The cheapest cut according to [`tile_cost`].
    fn choose(isa: Isa, x: usize, gy: usize) -> Self {
        let mut best: Option<(usize, Self)> = None;
        for wide_x in [false, true] {
            let (narrow, wide) = if wide_x { (gy, x) } else { (x, gy) };
            for vectors in 1..=WIDEST {
                let height = isa.tiles().tallest[vectors].max(1);
                let tiles = Self {
                    wide_x,
                    narrow: cut(narrow, narrow.div_ceil(height), 1),
                    wide: cut(wide, wide.div_ceil(LANES * vectors), LANES),
                };
                let cost = |wide: &Range<usize>| -> usize {
                    tiles.narrow.iter().map(|narrow| tile_cost(isa, narrow.len(), wide.len().div_ceil(LANES))).sum()
                };
                let cost = tiles.wide.iter().map(cost).sum();
                if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                    best = Some((cost, tiles));
                }
            }
        }
        best.expect("some cut").1
    }
}

/// Whether a layer is thin. With more channels than a vector has lanes, one tap alone fills tiles.
pub(crate) fn is_thin(g: &ConvGeometry) -> bool {
    g.in_channels <= LANES
}

/// Adjacent output columns that read real pixels through the same taps of a row.
struct Segment {
    columns: Range<usize>,
    taps: Range<usize>,
}

fn segments(g: &ConvGeometry) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    for column in 0..g.output[1] {
        let mut taps = (0..g.kernel[1]).filter(|&tap| g.source(1, column, tap).is_some());
        let Some(first) = taps.next() else { continue };
        let taps = first..taps.next_back().unwrap_or(first) + 1;
        match segments.last_mut() {
            Some(last) if last.columns.end == column && last.taps == taps => last.columns.end += 1,
            _ => segments.push(Segment { columns: column..column + 1, taps }),
        }
    }
    segments
}

/// See [`Element::conv2d_weight_grad`](crate::Element::conv2d_weight_grad).
pub(crate) fn conv2d_weight_grad(g: &ConvGeometry, x: &[f32], gy: &[f32], gw: &mut [f32]) {
    let isa = simd::current();
    let tiles = Tiles::choose(isa, g.kernel[1] * g.in_channels, g.out_channels);
    let segments = segments(g);
    let shared = Shared::new(gw);
    let count = tiles.narrow.len() * tiles.wide.len();
    // Rows of the kernel in one task share what they read; combine them as long as there are enough
    // tasks.
    let rows = cut(g.kernel[0], TASKS.div_ceil(count).min(g.kernel[0]), 1);
    for_each_task(g.dense_products() > SERIAL, rows.len() * count, |task| {
        let (tile, rows) = (task / rows.len(), rows[task % rows.len()].clone());
        let (narrow, wide) =
            (tiles.narrow[tile / tiles.wide.len()].clone(), tiles.wide[tile % tiles.wide.len()].clone());
        // SAFETY: no two tasks have the same rows of the kernel and the same tile of them.
        let to = unsafe { shared.claim() };
        isa.run(Task { g, x, gy, segments: &segments, rows, wide_x: tiles.wide_x, narrow, wide, to });
    });
}

/// The sums of one tile for some rows of the kernel.
struct Task<'a> {
    g: &'a ConvGeometry,
    x: &'a [f32],
    gy: &'a [f32],
    segments: &'a [Segment],
    rows: Range<usize>,
    wide_x: bool,
    narrow: Range<usize>,
    wide: Range<usize>,
    /// The weight gradient, of which this owns the tile in each of the rows.
    to: Region<'a>,
}

impl Kernel for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { g, x, gy, segments, rows, wide_x, narrow, wide, mut to } = self;
        let [x_image, gy_image] = [g.x_shape(), g.y_shape()].map(|[_, h, w, c]| h * w * c);
        let (of_x, of_gy) = if wide_x { (&wide, &narrow) } else { (&narrow, &wide) };
        let mut all = Scratch::new(rows.len() * SUMS);
        all.fill(0.0);
        for (oy, ky) in (0..g.output[0]).flat_map(|oy| rows.clone().map(move |ky| (oy, ky))) {
            let Some(row) = g.source(0, oy, ky) else { continue };
            let sums = &mut all[(ky - rows.start) * SUMS..][..SUMS];
            for Segment { columns, taps } in segments {
                // The part of the operand that is real pixels.
                let valid = of_x.start.max(taps.start * g.in_channels)..of_x.end.min(taps.end * g.in_channels);
                let Some(pixel) = g.source(1, columns.start, taps.start).filter(|_| !valid.is_empty() && g.batch > 0)
                else {
                    continue;
                };
                let x_at = (row * g.input[1] + pixel) * g.in_channels + valid.start - taps.start * g.in_channels;
                let gy_at = (oy * g.output[1] + columns.start) * g.out_channels + of_gy.start;
                let from_x = Stream { data: x, at: x_at, steps: [g.stride[1] * g.in_channels, x_image] };
                let from_gy = Stream { data: gy, at: gy_at, steps: [g.out_channels, gy_image] };
                let counts = [columns.len(), g.batch];
                let skipped = valid.start - of_x.start;
                let (at, height, width, from_narrow, from_wide) = if wide_x {
                    (skipped, of_gy.len(), valid.len(), from_gy, from_x)
                } else {
                    (skipped * WIDEST * LANES, valid.len(), of_gy.len(), from_x, from_gy)
                };
                let tile = Tile { narrow: from_narrow, wide: from_wide, counts, width, sums: &mut sums[at..] };
                tile.run(s, height);
            }
        }
        // Sums with x as the wide operand are the transpose of the result.
        for (ky, sums) in rows.zip(all.chunks_exact(SUMS)) {
            for (r, sums) in narrow.clone().zip(sums.chunks_exact(WIDEST * LANES)) {
                for (c, sum) in wide.clone().zip(sums) {
                    let (of_x, of_gy) = if wide_x { (c, r) } else { (r, c) };
                    let at = (ky * g.kernel[1] * g.in_channels + of_x) * g.out_channels + of_gy;
                    to.part(at..at + 1)[0] = *sum;
                }
            }
        }
    }
}

/// An operand, which step (i, j) reads at `at + i * steps[0] + j * steps[1]`.
#[derive(Clone, Copy)]
struct Stream<'a> {
    data: &'a [f32],
    at: usize,
    steps: [usize; 2],
}

impl Stream<'_> {
    /// Whether all steps can read `len` floats.
    fn holds(&self, counts: [usize; 2], len: usize) -> bool {
        let last = (0..2).map(|i| (counts[i] - 1) * self.steps[i]).sum::<usize>();
        self.at + last + len <= self.data.len()
    }
}

/// sums(r, c) += narrow(r) * wide(c) for each step; the second count is that of the inner loop.
struct Tile<'a> {
    narrow: Stream<'a>,
    wide: Stream<'a>,
    counts: [usize; 2],
    /// The number of columns.
    width: usize,
    /// The sums, in rows of [`WIDEST`] vectors.
    sums: &'a mut [f32],
}

struct Sized<'a, const H: usize, const V: usize>(Tile<'a>);

impl<const H: usize, const V: usize> Kernel for Sized<'_, H, V> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // The last vector reads beyond the width unless memory ends there. (Deciding that at each
        // step would take up to 2.5 times as long.)
        if self.0.wide.holds(self.0.counts, V * LANES) { self.steps::<S, true>(s) } else { self.steps::<S, false>(s) }
    }
}

impl<const H: usize, const V: usize> Sized<'_, H, V> {
    #[inline(always)]
    fn steps<S: Simd, const WHOLE: bool>(self, s: S) {
        let Tile { narrow, wide, counts, width, sums: memory } = self.0;
        let last = width - (V - 1) * LANES;
        // The unsafe code below relies on this.
        assert!(last <= LANES && narrow.holds(counts, H) && wide.holds(counts, if WHOLE { V * LANES } else { width }));
        let mut sums = [[s.zero(); V]; H];
        let vectors = memory.as_chunks_mut::<LANES>().0;
        let vectors = &mut vectors[..(H - 1) * WIDEST + V];
        for (r, sums) in sums.iter_mut().enumerate() {
            for (v, sum) in sums.iter_mut().enumerate() {
                *sum = s.load(&vectors[r * WIDEST + v]);
            }
        }
        for i in 0..counts[0] {
            for j in 0..counts[1] {
                // SAFETY: step (i, j) of both streams is inside their data, by the assertion.
                let (a, b) = unsafe {
                    let offset = |of: &Stream| of.at + i * of.steps[0] + j * of.steps[1];
                    (narrow.data.as_ptr().add(offset(&narrow)), wide.data.as_ptr().add(offset(&wide)))
                };
                // SAFETY: so are all floats of the step.
                let column = |v: usize| unsafe {
                    if WHOLE || v + 1 < V {
                        s.load(&*b.add(LANES * v).cast())
                    } else {
                        s.load_part(core::slice::from_raw_parts(b.add(LANES * v), last))
                    }
                };
                // SAFETY: as above.
                let row = |r: usize| s.splat(unsafe { *a.add(r) });
                // Hold the operand with fewer vectors in registers and stream the other one.
                if H >= V {
                    let mut columns = [s.zero(); V];
                    for (v, held) in columns.iter_mut().enumerate() {
                        *held = column(v);
                    }
                    for (r, sums) in sums.iter_mut().enumerate() {
                        let row = row(r);
                        for (sum, column) in sums.iter_mut().zip(columns) {
                            *sum = s.mul_add(row, column, *sum);
                        }
                    }
                } else {
                    let mut rows = [s.zero(); H];
                    for (r, held) in rows.iter_mut().enumerate() {
                        *held = row(r);
                    }
                    for v in 0..V {
                        let column = column(v);
                        for (sums, row) in sums.iter_mut().zip(rows) {
                            sums[v] = s.mul_add(row, column, sums[v]);
                        }
                    }
                }
            }
        }
        for (r, sums) in sums.into_iter().enumerate() {
            for (v, sum) in sums.into_iter().enumerate() {
                let to = &mut vectors[r * WIDEST + v];
                if v + 1 < V || last == LANES {
                    s.store(sum, to);
                } else {
                    s.store_part(sum, &mut to[..last]);
                }
            }
        }
    }
}

impl Tile<'_> {
    /// Runs the tile with `height` rows and as many vectors as the width needs.
    #[inline(always)]
    fn run<S: Simd>(self, s: S, height: usize) {
        macro_rules! sizes {
            ($($h:literal x $v:literal),+) => {
                match (height, self.width.div_ceil(LANES)) {
                    // The comparison is between constants: tiles that the instruction set does not
                    // have are not compiled.
                    $(($h, $v) => if $h <= S::TILES.tallest[$v] { s.run(Sized::<$h, $v>(self)) } else { self.no_tile(height) },)+
                    _ => self.no_tile(height),
                }
            };
        }
        sizes!(
            1 x 1, 2 x 1, 3 x 1, 4 x 1, 5 x 1, 6 x 1, 7 x 1, 8 x 1, 9 x 1, 10 x 1, 11 x 1, 12 x 1, 13 x 1, 14 x 1,
            1 x 2, 2 x 2, 3 x 2, 4 x 2, 5 x 2, 6 x 2, 7 x 2, 8 x 2, 9 x 2, 10 x 2, 11 x 2, 12 x 2, 13 x 2, 14 x 2,
            1 x 3, 2 x 3, 3 x 3, 4 x 3, 5 x 3, 6 x 3, 7 x 3, 8 x 3, 9 x 3,
            1 x 4, 2 x 4, 3 x 4, 4 x 4, 5 x 4, 6 x 4
        );
    }

    #[cold]
    fn no_tile(&self, height: usize) {
        unreachable!("no register tile of {height} rows and {} columns", self.width)
    }
}

//! The small Fourier transforms, as matrices.
//!
//! A tile of n x m numbers is transformed along each row, and the result along each column, by two
//! small matrices that are applied to 16 tiles at a time, one per lane. The tiles are real, so half
//! of the frequencies suffice. Along a row of N points, frequency 0 (and N / 2 if N is even) is a
//! real number; the others up to N / 2 are pairs (re, im).
//!
//! The last step turns frequencies into **planes**: real numbers such that a product of transforms
//! is the product of planes, one by one. For complex numbers X = a + ib, W = c + id and G = e + if,
//! the real part of X W G is a sum of three real products (Gauss):
//!
//! Re(X W G) = (a + b) c (e - f)  +  a (d - c) (-f)  +  b (c + d) (-e)
//!
//! So each of the three tensors has three planes per complex frequency, and one per real frequency.
//! All of this is linear, so the matrix of the columns yields planes directly. The inverse
//! transform applies the transposed matrices.

use super::tiles::Tile;
use super::winograd::{self, Winograd};
use crate::shared::Region;
use crate::simd::{Kernel, LANES, Simd};

/// Which factor of the trilinear form <conv(x, w), g> a tensor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// x, or the gradient with respect to it.
    Pixels,
    /// w, or the gradient with respect to it.
    Taps,
    /// g, or the value y.
    Outputs,
}

/// The most points of a transform.
pub(crate) const LONGEST: usize = 12;
/// The supported numbers of points.
pub(crate) const LENGTHS: [usize; 6] = [4, 5, 6, 8, 10, LONGEST];
/// The numbers of points for whole maps.
pub(crate) const WHOLE: [usize; 4] = [4, 5, 6, 8];

/// cos and sin of k / n of a full turn, for n in [`LENGTHS`]. They are computed from square roots,
/// which every machine rounds in the same way.
fn turn(k: usize, n: usize) -> (f64, f64) {
    let k = k % n;
    if 2 * k > n {
        let (cos, sin) = turn(n - k, n);
        return (cos, -sin);
    }
    let half = 0.5;
    let root = |x: f64| x.sqrt();
    match (k, n) {
        (0, _) => (1.0, 0.0),
        (k, n) if 2 * k == n => (-1.0, 0.0),
        (k, n) if 4 * k == n => (0.0, 1.0),
        (1, 5) | (2, 10) => ((root(5.0) - 1.0) / 4.0, root(10.0 + 2.0 * root(5.0)) / 4.0),
        (2, 5) | (4, 10) => (-(root(5.0) + 1.0) / 4.0, root(10.0 - 2.0 * root(5.0)) / 4.0),
        (1, 6) | (2, 12) => (half, root(3.0) / 2.0),
        (2, 6) | (4, 12) => (-half, root(3.0) / 2.0),
        (1, 8) => (root(half), root(half)),
        (3, 8) => (-root(half), root(half)),
        (1, 10) => ((root(5.0) + 1.0) / 4.0, root(10.0 - 2.0 * root(5.0)) / 4.0),
        (3, 10) => (-(root(5.0) - 1.0) / 4.0, root(10.0 + 2.0 * root(5.0)) / 4.0),
        (1, 12) => (root(3.0) / 2.0, half),
        (5, 12) => (-root(3.0) / 2.0, half),
        _ => unreachable!("no table for {n} points"),
    }
}

/// A small matrix, stored column by column.
#[derive(Clone, Debug)]
struct Matrix {
    rows: usize,
    columns: usize,
    numbers: Vec<f32>,
}

impl Matrix {
    /// The matrix with these rows.
    fn new(rows: &[Vec<f64>]) -> Self {
        let columns = rows[0].len();
        let numbers = (0..columns).flat_map(|c| rows.iter().map(move |row| row[c] as f32)).collect();
        Self { rows: rows.len(), columns, numbers }
    }

    fn transposed(&self) -> Self {
        let numbers = (0..self.rows).flat_map(|r| (0..self.columns).map(move |c| self.numbers[c * self.rows + r]));
        Self { rows: self.columns, columns: self.rows, numbers: numbers.collect() }
    }
}

/// The second step for one column of row frequencies.
#[derive(Clone, Debug)]
struct Column {
    /// (planes, elements of the column)
    matrix: Matrix,
    /// Its transpose, for the inverse transform.
    back: Matrix,
    /// The index of the column's first part among the [`parts`] of a row.
    part: usize,
    /// The first plane.
    plane: usize,
}

/// The transform of one tensor from tiles to planes, and its transpose from planes to tiles.
#[derive(Clone, Debug)]
pub(crate) struct Transform {
    /// Height and width of a tile.
    pub(crate) tile: [usize; 2],
    /// The number of planes.
    pub(crate) planes: usize,
    method: Method,
}

#[derive(Clone, Debug)]
enum Method {
    Fourier(Matrices),
    Winograd(Winograd, Role),
}

/// The matrices of a Fourier transform.
#[derive(Clone, Debug)]
struct Matrices {
    /// (parts of a row, width)
    row: Matrix,
    row_back: Matrix,
    /// One for each frequency of the row: it reads the parts of this frequency and yields planes of
    /// its own.
    columns: Vec<Column>,
}

/// The real numbers that represent the frequencies of a row of `n` points: frequency and whether it
/// is the imaginary part.
fn parts(n: usize) -> impl Iterator<Item = (usize, bool)> {
    (0..=n / 2).flat_map(move |k| {
        let real = k == 0 || 2 * k == n;
        [(k, false), (k, true)].into_iter().take(if real { 1 } else { 2 })
    })
}

impl Transform {
    /// The transform of tiles whose first element is at `offset` from the origin (taps may lie left
    /// of it), with `points` frequencies down and across.
    pub(crate) fn fourier(role: Role, tile: [usize; 2], offset: [isize; 2], points: [usize; 2]) -> Self {
        let [height, width] = tile;
        // conv reads x at output + tap, so the frequencies of the pixels are conjugated.
        let sign = if role == Role::Pixels { -1.0 } else { 1.0 };
        let wave = |axis: usize, k: usize, at: usize| {
            let n = points[axis];
            let at = (offset[axis] + at as isize).rem_euclid(n as isize) as usize;
            let (cos, sin) = turn(k * at, n);
            (cos, sign * sin)
        };
        // The planes of a frequency (re, im), as factors of re and im.
        let gauss: [(f64, f64); 3] = match role {
            Role::Pixels => [(1.0, 1.0), (1.0, 0.0), (0.0, 1.0)],
            Role::Taps => [(1.0, 0.0), (-1.0, 1.0), (1.0, 1.0)],
            Role::Outputs => [(1.0, -1.0), (0.0, -1.0), (-1.0, 0.0)],
        };
        // The normalisation, in one of the three transforms. A frequency that also represents its
        // conjugate counts twice.
        let size = (points[0] * points[1]) as f64;
        let scale = |real: bool| match role {
            Role::Taps => (if real { 1.0 } else { 2.0 }) / size,
            _ => 1.0,
        };
        let row_frequencies: Vec<Vec<f64>> = parts(points[1])
            .map(|(k, imaginary)| {
                (0..width).map(|at| wave(1, k, at)).map(|(cos, sin)| if imaginary { sin } else { cos }).collect()
            })
            .collect();

        let (mut columns, mut planes) = (Vec::new(), 0);
        for (part, (kx, imaginary)) in parts(points[1]).enumerate() {
            if imaginary {
                continue;
            }
            let real_column = kx == 0 || 2 * kx == points[1];
            // A column of real numbers needs only half of the frequencies.
            let frequencies = if real_column { points[0] / 2 + 1 } else { points[0] };
            let mut rows: Vec<Vec<f64>> = Vec::new();
            for ky in 0..frequencies {
                let real = real_column && (ky == 0 || 2 * ky == points[0]);
                // The real and imaginary part of the frequency, as sums over the elements of the
                // column.
                let waves: Vec<(f64, f64)> = (0..height).map(|at| wave(0, ky, at)).collect();
                let re = waves.iter().map(|w| w.0).chain(waves.iter().map(|w| -w.1));
                let im = waves.iter().map(|w| w.1).chain(waves.iter().map(|w| w.0));
                let both: Vec<(f64, f64)> = re.zip(im).take(if real_column { height } else { 2 * height }).collect();
                for (r, i) in gauss.iter().take(if real { 1 } else { 3 }) {
                    let (r, i) = if real { (1.0, 0.0) } else { (*r, *i) };
                    rows.push(both.iter().map(|(re, im)| scale(real) * (r * re + i * im)).collect());
                }
            }
            let matrix = Matrix::new(&rows);
            columns.push(Column { back: matrix.transposed(), matrix, part, plane: planes });
            planes += rows.len();
        }
        let row = Matrix::new(&row_frequencies);
        let matrices = Matrices { row_back: row.transposed(), row, columns };
        Self { tile, planes, method: Method::Fourier(matrices) }
    }

    /// A transform of Winograd.
    pub(crate) fn winograd(of: Winograd, role: Role) -> Self {
        let ([outputs, taps], points) = (of.size(), of.points());
        let len = match role {
            Role::Pixels => points,
            Role::Taps => taps,
            Role::Outputs => outputs,
        };
        Self { tile: [len; 2], planes: points * points, method: Method::Winograd(of, role) }
    }

    /// Whether it is one of the transforms of [`winograd`].
    pub(crate) fn is_winograd(&self) -> bool {
        matches!(self.method, Method::Winograd(..))
    }

    /// The number of elements of a tile.
    pub(crate) fn size(&self) -> usize {
        self.tile[0] * self.tile[1]
    }
}

/// The intermediate result for 16 tiles: at most as many numbers as pixels down times points
/// across.
#[repr(align(64))]
pub(crate) struct Between([[f32; LANES]; LONGEST * LONGEST]);

impl Between {
    pub(crate) fn new() -> Self {
        Self([[0.0; LANES]; LONGEST * LONGEST])
    }
}

/// to = matrix * from, where elements are vectors of 16 lanes. `from` and `to` are pairs of the
/// first element and the stride in floats.
///
/// # Safety
/// `from` is valid for reading a vector per column of the matrix, `to` for writing one per row.
#[inline(always)]
unsafe fn multiply<S: Simd>(s: S, matrix: &Matrix, from: (*const f32, usize), to: (*mut f32, usize)) {
    /// One call for each height.
    macro_rules! rows_of {
        ($height:expr, $row:expr, $($h:literal)+) => {
            match $height {
                $($h if const { $h <= most::<S>() } => rows::<S, $h>(s, matrix, $row, from, to),)+
                _ => {}
            }
        };
    }
    // Several rows at a time share each loaded vector, and their sums are independent. Blocks of
    // equal height keep the most sums in progress.
    let blocks = matrix.rows.div_ceil(most::<S>());
    let (height, higher) = (matrix.rows / blocks, matrix.rows % blocks);
    let mut row = 0;
    for block in 0..blocks {
        let height = height + usize::from(block < higher);
        // SAFETY: as the caller promises; the matrix has these rows.
        unsafe { rows_of!(height, row, 1 2 3 4 5 6 7 8 9 10 11 12) };
        row += height;
    }
}

/// The most rows of a block of [`multiply`]: their sums, an element and a factor fit into the
/// registers.
const fn most<S: Simd>() -> usize {
    if S::TILES.tallest[1] < 12 { S::TILES.tallest[1] } else { 12 }
}

/// H rows of the product, from `row` on.
///
/// # Safety
/// As for [`multiply`]; the matrix has these rows.
#[inline(always)]
unsafe fn rows<S: Simd, const H: usize>(
    s: S,
    matrix: &Matrix,
    row: usize,
    (mut from, from_stride): (*const f32, usize),
    (to, to_stride): (*mut f32, usize),
) {
    let mut sums = [s.zero(); H];
    let mut factors = matrix.numbers[row..].as_ptr();
    for _ in 0..matrix.columns {
        // SAFETY: a column has H or more numbers from `row` on; `from` is valid as the caller
        // promises. Both pointers wrap, because the step after the last one may lie outside.
        unsafe {
            let x = s.load(&*from.cast());
            for (h, sum) in sums.iter_mut().enumerate() {
                *sum = s.mul_add(s.splat(*factors.add(h)), x, *sum);
            }
        }
        (factors, from) = (factors.wrapping_add(matrix.rows), from.wrapping_add(from_stride));
    }
    for (h, sum) in sums.into_iter().enumerate() {
        // SAFETY: as the caller promises.
        unsafe { s.store(sum, &mut *to.add((row + h) * to_stride).cast()) };
    }
}

/// The transform of tiles to planes.
pub(crate) struct Forward<'a> {
    pub(crate) transform: &'a Transform,
    /// For each element of a tile, `stride` floats (whole vectors): that element of every tile,
    /// then padding.
    pub(crate) tiles: &'a [f32],
    pub(crate) stride: usize,
    /// The number of tiles.
    pub(crate) count: usize,
    /// The planes, of which this owns those of its tiles. Plane p of the first tile is at
    /// `start + p * plane`.
    pub(crate) to: Region<'a>,
    pub(crate) start: usize,
    pub(crate) plane: usize,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { transform, tiles, stride, count, mut to, start, plane } = self;
        let [height, width] = transform.tile;
        let Matrices { row, columns, .. } = match &transform.method {
            Method::Fourier(matrices) => matrices,
            Method::Winograd(of, role) => return winograd::forward(s, *of, *role, Self { to, ..self }),
        };
        assert!(count > 0 && stride >= count.next_multiple_of(LANES) && tiles.len() >= stride * height * width);
        assert!(start + (transform.planes - 1) * plane + count <= to.len());
        let parts = row.rows;
        assert!(parts * height <= LONGEST * LONGEST && row.columns == width);
        let (mut between, mut rest) = (Between::new(), Between::new());
        for at in (0..count).step_by(LANES) {
            for i in 0..height {
                // SAFETY: inside `tiles` by the first assertion, and inside `between` by the last.
                // The frequencies of a row are stored `height` apart, so that the elements of a
                // column are contiguous.
                unsafe {
                    let from = tiles.as_ptr().add(i * width * stride + at);
                    let to = between.0.as_mut_ptr().cast::<f32>().add(i * LANES);
                    multiply(s, row, (from, stride), (to, height * LANES));
                }
            }
            let whole = count - at >= LANES;
            for column in columns {
                // SAFETY: the parts and planes of a column are some of the transform's, so they are
                // inside `between` by the last assertion and inside `to` by the second; the region
                // owns them. An incomplete last vector goes through `rest` (at most 3 * LONGEST
                // planes).
                unsafe {
                    let from = between.0.as_ptr().cast::<f32>().add(column.part * height * LANES);
                    let first = start + column.plane * plane + at;
                    if whole {
                        multiply(s, &column.matrix, (from, LANES), (to.as_mut_ptr().add(first), plane));
                    } else {
                        multiply(s, &column.matrix, (from, LANES), (rest.0.as_mut_ptr().cast(), LANES));
                        for (p, numbers) in rest.0.iter().enumerate().take(column.matrix.rows) {
                            to.part(first + p * plane..first + p * plane + count - at)
                                .copy_from_slice(&numbers[..count - at]);
                        }
                    }
                }
            }
        }
    }
}

/// The transform of one tile for several contiguous channels, straight from its tensor. Only for
/// transforms that are [by Winograd](Transform::is_winograd).
pub(crate) struct Direct<'a> {
    pub(crate) transform: &'a Transform,
    pub(crate) source: &'a [f32],
    pub(crate) tile: Tile<'a>,
    /// The tile that will be transformed next, to be prefetched.
    pub(crate) next: Option<Tile<'a>>,
    /// The first channel, and the number of channels.
    pub(crate) first: usize,
    pub(crate) count: usize,
    /// The planes, of which this owns those of its channels. Plane p of channel c is at `at + p *
    /// plane + c / 16 * step + c % 16`.
    pub(crate) to: Region<'a>,
    pub(crate) at: usize,
    pub(crate) step: usize,
    pub(crate) plane: usize,
    /// After `at`, this many floats of each plane may be overwritten.
    pub(crate) room: usize,
}

impl Kernel for Direct<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        match self.transform.method {
            Method::Fourier(_) => unreachable!("a Fourier transform of a tile that was not gathered"),
            Method::Winograd(of, role) => winograd::direct(s, of, role, self),
        }
    }
}

/// The transposed transform of 16 tiles: calls `visit` with the index and value of each tile
/// element.
///
/// # Safety
/// `planes` is valid for reading 16 floats at each plane, `plane` floats apart.
#[inline(always)]
pub(crate) unsafe fn inverse<S: Simd>(
    s: S,
    transform: &Transform,
    planes: *const f32,
    plane: usize,
    between: &mut Between,
    mut visit: impl FnMut(usize, S::F),
) {
    let [height, width] = transform.tile;
    let Matrices { row, row_back, columns } = match &transform.method {
        Method::Fourier(matrices) => matrices,
        // SAFETY: as the caller promises.
        Method::Winograd(of, role) => return unsafe { winograd::inverse(s, *of, *role, planes, plane, visit) },
    };
    assert!(row.rows * height <= LONGEST * LONGEST && width <= LONGEST);
    for column in columns {
        // SAFETY: the planes of a column are some of the transform's, so `planes` is valid as the
        // caller promises; its parts are some of the row's, so they are inside `between` by the
        // assertion.
        unsafe {
            let from = planes.add(column.plane * plane);
            let to = between.0.as_mut_ptr().cast::<f32>().add(column.part * height * LANES);
            multiply(s, &column.back, (from, plane), (to, LANES));
        }
    }
    let mut line = [[0.0; LANES]; LONGEST];
    for i in 0..height {
        // SAFETY: the frequencies of the row are `height` apart in `between`; a line has at most
        // `LONGEST` elements.
        unsafe {
            let from = between.0.as_ptr().cast::<f32>().add(i * LANES);
            multiply(s, row_back, (from, height * LANES), (line.as_mut_ptr().cast(), LANES));
        }
        for (j, numbers) in line.iter().enumerate().take(width) {
            visit(i * width + j, s.load(numbers));
        }
    }
}

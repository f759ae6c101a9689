//! Kernels over the columns of a row-major matrix: sums down each column, and element-wise maps
//! that know the column.
//!
//! Sums over the batch, biases and normalisation per channel all treat their data as a matrix of
//! `rows` x `columns`, with one to thousands of columns. Vectors of 16 lanes lie across columns. If
//! there are few columns, several rows are combined into one longer row, a *group* ([`Layout`]): 3
//! columns make groups of 32 rows = 96 lanes, of which every third belongs to the same column.
//!
//! **The order of a sum** depends on the shape alone. The rows are cut into chunks, and a task is
//! one chunk of rows and one block of columns. A task adds groups eight at a time, as a tree of
//! three levels, to one running `f32` sum per lane. The lanes of a column, and then its chunks, are
//! added in `f64`, in order. However long the column, no element passes more than `LONGEST_CHAIN` =
//! 44 additions in `f32`; the tests check the resulting error bound.

use crate::pieces::{AHEAD, GRAIN, Pieces, for_each_piece};
use crate::simd::{Kernel, LANES, Simd, dispatch};

/// The number of groups that are added as one tree.
const TREE: usize = 8;
/// The fewest rows of a chunk, except the last.
const MIN_CHUNK_ROWS: usize = 256;
/// The fewest lanes across a group, so that several chains of additions are in flight.
const MIN_WIDTH: usize = 64;
/// Columns of a task, if there are more than [`MAX_WIDTH`].
const BLOCK: usize = 256;
/// With so many chunks, each task sums all columns of a block.
const FEW_CHUNKS: usize = 4;
/// Elements that are written before they are summed, approximately.
const STRETCH: usize = 2048;
/// The longest group of several rows is 16 * 63 lanes.
const MAX_WIDTH: usize = 1024;
/// The most additions in `f32` that an element passes: its tree, the running sum over the trees of
/// a chunk, and up to eight remaining groups.
#[cfg(test)]
pub(crate) const LONGEST_CHAIN: usize = 3 + GRAIN / MIN_WIDTH / TREE + 1 + TREE;

/// The assignment of matrix elements to vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    columns: usize,
    /// Rows of a group.
    rows_in_group: usize,
}

impl Layout {
    /// The layout of matrices with this number of columns.
    pub(crate) fn new(columns: usize) -> Self {
        assert!(columns > 0, "a matrix without columns");
        let mut rows_in_group = 1;
        if columns < MIN_WIDTH {
            // Groups are whole vectors: 16 divides their lanes. The step is 16 / gcd(columns, 16).
            let step = LANES >> columns.trailing_zeros().min(LANES.trailing_zeros());
            rows_in_group = MIN_WIDTH.div_ceil(columns).next_multiple_of(step);
        }
        Self { columns, rows_in_group }
    }

    /// Elements in a group.
    pub(crate) fn width(self) -> usize {
        self.rows_in_group * self.columns
    }

    /// A row of per-column numbers, repeated for all rows of a group and padded with zeros to whole
    /// vectors.
    pub(crate) fn pattern(self, row: &[f32]) -> Vec<f32> {
        assert_eq!(row.len(), self.columns, "one number per column");
        let mut pattern = row.repeat(self.rows_in_group);
        pattern.resize(self.width().next_multiple_of(LANES), 0.0);
        pattern
    }

    fn chunk_rows(self) -> usize {
        MIN_CHUNK_ROWS.max(GRAIN / self.columns).next_multiple_of(TREE * self.rows_in_group)
    }

    fn block(self) -> usize {
        if self.columns > MAX_WIDTH { BLOCK } else { self.columns }
    }

    /// The columns of a task of a sum over so many rows: fewer if there are not enough chunks for
    /// several threads. (Columns are summed independently of each other, so this changes no sum.)
    fn sum_block(self, rows: usize) -> usize {
        let (chunk, block) = (self.chunk_rows(), self.block());
        let enough = rows * block <= GRAIN || rows > FEW_CHUNKS * chunk || self.rows_in_group > 1;
        if enough { block } else { (GRAIN / rows.min(chunk)).next_multiple_of(MIN_WIDTH).min(block) }
    }
}

/// Up to 16 adjacent elements of a matrix.
#[derive(Clone, Copy)]
pub(crate) struct Spot {
    /// The index of the first one.
    at: usize,
    /// Their number.
    count: usize,
    /// The position of their per-column numbers in a [`Layout::pattern`].
    column: usize,
    /// The distance to the elements that will be needed next.
    ahead: usize,
}

impl Spot {
    /// These elements of the matrix `x`.
    #[inline(always)]
    pub(crate) fn of<S: Simd>(self, s: S, x: &[f32]) -> S::F {
        match x[self.at..].first_chunk() {
            Some(x) if self.count == LANES => {
                s.prefetch(x, self.ahead);
                s.load(x)
            }
            _ => s.load_part(&x[self.at..self.at + self.count]),
        }
    }

    /// The numbers of their columns, from a [`Layout::pattern`].
    #[inline(always)]
    pub(crate) fn pattern<S: Simd>(self, s: S, pattern: &[f32]) -> S::F {
        s.load(pattern[self.column..].first_chunk().expect("a pattern consists of whole vectors"))
    }
}

/// `N` numbers computed for each element of a matrix.
pub(crate) trait Terms<const N: usize>: Copy + Sync {
    /// The numbers for the elements of a spot. Lanes beyond its count are ignored.
    fn terms<S: Simd>(self, s: S, spot: Spot) -> [S::F; N];
}

/// The elements of a matrix themselves.
#[derive(Clone, Copy)]
pub(crate) struct Itself<'a>(pub(crate) &'a [f32]);

impl Terms<1> for Itself<'_> {
    #[inline(always)]
    fn terms<S: Simd>(self, s: S, spot: Spot) -> [S::F; 1] {
        [spot.of(s, self.0)]
    }
}

/// y = the terms, element by element.
pub(crate) fn map(layout: Layout, terms: impl Terms<1>, y: &mut [f32]) {
    let size = layout.width() * (GRAIN / layout.width()).max(1);
    for_each_piece(Pieces::new(y, size), |piece, y| dispatch(Map { layout, terms, start: piece * size, y }));
}

/// One piece of a map, from the start of a group.
struct Map<'a, T> {
    layout: Layout,
    terms: T,
    start: usize,
    y: &'a mut [f32],
}

impl<T: Terms<1>> Kernel for Map<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let mut at = self.start;
        for group in self.y.chunks_mut(self.layout.width()) {
            let (vectors, rest) = group.as_chunks_mut::<LANES>();
            let mut column = 0;
            for y in vectors {
                let spot = Spot { at: at + column, count: LANES, column, ahead: AHEAD };
                let [value] = self.terms.terms(s, spot);
                s.store(value, y);
                column += LANES;
            }
            if !rest.is_empty() {
                let spot = Spot { at: at + column, count: rest.len(), column, ahead: AHEAD };
                let [value] = self.terms.terms(s, spot);
                s.store_part(value, rest);
            }
            at += group.len();
        }
    }
}

/// The sums of the `N` terms of each column over all rows.
pub(crate) fn sums<const N: usize>(layout: Layout, rows: usize, terms: impl Terms<N>) -> Vec<[f64; N]> {
    let (chunk, block) = (layout.chunk_rows(), layout.sum_block(rows));
    let blocks = layout.columns.div_ceil(block);
    let mut partial = vec![[0.0; N]; rows.div_ceil(chunk) * blocks * block];
    for_each_piece(Pieces::new(&mut partial[..], block), |task, sums| {
        let (first_row, first_column) = (task / blocks * chunk, task % blocks * block);
        let rows = chunk.min(rows - first_row);
        let columns = block.min(layout.columns - first_column);
        dispatch(Task { layout, terms, first_row, rows, first_column, columns, sums });
    });
    totals(layout, &partial, blocks * block)
}

/// Adds the sums of the chunks, in order.
fn totals<const N: usize>(layout: Layout, partial: &[[f64; N]], chunk: usize) -> Vec<[f64; N]> {
    let mut totals = vec![[0.0; N]; layout.columns];
    for chunk in partial.chunks(chunk) {
        for (total, part) in totals.iter_mut().zip(chunk) {
            for n in 0..N {
                total[n] += part[n];
            }
        }
    }
    totals
}

/// Computes a matrix, stretch by stretch.
pub(crate) trait Write: Copy + Sync {
    /// Writes the elements from index `at` on, a multiple of 4.
    fn write<S: Simd>(self, s: S, at: usize, y: &mut [f32]);
}

/// Writes the matrix y and returns the sums of its columns, the same as [`sums`] of [`Itself`].
/// Each stretch is summed while it is in the cache.
pub(crate) fn write_and_sum(layout: Layout, write: impl Write, y: &mut [f32]) -> Vec<[f64; 1]> {
    let chunk = layout.chunk_rows() * layout.columns;
    if layout.block() < layout.columns {
        for_each_piece(Pieces::new(&mut *y, GRAIN), |piece, y| dispatch(Written { write, at: piece * GRAIN, y }));
        return sums(layout, y.len() / layout.columns, Itself(y));
    }
    let mut partial = vec![[0.0]; y.len().div_ceil(chunk) * layout.columns];
    for_each_piece((Pieces::new(y, chunk), Pieces::new(&mut partial[..], layout.columns)), |task, (y, sums)| {
        dispatch(WrittenSums { layout, write, at: task * chunk, y, sums });
    });
    totals(layout, &partial, layout.columns)
}

/// A stretch of a matrix that is only written.
pub(crate) struct Written<'a, W> {
    pub(crate) write: W,
    pub(crate) at: usize,
    pub(crate) y: &'a mut [f32],
}

impl<W: Write> Kernel for Written<'_, W> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        self.write.write(s, self.at, self.y);
    }
}

/// A chunk of rows that is written and summed.
struct WrittenSums<'a, W> {
    layout: Layout,
    write: W,
    at: usize,
    y: &'a mut [f32],
    sums: &'a mut [[f64; 1]],
}

impl<W: Write> Kernel for WrittenSums<'_, W> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (layout, columns) = (self.layout, self.layout.columns);
        let mut lanes = [[0.0; MAX_WIDTH]; 1];
        let mut at = self.at;
        // Stretches are whole trees, so that the order is the same as in `sums`.
        let trees = (STRETCH / (TREE * layout.width())).max(1);
        for y in self.y.chunks_mut(trees * TREE * layout.width()) {
            self.write.write(s, at, y);
            at += y.len();
            let rows = y.len() / columns;
            Sums { layout, terms: Itself(y), first_column: 0, columns }.add_rows(s, 0, rows, &mut lanes);
        }
        fold(layout, columns, &lanes, self.sums);
    }
}

/// One task of a sum: a chunk of rows, a block of columns.
struct Task<'a, T, const N: usize> {
    layout: Layout,
    terms: T,
    first_row: usize,
    rows: usize,
    first_column: usize,
    columns: usize,
    sums: &'a mut [[f64; N]],
}

impl<T: Terms<N>, const N: usize> Kernel for Task<'_, T, N> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Task { layout, terms, first_column, columns, .. } = self;
        let mut lanes = [[0.0; MAX_WIDTH]; N];
        let start = self.first_row * layout.columns + first_column;
        Sums { layout, terms, first_column, columns }.add_rows(s, start, self.rows, &mut lanes);
        fold(layout, columns, &lanes, self.sums);
    }
}

/// Adds the lanes of each column, in order.
#[inline(always)]
fn fold<const N: usize>(layout: Layout, columns: usize, lanes: &[[f32; MAX_WIDTH]; N], sums: &mut [[f64; N]]) {
    for (column, sums) in sums.iter_mut().enumerate().take(columns) {
        for n in 0..N {
            sums[n] = (0..layout.rows_in_group).map(|r| f64::from(lanes[n][r * columns + column])).sum();
        }
    }
}

/// Adds the terms of a block of columns to running sums. (A block is either some columns of single
/// rows, or whole groups of all columns.)
struct Sums<T> {
    layout: Layout,
    terms: T,
    first_column: usize,
    columns: usize,
}

impl<T> Sums<T> {
    /// Adds the terms of `rows` rows, the first of which is at index `start`, to the lanes.
    #[inline(always)]
    fn add_rows<S: Simd, const N: usize>(&self, s: S, start: usize, rows: usize, lanes: &mut [[f32; MAX_WIDTH]; N])
    where
        T: Terms<N>,
    {
        let Layout { columns: row, rows_in_group } = self.layout;
        let width = rows_in_group * self.columns;
        let stride = self.layout.width();
        let groups = rows / rows_in_group;
        let mut group = 0;
        while group < groups {
            let at = start + group * stride;
            if groups - group >= TREE {
                self.add::<S, N, TREE>(s, at, width, lanes);
                group += TREE;
            } else {
                self.add::<S, N, 1>(s, at, width, lanes);
                group += 1;
            }
        }
        self.add::<S, N, 1>(s, start + groups * stride, rows % rows_in_group * row, lanes);
    }

    /// Adds the first `width` terms of each of `GROUPS` groups, the first of which is at index
    /// `at`, to the lanes.
    #[inline(always)]
    fn add<S: Simd, const N: usize, const GROUPS: usize>(
        &self,
        s: S,
        at: usize,
        width: usize,
        lanes: &mut [[f32; MAX_WIDTH]; N],
    ) where
        T: Terms<N>,
    {
        let whole = width / LANES * LANES;
        for lane in (0..whole).step_by(LANES) {
            self.add_vector::<S, N, GROUPS>(s, at, lane, LANES, lanes);
        }
        if whole < width {
            self.add_vector::<S, N, GROUPS>(s, at, whole, width - whole, lanes);
        }
    }

    #[inline(always)]
    fn add_vector<S: Simd, const N: usize, const GROUPS: usize>(
        &self,
        s: S,
        at: usize,
        lane: usize,
        count: usize,
        lanes: &mut [[f32; MAX_WIDTH]; N],
    ) where
        T: Terms<N>,
    {
        let stride = self.layout.width();
        let column = self.first_column + lane;
        // A tree of additions over the groups: adjacent ones first.
        let mut level = [[s.zero(); N]; GROUPS];
        for (group, terms) in level.iter_mut().enumerate() {
            let spot = Spot { at: at + group * stride + lane, count, column, ahead: GROUPS * stride };
            *terms = self.terms.terms(s, spot);
        }
        let mut half = GROUPS / 2;
        while half > 0 {
            for i in 0..half {
                let right = level[2 * i + 1];
                level[i] = level[2 * i];
                for (left, right) in level[i].iter_mut().zip(right) {
                    *left = s.add(*left, right);
                }
            }
            half /= 2;
        }
        for n in 0..N {
            // Lanes beyond the last element must not be added: they may belong to another row.
            let sum = if count < LANES { s.load_part(&s.to_array(level[0][n])[..count]) } else { level[0][n] };
            let total = lanes[n][lane..].first_chunk_mut().expect("MAX_WIDTH is a multiple of LANES");
            s.store(s.add(s.load(total), sum), total);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_whole_vectors_and_patterns_repeat() {
        for columns in 1..MIN_WIDTH {
            let layout = Layout::new(columns);
            assert!(layout.width().is_multiple_of(LANES) && layout.width() >= MIN_WIDTH, "{layout:?}");
            assert!(layout.width() <= MAX_WIDTH, "{layout:?}");
            assert!(layout.chunk_rows() / layout.rows_in_group / TREE <= GRAIN / MIN_WIDTH / TREE + 1, "{layout:?}");
        }
        assert_eq!(Layout::new(1).width(), 64);
        assert_eq!(Layout::new(3).width(), 96);
        assert_eq!(Layout::new(100).width(), 100);
        let pattern = Layout::new(70).pattern(&[1.0; 70]);
        assert_eq!((pattern.len(), pattern[69], pattern[70]), (80, 1.0, 0.0));
    }
}

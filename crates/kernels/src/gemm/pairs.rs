//! Operands of bf16 products: rounded, and in the order in which they are multiplied.
//!
//! [`bf16`](crate::bf16) describes the arithmetic. Operands are brought into its order before they
//! are packed; packing and tiles then see an operand with fewer or swapped steps, and are the same
//! as for `f32`. There are two orders ([`Format`]):
//!
//! * **Pairs**, for instruction sets that multiply them: a word holds the bf16 numbers of two
//!   steps.
//! * **Swapped** rounded `f32` numbers for the others: steps 1, 0, 3, 2, ... The usual tile then
//!   makes the same multiply-adds in the same order, at its usual speed.

use core::ops::{Deref, Range};

use super::for_each_task;
use super::scratch::Scratch;
use crate::arguments::{Gemm, Precision};
use crate::bf16;
use crate::pieces::{Pieces, for_each_piece};
use crate::shared::{Region, Shared};
use crate::simd::{self, Isa, Kernel, Simd};

/// What a word of an operand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// An `f32` number.
    Float,
    /// A rounded number, where the two steps of each pair are swapped.
    Swapped,
    /// A pair of bf16 numbers.
    Pair,
}

impl Format {
    /// The format for products of this precision.
    pub(crate) fn choose(isa: Isa, precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::Float,
            Precision::Bf16 if isa.has_dot_pairs() => Self::Pair,
            Precision::Bf16 => Self::Swapped,
        }
    }

    /// The number of words for some steps of a sum.
    pub(crate) fn words(self, steps: usize) -> usize {
        match self {
            Self::Float => steps,
            Self::Swapped => steps.next_multiple_of(2),
            Self::Pair => steps.div_ceil(2),
        }
    }
}

impl Gemm {
    /// The lengths of the buffers in which a call of this shape on `f32` converts its operands to
    /// another precision. The calling thread keeps them for the next call.
    pub fn converted(&self) -> [usize; 2] {
        match Format::choose(simd::current(), self.effective_precision()) {
            Format::Float => [0; 2],
            format => [self.m, self.n].map(|lanes| lanes * format.words(self.k)),
        }
    }
}

/// An operand in its format. (A [`Format::Pair`] is a pattern of bits, not a number.)
pub(crate) enum Words<'a> {
    /// The original.
    Borrowed(&'a [f32]),
    /// A converted copy.
    Converted(Scratch),
}

impl Deref for Words<'_> {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        match self {
            Self::Borrowed(data) => data,
            Self::Converted(data) => data,
        }
    }
}

/// The most numbers that a task converts, approximately.
const PIECE: usize = 1 << 15;

/// Converts an operand of shape (outer, steps, inner) to (outer, words, inner).
pub(crate) fn convert(
    format: Format,
    isa: Isa,
    parallel: bool,
    [outer, steps, inner]: [usize; 3],
    data: &[f32],
) -> Words<'_> {
    assert_eq!(data.len(), outer * steps * inner, "convert: length");
    if format == Format::Float {
        return Words::Borrowed(data);
    }
    let mut words = Scratch::new(outer * format.words(steps) * inner);
    if inner == 1 {
        // Rows of even length are treated as a single row, because no pair crosses from one to the
        // next.
        let (row, piece) =
            if steps.is_multiple_of(2) { (PIECE, PIECE) } else { (steps, (PIECE / steps).max(1) * steps) };
        let pieces = Pieces::new(&mut words[..], piece / row * format.words(row));
        for_each_piece((Pieces::new(data, piece), pieces), |_, (from, to)| {
            isa.run(PairSteps { format, row, from, to });
        });
    } else {
        let pairs = steps.div_ceil(2);
        let shared = Shared::new(&mut words);
        for_each_pair(parallel, outer * pairs, inner, |pair, range| {
            let (outer, first) = (pair / pairs, pair % pairs * 2);
            let row = |step: usize| (step < steps).then(|| &data[(outer * steps + step) * inner..][range.clone()]);
            let at = (outer * format.words(steps) + format.words(first)) * inner + range.start;
            // SAFETY: no two calls have the same pair and range.
            let to = unsafe { shared.claim() };
            isa.run(PairRows {
                format,
                rows: [row(first), row(first + 1)],
                to,
                at: [at, at + inner],
                len: range.len(),
            });
        });
    }
    Words::Converted(words)
}

/// Calls `work(pair, range)` for each of `count` pairs of rows of length `len`, in ranges of the
/// rows.
pub(crate) fn for_each_pair(parallel: bool, count: usize, len: usize, work: impl Fn(usize, Range<usize>) + Sync) {
    let ranges = len.div_ceil(PIECE);
    let together = (PIECE / len.max(1)).max(1);
    for_each_task(parallel, count.div_ceil(together) * ranges, |task| {
        let (first, start) = (task / ranges * together, task % ranges * PIECE);
        for pair in first..count.min(first + together) {
            work(pair, start..len.min(start + PIECE));
        }
    });
}

/// Converts rows in which the steps are contiguous.
struct PairSteps<'a> {
    format: Format,
    /// The length of a row.
    row: usize,
    from: &'a [f32],
    to: &'a mut [f32],
}

impl Kernel for PairSteps<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { format, row, from, to } = self;
        for (from, to) in from.chunks(row).zip(to.chunks_mut(format.words(row))) {
            let (pairs, rest) = from.as_chunks::<2>();
            if format == Format::Pair {
                for (to, pair) in to.iter_mut().zip(pairs) {
                    *to = f32::from_bits(bf16::pair(*pair));
                }
                if let (Some(to), [last]) = (to.last_mut(), rest) {
                    *to = f32::from_bits(bf16::pair([*last, 0.0]));
                }
            } else {
                for (to, [first, second]) in to.as_chunks_mut::<2>().0.iter_mut().zip(pairs) {
                    *to = [bf16::round(*second), bf16::round(*first)];
                }
                if let (Some(to), [last]) = (to.last_chunk_mut(), rest) {
                    *to = [0.0, bf16::round(*last)];
                }
            }
        }
    }
}

/// Converts a pair of rows, each a step; None for a row of zeros.
pub(crate) struct PairRows<'a> {
    pub(crate) format: Format,
    pub(crate) rows: [Option<&'a [f32]>; 2],
    /// The words, of which this owns `len` from `at[0]` on and, for [`Format::Swapped`], also from
    /// `at[1]` on.
    pub(crate) to: Region<'a>,
    pub(crate) at: [usize; 2],
    pub(crate) len: usize,
}

impl Kernel for PairRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { format, rows, mut to, at, len } = self;
        if format == Format::Swapped {
            for (row, at) in rows.into_iter().rev().zip(at) {
                let to = to.part(at..at + len);
                match row {
                    Some(row) => to.iter_mut().zip(row).for_each(|(to, x)| *to = bf16::round(*x)),
                    None => to.fill(0.0),
                }
            }
            return;
        }
        let to = to.part(at[0]..at[0] + len);
        match rows {
            [Some(first), Some(second)] => {
                for ((to, first), second) in to.iter_mut().zip(first).zip(second) {
                    *to = f32::from_bits(bf16::pair([*first, *second]));
                }
            }
            [Some(first), None] => {
                to.iter_mut().zip(first).for_each(|(to, x)| *to = f32::from_bits(bf16::pair([*x, 0.0])))
            }
            [None, Some(second)] => {
                to.iter_mut().zip(second).for_each(|(to, x)| *to = f32::from_bits(bf16::pair([0.0, *x])));
            }
            [None, None] => to.fill(0.0),
        }
    }
}

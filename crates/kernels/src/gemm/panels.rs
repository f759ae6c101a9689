//! How an operand is cut into panels, and where each panel lies in packed memory.
//!
//! A matrix product reads its left operand a few rows at a time and its right operand a few columns
//! at a time. Packing makes these few contiguous: a **panel** of width w holds, for each step of
//! the depth, the w numbers that the register tile needs at that step. The inner loop then reads
//! both panels from front to back.

use core::ops::Range;

use crate::simd::LANES;

/// A few adjacent rows of the left operand, or columns of the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Panel {
    /// The first row or column.
    pub(crate) start: usize,
    /// How many there are.
    pub(crate) len: usize,
    /// Numbers per step in packed memory: `len`, rounded up to whole vectors for columns.
    pub(crate) width: usize,
    /// The sum of the widths of all panels before this one, which begins at `at * depth` in packed
    /// memory.
    pub(crate) at: usize,
}

/// See [`Panels::of_rows`].
#[inline(always)]
pub(crate) fn rows(len: usize, tallest: usize) -> impl Iterator<Item = Panel> + Clone {
    let count = len.div_ceil(tallest);
    let (height, higher) = (len / count.max(1), len % count.max(1));
    let mut start = 0;
    (0..count).map(move |i| {
        let len = height + usize::from(i < higher);
        start += len;
        Panel { start: start - len, len, width: len, at: start - len }
    })
}

/// See [`Panels::of_columns`].
#[inline(always)]
pub(crate) fn columns(len: usize, mut vectors: usize) -> impl Iterator<Item = Panel> + Clone {
    let mut start = 0;
    core::iter::from_fn(move || {
        let left = len - start;
        if left == 0 {
            return None;
        }
        while left.div_ceil(LANES) < vectors {
            vectors /= 2;
        }
        let width = LANES * vectors;
        // All panels before this one are complete.
        let panel = Panel { start, len: left.min(width), width, at: start };
        start += panel.len;
        Some(panel)
    })
}

/// All panels of an operand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Panels {
    /// The panels in order.
    pub(crate) list: Vec<Panel>,
    /// The sum of their widths.
    pub(crate) width: usize,
}

impl Panels {
    /// Rows: as few panels as the height `tallest` allows, all of nearly the same height. (128 rows
    /// in panels of 14 would leave one of 2, which cannot keep the multipliers busy; ten panels of
    /// 13 and 12 can.)
    pub(crate) fn of_rows(len: usize, tallest: usize) -> Self {
        Self::of(rows(len, tallest))
    }

    /// Columns: panels of `vectors` (a power of two) whole vectors; the remainder in smaller powers
    /// of two.
    pub(crate) fn of_columns(len: usize, vectors: usize) -> Self {
        Self::of(columns(len, vectors))
    }

    /// The same panels, repeated for `times` stretches of equal length.
    pub(crate) fn repeated(&self, times: usize) -> Self {
        let len = self.list.last().map_or(0, |last| last.start + last.len);
        let again = |i: usize| move |p: &Panel| Panel { start: p.start + i * len, at: p.at + i * self.width, ..*p };
        Self::of((0..times).flat_map(|i| self.list.iter().map(again(i))))
    }

    fn of(panels: impl Iterator<Item = Panel>) -> Self {
        let list: Vec<Panel> = panels.collect();
        let width = list.last().map_or(0, |last| last.at + last.width);
        Self { list, width }
    }

    /// The panels in groups, as [`groups`] makes them.
    pub(crate) fn groups(&self, size: usize) -> Vec<Range<usize>> {
        groups(&self.list, size)
    }
}

/// Adjacent panels in groups of at most `size` rows or columns (but at least one panel), as ranges
/// of the list.
pub(crate) fn groups(list: &[Panel], size: usize) -> Vec<Range<usize>> {
    let mut groups = Vec::new();
    let mut first = 0;
    for (i, panel) in list.iter().enumerate() {
        if i > first && panel.start + panel.len - list[first].start > size {
            groups.push(first..i);
            first = i;
        }
    }
    if first < list.len() {
        groups.push(first..list.len());
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_cover_everything_once() {
        for len in 0..200 {
            for (panels, whole) in [(Panels::of_rows(len, 14), 1), (Panels::of_columns(len, 4), LANES)] {
                let mut next = (0, 0);
                for panel in &panels.list {
                    assert_eq!((panel.start, panel.at), next);
                    assert!(panel.len > 0 && panel.width >= panel.len && panel.width < panel.len + whole);
                    next = (panel.start + panel.len, panel.at + panel.width);
                }
                assert_eq!(next, (len, panels.width));
                let groups = panels.groups(50);
                assert_eq!(
                    groups.iter().flat_map(Clone::clone).collect::<Vec<_>>(),
                    (0..panels.list.len()).collect::<Vec<_>>()
                );
            }
        }
    }

    #[test]
    fn row_panels_are_of_nearly_one_height() {
        let heights: Vec<usize> = Panels::of_rows(128, 14).list.iter().map(|panel| panel.len).collect();
        assert_eq!(heights, [13, 13, 13, 13, 13, 13, 13, 13, 12, 12]);
    }
}

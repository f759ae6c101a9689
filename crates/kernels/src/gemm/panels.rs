//! How an operand is cut into panels, and where each panel lies in packed memory.
//!
//! A matrix product reads its left operand a few rows at a time and its right operand a few columns at a time. Packing
//! lays exactly these few side by side: a **panel** of width w holds, for each step d of the depth, the w numbers that
//! the register tile wants at that step. So the inner loop walks both panels from front to back and nothing else.

use crate::simd::LANES;

/// Some neighbouring rows of the left operand, or columns of the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Panel {
    /// The first row or column.
    pub(crate) start: usize,
    /// How many there are.
    pub(crate) len: usize,
    /// Numbers per step of the depth in packed memory: `len`, rounded up to whole vectors for columns.
    pub(crate) width: usize,
    /// The sum of the widths of all panels before: the panel begins at `at * depth` in packed memory.
    pub(crate) at: usize,
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
    /// Rows: as few panels as a height of `tallest` allows, and all of nearly one height. (128 rows in tiles of 14 would
    /// leave a tile of 2 behind, which cannot keep the multipliers busy; ten panels of 13 and 12 can.)
    pub(crate) fn of_rows(len: usize, tallest: usize) -> Self {
        let count = len.div_ceil(tallest);
        let mut panels = Self { list: Vec::with_capacity(count), width: 0 };
        for i in 0..count {
            let height = len / count + usize::from(i < len % count);
            panels.push(height, height);
        }
        panels
    }

    /// Columns: panels of `vectors` (a power of two) whole vectors, then what is left in smaller powers of two.
    pub(crate) fn of_columns(len: usize, vectors: usize) -> Self {
        let mut panels = Self { list: Vec::with_capacity(len.div_ceil(LANES * vectors)), width: 0 };
        let (mut left, mut vectors) = (len, vectors);
        while left > 0 {
            while left.div_ceil(LANES) < vectors {
                vectors /= 2;
            }
            let columns = left.min(LANES * vectors);
            panels.push(columns, LANES * vectors);
            left -= columns;
        }
        panels
    }

    /// The same panels again and again, for so many stretches of equal length.
    pub(crate) fn repeated(self, times: usize) -> Self {
        let mut panels = Self { list: Vec::with_capacity(self.list.len() * times), width: 0 };
        for _ in 0..times {
            self.list.iter().for_each(|panel| panels.push(panel.len, panel.width));
        }
        panels
    }

    fn push(&mut self, len: usize, width: usize) {
        let start = self.list.last().map_or(0, |last| last.start + last.len);
        self.list.push(Panel { start, len, width, at: self.width });
        self.width += width;
    }

    /// The panels in groups of at most `size` rows or columns (but at least one panel), as ranges of the list.
    pub(crate) fn groups(&self, size: usize) -> Vec<core::ops::Range<usize>> {
        let mut groups = Vec::new();
        let mut first = 0;
        for (i, panel) in self.list.iter().enumerate() {
            if i > first && panel.start + panel.len - self.list[first].start > size {
                groups.push(first..i);
                first = i;
            }
        }
        if first < self.list.len() {
            groups.push(first..self.list.len());
        }
        groups
    }
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

//! [`Shape`]: the lengths of a tensor's axes.

use core::fmt;
use core::ops::Deref;

/// The largest number of axes of a tensor.
pub const MAX_AXES: usize = 6;

/// The lengths of up to [`MAX_AXES`] axes; the last one varies fastest in memory. A scalar has no
/// axes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Shape {
    lengths: [usize; MAX_AXES],
    axes: usize,
}

impl Shape {
    /// The shape with these axis lengths.
    ///
    /// # Panics
    /// With more than [`MAX_AXES`] axes.
    #[track_caller]
    pub fn new(lengths: &[usize]) -> Self {
        assert!(lengths.len() <= MAX_AXES, "a shape has at most {MAX_AXES} axes, not {}: {lengths:?}", lengths.len());
        let mut shape = Self { axes: lengths.len(), ..Self::default() };
        shape.lengths[..lengths.len()].copy_from_slice(lengths);
        shape
    }

    /// The number of elements of a tensor of this shape; `usize::MAX` if it would overflow.
    pub fn size(&self) -> usize {
        self.iter().fold(1, |size, length| size.saturating_mul(*length))
    }

    /// The same shape with `rows` as the length of the first axis.
    ///
    /// # Panics
    /// When there are no axes.
    pub fn with_rows(mut self, rows: usize) -> Self {
        assert!(self.axes > 0, "with_rows: a single number has no rows");
        self.lengths[0] = rows;
        self
    }

    /// The axis lengths, with axes of length 1 prepended up to `axes` axes.
    fn aligned(&self, axes: usize) -> [usize; MAX_AXES] {
        let mut lengths = [1; MAX_AXES];
        lengths[axes - self.axes..axes].copy_from_slice(self);
        lengths
    }

    /// The shape of two tensors after broadcasting, as in NumPy: the axes are aligned at the last
    /// one, and an axis of length 1 or a missing axis is repeated. None if the shapes are not
    /// compatible.
    pub fn broadcast(&self, other: &Shape) -> Option<Shape> {
        let axes = self.axes.max(other.axes);
        let (a, b) = (self.aligned(axes), other.aligned(axes));
        let mut common = [1; MAX_AXES];
        for axis in 0..axes {
            common[axis] = match (a[axis], b[axis]) {
                (a, b) if a == b => a,
                (1, b) => b,
                (a, 1) => a,
                _ => return None,
            };
        }
        Some(Shape::new(&common[..axes]))
    }

    /// The steps that broadcast this shape to `large`, as (outer, repeated, inner) sizes. Each step
    /// repeats the result of the one before along adjacent axes. None if it does not broadcast to
    /// `large`.
    pub fn repetitions(&self, large: &Shape) -> Option<Vec<[usize; 3]>> {
        if self.axes > large.axes || self.broadcast(large) != Some(*large) {
            return None;
        }
        let small = self.aligned(large.axes);
        let mut steps = Vec::new();
        let mut axis = 0;
        while axis < large.axes {
            let start = axis;
            while axis < large.axes && small[axis] == 1 {
                axis += 1;
            }
            let repeated: usize = large[start..axis].iter().product();
            if repeated != 1 {
                steps.push([large[..start].iter().product(), repeated, small[axis..large.axes].iter().product()]);
            }
            axis += 1;
        }
        Some(steps)
    }
}

impl Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.lengths[..self.axes]
    }
}

impl From<&[usize]> for Shape {
    #[track_caller]
    fn from(lengths: &[usize]) -> Self {
        Self::new(lengths)
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    #[track_caller]
    fn from(lengths: [usize; N]) -> Self {
        Self::new(&lengths)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &**self)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &**self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_broadcast_from_the_last_axis() {
        let s = |lengths: &[usize]| Shape::new(lengths);
        assert_eq!(s(&[2, 1, 3]).broadcast(&s(&[5, 1])), Some(s(&[2, 5, 3])));
        assert_eq!(s(&[]).broadcast(&s(&[4])), Some(s(&[4])));
        assert_eq!(s(&[2]).broadcast(&s(&[3])), None);
    }

    #[test]
    fn repetitions_join_adjacent_axes() {
        let s = |lengths: &[usize]| Shape::new(lengths);
        assert_eq!(s(&[7]).repetitions(&s(&[2, 3, 5, 7])), Some(vec![[1, 30, 7]]));
        assert_eq!(s(&[2, 1, 5, 1]).repetitions(&s(&[2, 3, 5, 7])), Some(vec![[2, 3, 5], [30, 7, 1]]));
        assert_eq!(s(&[]).repetitions(&s(&[2, 3])), Some(vec![[1, 6, 1]]));
        assert_eq!(s(&[2, 3]).repetitions(&s(&[2, 3])), Some(vec![]));
        assert_eq!(s(&[2, 3]).repetitions(&s(&[3])), None);
        assert_eq!(s(&[2]).repetitions(&s(&[3])), None);
    }
}

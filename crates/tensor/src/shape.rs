//! [`Shape`]: the lengths of a tensor's axes.

use core::fmt;
use core::ops::Deref;

/// The most axes that a tensor can have.
pub const MAX_AXES: usize = 6;

/// The lengths of up to [`MAX_AXES`] axes, the last one running fastest in memory. No axes at all is the shape of a
/// single number.
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

    /// How many numbers a tensor of this shape holds; the greatest number that there is if they are more.
    pub fn size(&self) -> usize {
        self.iter().fold(1, |size, length| size.saturating_mul(*length))
    }

    /// The shape with `rows` as the length of the first axis.
    ///
    /// # Panics
    /// When there are no axes.
    pub fn with_rows(mut self, rows: usize) -> Self {
        assert!(self.axes > 0, "with_rows: a single number has no rows");
        self.lengths[0] = rows;
        self
    }

    /// The shape with axes of length 1 put in front until it has `axes` axes.
    fn aligned(&self, axes: usize) -> [usize; MAX_AXES] {
        let mut lengths = [1; MAX_AXES];
        lengths[axes - self.axes..axes].copy_from_slice(self);
        lengths
    }

    /// The shape that two tensors have in common after broadcasting: aligned at the last axis, where one of them has
    /// length 1 (or no such axis) it repeats.
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

    /// How this shape repeats to fill `large`, as steps of (outer, repeated, inner) sizes: the first step repeats a
    /// tensor of this shape, each further one the result so far, along adjacent axes at once. None if it does not broadcast
    /// to `large`.
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

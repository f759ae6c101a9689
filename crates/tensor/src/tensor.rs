//! [`Tensor`]: a shape and a shared, dense, row-major buffer.

use core::fmt;
use core::ops::Range;
use std::sync::Arc;

use kernels::timing::{Category, Work, time};
use kernels::{Binary, Element};

use crate::buffer::Buffer;
use crate::meta::{self, Claim};
use crate::shape::Shape;

/// An n-dimensional array: a [`Shape`] and a dense row-major buffer (the last axis varies fastest).
///
/// A clone shares the buffer. There are no strides and no views: slices are copies.
#[derive(Clone)]
pub struct Tensor<T: Element = f32> {
    shape: Shape,
    data: Arc<Buffer<T>>,
}

impl<T: Element> Tensor<T> {
    /// The tensor of this shape with these elements, in memory order. In [meta mode](meta), `data`
    /// that was computed from the elements of meta tensors is empty, which is accepted.
    ///
    /// # Panics
    /// When the number of elements is not the size of the shape.
    #[track_caller]
    pub fn new(shape: &[usize], data: Vec<T>) -> Self {
        let shape = Shape::new(shape);
        if data.is_empty()
            && let Some(claim) = Claim::new::<T>(shape.size(), false)
        {
            return Self { shape, data: Arc::new(Buffer::meta(claim)) };
        }
        assert!(data.len() == shape.size(), "tensor: {} numbers do not fill the shape {shape}", data.len());
        Self { shape, data: Arc::new(Buffer::from(data)) }
    }

    /// A tensor whose elements `write` sets. It must set all of them: the slice has arbitrary
    /// content at first.
    pub fn written(shape: impl Into<Shape>, write: impl FnOnce(&mut [T])) -> Self {
        let shape = shape.into();
        let mut buffer = Buffer::stale(shape.size());
        if buffer.is_meta() {
            meta::write(shape.size());
        } else {
            write(&mut buffer);
        }
        Self { shape, data: Arc::new(buffer) }
    }

    /// A tensor with all elements equal to `value`.
    pub fn full(shape: impl Into<Shape>, value: T) -> Self {
        Self::written(shape, |data| data.fill(value))
    }

    /// A tensor of zeros.
    pub fn zeros(shape: impl Into<Shape>) -> Self {
        Self::full(shape, T::default())
    }

    /// The tensor whose element i, in memory order, is `value(i)`.
    pub fn from_fn(shape: impl Into<Shape>, mut value: impl FnMut(usize) -> T) -> Self {
        Self::written(shape, |data| data.iter_mut().enumerate().for_each(|(i, x)| *x = value(i)))
    }

    /// A single number, of shape `[]`.
    pub fn scalar(value: T) -> Self {
        Self::full([], value)
    }

    /// The lengths of the axes.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The elements in memory order; empty for a [meta tensor](meta).
    pub fn data(&self) -> &[T] {
        &self.data
    }

    /// The elements, mutable. Copies the buffer first if it is shared.
    pub fn data_mut(&mut self) -> &mut [T] {
        if Arc::get_mut(&mut self.data).is_none() {
            let mut copy = Buffer::stale(self.size());
            if !copy.is_meta() {
                copy.copy_from_slice(&self.data);
            }
            self.data = Arc::new(copy);
        }
        if self.is_meta() {
            meta::write(self.size());
        }
        Arc::get_mut(&mut self.data).expect("the buffer was just made unshared")
    }

    /// The number of elements.
    pub fn size(&self) -> usize {
        self.shape.size()
    }

    /// Whether it has a shape but no elements: see [`meta`].
    pub fn is_meta(&self) -> bool {
        self.data.is_meta()
    }

    /// The element of a tensor with exactly one element.
    ///
    /// # Panics
    /// When there is not exactly one.
    #[track_caller]
    pub fn item(&self) -> T {
        assert!(self.size() == 1, "item: a tensor of shape {} is not a single number", self.shape);
        self.data.first().copied().unwrap_or_default()
    }

    /// The same elements, and the same buffer, in another shape.
    ///
    /// # Panics
    /// When the sizes differ.
    #[track_caller]
    pub fn reshape(&self, shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        assert!(shape.size() == self.size(), "reshape: {} to {shape} changes the number of elements", self.shape);
        Self { shape, data: Arc::clone(&self.data) }
    }

    /// Concatenates `self` and `other` along the first axis.
    ///
    /// # Panics
    /// When any other axis differs.
    #[track_caller]
    pub fn concat(&self, other: &Self) -> Self {
        let same =
            self.shape.len() == other.shape.len() && !self.shape.is_empty() && self.shape[1..] == other.shape[1..];
        assert!(same, "concat: {} and {} differ in more than the first axis", self.shape, other.shape);
        let mut lengths = self.shape;
        let rows = self.shape[0] + other.shape[0];
        lengths = Shape::new(&[&[rows], &lengths[1..]].concat());
        let joined = || {
            Self::written(lengths, |data| {
                let (head, tail) = data.split_at_mut(self.size());
                head.copy_from_slice(self.data());
                tail.copy_from_slice(other.data());
            })
        };
        time(Category::Memory, "concat", Work::Floats(2 * (self.size() + other.size())), joined)
    }

    /// The first `rows` slices along the first axis.
    ///
    /// # Panics
    /// When there are fewer.
    #[track_caller]
    pub fn first_rows(&self, rows: usize) -> Self {
        self.rows(0..rows)
    }

    /// These slices along the first axis.
    ///
    /// # Panics
    /// When the range is out of bounds.
    #[track_caller]
    pub fn rows(&self, rows: Range<usize>) -> Self {
        let has = self.shape.first().copied().unwrap_or(0);
        assert!(rows.start <= rows.end && rows.end <= has, "rows: {rows:?} of the {has} rows of {}", self.shape);
        let (shape, first) = (self.shape.with_rows(rows.len()), self.shape.with_rows(rows.start).size());
        Self::written(shape, |y| y.copy_from_slice(&self.data()[first..][..shape.size()]))
    }

    /// The same tensor with another element type, rounded to the nearest.
    pub fn cast<U: Element>(&self) -> Tensor<U> {
        Tensor::from_fn(self.shape, |i| U::from_f64(self.data[i].to_f64()))
    }

    /// The number of elements that are infinite or NaN.
    pub fn count_non_finite(&self) -> usize {
        T::count_non_finite(self.data())
    }

    /// Adds `other` to `self`, in place if the buffer is not shared.
    pub(crate) fn add_assign(&mut self, other: &Self) {
        match Arc::get_mut(&mut self.data) {
            Some(sum) => T::add_assign(other.data(), sum),
            None => *self = Self::written(self.shape, |y| T::binary(Binary::Add, self.data(), other.data(), y)),
        }
    }
}

impl<T: Element> PartialEq for Tensor<T> {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape && self.data() == other.data()
    }
}

impl<T: Element> fmt::Debug for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        write!(f, "Tensor{} {:?}", self.shape, &self.data()[..self.data().len().min(SHOWN)])?;
        if self.size() > SHOWN { write!(f, "... ({} in all)", self.size()) } else { Ok(()) }
    }
}

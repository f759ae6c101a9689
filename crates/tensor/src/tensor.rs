//! [`Tensor`]: a shape and a shared, dense, row-major buffer.

use std::sync::Arc;

use kernels::Element;

use crate::shape::Shape;

/// An n-dimensional array of numbers: a [`Shape`] and a dense row-major buffer (the last axis runs fastest).
///
/// A clone shares the buffer. There are no strides and no views: what looks like a view copies.
#[derive(Clone, PartialEq)]
pub struct Tensor<T: Element = f32> {
    shape: Shape,
    data: Arc<Vec<T>>,
}

//! The convolution, its input gradient (the transposed convolution) and its weight gradient.
//!
//! All three are matrix products over pixels that are gathered on the way, with the tiles and blocks of
//! [`gemm`](crate::gemm): [`plan`] has the geometry and the choices by shape, [`gather`] the convolution and its input
//! gradient, [`weight_grad`] the third, and [`thin`] the third for few in-channels. Each element of each result is one
//! chain of multiply-adds, in the order of the loops in [`reference`](crate::reference), over real pixels only: a tap that
//! would read padding is left out, not multiplied by zero, so even signed zeros and infinities come out as there.

mod gather;
mod plan;
mod scatter;
#[cfg(test)]
mod tests;
mod thin;
mod weight_grad;

pub(crate) use gather::{conv2d, conv2d_input_grad};
pub(crate) use weight_grad::conv2d_weight_grad;

use crate::geometry::ConvGeometry;

#[track_caller]
fn assert_lengths(g: &ConvGeometry, x: &[f32], w: &[f32], y: &[f32]) {
    let size = |shape: [usize; 4]| shape.iter().product::<usize>();
    let wanted = (size(g.x_shape()), size(g.w_shape()), size(g.y_shape()));
    assert_eq!((x.len(), w.len(), y.len()), wanted, "conv2d: lengths of x, w, y for {g:?}");
}

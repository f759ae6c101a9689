//! The plain loops: what every kernel computes, written to be read.
//!
//! They are generic over the number type. In `f64` they *are* the engine's kernels when gradients are checked; in `f32`
//! they are what the fast kernels are tested against. Convolutions and matrix products are one chain of fused
//! multiply-adds per output element, in the order written here, and the fast kernels keep that very order: they agree
//! with these loops bit for bit. (Convolutions of small maps go through frequencies, [`fast_path`](crate::fast_path) says how:
//! they agree within a proved bound.)

mod draws;
mod maps;
mod norms;
mod pixels;
mod products;
mod sums;

pub(crate) use draws::drop_below;
pub use draws::{dropout, normal};
pub use maps::{binary, binary_at, binary_rows, finish, finish_grad, unary, unary_at};
pub use norms::{
    batch_norm, batch_norm_grad, channel_statistics, instance_norm, instance_norm_grad, instance_statistics,
};
pub use pixels::{downsample_sum, fir, max_pool, pick, reflection_fold, reflection_pad, unpick, upsample};
pub use products::{conv2d, conv2d_input_grad, conv2d_weight_grad, gather_taps, gemm, im2col, spread_taps, turn_taps};
pub use sums::{count_non_finite, repeat_axis, sum_axis};

/// The index of element (i, j, k, l) of an array of this shape.
fn at(shape: [usize; 4], [i, j, k, l]: [usize; 4]) -> usize {
    ((i * shape[1] + j) * shape[2] + k) * shape[3] + l
}

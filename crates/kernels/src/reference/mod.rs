//! The plain loops: the definition of every kernel, written to be read.
//!
//! They are generic over the number type. In `f64` they are the kernels with which gradients are
//! checked; in `f32` the fast kernels are tested against them. In convolutions and matrix products,
//! each output element is one chain of fused multiply-adds in the order written here. The fast
//! kernels keep this order, so they agree with the loops bit for bit. In bf16, the order is that of
//! [`bf16`](crate::bf16). (Some convolutions with many channels are computed by transforms, see
//! [`fast_path`](crate::fast_path); they agree within a proved bound.)

mod draws;
mod maps;
mod norms;
mod pairs;
mod pixels;
mod products;
mod sums;
mod windows;

pub(crate) use draws::drop_below;
pub use draws::{dropout, normal};
pub use maps::{add_assign, bias_act, bias_act_grad, binary, binary_repeated, unary};
pub use norms::{
    batch_norm, batch_norm_grad, batch_norm_grad_input, batch_norm_grad_sums, channel_statistics, instance_norm,
    instance_norm_grad, instance_statistics,
};
pub use pixels::{downsample_sum, fir, gather, max_pool, reflection_fold, reflection_pad, scatter, upsample};
pub use products::{conv2d, conv2d_input_grad, conv2d_weight_grad, fold_taps, gemm, im2col, spread_taps, turn_taps};
pub use sums::{count_non_finite, repeat_axis, sum_axis};
pub use windows::{window_max, window_mean};

/// The index of element (i, j, k, l) of an array of this shape.
fn at(shape: [usize; 4], [i, j, k, l]: [usize; 4]) -> usize {
    ((i * shape[1] + j) * shape[2] + k) * shape[3] + l
}

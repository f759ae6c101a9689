//! The judges: one function per exercise, which questions a learner's function and knows the
//! results of common mistakes.
//!
//! The right derivatives are central differences of the engine's own forward operations; the right
//! values come from formulas. Sizes differ where equal ones would hide a mistake, and are equal
//! where different ones would only cause a panic.

#![allow(
    clippy::type_complexity,
    reason = "the types of the functions are easier to read in place than behind aliases"
)]

mod activations;
mod images;
mod norms;
mod optimizers;
mod players;
mod proof;
mod tables;
mod tape;

pub use activations::{bce_with_logits, dropout, leaky_relu, sigmoid, softplus, tanh};
pub use images::{conv_input, conv_transpose, conv_weight, max_pool};
pub use norms::{batch_norm, instance_norm, running};
pub use optimizers::{adam, momentum, rms_prop};
pub use players::{cut, freeze, gradient_penalty, losses, through_d};
pub use proof::{central_difference, dead_units};
pub use tables::{bias, matmul_left, matmul_right, mean, quotient, square};
pub use tape::{chain_rule, clear, fork, product, sweep};

/// The verdict on exercise `number` (from 1), for the functions in the module `$place`: `problems`,
/// `starts` or `solutions`.
#[macro_export]
macro_rules! judge {
    ($place:ident, $number:expr) => {
        match $number {
            1 => $crate::judges::losses(&$place::e01_losses::losses),
            2 => $crate::judges::product(&$place::e02_product::product),
            3 => $crate::judges::chain_rule(&$place::e03_chain_rule::slope),
            4 => $crate::judges::sweep(&$place::e04_sweep::sweep),
            5 => $crate::judges::fork(&$place::e05_fork::deliver),
            6 => $crate::judges::clear(&$place::e06_clear::gradient_of_step),
            7 => $crate::judges::square(&$place::e07_square::square_gradient),
            8 => $crate::judges::quotient(&$place::e08_quotient::quotient_gradients),
            9 => $crate::judges::bias(&$place::e09_bias::bias_gradient),
            10 => $crate::judges::mean(&$place::e10_mean::mean_gradient),
            11 => $crate::judges::matmul_left(&$place::e11_matmul_left::left_gradient),
            12 => $crate::judges::matmul_right(&$place::e12_matmul_right::right_gradient),
            13 => $crate::judges::conv_input(&$place::e13_conv_input::image_gradient),
            14 => $crate::judges::conv_weight(&$place::e14_conv_weight::kernel_gradient),
            15 => $crate::judges::conv_transpose(&$place::e15_conv_transpose::conv_transpose),
            16 => $crate::judges::max_pool(&$place::e16_max_pool::max_pool_gradient),
            17 => $crate::judges::leaky_relu(&$place::e17_leaky_relu::leaky_relu_gradient),
            18 => $crate::judges::sigmoid(&$place::e18_sigmoid::sigmoid_gradient),
            19 => $crate::judges::tanh(&$place::e19_tanh::tanh_gradient),
            20 => $crate::judges::softplus(&$place::e20_softplus::softplus),
            21 => $crate::judges::bce_with_logits(&$place::e21_bce_logits::bce_with_logits),
            22 => $crate::judges::dropout(&$place::e22_dropout::dropout_gradient),
            23 => $crate::judges::batch_norm(&$place::e23_batch_norm::batch_norm_gradient),
            24 => $crate::judges::instance_norm(&$place::e24_instance_norm::instance_norm_gradient),
            25 => $crate::judges::running(&$place::e25_running::update_running),
            26 => $crate::judges::momentum(&$place::e26_momentum::momentum_step),
            27 => $crate::judges::rms_prop(&$place::e27_rms_prop::rms_prop_step),
            28 => $crate::judges::adam(&$place::e28_adam::adam_step),
            29 => $crate::judges::cut(&$place::e29_cut::discriminator_loss),
            30 => $crate::judges::freeze(&$place::e30_freeze::generator_loss),
            31 => $crate::judges::through_d(&$place::e31_through_d::generator_gradients),
            32 => $crate::judges::dead_units(&$place::e32_dead_units::dead_share),
            33 => $crate::judges::central_difference(&$place::e33_central_difference::central_difference),
            34 => $crate::judges::gradient_penalty(&$place::e34_gradient_penalty::penalty),
            other => panic!("there is no exercise {other}"),
        }
    };
}

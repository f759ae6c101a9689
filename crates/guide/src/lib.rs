//! How backprop works, and how a GAN learns by it.
//!
//! Fourteen chapters, to be read in order. Every block of code in them is compiled and run by `cargo test -p guide --doc`: what a
//! chapter claims in numbers, a block asserts.

#[doc = include_str!("c01_gan.md")]
pub mod c01_gan {}
#[doc = include_str!("c02_tape.md")]
pub mod c02_tape {}
#[doc = include_str!("c03_chain_rule.md")]
pub mod c03_chain_rule {}
#[doc = include_str!("c04_reverse_sweep.md")]
pub mod c04_reverse_sweep {}
#[doc = include_str!("c05_tensors.md")]
pub mod c05_tensors {}
#[doc = include_str!("c06_broadcasting.md")]
pub mod c06_broadcasting {}
#[doc = include_str!("c07_matmul.md")]
pub mod c07_matmul {}
#[doc = include_str!("c08_convolution.md")]
pub mod c08_convolution {}
#[doc = include_str!("c09_activations_and_losses.md")]
pub mod c09_activations_and_losses {}
#[doc = include_str!("c10_normalisation.md")]
pub mod c10_normalisation {}
#[doc = include_str!("c11_optimizers.md")]
pub mod c11_optimizers {}
#[doc = include_str!("c12_two_players.md")]
pub mod c12_two_players {}
#[doc = include_str!("c13_sick_runs.md")]
pub mod c13_sick_runs {}
#[doc = include_str!("c14_proof_and_speed.md")]
pub mod c14_proof_and_speed {}

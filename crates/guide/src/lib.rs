//! How backprop works, and how a GAN learns by it.
//!
//! Fourteen chapters, to be read in order: begin with [a GAN in one minute](c01_gan). The first six build an engine from nothing and end at broadcasting; seven to ten derive the
//! layers of a GAN; eleven to thirteen train one; the last proves it all right. Each chapter ends with questions; `cargo run -p exercises
//! -- list` has something to do for each, and `cargo run -p train -- explain quickdraw` opens the tape of a real training step.
//!
//! Every block of Rust in them is compiled and run by `cargo test -p guide --doc`: what a chapter claims in numbers, a block asserts.
//!
//! # For who writes a chapter
//!
//! The tests of this crate hold the chapters to these rules.
//!
//! * **Blocks** are fenced, at the left margin, and of these kinds: `rust`, `rust,should_panic`, `rust,no_run` (twice in the whole guide at most),
//!   `rust,compile_fail,E0382` (always with the code of the error), `console`, `text`. At least 95% of the Rust blocks run.
//! * **Length**: at most 2,500 words outside of blocks, and at least three Rust blocks.
//! * **Numbers**: a number in the prose with a decimal point or three digits stands in a block of the chapter too, which asserts
//!   (Rust) or replays (console) it. Years are free.
//! * **Links** to items are those of rustdoc: ``[`Var`](tensor::Var)``, `[chapter 4](crate::c04_reverse_sweep)`; a broken one is an error of
//!   `cargo doc`. An operation is linked by its name in the registry, to its module: ``[`abs_grad`](tensor::ops::abs)``; each one must
//!   be linked from some chapter. A source file is linked relative to the chapter: `[tape.rs](../../tensor/src/tape.rs)`.
//! * **Figures** are drawn by [`draw`]; `cargo run -p guide --bin figures` writes them into `src/figures`, a test compares. A chapter shows
//!   at least one: `![What it shows, in words](figures/c04_fork.svg)`.
//! * **Console blocks** hold lines `$ train ...` and what they print; `crates/train/tests/guide.rs` replays them against the real program. There a line
//!   `...` stands for any lines, `...` in a line for any characters.

#![deny(rustdoc::broken_intra_doc_links)]

pub mod draw;
pub mod markdown;
pub mod plane;

/// The chapters: the name of the module, and the text as it was written.
macro_rules! chapters {
    ($($name:ident),* $(,)?) => {
        /// Name and text of each chapter.
        pub const CHAPTERS: &[(&str, &str)] = &[$((stringify!($name), include_str!(concat!(stringify!($name), ".md")))),*];
        $(
            #[doc = include_str!(concat!(env!("OUT_DIR"), "/", stringify!($name), ".md"))]
            pub mod $name {}
        )*
    };
}

chapters!(
    c01_gan,
    c02_tape,
    c03_chain_rule,
    c04_reverse_sweep,
    c05_tensors,
    c06_broadcasting,
    c07_matmul,
    c08_convolution,
    c09_activations_and_losses,
    c10_normalisation,
    c11_optimizers,
    c12_two_players,
    c13_sick_runs,
    c14_proof_and_speed,
);

//! The book of Backdraw: how backpropagation works, how a GAN learns, and how to use the program.
//!
//! **The guide** has fourteen chapters, to be read in order; begin with [a GAN in one
//! minute](c01_gan). The first six build an engine from nothing, chapters seven to ten derive the
//! layers of a GAN, eleven to thirteen train one, and the last shows how all of it is verified.
//! Each chapter ends with questions. `cargo run -p exercises -- list` shows the exercises for each
//! chapter, and `cargo run -p train -- explain quickdraw` records a real training step.
//!
//! **[The Manual](manual::index)** describes every command, system and file.
//!
//! `cargo test -p guide --doc` compiles and runs every Rust block of the chapters. Each number that
//! a chapter claims is asserted in one of them.
//!
//! # Rules for authors
//!
//! The tests of this crate check these rules for the chapters.
//!
//! * **Blocks** are fenced, start at the left margin, and are of these kinds: `rust`,
//!   `rust,should_panic`, `rust,no_run` (at most twice in the whole guide),
//!   `rust,compile_fail,E0382` (always with the error code), `console`, `text`. At least 95% of the
//!   Rust blocks run.
//! * **Length**: at most 2,500 words outside of blocks, and at least three Rust blocks.
//! * **Numbers**: a number in the prose that has a decimal point or three digits also appears in a
//!   block of the chapter, which asserts it (Rust) or replays it (console). Years are exempt.
//! * **Links** to items use rustdoc's syntax: ``[`Var`](tensor::Var)``,
//!   `[chapter 4](crate::c04_reverse_sweep)`. A broken link is an error of `cargo doc`. An
//!   operation is linked by its name in the registry, to its module:
//!   ``[`abs_grad`](tensor::ops::abs)``. Each operation must be linked from a chapter. A source
//!   file is linked relative to the chapter: `[tape.rs](../../tensor/src/tape.rs)`.
//! * **Figures** are drawn by [`draw`]. `cargo run -p guide --bin figures` writes them into
//!   `src/figures`, and a test compares the files. A chapter shows at least one:
//!   `![What it shows, in words](figures/c04_fork.svg)`.
//! * **Console blocks** contain lines `$ train ...` followed by their output.
//!   `crates/train/tests/guide.rs` runs them again. A line `...` stands for any lines, and `...` in
//!   a line for any characters.
//!
//! The pages of the Manual have blocks of the kinds `sh` (commands, whose options are checked),
//! `console` (replayed), `text`, and `python`. They link to each other and to source files by
//! relative paths, so that they can also be read in the repository.

#![deny(rustdoc::broken_intra_doc_links)]

pub mod draw;
pub mod markdown;
pub mod plane;

/// Pages of the book: a list of the names and texts as they were written, and a documented module
/// for each.
macro_rules! pages {
    ($(#[$about:meta])* $list:ident, $folder:literal, $($name:ident),* $(,)?) => {
        $(#[$about])*
        pub const $list: &[(&str, &str)] =
            &[$((stringify!($name), include_str!(concat!($folder, stringify!($name), ".md")))),*];
        $(
            #[doc = include_str!(concat!(env!("OUT_DIR"), "/", $folder, stringify!($name), ".md"))]
            pub mod $name {}
        )*
    };
}

pages!(
    /// Name and text of each chapter.
    CHAPTERS,
    "",
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

/// How to use Backdraw, page by page. Begin with the [overview](manual::index).
pub mod manual {
    pages!(
        /// Name and text of each page.
        PAGES,
        "manual/",
        index,
        running,
        watching,
        settings,
        planning,
        resuming,
        cluster,
        data,
        systems,
        sampling,
        latents,
        exporting,
        evaluating,
        importing,
        comparing,
        explaining,
        playground,
        library,
        sick,
        museum,
        tools,
        troubleshooting,
        reproducibility,
        performance,
        platforms,
    );
}

//! The figures of the chapters, drawn from numbers that the engine computes.
//! `cargo run -p guide --bin figures` writes them, and a test compares them with the files.
//!
//! Each chapter has a module with its figures. [`Canvas`] draws shapes and text, and [`Plot`] draws
//! curves in a frame. Coordinates are rounded to a tenth of a point, so that the last bit of a sine
//! does not change a file.

mod canvas;
mod graph;
mod plot;

mod c01;
mod c02;
mod c03;
mod c04;
mod c05;
mod c06;
mod c07;
mod c08;
mod c09;
mod c10;
mod c11;
mod c12;
mod c13;
mod c14;

pub use canvas::{Anchor, Canvas, Stroke, color};
pub use plot::Plot;

/// A picture.
pub struct Figure {
    /// The name of its file, `src/figures/<name>.svg`. It begins with the chapter, as in
    /// `c04_fork`.
    pub name: &'static str,
    /// The content of the file.
    pub svg: String,
}

/// All figures, in the order of the chapters.
pub fn figures() -> Vec<Figure> {
    [
        c01::figures(),
        c02::figures(),
        c03::figures(),
        c04::figures(),
        c05::figures(),
        c06::figures(),
        c07::figures(),
        c08::figures(),
        c09::figures(),
        c10::figures(),
        c11::figures(),
        c12::figures(),
        c13::figures(),
        c14::figures(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

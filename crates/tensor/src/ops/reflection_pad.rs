//! `reflection_pad` and `reflection_fold`: pads an image by its mirror image; adds the padding back
//! to the image.
//!
//! The edge itself is not repeated: index -1 has pixel 1, -2 has 2, n has n - 2 (PyTorch's
//! `ReflectionPad2d`). The gradient of a pixel is the sum over all its copies: the two ops are
//! adjoint, so each is the other's rule. Nothing is kept.

use kernels::{Element, ReflectGeometry};

use crate::ops::{Case, Domain, Entry, sample};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The entry of the padding.
pub const ENTRY: Entry = Entry {
    name: "reflection_pad",
    idea: "Continues the image with its mirror image.",
    forward: "y(n,y,x,c) = x(n, mirrored y - top, mirrored x - left, c)",
    rule: "gx = reflection_fold(gy): the sum over all places that show the pixel",
    derivation: &[
        "every pixel of y is a copy of one pixel of x",
        "a pixel near an edge is shown several times: itself, mirrored, in a corner",
        "its gradient is the sum over its copies: the margins are folded back",
    ],
    saved: "nothing: the margins are an attribute of the op",
    shape: "(n, h, w, c) to (n, top + h + bottom, left + w + right, c)",
    cost: "one copy per element of y forward, one addition backward",
    chapter: "c08_convolution",
    file: file!(),
    cases: || cases(ReflectGeometry::input_shape, |g, x| x.reflection_pad(g.pad)),
};

/// The entry of its adjoint.
pub const FOLD_ENTRY: Entry = Entry {
    name: "reflection_fold",
    idea: "Folds the margins back onto the pixels that they mirror.",
    forward: "y(n,y,x,c) = sum of x over all places that show (y,x)",
    rule: "gx = reflection_pad(gy)",
    derivation: &[
        "y is a sum of pixels of x, each counted once",
        "so each pixel of x gets the gradient of the pixel that it was added to:",
        "that is a copy, reflection_pad(gy)",
    ],
    saved: "nothing: the margins are an attribute of the op",
    shape: "(n, top + h + bottom, left + w + right, c) to (n, h, w, c)",
    cost: "one addition per element of x forward, one copy backward",
    chapter: "c08_convolution",
    file: file!(),
    cases: || cases(ReflectGeometry::output_shape, |g, x| x.reflection_fold(g.pad)),
};

fn cases(shape: fn(&ReflectGeometry) -> [usize; 4], apply: fn(ReflectGeometry, &Var<f64>) -> Var<f64>) -> Vec<Case> {
    let images = [[1, 4, 4, 1], [2, 4, 5, 3], [1, 7, 4, 2], [3, 4, 6, 1], [1, 5, 9, 5]];
    let pads = [[1, 1, 1, 1], [3, 3, 3, 3], [0, 2, 1, 3], [0, 0, 0, 0]];
    let geometries = images
        .into_iter()
        .flat_map(|[batch, h, w, channels]| pads.map(|pad| ReflectGeometry { batch, input: [h, w], channels, pad }));
    let case = |g: ReflectGeometry| {
        let inputs = vec![sample(Domain::Any, 1, &shape(&g))];
        Case::new(format!("{:?} by {:?}", g.input_shape(), g.pad), inputs, move |v| apply(g, &v[0]))
    };
    geometries.map(case).collect()
}

struct ReflectionPad([usize; 4]);
struct ReflectionFold([usize; 4]);

impl<T: Element> Var<T> {
    /// Pads images (n, h, w, c) by mirroring; `pad` is the number of pixels at the top, bottom,
    /// left and right.
    ///
    /// # Panics
    /// When `self` does not have the shape of images, or the padding is not smaller than their
    /// sides.
    #[track_caller]
    pub fn reflection_pad(&self, pad: [usize; 4]) -> Self {
        let &[batch, h, w, channels] = &**self.shape() else {
            panic!("reflection_pad: {} is not (n, h, w, c)", self.shape())
        };
        let g = ReflectGeometry { batch, input: [h, w], channels, pad };
        g.check().unwrap_or_else(|why| panic!("reflection_pad: {why}"));
        let y = Tensor::written(g.output_shape(), |y| T::reflection_pad(&g, self.value().data(), y));
        Self::record(ReflectionPad(pad), &[self], y)
    }

    /// The adjoint: adds the padding of images (n, h, w, c) back to the pixels that it mirrors, and
    /// removes it.
    ///
    /// # Panics
    /// When `self` does not have the shape of images, or the padding is not smaller than the sides
    /// of the result.
    #[track_caller]
    pub fn reflection_fold(&self, pad: [usize; 4]) -> Self {
        let &[batch, h, w, channels] = &**self.shape() else {
            panic!("reflection_fold: {} is not (n, h, w, c)", self.shape())
        };
        let [top, bottom, left, right] = pad;
        let input = [h.saturating_sub(top + bottom), w.saturating_sub(left + right)];
        let g = ReflectGeometry { batch, input, channels, pad };
        g.check().unwrap_or_else(|why| panic!("reflection_fold: {why}"));
        let y = Tensor::written(g.input_shape(), |y| T::reflection_fold(&g, self.value().data(), y));
        Self::record(ReflectionFold(pad), &[self], y)
    }
}

impl<T: Element> Op<T> for ReflectionPad {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn attributes(&self) -> String {
        format!("{:?}", self.0)
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::NOTHING
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx = reflection_fold(gy): the sum over all places that show the pixel`
    fn vjp(&self, _call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some(gy.reflection_fold(self.0))]
    }
}

impl Replay for ReflectionPad {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        inputs[0].reflection_pad(self.0)
    }

    fn rows(&self) -> Rows {
        Rows::First
    }
}

impl<T: Element> Op<T> for ReflectionFold {
    fn name(&self) -> &'static str {
        FOLD_ENTRY.name
    }

    fn attributes(&self) -> String {
        format!("{:?}", self.0)
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::NOTHING
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx = reflection_pad(gy)`
    fn vjp(&self, _call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some(gy.reflection_pad(self.0))]
    }
}

impl Replay for ReflectionFold {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        inputs[0].reflection_fold(self.0)
    }

    fn rows(&self) -> Rows {
        Rows::First
    }
}

//! `fir`: a separable filter with a few constant taps, which can also enlarge or shrink images.
//!
//! Along each axis, up - 1 zeros are inserted after every pixel, and the result is padded. A window
//! slides over it in steps of `down`; y is the sum of taps times pixels in the window. So x(j)
//! contributes to y(o) through tap k = j up + before - o down. This is symmetric in x and y: the
//! gradient is a filter too, with up and down exchanged and the taps reversed. One op closes the
//! family at every order. Nothing is saved.

use kernels::{Element, Fir, FirGeometry};

use crate::ops::{Case, Domain, Entry, sample};
use crate::shape::Shape;
use crate::{Attributes, Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "fir",
    idea: "A filter with constant taps, to blur, up-sample or down-sample.",
    forward: "y(o) = sum over j of t(j*up + before - o*down) * x(j), along both axes",
    rule: "gx = fir(gy), with the taps reversed, and up and down exchanged",
    derivation: &[
        "along an axis, x(j) meets y(o) at tap k = j*up + before - o*down",
        "y(o) = sum over j of t(k) * x(j): linear in x, with the slope t(k)",
        "so gx(j) = sum over o of t(k) * gy(o)",
        "counted from the other end: last - k = o*down - j*up + (last - before)",
        "the formula of y with o and j, up and down exchanged, and t reversed",
        "the two axes are filtered one after the other, also in the backward pass",
    ],
    saved: "nothing: the taps are constants of the op",
    shape: "(n, h, w, c) to (n, oh, ow, c), oh = (h*up + before + after - taps) / down + 1",
    cost: "a multiply-add for each pair of taps that meets a pixel, in each direction",
    chapter: "c08_convolution",
    file: file!(),
    cases,
};

fn cases() -> Vec<Case> {
    let made = [Fir::blur(), Fir::up2(), Fir::down2(), Fir::after_transposed(3), Fir::before_strided(3)];
    // Asymmetric filters, which detect a rule that does not reverse the taps.
    let odd = [
        (vec![1.0, 2.0, -3.0], 2, 1, [1, 1]),
        (vec![1.0, -2.0, 0.5, 4.0], 1, 2, [2, 1]),
        (vec![0.5, 1.0], 3, 2, [-1, 2]),
        (vec![1.0, 2.0, 0.3, -1.0, 0.7], 2, 3, [4, 0]),
        (vec![0.7, -1.0], 1, 1, [-1, 3]),
    ];
    let odd = odd.into_iter().map(|(taps, up, down, pad)| Fir { taps, up, down, pad });
    let filters: Vec<_> = made.into_iter().chain(odd).collect();
    let shapes = [[1, 4, 4, 1], [2, 2, 5, 3], [1, 6, 3, 2], [3, 3, 2, 1]];
    let case = |shape: [usize; 4], filter: &Fir| {
        let (inputs, filter) = (vec![sample(Domain::Any, 1, &shape)], filter.clone());
        let Fir { taps, up, down, pad } = &filter;
        let name = format!("{shape:?} by {taps:?}, up {up}, down {down}, pad {pad:?}");
        Case::new(name, inputs, move |v| v[0].fir(&filter))
    };
    shapes.into_iter().flat_map(|shape| filters.iter().map(move |filter| case(shape, filter))).collect()
}

/// A filter with the sizes of its input.
struct Filtered(FirGeometry);

impl<T: Element> Var<T> {
    /// Filters images `self`, (n, h, w, c), by `filter`: (n, oh, ow, c) with oh = (h * up + before
    /// + after - taps) / down + 1, rounded down, and likewise ow.
    ///
    /// # Panics
    /// When `self` does not have the shape of images, or the output would be empty.
    #[track_caller]
    pub fn fir(&self, filter: &Fir) -> Self {
        let &[n, h, w, c] = &**self.shape() else { panic!("fir: {} is not (n, h, w, c)", self.shape()) };
        self.fir_with(FirGeometry::new([n, h, w, c], filter).unwrap_or_else(|why| panic!("fir: {why}")))
    }

    /// [`fir`](Var::fir) with a geometry that is already known.
    #[track_caller]
    fn fir_with(&self, g: FirGeometry) -> Self {
        let y = Tensor::written(g.y_shape(), |y| T::fir(&g, self.value().data(), y));
        Self::record(Filtered(g), &[self], y)
    }
}

impl<T: Element> Op<T> for Filtered {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn attributes(&self) -> String {
        let FirGeometry { taps, up, down, before, .. } = &self.0;
        format!("taps {taps:?}, up {up}, down {down}, before {before}")
    }

    fn attribute_data(&self) -> Attributes {
        Attributes::Fir(self.0.clone())
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::NOTHING
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx = fir(gy), with the taps reversed, and up and down exchanged`
    fn vjp(&self, _call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        vec![Some(gy.fir_with(self.0.adjoint()))]
    }
}

impl Replay for Filtered {
    fn on(&self, inputs: &[Var<f64>], shape: Shape) -> Var<f64> {
        inputs[0].fir_with(FirGeometry { batch: shape[0], ..self.0.clone() })
    }

    fn rows(&self) -> Rows {
        Rows::First
    }
}

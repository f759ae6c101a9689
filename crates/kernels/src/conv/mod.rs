//! The convolution, its input gradient (the transposed convolution) and its weight gradient.
//!
//! There are three algorithms. [`choose`] selects one by the shape and the precision of the layer.
//!
//! * **Direct**: matrix products over packed pixels, with the tiles and blocks of
//!   [`gemm`](crate::gemm). [`plan`] holds the geometry and the choices of size, [`direct`] the
//!   convolution and its input gradient, [`weight_grad`] the weight gradient. Each element of a
//!   result is one chain of multiply-adds in the order of the loops in
//!   [`reference`](crate::reference), over real pixels only: taps that would read padding are
//!   skipped rather than multiplied by zero, so even signed zeros and infinities are the same.
//!   Operands of bf16 products are converted before they are packed
//!   ([`pairs`](crate::gemm::pairs)).
//! * **Thin** ([`thin_weight_grad`]): the same sums without packing, for the weight gradient of few
//!   in-channels.
//! * **Transformed** ([`fourier`]), for many channels: products of tiles in the frequency domain,
//!   or of tiles of Winograd. These are fewer products and different sums, within an error
//!   bound that is stated and tested there.

mod choose;
mod direct;
mod fourier;
mod plan;
mod store;
#[cfg(test)]
mod tests;
mod thin_weight_grad;
mod weight_grad;

use crate::geometry::ConvGeometry;
use choose::{Algorithm, choose};

/// See [`Element::conv2d`](crate::Element::conv2d).
pub(crate) fn conv2d(g: &ConvGeometry, x: &[f32], w: &[f32], y: &mut [f32]) {
    assert_lengths(g, x, w, y);
    match choose(Convolution::Forward, g) {
        Algorithm::Transformed(tiles) => tiles.conv2d(x, w, y),
        Algorithm::Direct | Algorithm::Thin => direct::conv2d(g, x, w, y),
    }
}

/// See [`Element::conv2d_input_grad`](crate::Element::conv2d_input_grad).
pub(crate) fn conv2d_input_grad(g: &ConvGeometry, gy: &[f32], w: &[f32], gx: &mut [f32]) {
    assert_lengths(g, gx, w, gy);
    match choose(Convolution::InputGrad, g) {
        Algorithm::Transformed(tiles) => tiles.conv2d_input_grad(gy, w, gx),
        Algorithm::Direct | Algorithm::Thin => direct::conv2d_input_grad(g, gy, w, gx),
    }
}

/// See [`Element::conv2d_weight_grad`](crate::Element::conv2d_weight_grad).
pub(crate) fn conv2d_weight_grad(g: &ConvGeometry, x: &[f32], gy: &[f32], gw: &mut [f32]) {
    assert_lengths(g, x, gw, gy);
    match choose(Convolution::WeightGrad, g) {
        Algorithm::Transformed(tiles) => tiles.conv2d_weight_grad(x, gy, gw),
        Algorithm::Direct | Algorithm::Thin => direct_weight_grad(g, x, gy, gw),
    }
}

/// The weight gradient by one of the two direct algorithms; their sums are the same.
fn direct_weight_grad(g: &ConvGeometry, x: &[f32], gy: &[f32], gw: &mut [f32]) {
    if gw.is_empty() {
        return;
    }
    if thin_weight_grad::is_thin(g) {
        thin_weight_grad::conv2d_weight_grad(g, x, gy, gw);
    } else {
        weight_grad::conv2d_weight_grad(g, x, gy, gw);
    }
}

/// A convolution or one of its gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Convolution {
    /// [`Element::conv2d`](crate::Element::conv2d).
    Forward,
    /// [`Element::conv2d_input_grad`](crate::Element::conv2d_input_grad).
    InputGrad,
    /// [`Element::conv2d_weight_grad`](crate::Element::conv2d_weight_grad).
    WeightGrad,
}

impl Convolution {
    /// The number of planes whose products replace those of pixels and taps, if the tiles of this
    /// call on `f32` are transformed.
    pub fn planes(self, g: &ConvGeometry) -> Option<usize> {
        match choose(self, g) {
            Algorithm::Transformed(tiles) => Some(tiles.planes()),
            Algorithm::Direct | Algorithm::Thin => None,
        }
    }

    /// The lengths of the buffers in which a call of this shape on `f32` packs its two operands and
    /// converts them to another precision. The calling thread keeps them for the next call. (Other
    /// memory is small.)
    pub fn packed(self, g: &ConvGeometry) -> [usize; 3] {
        match (choose(self, g), self) {
            (Algorithm::Transformed(tiles), _) => {
                let [left, right] = tiles.packed(self);
                [left, right, 0]
            }
            (Algorithm::Thin, _) => [0; 3],
            (Algorithm::Direct, Self::Forward) => direct::packed(g, false),
            (Algorithm::Direct, Self::InputGrad) => direct::packed(g, true),
            (Algorithm::Direct, Self::WeightGrad) => weight_grad::packed(g),
        }
    }
}

#[track_caller]
fn assert_lengths(g: &ConvGeometry, x: &[f32], w: &[f32], y: &[f32]) {
    let size = |shape: [usize; 4]| shape.iter().product::<usize>();
    let wanted = (size(g.x_shape()), size(g.w_shape()), size(g.y_shape()));
    assert_eq!((x.len(), w.len(), y.len()), wanted, "conv2d: lengths of x, w, y for {g:?}");
}

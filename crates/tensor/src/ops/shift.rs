//! `shift`: moves every image of a batch by its own whole number of pixels; zeros are moved in.
//!
//! y(n, y, x, c) = x(n, y - dy(n), x - dx(n), c), 0 where that is outside. A pixel that stays
//! inside gets the gradient of the position to which it was moved, others get none: gx is gy moved
//! back. Nothing is saved.

use std::rc::Rc;

use kernels::Element;

use crate::ops::{Case, Domain, Entry, sample};
use crate::shape::Shape;
use crate::{Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "shift",
    idea: "Shifts each image by its own number of pixels, and fills the gap with zeros.",
    forward: "y(n,y,x,c) = x(n, y-dy(n), x-dx(n), c), 0 outside",
    rule: "gx = shift(gy) by -dy, -dx",
    derivation: &[
        "each element of y is one element of x, or 0: the op is linear",
        "x(n,i,j,c) appears once, at (i + dy(n), j + dx(n)), if inside the image",
        "so gx(n,i,j,c) = gy(n, i + dy(n), j + dx(n), c), 0 outside: the shift back",
    ],
    saved: "nothing: the distances are an attribute",
    shape: "y has the shape of x, (n, h, w, c)",
    cost: "one copy per element, in both directions",
    chapter: "c08_convolution",
    file: file!(),
    cases,
};

fn cases() -> Vec<Case> {
    let shapes = [[1, 1, 1, 1], [1, 3, 4, 1], [2, 4, 3, 2], [3, 5, 2, 1], [2, 1, 7, 3]];
    let distances = [[0, 0], [1, -1], [-2, 1], [9, 0]];
    let case = |shape: [usize; 4], by: [isize; 2]| {
        let by: Vec<_> = (0..shape[0] as isize).map(|n| [by[0] - n, by[1] + n]).collect();
        Case::new(format!("{shape:?} by {by:?}"), vec![sample(Domain::Any, 1, &shape)], move |v| {
            v[0].shift(&by).square()
        })
    };
    shapes.into_iter().flat_map(|shape| distances.map(|by| case(shape, by))).collect()
}

/// The distance of each image, down and right.
struct Shift(Rc<[[isize; 2]]>);

impl<T: Element> Var<T> {
    /// Each image of `self`, (n, h, w, c), moved by its own `distances`, down and right (negative:
    /// up and left); zeros come in.
    ///
    /// # Panics
    /// When `self` does not have the shape of images, or there is not one pair of distances per
    /// image.
    #[track_caller]
    pub fn shift(&self, distances: &[[isize; 2]]) -> Self {
        let &[n, h, w, c] = &**self.shape() else { panic!("shift: {} is not (n, h, w, c)", self.shape()) };
        assert!(distances.len() == n, "shift: {} distances for {n} images", distances.len());
        let mut y = Tensor::zeros(*self.shape());
        let images = y.data_mut().chunks_exact_mut(h * w * c).zip(self.value().data().chunks_exact(h * w * c));
        for ((to, from), [down, right]) in images.zip(distances) {
            // The columns that stay inside, before and after.
            let length = w.saturating_sub(right.unsigned_abs()) * c;
            let [was, is] = [(-right).max(0), (*right).max(0)].map(|column| column as usize * c);
            for row in 0..h {
                let Some(source) = row.checked_add_signed(-down).filter(|source| *source < h && length > 0) else {
                    continue;
                };
                to[row * w * c + is..][..length].copy_from_slice(&from[source * w * c + was..][..length]);
            }
        }
        Self::record(Shift(distances.into()), &[self], y)
    }
}

impl<T: Element> Op<T> for Shift {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn saves(&self, _tracked: &[bool]) -> Saves {
        Saves::NOTHING
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `gx = shift(gy) by -dy, -dx`
    fn vjp(&self, _call: &Call<T>, gy: &Var<T>) -> Vec<Option<Var<T>>> {
        let back: Vec<_> = self.0.iter().map(|[down, right]| [-down, -right]).collect();
        vec![Some(gy.shift(&back))]
    }
}

impl Replay for Shift {
    fn on(&self, inputs: &[Var<f64>], shape: Shape) -> Var<f64> {
        inputs[0].shift(&self.0[..shape[0]])
    }

    fn rows(&self) -> Rows {
        Rows::First
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_go_their_own_ways() {
        let x = Var::constant(Tensor::from_fn([2, 2, 3, 1], |i| i as f64 + 1.0));
        let y = x.shift(&[[1, -1], [0, 2]]);
        assert_eq!(y.value().data(), [0.0, 0.0, 0.0, 2.0, 3.0, 0.0, 0.0, 0.0, 7.0, 0.0, 0.0, 10.0]);
        assert!(x.shift(&[[2, 0], [0, 3]]).value().data().iter().all(|y| *y == 0.0), "out of sight");
    }
}

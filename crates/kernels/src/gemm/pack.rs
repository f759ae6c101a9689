//! Packing: copying an operand into panels, in the order in which the tile will read it.
//!
//! There are two kinds of sources. Where neighbouring rows (columns) of the panel lie side by side in memory, each step of
//! the depth is one short copy. Where neighbouring *steps* lie side by side (a row-major left operand; the pixels of an
//! image, for which the depth is the channels), the panel is the transpose of what is read. Transposition is a matter of the packing alone:
//! the tile never knows.

use super::panels::Panel;
use crate::simd::{Kernel, Simd};

/// Packs one panel from a source in which each step of the depth holds the panel's lanes side by side.
pub(crate) struct PackSteps<'a, F> {
    pub(crate) panel: Panel,
    /// The source of step d is `source[step(d)..]`, `panel.len` floats.
    pub(crate) source: &'a [f32],
    pub(crate) step: F,
    /// Packed memory for some steps, `panel.width` floats each.
    pub(crate) to: &'a mut [f32],
}

impl<F: Fn(usize) -> usize> Kernel for PackSteps<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Panel { len, width, .. } = self.panel;
        for (d, to) in self.to.chunks_exact_mut(width).enumerate() {
            let at = (self.step)(d);
            copy_short(&self.source[at..at + len], to);
        }
    }
}

/// Copies and fills up with zeros. The common widths are spelled out, as a call to the system's copy costs more than they.
#[inline(always)]
fn copy_short(from: &[f32], to: &mut [f32]) {
    if let (Ok(from), Ok(to)) = (<&[f32; 32]>::try_from(from), <&mut [f32; 32]>::try_from(&mut *to)) {
        *to = *from;
    } else if let (Ok(from), Ok(to)) = (<&[f32; 16]>::try_from(from), <&mut [f32; 16]>::try_from(&mut *to)) {
        *to = *from;
    } else {
        let (body, rest) = to.split_at_mut(from.len());
        for (to, from) in body.iter_mut().zip(from) {
            *to = *from;
        }
        for to in rest {
            *to = 0.0;
        }
    }
}

/// Packs one panel from a source in which each lane holds the steps of the depth side by side.
pub(crate) struct PackLanes<'a, F> {
    pub(crate) panel: Panel,
    /// Lane l of the panel is `source[lane(l)..]`, one float per step, or zeros if it is `None`.
    pub(crate) source: &'a [f32],
    pub(crate) lane: F,
    /// Packed memory for some steps, `panel.width` floats each.
    pub(crate) to: &'a mut [f32],
}

impl<F: Fn(usize) -> Option<usize>> Kernel for PackLanes<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Panel { len, width, .. } = self.panel;
        let steps = self.to.len() / width;
        for lane in 0..width {
            let to = self.to.iter_mut().skip(lane).step_by(width);
            match (self.lane)(lane).filter(|_| lane < len) {
                Some(at) => {
                    for (to, from) in to.zip(&self.source[at..at + steps]) {
                        *to = *from;
                    }
                }
                None => to.for_each(|to| *to = 0.0),
            }
        }
    }
}

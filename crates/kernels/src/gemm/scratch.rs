//! [`Scratch`]: buffers for packed operands, reused from call to call.
//!
//! A new large buffer costs a page fault for every 4 KiB that is touched, often more than the
//! packing itself. Therefore each thread keeps a few of the buffers that it has used.

use core::cell::RefCell;
use core::ops::{Deref, DerefMut};

use crate::simd::LANES;

/// A cache line, which is also one vector. Buffers consist of lines, so no vector of a panel
/// straddles two.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([f32; LANES]);

/// The most buffers that a thread keeps.
const KEPT: usize = 6;

thread_local! {
    static FREE: RefCell<Vec<Vec<Line>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer of floats with unspecified content, aligned to a cache line. Dropping it returns it to
/// its thread.
pub(crate) struct Scratch {
    lines: Vec<Line>,
    len: usize,
}

impl Scratch {
    /// A buffer of `len` floats.
    pub(crate) fn new(len: usize) -> Self {
        let wanted = len.div_ceil(LANES);
        if wanted == 0 {
            return Self { lines: Vec::new(), len };
        }
        let mut lines = FREE.with_borrow_mut(|free| {
            // The smallest that is large enough, else the largest (which is then grown).
            let fits = (0..free.len()).filter(|&i| free[i].len() >= wanted).min_by_key(|&i| free[i].len());
            let best = fits.or_else(|| (0..free.len()).max_by_key(|&i| free[i].len()));
            best.map(|i| free.swap_remove(i)).unwrap_or_default()
        });
        if lines.len() < wanted {
            lines = Vec::new(); // First, so that the old content is not copied.
            lines.resize(wanted, Line([0.0; LANES]));
        }
        Self { lines, len }
    }
}

impl Deref for Scratch {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        let len = self.lines.len() * LANES;
        // SAFETY: a `Line` is 16 floats without padding (repr(C), 64 bytes).
        let floats = unsafe { core::slice::from_raw_parts(self.lines.as_ptr().cast::<f32>(), len) };
        &floats[..self.len]
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        let len = self.lines.len() * LANES;
        // SAFETY: as above, and borrowed mutably through `self`.
        let floats = unsafe { core::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast::<f32>(), len) };
        &mut floats[..self.len]
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let lines = core::mem::take(&mut self.lines);
        if lines.is_empty() {
            return;
        }
        // A thread that is ending has no store any more; the buffer is then freed.
        let _ = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            free.push(lines);
            if free.len() > KEPT {
                let smallest = (0..free.len()).min_by_key(|&i| free[i].len()).unwrap_or(0);
                free.swap_remove(smallest);
            }
        });
    }
}

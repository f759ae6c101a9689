//! Pooling over windows that may overlap.

use super::at;
use crate::real::Real;
use crate::windows::WindowGeometry;

/// Calls `visit(to, from)` for every pixel of the output and every pixel of the image in its
/// window, row by row, with the indices of their first channels; `visit(to, None)` begins a window.
fn for_each_window(g: &WindowGeometry, mut visit: impl FnMut(usize, Option<usize>)) {
    let (x, y) = (g.x_shape(), g.y_shape());
    for n in 0..g.batch {
        for oy in 0..y[1] {
            for ox in 0..y[2] {
                let to = at(y, [n, oy, ox, 0]);
                visit(to, None);
                for iy in g.source(0, oy) {
                    g.source(1, ox).for_each(|ix| visit(to, Some(at(x, [n, iy, ix, 0]))));
                }
            }
        }
    }
}

/// See [`Element::window_max`](crate::Element::window_max).
pub fn window_max<R: Real>(g: &WindowGeometry, x: &[R], y: &mut [R]) {
    g.check("window_max", x.len(), y.len());
    let mut is_first = true;
    for_each_window(g, |to, from| {
        let Some(from) = from else { return is_first = true };
        let (to, from) = (&mut y[to..][..g.channels], &x[from..][..g.channels]);
        if is_first {
            to.copy_from_slice(from);
        } else {
            // A NaN stays: nothing is larger than it, and nothing that is not larger replaces it.
            to.iter_mut().zip(from).for_each(|(most, x)| *most = if *x <= *most || is_nan(*most) { *most } else { *x });
        }
        is_first = false;
    });
}

fn is_nan<R: Real>(x: R) -> bool {
    x.partial_cmp(&x).is_none()
}

/// See [`Element::window_mean`](crate::Element::window_mean).
pub fn window_mean<R: Real>(g: &WindowGeometry, x: &[R], y: &mut [R]) {
    g.check("window_mean", x.len(), y.len());
    for_each_window(g, |to, from| match from {
        None => y[to..][..g.channels].fill(R::default()),
        Some(from) => y[to..][..g.channels].iter_mut().zip(&x[from..]).for_each(|(sum, x)| *sum = *sum + *x),
    });
    let [_, h, w, channels] = g.y_shape();
    for (pixel, sums) in y.chunks_exact_mut(channels.max(1)).enumerate() {
        let count = R::from_f64((g.source(0, pixel / w % h).len() * g.source(1, pixel % w).len()) as f64);
        sums.iter_mut().for_each(|sum| *sum = *sum / count);
    }
}

//! Matrix products and convolutions by other libraries, for comparison with ours.

use kernels::{ConvGeometry, Gemm, Precision, reference};
use rayon::prelude::*;

/// Columns and rows of a stored matrix as strides: (from column to column, from row to row).
pub fn strides(rows: usize, columns: usize, transposed: bool) -> [isize; 2] {
    if transposed { [rows as isize, 1] } else { [1, columns as isize] }
}

/// The product of the crate `matrixmultiply`: some rows on each thread of the current pool. (The
/// crate has a feature for threads of its own. Without it, the program and the benchmarks can share
/// compiled crates.)
///
/// # Panics
/// When the lengths are not those of the matrices.
pub fn matrixmultiply(g: Gemm, a: &[f32], b: &[f32], c: &mut [f32]) {
    assert!(a.len() == g.m * g.k && b.len() == g.k * g.n && c.len() == g.m * g.n);
    let ([ca, ra], [cb, rb]) = (strides(g.m, g.k, g.transpose_a), strides(g.k, g.n, g.transpose_b));
    let multiply = |first: usize, c: &mut [f32]| {
        // SAFETY: the assertion above checks the lengths of the three matrices; `c` has the rows of
        // the product from `first` on.
        #[expect(unsafe_code, reason = "the crate's only interface")]
        unsafe {
            let (a, b) = (a.as_ptr().add(first * ra as usize), b.as_ptr());
            matrixmultiply::sgemm(
                c.len() / g.n,
                g.k,
                g.n,
                1.0,
                a,
                ra,
                ca,
                b,
                rb,
                cb,
                0.0,
                c.as_mut_ptr(),
                g.n as isize,
                1,
            );
        }
    };
    let rows = g.m.div_ceil(rayon::current_num_threads());
    if rows == g.m {
        return multiply(0, c);
    }
    c.par_chunks_mut(rows * g.n).enumerate().for_each(|(part, c)| multiply(part * rows, c));
}

/// The usual implementation of a convolution: the pixels of each window are copied into a row of a
/// matrix (im2col), which matrixmultiply multiplies by the weights.
pub struct Im2col {
    g: ConvGeometry,
    product: Gemm,
    rows: Vec<f32>,
}

impl Im2col {
    /// For the convolution `g`.
    pub fn new(g: &ConvGeometry) -> Self {
        let [n, h, w, filters] = g.y_shape();
        let k = g.w_shape().iter().product::<usize>() / filters;
        let product =
            Gemm { m: n * h * w, n: filters, k, transpose_a: false, transpose_b: false, precision: Precision::F32 };
        Self { g: *g, product, rows: vec![0.0; product.m * product.k] }
    }

    /// y = the convolution of x with the weights w, in the shapes of the geometry.
    ///
    /// # Panics
    /// When a length is not that of its shape.
    pub fn forward(&mut self, x: &[f32], w: &[f32], y: &mut [f32]) {
        reference::im2col(&self.g, x, &mut self.rows);
        matrixmultiply(self.product, &self.rows, w, y);
    }
}

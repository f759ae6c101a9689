//! The steps of `kernels::fast_path`, each measured: from the plain loop to the library's product
//! on all threads, and from im2col to the library's convolution.
//!
//! One product of 1008 x 1024 by 1024 x 1024 (1008 rows are whole tiles of 14, 6 and 3), computed
//! by programs that differ in one idea each. They are written here for reading, in safe code; the
//! library's own are in `kernels::gemm`. Then one convolution of small maps.
//! `cargo bench -p benches --bench fast_path` prints both tables.

use std::hint::black_box;
use std::time::Instant;

use benches::{all_threads, numbers, peak_flops, pool, testing};
use kernels::simd::{self, Kernel, LANES, Simd};
use kernels::{ConvGeometry, Element, Gemm, Padding, Precision, reference};

/// Rows of a, columns of b, and k.
const M: usize = 1008;
const N: usize = 1024;
const K: usize = 1024;

/// The optimisations, in order.
#[derive(Clone, Copy, PartialEq)]
enum Step {
    /// One output element at a time, 16 columns per vector.
    Vectors,
    /// A tile of sums in registers, read from the unpacked matrices.
    Tile,
    /// The same, from packed panels.
    Packed,
    /// The same, with k in pieces and the rows in groups.
    Blocked,
}

/// The number of steps of k in a piece, and of rows in a group.
const PIECE: usize = 512;
const GROUP: usize = 126;

struct Product<'a> {
    step: Step,
    a: &'a [f32],
    b: &'a [f32],
    c: &'a mut [f32],
}

impl Kernel for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // The largest tile of the instruction set.
        let [_, one, two, ..] = S::TILES.tallest;
        if two >= 14 {
            product::<S, 14, 2>(s, self);
        } else if one >= 6 {
            product::<S, 6, 1>(s, self);
        } else {
            product::<S, 3, 1>(s, self);
        }
    }
}

#[inline(always)]
fn product<S: Simd, const H: usize, const V: usize>(s: S, Product { step, a, b, c }: Product<'_>) {
    match step {
        Step::Vectors => {
            for (row, c) in a.chunks_exact(K).zip(c.chunks_exact_mut(N)) {
                for (j, c) in c.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
                    let mut sum = s.zero();
                    for (x, b) in row.iter().zip(b.chunks_exact(N)) {
                        sum = s.mul_add(s.splat(*x), s.load(&b.as_chunks().0[j]), sum);
                    }
                    s.store(sum, c);
                }
            }
        }
        Step::Tile => {
            for i in (0..M).step_by(H) {
                for j in (0..N).step_by(V * LANES) {
                    let mut sums = [[s.zero(); V]; H];
                    for (p, b) in b.chunks_exact(N).enumerate() {
                        let b = b[j..].as_chunks::<LANES>().0.first_chunk::<V>().expect("whole tiles");
                        let mut columns = [s.zero(); V];
                        for (column, b) in columns.iter_mut().zip(b) {
                            *column = s.load(b);
                        }
                        for (r, sums) in sums.iter_mut().enumerate() {
                            let x = s.splat(a[(i + r) * K + p]);
                            for (sum, column) in sums.iter_mut().zip(columns) {
                                *sum = s.mul_add(x, column, *sum);
                            }
                        }
                    }
                    store(s, sums, &mut c[i * N + j..]);
                }
            }
        }
        Step::Packed => pieces::<S, H, V>(s, a, b, c, K, M),
        Step::Blocked => pieces::<S, H, V>(s, a, b, c, PIECE, GROUP),
    }
}

/// For every piece of k, packs the columns; then, for every group of rows, packs the rows and
/// computes all tiles.
#[inline(always)]
fn pieces<S: Simd, const H: usize, const V: usize>(
    s: S,
    a: &[f32],
    b: &[f32],
    c: &mut [f32],
    piece: usize,
    group: usize,
) {
    let (mut rows, mut columns) = (vec![0.0; group * piece], vec![0.0; N * piece]);
    for start in (0..K).step_by(piece) {
        for (d, b) in b.chunks_exact(N).skip(start).take(piece).enumerate() {
            for (panel, b) in columns.chunks_exact_mut(V * LANES * piece).zip(b.chunks_exact(V * LANES)) {
                panel[d * V * LANES..][..V * LANES].copy_from_slice(b);
            }
        }
        for first in (0..M).step_by(group) {
            for (panel, a) in rows.chunks_exact_mut(H * piece).zip(a[first * K..].chunks_exact(H * K)) {
                for (d, step) in panel.as_chunks_mut::<H>().0.iter_mut().enumerate() {
                    for (r, x) in step.iter_mut().enumerate() {
                        *x = a[r * K + start + d];
                    }
                }
            }
            for (j, columns) in columns.chunks_exact(V * LANES * piece).enumerate() {
                for (i, rows) in rows.chunks_exact(H * piece).enumerate() {
                    let c = &mut c[(first + i * H) * N + j * V * LANES..];
                    let mut sums = [[s.zero(); V]; H];
                    if start > 0 {
                        for (r, sums) in sums.iter_mut().enumerate() {
                            for (sum, c) in sums.iter_mut().zip(c[r * N..].as_chunks().0) {
                                *sum = s.load(c);
                            }
                        }
                    }
                    let steps = columns.as_chunks::<LANES>().0.as_chunks::<V>().0;
                    for (row, vectors) in rows.as_chunks::<H>().0.iter().zip(steps) {
                        let mut columns = [s.zero(); V];
                        for (column, vector) in columns.iter_mut().zip(vectors) {
                            *column = s.load(vector);
                        }
                        for (sums, x) in sums.iter_mut().zip(row) {
                            let x = s.splat(*x);
                            for (sum, column) in sums.iter_mut().zip(columns) {
                                *sum = s.mul_add(x, column, *sum);
                            }
                        }
                    }
                    store(s, sums, c);
                }
            }
        }
    }
}

#[inline(always)]
fn store<S: Simd, const H: usize, const V: usize>(s: S, sums: [[S::F; V]; H], c: &mut [f32]) {
    for (r, sums) in sums.into_iter().enumerate() {
        for (sum, c) in sums.into_iter().zip(c[r * N..].as_chunks_mut().0) {
            s.store(sum, c);
        }
    }
}

/// The time of the best of several turns, and the peak that the same threads reached between them.
fn time(threads: usize, turns: usize, work: &mut (dyn FnMut() + Send)) -> [f64; 2] {
    let turns = if testing() { 1 } else { turns };
    let (mut best, mut peak) = (f64::INFINITY, 0f64);
    pool(threads).install(|| {
        for _ in 0..turns {
            peak = peak.max(peak_flops());
            let start = Instant::now();
            work();
            best = best.min(start.elapsed().as_secs_f64());
        }
    });
    [best, peak]
}

fn products(all: usize) {
    let g = Gemm { m: M, n: N, k: K, transpose_a: false, transpose_b: false, precision: Precision::F32 };
    let (a, b) = (numbers(1, M * K), numbers(2, K * N));
    let (mut c, mut wanted) = (vec![0.0; M * N], vec![0.0; M * N]);
    f32::gemm(g, &a, &b, &mut wanted);
    println!("{M} x {K} by {K} x {N}, {}\n", simd::current());
    println!("{:38} {:>8} {:>8} {:>13}", "", "ms", "GFLOP/s", "share of peak");
    let mut line = |name: &str, threads: usize, turns: usize, work: &mut (dyn FnMut(&mut [f32]) + Send)| {
        let [best, peak] = time(threads, turns, &mut || work(black_box(&mut c)));
        assert!(c.iter().zip(&wanted).all(|(c, wanted)| c.to_bits() == wanted.to_bits()), "{name}: other bits");
        let rate = 2.0 * (M * N * K) as f64 / best;
        println!("{name:38} {:8.1} {:8.1} {:12.1}%", best * 1e3, rate / 1e9, rate / peak * 100.0);
    };
    // It takes longer than all others together, so tests skip it.
    if !testing() {
        line("plain loop", 1, 2, &mut |c| reference::gemm(g, &a, &b, c));
    }
    for (name, step) in [
        ("16 columns at a time", Step::Vectors),
        ("register tile, matrices as they are", Step::Tile),
        ("+ packing", Step::Packed),
        ("+ cache blocks", Step::Blocked),
    ] {
        line(name, 1, 20, &mut |c| simd::dispatch(Product { step, a: &a, b: &b, c }));
    }
    line("the library's", 1, 20, &mut |c| f32::gemm(g, &a, &b, c));
    line(&format!("the library's on {all} threads"), all, 20, &mut |c| f32::gemm(g, &a, &b, c));
}

/// The discriminator's last convolution: by im2col and one product, by the direct path, and by the
/// library's choice.
fn convolutions(all: usize) {
    let layer = |padding| ConvGeometry::new([256, 4, 4, 256], [5, 5], 512, [1, 1], padding).expect("a valid geometry");
    let g = layer(Padding::Same);
    // With three more rows of zeros below, there are too many outputs for the transforms, so the
    // library takes the direct path. The first four of the seven rows of outputs are the layer's
    // own.
    let taller = layer(Padding::Explicit([2, 5, 2, 2]));
    let size = |shape: [usize; 4]| shape.iter().product::<usize>();
    let [_, height, width, channels] = g.y_shape();
    let product = Gemm {
        m: size(g.y_shape()) / channels,
        n: channels,
        k: size(g.w_shape()) / channels,
        transpose_a: false,
        transpose_b: false,
        precision: Precision::F32,
    };
    let (x, w) = (numbers(1, size(g.x_shape())), numbers(2, size(g.w_shape())));
    let mut rows = vec![0.0; product.m * product.k];
    let [mut y, mut transformed] = [(); 2].map(|()| vec![0.0; size(g.y_shape())]);
    let mut direct = vec![0.0; size(taller.y_shape())];

    println!("\n256 images of 4 x 4, 256 to 512 channels, 5 x 5, {}\n", simd::current());
    println!("{:38} {:>8} {:>8} {:>13}", "", "ms", "GFLOP/s", "share of peak");
    let line = |name: &str, g: &ConvGeometry, threads: usize, work: &mut (dyn FnMut() + Send)| {
        let [best, peak] = time(threads, 10, work);
        // Products with padding take time but do not count as work.
        let rate = 2.0 * g.useful_products() as f64 / best;
        println!("{name:38} {:8.1} {:8.1} {:12.1}%", best * 1e3, rate / 1e9, rate / peak * 100.0);
        rate
    };
    let [copy, _] = time(1, 10, &mut || reference::im2col(&g, &x, black_box(&mut rows)));
    println!("{:38} {:8.1}", "im2col alone", copy * 1e3);
    line("its product alone", &g, 1, &mut || f32::gemm(product, &rows, &w, black_box(&mut y)));
    line("im2col and product", &g, 1, &mut || {
        reference::im2col(&g, &x, &mut rows);
        f32::gemm(product, &rows, &w, black_box(&mut y));
    });
    for threads in [1, all] {
        let on = if threads == 1 { String::new() } else { format!(" on {threads} threads") };
        let name = format!("direct, with 3 more rows of outputs{on}");
        let rate = line(&name, &taller, threads, &mut || f32::conv2d(&taller, &x, &w, black_box(&mut direct)));
        println!("{:38} {:8.1}", "  at that rate the layer takes", 2e3 * g.useful_products() as f64 / rate);
        let name = format!("the library's: frequencies{on}");
        line(&name, &g, threads, &mut || f32::conv2d(&g, &x, &w, black_box(&mut transformed)));
    }

    // The direct path only leaves out products with zeros, so its bits are the same. (This also
    // shows that the library took the direct path.)
    let image = height * width * channels;
    let own = direct.chunks_exact(direct.len() / g.batch).flat_map(|image_of_taller| &image_of_taller[..image]);
    assert!(own.zip(&y).all(|(direct, y)| direct.to_bits() == y.to_bits()), "direct: other bits");
    let differences = transformed.iter().zip(&y).map(|(transformed, y)| (transformed - y).abs());
    let largest = y.iter().fold(0f32, |largest, y| largest.max(y.abs()));
    println!(
        "\nlargest difference of frequencies: {:.1e} of the largest output",
        differences.fold(0f32, f32::max) / largest
    );
}

fn main() {
    // Without it, this is `cargo test --benches`, which times nothing.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let all = all_threads();
    products(all);
    convolutions(all);
}

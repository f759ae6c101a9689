//! Matrix products beside matrixmultiply's: square ones, those of the convolutions, and small ones.

use benches::{Amount, criterion, group, machines, measure, numbers};
use criterion::Criterion;
use kernels::{Element, Gemm};

/// (m, n, k)
const SHAPES: [[usize; 3]; 8] = [
    [512, 512, 512],
    [1024, 1024, 1024],
    [4096, 512, 6400],
    [12544, 128, 1600],
    [64, 64, 64],
    [16, 16, 16],
    [128, 3136, 32],
    [256, 1, 8192],
];

fn matrixmultiply([m, n, k]: [usize; 3], a: &[f32], b: &[f32], c: &mut [f32]) {
    assert!(a.len() == m * k && b.len() == k * n && c.len() == m * n);
    let [rows_a, rows_b, rows_c] = [k, n, n].map(|stride| stride as isize);
    let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
    // SAFETY: three row-major matrices of the lengths asserted.
    #[expect(unsafe_code, reason = "the crate's only interface")]
    unsafe {
        matrixmultiply::sgemm(m, k, n, 1.0, a, rows_a, 1, b, rows_b, 1, 0.0, c, rows_c, 1);
    }
}

fn gemm(c: &mut Criterion) {
    let mut group = group(c, "gemm");
    for machine in machines() {
        let threads = machine.threads;
        for [m, n, k] in SHAPES {
            let (x, y) = (numbers(1, m * k), numbers(2, k * n));
            let mut z = vec![0.0; m * n];
            let flops = 2.0 * (m * n * k) as f64;
            let amount = Amount { dense: flops, useful: flops };
            let kinds = [("nn", false, false), ("tn", true, false), ("nt", false, true)];
            let kinds = if threads == 1 { &kinds[..] } else { &kinds[..1] };
            for &(kind, transpose_a, transpose_b) in kinds {
                let name = format!("{m}x{n}x{k}/{kind}/{threads}");
                let g = Gemm { m, n, k, transpose_a, transpose_b };
                measure(&mut group, &name, amount, &machine, || f32::gemm(g, &x, &y, &mut z));
            }
            // It splits its work over threads of its own, as many as there are cores: one thread only beside one of ours.
            if threads == 1 {
                let name = format!("{m}x{n}x{k}/matrixmultiply/{threads}");
                measure(&mut group, &name, amount, &machine, || matrixmultiply([m, n, k], &x, &y, &mut z));
            }
        }
    }
    group.finish();
}

fn main() {
    let mut c = criterion();
    gemm(&mut c);
    c.final_summary();
}

//! Matrix products compared with those of the crates `gemm` (with its AVX-512 tiles) and
//! `matrixmultiply`: square ones, those of the convolutions, and small ones, with transposed
//! operands too. Our bf16 products are measured as well.
//!
//! The libraries and the probe of the machine's peak take turns, because the speed of a shared
//! machine changes from second to second: only ratios within one block of lines are meaningful.
//! Every figure is the best of all turns. An argument chooses shapes by part of their name:
//! `cargo bench -p benches --bench gemm -- 512x512`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use benches::peers::{matrixmultiply, strides};
use benches::record::record;
use benches::{numbers, peak_flops, pool, testing, thread_counts};
use kernels::simd::{self, Isa};
use kernels::{Element, Gemm, Precision};
use rayon::ThreadPool;
use serde_json::json;

/// (m, n, k)
const SHAPES: [[usize; 3]; 21] = [
    [16, 16, 16],
    [24, 24, 24],
    [32, 32, 32],
    [48, 48, 48],
    [64, 64, 64],
    [100, 100, 100],
    [128, 128, 128],
    [256, 256, 256],
    [512, 512, 512],
    [1024, 1024, 1024],
    // The convolutions of the discriminator at batch 256, with every tap counted, as one product
    // over all pixels ...
    [4096, 512, 6400],
    [4096, 256, 3200],
    [12544, 128, 1600],
    [50176, 64, 25],
    // ... and for one output pixel: a row per image, and some or all of the taps.
    [256, 512, 256],
    [256, 512, 6400],
    [256, 256, 3200],
    // Products with few columns: of the generator's first layer and the discriminator's last.
    [128, 3136, 32],
    [256, 1, 8192],
    [8192, 16, 16],
    [16, 16, 8192],
];

/// The smallest number of turns, and the time after which no more turns are added.
const TURNS: usize = 5;
const TIME: Duration = Duration::from_millis(600);
/// The largest product that is computed when the benchmark is only tested, in multiply-adds.
const TESTED: usize = 1 << 24;
/// Short calls are repeated until a turn takes this long.
const TURN: Duration = Duration::from_millis(2);

fn gemm_crate(g: Gemm, a: &[f32], b: &[f32], c: &mut [f32], threads: usize) {
    assert!(a.len() == g.m * g.k && b.len() == g.k * g.n && c.len() == g.m * g.n);
    let ([ca, ra], [cb, rb]) = (strides(g.m, g.k, g.transpose_a), strides(g.k, g.n, g.transpose_b));
    let (a, b, to) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
    let parallelism = if threads == 1 { gemm::Parallelism::None } else { gemm::Parallelism::Rayon(threads) };
    let (rows, no) = (g.n as isize, false);
    // SAFETY: three matrices of the lengths asserted.
    #[expect(unsafe_code, reason = "the crate's only interface")]
    unsafe {
        gemm::gemm(g.m, g.n, g.k, to, 1, rows, no, a, ca, ra, b, cb, rb, 0.0, 1.0, no, no, no, parallelism);
    }
}

/// Seconds per call over one turn.
fn turn(mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut calls = 0;
    loop {
        work();
        calls += 1;
        let time = start.elapsed();
        if time >= TURN {
            return time.as_secs_f64() / f64::from(calls);
        }
    }
}

/// Times one product with all libraries, and prints a line for each and then their ratios.
fn compete(pool: &ThreadPool, name: &str, g: Gemm) {
    let threads = pool.current_num_threads();
    let (a, b) = (numbers(1, g.m * g.k), numbers(2, g.k * g.n));
    let mut c = vec![0.0; g.m * g.n];
    let (mut peak, mut best) = (0f64, [f64::INFINITY; 4]);
    let (start, mut turns) = (Instant::now(), 0);
    while turns < 1 || !testing() && (turns < TURNS || start.elapsed() < TIME) {
        turns += 1;
        pool.install(|| {
            peak = peak.max(peak_flops());
            let times = [
                turn(|| f32::gemm(g, &a, &b, black_box(&mut c))),
                turn(|| gemm_crate(g, &a, &b, black_box(&mut c), threads)),
                turn(|| matrixmultiply(g, &a, &b, black_box(&mut c))),
                turn(|| f32::gemm(Gemm { precision: Precision::Bf16, ..g }, &a, &b, black_box(&mut c))),
            ];
            best = std::array::from_fn(|i| best[i].min(times[i]));
        });
    }
    let flops = 2.0 * (g.m * g.n * g.k) as f64;
    let rate = best.map(|seconds| flops / seconds);
    for (who, seconds) in ["ours", "gemm", "matrixmultiply", "ours in bf16"].into_iter().zip(best) {
        let problem = format!("{name}/{threads}/{who}");
        println!(
            "RATE {problem:48} {:9.4} ms {:7.1} GFLOP/s {:5.1}% of peak",
            seconds * 1e3,
            flops / seconds / 1e9,
            flops / seconds / peak * 100.0
        );
        let share = flops / seconds / peak;
        record(&problem, json!({ "seconds": seconds, "gflops": flops / seconds / 1e9, "share_of_peak": share }));
    }
    println!(
        "SUM  {:26} {:7} {threads} threads: {:6.1} GFLOP/s = {:4.1}% of {:5.1}, {:4.2} x gemm, {:4.2} x matrixmultiply; \
         bf16 {:4.2} x",
        name,
        simd::current().name(),
        rate[0] / 1e9,
        rate[0] / peak * 100.0,
        peak / 1e9,
        rate[0] / rate[1],
        rate[0] / rate[2],
        rate[3] / rate[0]
    );
}

/// Times all shapes whose name contains one of the arguments, on `threads` threads.
fn all_shapes(threads: usize, wanted: &[String]) {
    let pool = pool(threads);
    println!("RATE peak of {} on {threads} threads: {:.1} GFLOP/s", simd::current(), pool.install(peak_flops) / 1e9);
    for [m, n, k] in SHAPES {
        for (kind, transpose_a, transpose_b) in
            [("nn", false, false), ("tn", true, false), ("nt", false, true), ("tt", true, true)]
        {
            let name = format!("{m}x{n}x{k}/{kind}");
            if testing() && m * n * k > TESTED {
                continue;
            }
            if wanted.is_empty() || wanted.iter().any(|part| name.contains(part)) {
                let precision = Precision::F32;
                compete(&pool, &name, Gemm { m, n, k, transpose_a, transpose_b, precision });
            }
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Without it, this is `cargo test --benches`, which times nothing.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    if simd::current() == Isa::Portable {
        println!("RATE portable code is only there to be right");
    }
    let wanted: Vec<String> = arguments.into_iter().filter(|argument| !argument.starts_with("--")).collect();
    for threads in thread_counts() {
        all_shapes(threads, &wanted);
    }
}

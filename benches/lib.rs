//! Shared pieces of the benchmarks: the yardsticks (the machine's peak, a table of rates) and random operands.

use std::hint::black_box;
use std::time::{Duration, Instant};

use kernels::simd::{self, Kernel, Simd};

/// Independent chains of fused multiply-adds on registers alone: what no kernel can exceed.
struct Peak {
    steps: usize,
}

impl Kernel for Peak {
    type Output = f32;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        // As many sums as the registers hold without spilling; at least the eight that two units of latency four need.
        let (a, b) = (s.splat(black_box(0.9)), s.splat(black_box(0.1)));
        let mut sums = [s.splat(1.0); 12];
        let used = S::ACCUMULATORS.min(12);
        for _ in 0..self.steps {
            for sum in &mut sums[..used] {
                *sum = s.mul_add(*sum, a, b);
            }
        }
        sums.into_iter().map(|sum| s.sum_lanes(sum)).sum()
    }
}

/// Multiplications and additions per second of the present instruction set on one thread: the best of some short runs.
pub fn peak_flops() -> f64 {
    struct Used;
    impl Kernel for Used {
        type Output = usize;
        #[inline(always)]
        fn run<S: Simd>(self, _: S) -> usize {
            S::ACCUMULATORS.min(12)
        }
    }
    let sums = simd::dispatch(Used);
    let steps = 400_000;
    let flops = (2 * steps * sums * simd::LANES) as f64;
    let once = |_| {
        let start = Instant::now();
        black_box(simd::dispatch(Peak { steps: black_box(steps) }));
        start.elapsed().as_secs_f64()
    };
    flops / (0..12).map(once).fold(f64::INFINITY, f64::min)
}

/// Numbers in [-1, 1).
pub fn numbers(stream: u32, len: usize) -> Vec<f32> {
    let words = (0..len.div_ceil(4) as u32).flat_map(|block| kernels::random::words(kernels::Key::new(5, stream), block));
    words.take(len).map(|word| word as i32 as f32 / 2f32.powi(31)).collect()
}

/// The shortest of several runs of `work` within about `budget`, in seconds; at least two, after one to warm up.
pub fn shortest(budget: Duration, mut work: impl FnMut()) -> f64 {
    work();
    let begin = Instant::now();
    let mut best = f64::INFINITY;
    let mut runs = 0;
    while runs < 2 || begin.elapsed() < budget {
        let start = Instant::now();
        work();
        best = best.min(start.elapsed().as_secs_f64());
        runs += 1;
    }
    best
}

/// Runs `work` on a pool of so many threads.
pub fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool").install(work)
}

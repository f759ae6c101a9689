//! Shared pieces of the benchmarks: the machine's peak, random operands, and a table of rates
//! beside criterion's report.
//!
//! Machines are shared and clock rates vary, so an absolute rate says little. Every benchmark of
//! arithmetic therefore measures the peak in the same run, and prints the rate as a fraction of it.
//! The rates are also written as JSON, to `target/rates`. The benchmark `ratios` compares some
//! kernels with the committed table `ratios.json`.

pub mod bandwidth;
pub mod peers;
pub mod ratios;
pub mod record;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode, Throughput};
use kernels::simd::{self, Kernel, Simd};
use kernels::timing::{self, Timings};
use kernels::{ConvGeometry, Element, Precision};
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde_json::json;

/// Independent chains of fused multiply-adds on registers only: an upper bound for every kernel.
struct Peak {
    steps: usize,
}

/// The number of chains: at least the eight that two units with a latency of four cycles need, and
/// no more than fit into AVX2's registers.
const fn chains<S: Simd>() -> usize {
    if S::TILES.tallest[1] >= 12 { 12 } else { S::TILES.tallest[1] }
}

impl Kernel for Peak {
    /// The number of multiplications and additions.
    type Output = usize;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> usize {
        let (a, b) = (s.splat(black_box(0.9)), s.splat(black_box(0.1)));
        let mut sums = [s.splat(black_box(1.0)); 12];
        for _ in 0..self.steps {
            for sum in &mut sums[..const { chains::<S>() }] {
                *sum = s.mul_add(*sum, a, b);
            }
        }
        black_box(sums.map(|sum| s.sum_lanes(sum)));
        2 * self.steps * chains::<S>() * simd::LANES
    }
}

/// Keeps the multiply-add units busy for `steps` steps. Returns the number of multiplications and
/// additions done.
pub fn multiply_add(steps: usize) -> f64 {
    simd::dispatch(Peak { steps: black_box(steps) }) as f64
}

/// The peak in multiplications and additions per second of the instruction set in use, on all
/// threads of the current pool: the best of several short runs.
pub fn peak_flops() -> f64 {
    let runs = (0..12).map(|_| {
        rayon::broadcast(|_| {
            let start = Instant::now();
            let flops = multiply_add(200_000);
            flops / start.elapsed().as_secs_f64()
        })
    });
    runs.map(|rates| rates.iter().sum()).fold(0.0, f64::max)
}

/// Random values in [-1, 1).
pub fn numbers(stream: u32, len: usize) -> Vec<f32> {
    let words =
        (0..len.div_ceil(4) as u32).flat_map(|block| kernels::random::words(kernels::Key::new(5, stream), block));
    words.take(len).map(|word| word as i32 as f32 / 2f32.powi(31)).collect()
}

/// A pool of threads, and its peak.
pub struct Machine {
    /// The pool that work is measured on.
    pub pool: ThreadPool,
    /// The number of its threads.
    pub threads: usize,
    /// [`peak_flops`] of the pool.
    pub peak: f64,
}

/// Whether this is `cargo bench -- --test`, which runs every benchmark once to check that it works.
pub fn testing() -> bool {
    std::env::args().any(|argument| argument == "--test")
}

/// Calls `step` ten times, and measures the mean time of each kernel.
pub fn timed<R>(mut step: impl FnMut() -> R) -> Timings {
    let mut timings = Timings::default();
    for _ in 0..10 {
        timing::start(timings);
        let began = Instant::now();
        step();
        let seconds = began.elapsed().as_secs_f64();
        timings = timing::stop();
        timings.end_step(seconds);
    }
    timings
}

/// The number of cores.
pub fn all_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The numbers of threads that are compared: one, and the number of cores.
pub fn thread_counts() -> impl Iterator<Item = usize> {
    [1, all_threads()].into_iter().take(all_threads().min(2))
}

/// A pool with `threads` threads.
pub fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool")
}

/// A machine with one thread, then one with a thread per core; prints their peaks.
pub fn machines() -> impl Iterator<Item = Machine> {
    thread_counts().map(|threads| {
        let pool = pool(threads);
        let peak = pool.install(peak_flops);
        println!("RATE peak of {} on {threads} threads: {:.1} GFLOP/s", simd::current(), peak / 1e9);
        Machine { pool, threads, peak }
    })
}

/// Criterion, configured by the command line.
pub fn criterion() -> Criterion {
    Criterion::default().configure_from_args()
}

/// A group of benchmarks with short runs.
pub fn group<'a>(c: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = c.benchmark_group(name);
    group.sample_size(10).warm_up_time(Duration::from_millis(50)).measurement_time(Duration::from_millis(200));
    // Samples of equal length: the default, growing samples, would repeat the long calls too often.
    group.sampling_mode(SamplingMode::Flat);
    // The default of 100,000 takes longer than most measurements.
    group.nresamples(2000);
    group
}

/// The work of one call: floating-point operations or bytes, in total and without those that a
/// better algorithm could avoid.
#[derive(Clone, Copy)]
pub struct Amount {
    /// All operations, by the usual count.
    pub dense: f64,
    /// Without the products with padding.
    pub useful: f64,
}

/// Lets criterion time `work` on the pool. Returns the seconds of the best run, if this benchmark
/// was selected.
pub fn best_run(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    throughput: Throughput,
    pool: &ThreadPool,
    mut work: impl FnMut() + Send,
) -> Option<f64> {
    let mut best: Option<f64> = None;
    group.throughput(throughput);
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|iterations| {
            pool.install(|| {
                let start = Instant::now();
                for _ in 0..iterations {
                    let start = Instant::now();
                    work();
                    let seconds = start.elapsed().as_secs_f64();
                    best = Some(best.map_or(seconds, |best| best.min(seconds)));
                }
                start.elapsed()
            })
        });
    });
    best
}

/// Lets criterion time `work`, and prints a line of rates: the best run's 10^9 operations per
/// second, dense and useful, and the useful share of the machine's peak.
pub fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    amount: Amount,
    machine: &Machine,
    work: impl FnMut() + Send,
) {
    let throughput = Throughput::Elements(amount.dense as u64);
    if let Some(best) = best_run(group, name, throughput, &machine.pool, work) {
        println!(
            "RATE {name:48} {:9.3} ms {:7.1} GFLOP/s dense {:7.1} useful {:5.1}% of peak",
            best * 1e3,
            amount.dense / best / 1e9,
            amount.useful / best / 1e9,
            amount.useful / best / machine.peak * 100.0
        );
        let rates = json!({
            "seconds": best,
            "gflops": amount.dense / best / 1e9,
            "useful_gflops": amount.useful / best / 1e9,
            "share_of_peak": amount.useful / best / machine.peak,
        });
        record::record(name, rates);
    }
}

/// Times the three kernels of every geometry in every precision; `names` are those of the
/// convolution, its input gradient and its weight gradient.
pub fn measure_convolutions(c: &mut Criterion, name: &str, layers: &[(String, ConvGeometry)], names: [&str; 3]) {
    let mut group = group(c, name);
    for machine in machines() {
        let threads = machine.threads;
        for (layer, g, precision) in layers.iter().flat_map(|(layer, g)| Precision::ALL.map(|p| (layer, g, p))) {
            let g = &g.with_precision(precision);
            let layer = if precision == Precision::F32 { layer.clone() } else { format!("{layer} {precision}") };
            let [x, w, y] = [g.x_shape(), g.w_shape(), g.y_shape()].map(|shape| shape.iter().product::<usize>());
            let [x, w, gy] = [numbers(1, x), numbers(2, w), numbers(3, y)];
            let [mut gx, mut gw, mut y] = [x.clone(), w.clone(), gy.clone()];
            let [dense, useful] = [g.dense_products(), g.useful_products()].map(|products| 2.0 * products as f64);
            let amount = Amount { dense, useful };
            let [forward, input, weight] = names.map(|kind| format!("{layer}/{kind}/{threads}"));
            measure(&mut group, &forward, amount, &machine, || f32::conv2d(g, &x, &w, &mut y));
            measure(&mut group, &input, amount, &machine, || f32::conv2d_input_grad(g, &gy, &w, &mut gx));
            measure(&mut group, &weight, amount, &machine, || f32::conv2d_weight_grad(g, &x, &gy, &mut gw));
        }
    }
    group.finish();
}

//! Kernels that are bound by memory: their speed is told in GB/s, and as a share of what a plain copy of the same size reaches
//! on the same threads a moment before.

use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode, Throughput};
use kernels::Key;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// So many threads, and the yardstick that kernels are held to on them.
pub struct Yardstick<'a> {
    group: BenchmarkGroup<'a, WallTime>,
    pool: ThreadPool,
    threads: usize,
    from: Vec<f32>,
    to: Vec<f32>,
}

/// Calls `kernels` on one thread, then on as many as there are cores; the copy that they are compared with is of `floats` numbers.
pub fn compare(c: &mut Criterion, name: &str, floats: usize, mut kernels: impl FnMut(&mut Yardstick)) {
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    for threads in if all > 1 { vec![1, all] } else { vec![1] } {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
        let mut group = c.benchmark_group(name);
        group.sample_size(10).warm_up_time(Duration::from_millis(50)).measurement_time(Duration::from_millis(200));
        group.sampling_mode(SamplingMode::Flat);
        let mut yardstick = Yardstick { group, pool, threads, from: numbers(floats), to: vec![0.0; floats] };
        kernels(&mut yardstick);
        yardstick.group.finish();
    }
}

impl Yardstick<'_> {
    /// Bytes per second of a copy, read and written: the best of some.
    fn copy(&mut self) -> f64 {
        let (from, to) = (&self.from, &mut self.to);
        let times = self.pool.install(|| {
            (0..20)
                .map(|_| {
                    let start = Instant::now();
                    let chunk = 16 * 1024;
                    to.par_chunks_mut(chunk)
                        .zip(from.par_chunks(chunk))
                        .for_each(|(to, from)| to.copy_from_slice(from));
                    start.elapsed().as_secs_f64()
                })
                .fold(f64::INFINITY, f64::min)
        });
        8.0 * from.len() as f64 / times
    }

    /// Lets criterion time `kernel`, which reads and writes `floats` numbers in total, and prints a line with the best run's
    /// rate and its share of the copy's.
    pub fn time(&mut self, name: &str, floats: usize, mut kernel: impl FnMut() + Send) {
        let copy = self.copy();
        let mut best = f64::INFINITY;
        let name = format!("{name}/{}", self.threads);
        let pool = &self.pool;
        self.group.throughput(Throughput::BytesDecimal(4 * floats as u64));
        self.group.bench_function(&name, |bencher| {
            bencher.iter_custom(|iterations| {
                pool.install(|| {
                    let start = Instant::now();
                    for _ in 0..iterations {
                        let start = Instant::now();
                        kernel();
                        best = best.min(start.elapsed().as_secs_f64());
                    }
                    start.elapsed()
                })
            });
        });
        if best < f64::INFINITY {
            let rate = 4.0 * floats as f64 / best;
            println!(
                "RATE {name:40} {:8.3} ms {:6.1} GB/s {:5.1}% of a copy ({:.1})",
                best * 1e3,
                rate / 1e9,
                rate / copy * 100.0,
                copy / 1e9
            );
        }
    }
}

/// Numbers in [-1, 1).
pub fn numbers(len: usize) -> Vec<f32> {
    let words = (0..len.div_ceil(4)).flat_map(|block| kernels::random::words(Key::new(1, 1), block as u32));
    words.map(|word| word as i32 as f32 / 2f32.powi(31)).take(len).collect()
}

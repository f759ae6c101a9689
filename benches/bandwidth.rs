//! Benchmarks of memory-bound kernels: the rate is given in GB/s, and relative to a plain copy of
//! the same size on the same threads, measured immediately before.

use std::time::Instant;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use rayon::ThreadPool;
use rayon::prelude::*;
use serde_json::json;

use crate::record::record;
use crate::{best_run, group, numbers, pool, thread_counts};

/// A pool of threads, with the copy that kernels are compared with.
pub struct Yardstick<'a> {
    group: BenchmarkGroup<'a, WallTime>,
    pool: ThreadPool,
    threads: usize,
    name: String,
    from: Vec<f32>,
    to: Vec<f32>,
}

/// Calls `kernels` on one thread, then on as many as there are cores; the reference copy has
/// `floats` floats.
pub fn compare(c: &mut Criterion, name: &str, floats: usize, mut kernels: impl FnMut(&mut Yardstick)) {
    for threads in thread_counts() {
        let (group, pool) = (group(c, name), pool(threads));
        let mut yardstick =
            Yardstick { group, pool, threads, name: name.to_owned(), from: numbers(1, floats), to: vec![0.0; floats] };
        kernels(&mut yardstick);
        yardstick.group.finish();
    }
}

/// A copy on all threads of the current pool.
pub fn copy(from: &[f32], to: &mut [f32]) {
    let chunk = 16 * 1024;
    to.par_chunks_mut(chunk).zip(from.par_chunks(chunk)).for_each(|(to, from)| to.copy_from_slice(from));
}

impl Yardstick<'_> {
    /// The rate of a copy in bytes per second, read and written: the best of several runs.
    fn copy_rate(&mut self) -> f64 {
        let (from, to) = (&self.from, &mut self.to);
        let times = self.pool.install(|| {
            (0..20)
                .map(|_| {
                    let start = Instant::now();
                    copy(from, to);
                    start.elapsed().as_secs_f64()
                })
                .fold(f64::INFINITY, f64::min)
        });
        8.0 * from.len() as f64 / times
    }

    /// Lets criterion time `kernel`, which reads and writes `floats` floats in total, and prints
    /// the rate of the best run and its fraction of the copy's rate.
    pub fn time(&mut self, name: &str, floats: usize, kernel: impl FnMut() + Send) {
        let copy = self.copy_rate();
        let name = format!("{name}/{}", self.threads);
        let throughput = Throughput::BytesDecimal(4 * floats as u64);
        if let Some(best) = best_run(&mut self.group, &name, throughput, &self.pool, kernel) {
            let rate = 4.0 * floats as f64 / best;
            println!(
                "RATE {name:40} {:8.3} ms {:6.1} GB/s {:5.1}% of a copy ({:.1})",
                best * 1e3,
                rate / 1e9,
                rate / copy * 100.0,
                copy / 1e9
            );
            let rates = json!({ "seconds": best, "gb_per_s": rate / 1e9, "share_of_copy": rate / copy });
            record(&format!("{}/{name}", self.name), rates);
        }
    }
}

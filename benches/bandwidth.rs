//! Kernels that are bound by memory: their speed is told in GB/s, beside that of a plain copy in the same run.

use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use kernels::Key;
use rayon::prelude::*;

/// A group of benchmarks whose files finish in half a minute.
pub fn group<'a>(c: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = c.benchmark_group(name);
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_millis(1500));
    group
}

/// Times `kernel`, which reads and writes `floats` numbers in total.
pub fn time(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, floats: usize, mut kernel: impl FnMut()) {
    group.throughput(Throughput::BytesDecimal(4 * floats as u64)).bench_function(name, |b| b.iter(&mut kernel));
}

/// The yardstick: copies `floats` numbers on all threads.
pub fn time_copy(group: &mut BenchmarkGroup<'_, WallTime>, floats: usize) {
    let (from, mut to) = (numbers(floats), vec![0.0; floats]);
    time(group, "copy", 2 * floats, || {
        let chunk = 16 * 1024;
        to.par_chunks_mut(chunk).zip(from.par_chunks(chunk)).for_each(|(to, from)| to.copy_from_slice(from));
    });
}

/// Numbers in [-1, 1).
pub fn numbers(len: usize) -> Vec<f32> {
    let words = (0..len.div_ceil(4)).flat_map(|block| kernels::random::words(Key::new(1, 1), block as u32));
    words.map(|word| word as i32 as f32 / 2f32.powi(31)).take(len).collect()
}

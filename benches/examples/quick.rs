use kernels::{Element, Key};
use std::time::Instant;
fn best(mut f: impl FnMut(), reps: usize) -> f64 {
    let mut b = f64::INFINITY;
    for _ in 0..reps {
        let t = Instant::now();
        f();
        b = b.min(t.elapsed().as_secs_f64());
    }
    b
}
fn main() {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(std::env::args().nth(1).map_or(1, |s| s.parse().unwrap()))
        .build()
        .unwrap();
    pool.install(|| {
        for n in [4096usize, 16384 * 2, 16384 * 4, 1 << 20, 3211264] {
            let x = vec![1f32; n];
            let mut y = vec![0f32; n];
            let reps = (40_000_000 / n).clamp(20, 2000);
            let d = best(|| f32::dropout(Key::named(1, "d"), 0.4, &x, &mut y), reps);
            let c = best(
                || {
                    use rayon::prelude::*;
                    y.par_chunks_mut(16384).zip(x.par_chunks(16384)).for_each(|(a, b)| a.copy_from_slice(b));
                },
                reps,
            );
            println!(
                "{n:8}: dropout {:.3} ns/elem {:.1} GB/s, copy {:.3} ns {:.1} GB/s",
                d * 1e9 / n as f64,
                8. * n as f64 / d / 1e9,
                c * 1e9 / n as f64,
                8. * n as f64 / c / 1e9
            );
        }
        // clock: dependent adds
        let mut a = 1u64;
        let t = Instant::now();
        for i in 0..200_000_000u64 {
            a = std::hint::black_box(a) + i;
        }
        println!("{a} {:.3} ns per store-forwarded add", t.elapsed().as_secs_f64() * 1e9 / 2e8);
        let mut a = 1f32;
        let t = Instant::now();
        for _ in 0..100_000_000u64 {
            a = a * 1.0000001 + 1e-9;
        }
        println!("{a} mul+add chain {:.3} ns (=~ 6-8 cycles)", t.elapsed().as_secs_f64() * 1e9 / 1e8);
    });
}

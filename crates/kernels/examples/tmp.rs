use kernels::*;
use std::time::Instant;
fn main() {
    let threads: usize = std::env::args().nth(1).map_or(1, |t| t.parse().unwrap());
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().unwrap();
    gemms();
    let only: usize = std::env::args().nth(2).map_or(99, |t| t.parse().unwrap());
    for (size, from, to, s, b) in
        [(4usize, 256usize, 512usize, 1usize, 256usize), (7, 128, 256, 2, 256), (14, 64, 128, 2, 256)]
    {
        if only != 99 && only != size { continue; }
        let g = ConvGeometry::new([b, size, size, from], [5, 5], to, [s; 2], Padding::Same).unwrap();
        let n = |s: [usize; 4]| s.iter().product::<usize>();
        let mut x = vec![0.5f32; n(g.x_shape())];
        let mut w = vec![0.5f32; n(g.w_shape())];
        let mut y = vec![0.5f32; n(g.y_shape())];
        for (i, v) in x.iter_mut().enumerate() {
            *v = (i * 7919 % 1000) as f32 * 1e-3 - 0.5;
        }
        for (i, v) in w.iter_mut().enumerate() {
            *v = (i * 7907 % 1000) as f32 * 1e-3 - 0.5;
        }
        for (i, v) in y.iter_mut().enumerate() {
            *v = (i * 7901 % 1000) as f32 * 1e-3 - 0.5;
        }
        let (mut gx, mut gw, mut yy) = (x.clone(), w.clone(), y.clone());
        let mut best = [f64::INFINITY; 3];
        for _ in 0..7 {
            let t = Instant::now();
            f32::conv2d(&g, &x, &w, &mut yy);
            best[0] = best[0].min(t.elapsed().as_secs_f64());
            let t = Instant::now();
            f32::conv2d_input_grad(&g, &y, &w, &mut gx);
            best[1] = best[1].min(t.elapsed().as_secs_f64());
            let t = Instant::now();
            f32::conv2d_weight_grad(&g, &x, &y, &mut gw);
            best[2] = best[2].min(t.elapsed().as_secs_f64());
        }
        println!("{from}->{to} {size}: fwd {:.2} ig {:.2} wg {:.2} ms", best[0] * 1e3, best[1] * 1e3, best[2] * 1e3);
    }
}
#[allow(dead_code)]
fn gemms() {
    for (m, n, k) in [(256usize, 512usize, 256usize), (256, 256, 512), (512, 512, 512), (4096, 512, 2560)] {
        let a = vec![0.5f32; m * k]; let b = vec![0.25f32; k * n]; let mut c = vec![0f32; m * n];
        let g = Gemm { m, n, k, transpose_a: false, transpose_b: false };
        let mut best = f64::INFINITY; let mut all = vec![];
        for _ in 0..30 { let t = Instant::now(); f32::gemm(g, &a, &b, &mut c); let e = t.elapsed().as_secs_f64(); best = best.min(e); all.push(e); }
        all.sort_by(f64::total_cmp);
        println!("gemm {m}x{n}x{k}: best {:.1} median {:.1} GF", 2e-9 * (m * n * k) as f64 / best, 2e-9 * (m * n * k) as f64 / all[15]);
    }
}

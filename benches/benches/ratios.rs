//! The performance gate: measures some kernels in turns with yardsticks, and compares the ratios of
//! their rates with the committed table `benches/ratios.json`. It fails if a ratio fell by more
//! than a quarter; on another CPU than the table's, by more than a half.
//!
//! ```text
//! cargo bench -p benches --bench ratios                 all problems
//! cargo bench -p benches --bench ratios -- --quick      some, in a few seconds, as `.ci/run` does
//! cargo bench -p benches --bench ratios -- conv         those whose name contains `conv`
//! cargo bench -p benches --bench ratios -- --update     write the measured ratios into the table
//! ```
//!
//! Everything runs on one thread: a busy machine leaves one thread alone more often than two. The
//! yardsticks are the product of the crate matrixmultiply (for a convolution after im2col), the
//! multiply-add units' peak, and a copy. A problem whose ratio is too low is measured for longer,
//! and after all others once more.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use benches::bandwidth::copy;
use benches::peers::{Im2col, matrixmultiply};
use benches::ratios::{self, Column, Measured, Problem, Verdict, Yardstick};
use benches::{multiply_add, numbers, pool, testing};
use kernels::optimizer::{Adam, Update, UpdateRule};
use kernels::simd;
use kernels::{
    BiasActivation, ConvGeometry, Convolution, Element, Fir, FirGeometry, Gemm, Key, Norm, Padding, Precision,
    TransposedPadding, Unary,
};

/// A problem by name: whether quick mode measures it, and how it is made.
struct Entry {
    name: &'static str,
    quick: bool,
    make: Box<dyn Fn() -> Problem>,
}

fn entry(name: &'static str, quick: bool, make: impl Fn() -> Problem + 'static) -> Entry {
    Entry { name, quick, make: Box::new(make) }
}

/// A kernel compared with the peak of the multiply-add units: the ratio is its fraction of the
/// peak.
fn beside_peak(amount: f64, kernel: impl FnMut() + Send + 'static) -> Problem {
    let steps = 40_000;
    Problem {
        yardstick: Yardstick::Peak,
        amount,
        yardstick_amount: multiply_add(steps),
        kernel: Box::new(kernel),
        reference: Box::new(move || {
            multiply_add(steps);
        }),
    }
}

fn product(m: usize, n: usize, k: usize) -> Problem {
    let g = Gemm { m, n, k, transpose_a: false, transpose_b: false, precision: Precision::F32 };
    let (a, b, mut c) = (numbers(1, m * k), numbers(2, k * n), vec![0.0; m * n]);
    let (a2, b2, mut c2) = (a.clone(), b.clone(), c.clone());
    let amount = 2.0 * (m * n * k) as f64;
    Problem {
        yardstick: Yardstick::MatrixMultiply,
        amount,
        yardstick_amount: amount,
        kernel: Box::new(move || f32::gemm(g, &a, &b, &mut c)),
        reference: Box::new(move || matrixmultiply(g, &a2, &b2, &mut c2)),
    }
}

/// A convolution. The forward pass is compared with im2col and matrixmultiply, the gradients with
/// the peak, counting only the products without padding, so transforms may exceed it.
fn convolution(g: &ConvGeometry, call: Convolution) -> Problem {
    let g = *g;
    let [x, w, y] = [g.x_shape(), g.w_shape(), g.y_shape()].map(|shape| shape.iter().product::<usize>());
    let (mut x, mut w, mut y) = (numbers(1, x), numbers(2, w), numbers(3, y));
    let useful = 2.0 * g.useful_products() as f64;
    match call {
        Convolution::Forward => {
            let (mut peer, x2, w2, mut y2) = (Im2col::new(&g), x.clone(), w.clone(), y.clone());
            Problem {
                yardstick: Yardstick::MatrixMultiply,
                amount: useful,
                yardstick_amount: useful,
                kernel: Box::new(move || f32::conv2d(&g, &x, &w, &mut y)),
                reference: Box::new(move || peer.forward(&x2, &w2, &mut y2)),
            }
        }
        Convolution::InputGrad => beside_peak(useful, move || f32::conv2d_input_grad(&g, &y, &w, &mut x)),
        Convolution::WeightGrad => beside_peak(useful, move || f32::conv2d_weight_grad(&g, &x, &y, &mut w)),
    }
}

fn conv([batch, size, from, to]: [usize; 4], kernel: usize, stride: usize, call: Convolution) -> Problem {
    let g = ConvGeometry::new([batch, size, size, from], [kernel; 2], to, [stride; 2], Padding::Same);
    convolution(&g.expect("a valid geometry"), call)
}

/// Numbers of a discriminator's map, 64 x 14 x 14 x 64: too many for a core's own caches.
const FLOATS: usize = 64 * 14 * 14 * 64;

/// A kernel compared with a copy of [`FLOATS`] numbers, by the bytes read and written per second.
fn beside_copy(floats: usize, kernel: impl FnMut() + Send + 'static) -> Problem {
    let (from, mut to) = (numbers(1, FLOATS), vec![0.0; FLOATS]);
    Problem {
        yardstick: Yardstick::Copy,
        amount: 4.0 * floats as f64,
        yardstick_amount: 8.0 * FLOATS as f64,
        kernel: Box::new(kernel),
        reference: Box::new(move || copy(&from, &mut to)),
    }
}

/// A kernel that writes as many numbers as it reads.
fn map(mut kernel: impl FnMut(&[f32], &mut [f32]) + Send + 'static) -> Problem {
    let (x, mut y) = (numbers(1, FLOATS), vec![0.0; FLOATS]);
    beside_copy(2 * FLOATS, move || kernel(&x, &mut y))
}

fn batch_norm(backward: bool) -> Problem {
    let (x, gy, mut y) = (numbers(1, FLOATS), numbers(2, FLOATS), vec![0.0; FLOATS]);
    let [gamma, beta, mean] = [3, 4, 5].map(|stream| numbers(stream, 64));
    let (variance, [mut ggamma, mut gbeta]) = (vec![0.5; 64], [(); 2].map(|()| vec![0.0; 64]));
    let norm = Norm { epsilon: 1e-3, slope: Some(0.0) };
    if !backward {
        return beside_copy(2 * FLOATS, move || {
            f32::batch_norm(norm, &x, [&mean, &variance], [&gamma, &beta], &mut y);
        });
    }
    beside_copy(3 * FLOATS, move || {
        let parameters = [&mut ggamma[..], &mut gbeta[..]];
        f32::batch_norm_grad(norm, [&x, &gy], [&mean, &variance], [&gamma, &beta], &mut y, parameters);
    })
}

fn adam() -> Problem {
    let (g, mut theta) = (numbers(1, FLOATS), numbers(2, FLOATS));
    let [mut m, mut v] = [(); 2].map(|()| vec![0.0; FLOATS]);
    let rule = UpdateRule::from(Adam { beta1: 0.5, beta2: 0.999, epsilon: 1e-8 });
    let update = Update::new(1000, 2e-4);
    beside_copy(7 * FLOATS, move || rule.update(update, &g, &mut [&mut m, &mut v], &mut theta))
}

fn blur() -> Problem {
    let g = FirGeometry::new([16, 28, 28, 64], &Fir::blur()).expect("a filter that fits");
    map(move |x, y| f32::fir(&g, x, y))
}

fn entries() -> Vec<Entry> {
    use Convolution::{Forward, InputGrad, WeightGrad};
    // A generator's convolution of an up-sampled map, whose taps are merged.
    let merged = || {
        let g = ConvGeometry::transposed([8, 14, 14, 64], [5, 5], 32, [1; 2], TransposedPadding::Same);
        g.expect("a valid geometry").of_small_images([2, 2])
    };
    let bent = BiasActivation { slope: Some(0.0), dropout: Some((0.4, Key::named(1, "dropout"))) };
    vec![
        entry("gemm 256x256x256", true, || product(256, 256, 256)),
        entry("gemm 128x3136x32", false, || product(128, 3136, 32)),
        entry("conv 5x5 s2 14x14 64-128 b4, forward", true, || conv([4, 14, 64, 128], 5, 2, Forward)),
        entry("conv 5x5 s2 14x14 64-128 b4, input", false, || conv([4, 14, 64, 128], 5, 2, InputGrad)),
        entry("conv 5x5 s2 14x14 64-128 b4, weight", true, || conv([4, 14, 64, 128], 5, 2, WeightGrad)),
        entry("conv 5x5 4x4 128-256 b32, forward", true, || conv([32, 4, 128, 256], 5, 1, Forward)),
        entry("conv 5x5 4x4 128-256 b32, input", false, || conv([32, 4, 128, 256], 5, 1, InputGrad)),
        entry("conv 5x5 4x4 128-256 b32, weight", false, || conv([32, 4, 128, 256], 5, 1, WeightGrad)),
        entry("conv 5x5 32x32 64-64 b1, forward", false, || conv([1, 32, 64, 64], 5, 1, Forward)),
        entry("conv 3x3 32x32 64-64 b2, forward", true, || conv([2, 32, 64, 64], 3, 1, Forward)),
        entry("conv 3x3 32x32 64-64 b2, input", false, || conv([2, 32, 64, 64], 3, 1, InputGrad)),
        entry("conv 3x3 32x32 64-64 b2, weight", false, || conv([2, 32, 64, 64], 3, 1, WeightGrad)),
        entry("conv 4x4 s2 32x32 64-128 b2, forward", false, || conv([2, 32, 64, 128], 4, 2, Forward)),
        entry("conv 4x4 s2 32x32 64-128 b2, input", true, || conv([2, 32, 64, 128], 4, 2, InputGrad)),
        entry("conv 7x7 64x64 3-64 b1, forward", false, || conv([1, 64, 3, 64], 7, 1, Forward)),
        entry("conv 5x5 of up-sampled 7x7 64-32 b8, input", false, move || convolution(&merged(), InputGrad)),
        entry("batch norm, relu", true, || batch_norm(false)),
        entry("batch norm, relu, backward", false, || batch_norm(true)),
        entry("bias, relu, dropout", true, move || {
            let (mut x, bias) = (numbers(1, FLOATS), numbers(2, 64));
            beside_copy(2 * FLOATS, move || f32::bias_act(bent, Some(&bias), &mut x))
        }),
        entry("leaky relu", false, || map(|x, y| f32::unary(Unary::LeakyRelu { slope: 0.2 }, x, y))),
        entry("tanh", false, || map(|x, y| f32::unary(Unary::Tanh, x, y))),
        entry("dropout", false, || map(|x, y| f32::dropout(Key::named(1, "dropout"), 0.4, x, y))),
        entry("blur", true, blur),
        entry("adam", true, adam),
    ]
}

/// The minimal time for the turns of a problem, and the maximal one if its ratio stays too low.
const USUAL: [Duration; 2] = [Duration::from_millis(400), Duration::from_secs(3)];
const QUICK: [Duration; 2] = [Duration::from_millis(150), Duration::from_secs(3)];
const AGAIN: [Duration; 2] = [Duration::from_millis(400), Duration::from_secs(6)];

/// Measures the problems whose names contain one of the arguments, prints and judges them.
fn run(arguments: &[String]) -> Result<bool, String> {
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let wanted: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("ratios.json");
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut table = ratios::parse(&text).map_err(|wrong| format!("{}: {wrong}", file.display()))?;
    let (isa, cpu) = (simd::current().name(), ratios::cpu());
    let column = table.get(isa).cloned().unwrap_or_default();
    let share = ratios::share_to_keep(&column, &cpu);
    match &*column.cpu {
        "" => println!("RATIO {isa} on {cpu}; the table has no ratios for {isa}, so nothing is compared"),
        other => println!("RATIO {isa} on {cpu}; the table's are of {other}; {:.0}% must be left", share * 100.0),
    }

    let all = entries();
    let chosen = |entry: &&Entry| {
        (entry.quick || !has("--quick")) && (wanted.is_empty() || wanted.iter().any(|part| entry.name.contains(*part)))
    };
    let mut measured = Vec::new();
    let measure = |entry: &Entry, [least, most]: [Duration; 2]| -> Measured {
        let most = if testing() {
            Duration::ZERO
        } else if has("--update") {
            4 * least
        } else {
            most
        };
        let enough = column.ratios.get(entry.name).map_or(0.0, |ratio| ratio * (share + 1.0) / 2.0);
        let least = if has("--update") { most } else { least.min(most) };
        (entry.make)().measure([least, most], enough)
    };
    let mut fallen = Vec::new();
    for entry in all.iter().filter(chosen) {
        let found = measure(entry, if has("--quick") { QUICK } else { USUAL });
        let committed = column.ratios.get(entry.name).copied();
        let verdict = Verdict::of(found.ratio, committed, share);
        ratios::report(entry.name, found, committed, verdict);
        measured.push((entry.name, found.ratio));
        if verdict == Verdict::Fell && !testing() && !has("--update") {
            fallen.push(entry);
        }
    }
    if has("--update") {
        let of_isa = table.entry(isa.to_owned()).or_default();
        if of_isa.cpu != cpu {
            *of_isa = Column { cpu, ..Column::default() };
        }
        of_isa.ratios.extend(measured.into_iter().map(|(name, ratio)| (name.to_owned(), ratio)));
        std::fs::write(&file, ratios::render(&table)).map_err(|error| format!("{}: {error}", file.display()))?;
        println!("RATIO wrote {}", file.display());
        return Ok(true);
    }
    let mut kept = true;
    for entry in fallen {
        let found = measure(entry, AGAIN);
        let committed = column.ratios.get(entry.name).copied();
        let verdict = Verdict::of(found.ratio, committed, share);
        ratios::report(entry.name, found, committed, verdict);
        kept &= verdict == Verdict::Kept;
    }
    if !kept {
        println!("RATIO at least one kernel fell below {:.0}% of its ratio in ratios.json", share * 100.0);
        println!("If that is intended, `cargo bench -p benches --bench ratios -- --update` writes a new table.");
    }
    Ok(kept)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Without it, this is `cargo test --benches`, which times nothing.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    match pool(1).install(|| run(&arguments)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::FAILURE
        }
    }
}

//! How long a step will take: what it computes, times what that takes on this machine just now.
//!
//! The convolutions and matrix products of a step are known by shape. The largest of them are run once, on fewer images where they are
//! large; the rest is taken to be as fast as these on average. All else is bound by memory, so its bytes are counted.

use std::time::{Duration, Instant};

use kernels::{Binary, ConvGeometry, Convolution, Element, Gemm};
use tensor::meta::Usage;

/// How long the measurement may take, about.
const BUDGET: Duration = Duration::from_millis(80);
/// Multiply-adds of a call that is measured, at most about.
const PRODUCTS: f64 = 4e7;
/// Numbers of an operand of a call that is measured, at most.
const NUMBERS: usize = 1 << 23;
/// Images that are left of a batch at least: with fewer, packing the weights would count too much.
const IMAGES: usize = 4;

/// A kernel that does many multiply-adds.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Call {
    Convolution(Convolution, ConvGeometry),
    Product(Gemm),
}

/// What a machine takes for what is not measured by shape.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// For a number that is written.
    byte: f64,
    /// For a tensor, however small.
    tensor: f64,
}

/// Seconds of a step of each of these kinds, of which so many were looked at.
pub(super) fn of_steps(steps: &[(&Usage, u64)]) -> Vec<f64> {
    let began = Instant::now();
    let pace = Pace::measured();
    let mut measured = Measured { began, calls: Vec::new(), products: 0.0, seconds: 0.0 };
    // The largest steps first: they decide how long a run takes.
    let mut order: Vec<usize> = (0..steps.len()).collect();
    let products = |step: &Usage| calls(step).iter().map(|(call, count)| call.products() * count).sum::<f64>();
    order.sort_by(|a, b| products(steps[*b].0).total_cmp(&products(steps[*a].0)));
    let mut seconds = vec![0.0; steps.len()];
    for at in order {
        let (work, count) = steps[at];
        let rest = pace.byte * work.written as f64 + pace.tensor * work.writes as f64;
        seconds[at] = (measured.seconds(work) + rest) / count.max(1) as f64;
    }
    seconds
}

/// The calls of a step, those that do most first, and how often each is made.
fn calls(step: &Usage) -> Vec<(Call, f64)> {
    let convolutions = step.convolutions.iter().map(|((call, g), count)| (Call::Convolution(*call, *g), *count as f64));
    let products = step.products.iter().map(|(gemm, count)| (Call::Product(*gemm), *count as f64));
    let mut all: Vec<(Call, f64)> = convolutions.chain(products).collect();
    all.sort_by(|(a, n), (b, m)| (b.products() * m).total_cmp(&(a.products() * n)));
    all
}

/// What has been measured so far.
struct Measured {
    began: Instant,
    /// Calls, as small as they were run, with seconds for a multiply-add.
    calls: Vec<(Call, f64)>,
    products: f64,
    seconds: f64,
}

impl Measured {
    /// Seconds for the calls of a step.
    fn seconds(&mut self, step: &Usage) -> f64 {
        calls(step).into_iter().map(|(call, count)| self.rate(call) * call.products() * count).sum()
    }

    /// Seconds for a multiply-add of such a call.
    fn rate(&mut self, call: Call) -> f64 {
        let small = call.smaller();
        if let Some((_, rate)) = self.calls.iter().find(|(known, _)| *known == small) {
            return *rate;
        }
        if self.products > 0.0 && self.began.elapsed() > BUDGET {
            return self.seconds / self.products;
        }
        let (seconds, products) = (small.run(), small.products());
        (self.products, self.seconds) = (self.products + products, self.seconds + seconds);
        let rate = seconds / products.max(1.0);
        self.calls.push((small, rate));
        rate
    }
}

impl Call {
    /// Multiply-adds, padding included where that is all that is known quickly.
    fn products(&self) -> f64 {
        match self {
            Self::Convolution(_, g) => g.useful_products() as f64,
            Self::Product(Gemm { m, n, k, .. }) => *m as f64 * *n as f64 * *k as f64,
        }
    }

    /// The same with fewer images, and of these fewer rows, or fewer rows of a matrix, where it is large.
    fn smaller(self) -> Self {
        match self {
            Self::Convolution(call, mut g) => {
                let image = ConvGeometry { batch: 1, ..g }.useful_products() as f64;
                let fits = (PRODUCTS / image) as usize;
                g.batch = g.batch.min(fits.max(IMAGES));
                let numbers = |g: &ConvGeometry| {
                    [g.x_shape(), g.y_shape()]
                        .map(|shape| shape.iter().product::<usize>())
                        .into_iter()
                        .max()
                        .unwrap_or(0)
                };
                while g.batch > 1 && numbers(&g) > NUMBERS {
                    g.batch /= 2;
                }
                // Rows of the image.
                while g.output[0] > 8 && (numbers(&g) > NUMBERS || g.batch as f64 * rows_products(&g) > 4.0 * PRODUCTS)
                {
                    g.output[0] /= 2;
                    g.input[0] = (g.output[0] * g.stride[0]).min(g.input[0]);
                }
                Self::Convolution(call, g)
            }
            Self::Product(mut gemm) => {
                let cut = |gemm: &mut Gemm| {
                    let largest = gemm.m.max(gemm.n).max(gemm.k);
                    for length in [&mut gemm.m, &mut gemm.n, &mut gemm.k] {
                        if *length == largest {
                            *length /= 2;
                            break;
                        }
                    }
                };
                while Self::Product(gemm).products() > PRODUCTS {
                    cut(&mut gemm);
                }
                Self::Product(gemm)
            }
        }
    }

    /// Seconds of a call, the quicker of two.
    fn run(&self) -> f64 {
        let numbers = |shape: [usize; 4]| vec![0.5_f32; shape.iter().product()];
        match *self {
            Self::Convolution(call, g) => {
                let (mut x, mut w, mut y) = (numbers(g.x_shape()), numbers(g.w_shape()), numbers(g.y_shape()));
                quicker(|| match call {
                    Convolution::Forward => f32::conv2d(&g, &x, &w, &mut y),
                    Convolution::InputGrad => f32::conv2d_input_grad(&g, &y, &w, &mut x),
                    Convolution::WeightGrad => f32::conv2d_weight_grad(&g, &x, &y, &mut w),
                })
            }
            Self::Product(gemm) => {
                let Gemm { m, n, k, .. } = gemm;
                let (a, b, mut c) = (numbers([m, k, 1, 1]), numbers([k, n, 1, 1]), numbers([m, n, 1, 1]));
                quicker(|| f32::gemm(gemm, &a, &b, &mut c))
            }
        }
    }
}

fn rows_products(g: &ConvGeometry) -> f64 {
    let [rows, columns] = g.output.map(|length| length as f64);
    rows * columns * (g.kernel[0] * g.kernel[1]) as f64 * g.in_channels as f64 * g.out_channels as f64
}

/// Seconds of `body`, the quicker of two.
fn quicker(mut body: impl FnMut()) -> f64 {
    let mut once = || {
        let began = Instant::now();
        body();
        began.elapsed().as_secs_f64()
    };
    once().min(once())
}

impl Pace {
    fn measured() -> Self {
        const LARGE: usize = 1 << 20;
        let (a, mut b) = (vec![0.5_f32; LARGE], vec![0.5_f32; LARGE]);
        let large = quicker(|| f32::binary(Binary::Add, &a, &a, &mut b));
        let small =
            quicker(|| (0..100).for_each(|_| f32::binary(Binary::Add, &a[..64], &a[..64], &mut b[..64]))) / 100.0;
        // Beside the kernel, a tensor costs its buffers, its place on the tape and its rule.
        Self { byte: large / (4 * LARGE) as f64, tensor: small + 1e-6 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernels::Padding;

    fn usage(batch: usize) -> Usage {
        let g = ConvGeometry::new([batch, 16, 16, 8], [3, 3], 8, [1, 1], Padding::Same).unwrap();
        let mut usage = Usage::default();
        usage.convolutions.insert((Convolution::Forward, g), 3);
        usage.products.insert(Gemm { m: batch, n: 64, k: 64, transpose_a: false, transpose_b: false }, 2);
        usage
    }

    #[test]
    fn large_calls_are_measured_small_and_still_count_whole() {
        let large = ConvGeometry::new([4096, 1024, 1024, 16], [3, 3], 16, [1, 1], Padding::Same).unwrap();
        let Call::Convolution(_, small) = Call::Convolution(Convolution::Forward, large).smaller() else {
            unreachable!()
        };
        assert!(small.batch * small.input[0] * small.input[1] * 16 <= NUMBERS, "{small:?}");
        let huge = Gemm { m: 4096, n: 100_000, k: 4096, transpose_a: false, transpose_b: false };
        assert!(Call::Product(huge).smaller().products() <= PRODUCTS);
        let steps = of_steps(&[(&usage(1), 1), (&usage(64), 2)]);
        assert!(steps.iter().all(|seconds| *seconds > 0.0 && seconds.is_finite()), "{steps:?}");
    }
}

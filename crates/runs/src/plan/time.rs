//! Estimates the time of a step from its kernel calls and the current speed of this machine.
//!
//! The convolutions and matrix products of a step are known by shape. They are timed, the most
//! expensive first, until the time budget is used up; the rest are assumed to run at the same
//! average speed. A large call is replaced by a smaller one for which the kernels choose the same
//! algorithm, and its time is scaled up. All other operations are memory-bound, so their bytes are
//! counted.

use std::time::{Duration, Instant};

use kernels::{Binary, ConvGeometry, Convolution, Element, Gemm};
use tensor::meta::Usage;

/// The approximate time limit of the measurement, short enough that training seems to start at
/// once.
const BUDGET: Duration = Duration::from_millis(300);
/// The approximate maximum number of multiply-adds in a measured call.
const PRODUCTS: f64 = 2e8;
/// The maximum size of an operand of a measured call, in floats.
const NUMBERS: usize = 1 << 21;
/// With fewer images than this, the kernels divide each image into blocks.
const IMAGES: usize = 32;
/// The least number of rows to which the images of a batch smaller than [`IMAGES`] are reduced, so
/// that the kernels still divide them into enough blocks.
const BLOCKS: usize = 64;
/// With at least this many channels, the kernels may transform the tiles of a map.
const CHANNELS: usize = 64;
/// The least number of pixels per side to which a map is reduced, twice as many if its tiles are
/// transformed: on small maps, the transform of the weights takes too large a part.
const PIXELS: usize = 16;

/// A call of a compute-bound kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Call {
    Convolution(Convolution, ConvGeometry),
    Product(Gemm),
}

/// The speed of operations that are not measured by shape.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// Seconds per byte written.
    byte: f64,
    /// Seconds of overhead per tensor.
    tensor: f64,
}

/// The seconds per step of each kind of step. Each kind is given as the total usage of some
/// simulated steps, and their number.
pub(super) fn of_steps(steps: &[(&Usage, u64)]) -> Vec<f64> {
    let pace = Pace::measured();
    let mut measured = Measured::new();
    // The most expensive steps first, because they decide how long a run takes.
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

/// The calls of a step with the number of times each is made, the most expensive first.
fn calls(step: &Usage) -> Vec<(Call, f64)> {
    let convolutions = step.convolutions.iter().map(|((call, g), count)| (Call::Convolution(*call, *g), *count as f64));
    let products = step.products.iter().map(|(gemm, count)| (Call::Product(*gemm), *count as f64));
    let mut all: Vec<(Call, f64)> = convolutions.chain(products).collect();
    all.sort_by(|(a, n), (b, m)| (b.products() * m).total_cmp(&(a.products() * n)));
    all
}

/// The measurements so far.
struct Measured {
    began: Instant,
    /// Measured calls with their seconds.
    calls: Vec<(Call, f64)>,
    products: f64,
    seconds: f64,
}

impl Measured {
    fn new() -> Self {
        Self { began: Instant::now(), calls: Vec::new(), products: 0.0, seconds: 0.0 }
    }

    /// The seconds of all calls of a step.
    fn seconds(&mut self, step: &Usage) -> f64 {
        calls(step).into_iter().map(|(call, count)| self.call(call) * count).sum()
    }

    /// The seconds of a call.
    fn call(&mut self, call: Call) -> f64 {
        if let Some((_, seconds)) = self.calls.iter().find(|(known, _)| *known == call) {
            return *seconds;
        }
        if self.products > 0.0 && self.began.elapsed() > BUDGET {
            return call.products() * self.seconds / self.products;
        }
        let seconds = call.seconds();
        (self.products, self.seconds) = (self.products + call.products(), self.seconds + seconds);
        self.calls.push((call, seconds));
        seconds
    }
}

/// A smaller call that is measured in place of a large one.
struct Reduced {
    call: Call,
    /// How often both channel counts were halved.
    halvings: i32,
}

impl Call {
    /// Multiply-adds; for convolutions, without those on padding.
    fn products(&self) -> f64 {
        match self {
            Self::Convolution(_, g) => g.useful_products() as f64,
            Self::Product(Gemm { m, n, k, .. }) => *m as f64 * *n as f64 * *k as f64,
        }
    }

    /// The size of its largest operand, in floats.
    fn numbers(&self) -> usize {
        match self {
            Self::Convolution(_, g) => {
                let sizes = [g.x_shape(), g.w_shape(), g.y_shape()].map(|shape| shape.iter().product());
                sizes.into_iter().max().unwrap_or(0)
            }
            Self::Product(Gemm { m, n, k, .. }) => (m * n).max(m * k).max(n * k),
        }
    }

    /// A faster call for which the kernels choose the same algorithm.
    fn reduced(self) -> Reduced {
        let mut reduced = Reduced { call: self, halvings: 0 };
        while reduced.call.products() > PRODUCTS || reduced.call.numbers() > NUMBERS {
            let halved = match &mut reduced.call {
                Self::Convolution(call, g) => {
                    let (before, planes) = ((*g, reduced.halvings), call.planes(g));
                    let halved = halve(g, if planes.is_some() { 2 * PIXELS } else { PIXELS }, &mut reduced.halvings);
                    let is_same = call.planes(g) == planes;
                    if !is_same {
                        (*g, reduced.halvings) = before;
                    }
                    halved && is_same
                }
                Self::Product(Gemm { m, n, k, .. }) => {
                    let largest = if m >= n && m >= k {
                        m
                    } else if n >= k {
                        n
                    } else {
                        k
                    };
                    *largest /= 2;
                    true
                }
            };
            if !halved {
                break;
            }
        }
        reduced
    }

    /// Seconds of a call: measured, or derived from a smaller one.
    fn seconds(self) -> f64 {
        let Reduced { call, halvings } = self.reduced();
        let seconds = call.run();
        let ratio = self.products() / call.products().max(1.0);
        if halvings == 0 {
            return seconds * ratio;
        }
        // One part is proportional to the product of both channel counts (multiply-adds, weights),
        // another to either count (images). Halving the channels reduces the first to a quarter and
        // the second to a half.
        let half = call.half_channels().run();
        let images = (4.0 * half - seconds).clamp(0.0, seconds);
        ratio * (seconds - images + images / 2f64.powi(halvings))
    }

    fn half_channels(self) -> Self {
        match self {
            Self::Convolution(call, g) => Self::Convolution(
                call,
                ConvGeometry { in_channels: g.in_channels / 2, out_channels: g.out_channels / 2, ..g },
            ),
            product => product,
        }
    }

    /// Seconds of a call, the fastest of three runs.
    fn run(&self) -> f64 {
        let numbers = |shape: [usize; 4]| vec![0.5_f32; shape.iter().product()];
        match *self {
            Self::Convolution(call, g) => {
                let (mut x, mut w, mut y) = (numbers(g.x_shape()), numbers(g.w_shape()), numbers(g.y_shape()));
                quickest(|| match call {
                    Convolution::Forward => f32::conv2d(&g, &x, &w, &mut y),
                    Convolution::InputGrad => f32::conv2d_input_grad(&g, &y, &w, &mut x),
                    Convolution::WeightGrad => f32::conv2d_weight_grad(&g, &x, &y, &mut w),
                })
            }
            Self::Product(gemm) => {
                let Gemm { m, n, k, .. } = gemm;
                let (a, b, mut c) = (numbers([m, k, 1, 1]), numbers([k, n, 1, 1]), numbers([m, n, 1, 1]));
                quickest(|| f32::gemm(gemm, &a, &b, &mut c))
            }
        }
    }
}

/// Halves the size that changes the cost of a multiply-add least; returns false if none can be
/// halved.
fn halve(g: &mut ConvGeometry, pixels: usize, halvings: &mut i32) -> bool {
    let rows = if g.batch < IMAGES { BLOCKS } else { pixels };
    for (axis, least) in [(1, pixels), (0, rows)] {
        if g.output[axis] >= 2 * least {
            let gone = g.output[axis] / 2;
            g.output[axis] -= gone;
            g.input[axis] = g.input[axis].saturating_sub(gone * g.stride[axis]).max(1);
            return true;
        }
    }
    if g.in_channels.min(g.out_channels) >= 4 * CHANNELS {
        (g.in_channels, g.out_channels) = (g.in_channels / 2, g.out_channels / 2);
        *halvings += 1;
        return true;
    }
    if g.batch >= 2 * IMAGES {
        g.batch /= 2;
        return true;
    }
    let wider = if g.in_channels > g.out_channels { &mut g.in_channels } else { &mut g.out_channels };
    if *wider >= 2 * CHANNELS {
        *wider /= 2;
        return true;
    }
    false
}

/// Seconds of `body`, the fastest of three runs: the first one allocates what the others reuse.
fn quickest(mut body: impl FnMut()) -> f64 {
    let mut once = || {
        let began = Instant::now();
        body();
        began.elapsed().as_secs_f64()
    };
    once().min(once()).min(once())
}

impl Pace {
    fn measured() -> Self {
        // Three tensors of this length are more than the caches hold on most machines.
        const LARGE: usize = 1 << 20;
        let (a, b, mut c) = (vec![0.5_f32; LARGE], vec![0.5_f32; LARGE], vec![0.5_f32; LARGE]);
        let large = quickest(|| f32::binary(Binary::Add, &a, &b, &mut c));
        let small =
            quickest(|| (0..100).for_each(|_| f32::binary(Binary::Add, &a[..64], &b[..64], &mut c[..64]))) / 100.0;
        // Besides the kernel, each tensor costs its buffer, its entry on the tape and its backward
        // rule.
        Self { byte: large / (4 * LARGE) as f64, tensor: small + 2e-6 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernels::{Padding, Precision};

    fn product([m, n, k]: [usize; 3]) -> Gemm {
        Gemm { m, n, k, transpose_a: false, transpose_b: false, precision: Precision::F32 }
    }

    fn usage(batch: usize) -> Usage {
        let g = ConvGeometry::new([batch, 16, 16, 8], [3, 3], 8, [1, 1], Padding::Same).unwrap();
        let mut usage = Usage::default();
        usage.convolutions.insert((Convolution::Forward, g), 3);
        usage.products.insert(product([batch, 64, 64]), 2);
        usage
    }

    #[test]
    fn large_calls_are_measured_small_and_still_count_whole() {
        let large = ConvGeometry::new([4096, 1024, 1024, 16], [3, 3], 16, [1, 1], Padding::Same).unwrap();
        let Call::Convolution(_, small) = Call::Convolution(Convolution::Forward, large).reduced().call else {
            unreachable!()
        };
        assert!(small.batch * small.input[0] * small.input[1] * 16 <= NUMBERS, "{small:?}");
        let g = ConvGeometry::new([256, 4, 4, 256], [5, 5], 512, [1, 1], Padding::Same).unwrap();
        let Reduced { call, halvings } = Call::Convolution(Convolution::Forward, g).reduced();
        let Call::Convolution(_, small) = call else { unreachable!() };
        assert!([small.in_channels, small.out_channels] == [128; 2] && halvings == 1, "{small:?}");
        assert!(small.batch >= IMAGES && call.half_channels().products() > 0.0, "{small:?}");
        for (shape, kernel) in [([20, 32, 32, 256], 5), ([16, 128, 128, 64], 3), ([1, 64, 64, 256], 3)] {
            let g = ConvGeometry::new(shape, [kernel; 2], shape[3], [1, 1], Padding::Same).unwrap();
            for call in [Convolution::Forward, Convolution::InputGrad, Convolution::WeightGrad] {
                let Call::Convolution(_, small) = Call::Convolution(call, g).reduced().call else { unreachable!() };
                assert!(call.planes(&g).is_some() && call.planes(&small) == call.planes(&g), "{small:?}");
            }
        }
        let huge = product([4096, 100_000, 4096]);
        assert!(Call::Product(huge).reduced().call.products() <= PRODUCTS);
        let steps = of_steps(&[(&usage(1), 1), (&usage(64), 2)]);
        assert!(steps.iter().all(|seconds| *seconds > 0.0 && seconds.is_finite()), "{steps:?}");
    }
}

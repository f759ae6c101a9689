//! Exercises 13 to 16: the convolution family and max pooling.

use kernels::{Padding, TransposedPadding};
use tensor::{Tensor, Var};

use crate::Mistake::{Border, Mask, Overwritten, Transposed};
use crate::guard::ask;
use crate::question::{constant, numbers};
use crate::{Question, Verdict};

/// The convolution of exercises 13 and 14: images (n, h, w) with nine weights.
fn convolution(x: &Var<f64>, kernel: &Var<f64>) -> Var<f64> {
    let &[n, h, w] = &**x.shape() else { panic!("three axes") };
    x.reshape([n, h, w, 1]).conv2d(&kernel.reshape([3, 3, 1, 1]), [1, 1], Padding::Same).reshape([n, h, w])
}

/// The kernel rotated by 180 degrees.
fn turned(kernel: &[f64]) -> Vec<f64> {
    kernel.iter().rev().copied().collect()
}

/// The transposed kernel.
fn transposed(kernel: &[f64]) -> Vec<f64> {
    (0..9).map(|i| kernel[i % 3 * 3 + i / 3]).collect()
}

/// Sends each element of `from` (of this width) along the taps of the kernel, `stride` apart, into
/// an image of this width, shifted up and left by `pad`. Contributions are combined with `meet(old,
/// new)`.
fn scatter(
    [from, kernel]: [&[f64]; 2],
    [from_width, stride, pad]: [usize; 3],
    [height, width]: [usize; 2],
    meet: fn(f64, f64) -> f64,
) -> Vec<f64> {
    let mut to = vec![0.0; height * width];
    for (i, value) in from.iter().enumerate() {
        for (tap, weight) in kernel.iter().enumerate() {
            let (y, x) = (i / from_width * stride + tap / 3, i % from_width * stride + tap % 3);
            if (pad..height + pad).contains(&y) && (pad..width + pad).contains(&x) {
                let place = &mut to[(y - pad) * width + x - pad];
                *place = meet(*place, value * weight);
            }
        }
    }
    to
}

const ADD: fn(f64, f64) -> f64 = |old, new| old + new;
const REPLACE: fn(f64, f64) -> f64 = |_, new| new;

const TURNED: &str =
    "That is the result for a kernel rotated by 180 degrees: check which tap connects which positions.";
const EXCHANGED: &str = "The rows and the columns of the kernel are swapped.";
const LAST: &str = "At each position only the last contribution is left.";

/// Exercise 13: the image of a convolution.
pub fn conv_input(attempt: &dyn Fn(&[f64], &[f64], usize, usize) -> Vec<f64>) -> Verdict {
    let [h, w] = [7, 6];
    let (x, kernel, gy) = (numbers(1, &[h, w]), numbers(2, &[9]), numbers(3, &[h, w]));
    let forward = |x: &Var<f64>| convolution(&x.reshape([1, h, w]), &constant(&kernel)).reshape([h, w]);
    let suspect = |kernel: &[f64], meet| scatter([gy.data(), kernel], [w, 1, 1], [h, w], meet);
    Verdict::of([Question::rule("gx, the gradient with respect to the image", &x, &gy, forward, |gy| {
        attempt(kernel.data(), gy, h, w)
    })
    .suspect(Transposed, TURNED, suspect(&turned(kernel.data()), ADD))
    .suspect(Transposed, EXCHANGED, suspect(&transposed(kernel.data()), ADD))
    .suspect(Overwritten, LAST, suspect(kernel.data(), REPLACE))
    .image()])
}

/// Exercise 14: the weights of a convolution.
pub fn conv_weight(attempt: &dyn Fn(&[f64], &[f64], [usize; 3]) -> Vec<f64>) -> Verdict {
    let [n, h, w] = [3, 5, 4];
    let (x, kernel, gy) = (numbers(1, &[n, h, w]), numbers(2, &[3, 3]), numbers(3, &[n, h, w]));
    // The gradient for another offset of the taps (1 is right), for some of the outputs, and for
    // one image or all of them.
    let sum = |offset: [usize; 2], counts: &dyn Fn(usize, usize, usize) -> bool| {
        let of_tap = |tap: usize| {
            let mut sum = 0.0;
            for i in 0..n * h * w {
                let (image, r, c) = (i / (h * w), i / w % h, i % w);
                let (y, x_) = (r + tap / 3, c + tap % 3);
                let inside = (offset[0]..h + offset[0]).contains(&y) && (offset[1]..w + offset[1]).contains(&x_);
                if inside && counts(image, r, c) {
                    sum += x.data()[(image * h + y - offset[0]) * w + x_ - offset[1]] * gy.data()[i];
                }
            }
            sum
        };
        (0..9).map(of_tap).collect::<Vec<f64>>()
    };
    let all = |_: usize, _: usize, _: usize| true;
    let right = sum([1, 1], &all);
    let inner = sum([1, 1], &|_, r, c| (1..h - 1).contains(&r) && (1..w - 1).contains(&c));
    let images = (0..n).map(|image| (format!("image {image}"), sum([1, 1], &|i, _, _| i == image)));
    let forward = |kernel: &Var<f64>| convolution(&constant(&x), kernel);
    let mut question = Question::rule("the gradient with respect to the kernel", &kernel, &gy, forward, |gy| {
        attempt(x.data(), gy, [n, h, w])
    })
    .suspect(Transposed, TURNED, turned(&right))
    .suspect(Transposed, EXCHANGED, transposed(&right))
    .suspect(Border, "The outputs at the border are left out.", inner)
    .factor("1 / images: sum over the images; a mean belongs to the loss", 1.0 / n as f64)
    .parts(Overwritten, images);
    for offset in [[0, 0], [2, 2], [0, 1], [1, 0], [1, 2], [2, 1]] {
        question = question.suspect(
            Border,
            "Each tap reads a neighbour of the position that it should read.",
            sum(offset, &all),
        );
    }
    Verdict::of([question])
}

/// Exercise 15: the transposed convolution.
pub fn conv_transpose(attempt: &dyn Fn(&[f64], &[f64], usize, usize) -> Vec<f64>) -> Verdict {
    let [h, w] = [3, 4];
    let (x, kernel) = (numbers(1, &[1, h, w, 1]), numbers(2, &[3, 3, 1, 1]));
    let y = constant(&x).conv_transpose2d(&constant(&kernel), [2, 2], TransposedPadding::Valid);
    let out = [2 * h + 1, 2 * w + 1];
    let suspect = |kernel: &[f64], stride, meet| scatter([x.data(), kernel], [w, stride, 0], out, meet);
    let answer = ask(|| attempt(x.data(), kernel.data(), h, w));
    Verdict::of([Question::new("y, the large image", &out, y.value().data().to_vec(), answer)
        .suspect(Overwritten, LAST, suspect(kernel.data(), 2, REPLACE))
        .suspect(Transposed, TURNED, suspect(&turned(kernel.data()), 2, ADD))
        .suspect(Transposed, EXCHANGED, suspect(&transposed(kernel.data()), 2, ADD))
        .suspect(Border, "The copies are 1 apart, but the stride is 2.", suspect(kernel.data(), 1, ADD))
        .image()])
}

/// Exercise 16: max pooling.
pub fn max_pool(attempt: &dyn Fn(&[f64], &[f64], usize, usize) -> Vec<f64>) -> Verdict {
    let [h, w] = [3, 4];
    let drawn = numbers(1, &[2 * h, 2 * w]);
    // In random order, and so far apart that a small change does not change a maximum.
    let rank = |i: usize| drawn.data().iter().filter(|x| **x < drawn.data()[i]).count() as f64;
    let x = Tensor::from_fn([2 * h, 2 * w], |i| 0.2 * rank(i) - 4.0);
    let gy = numbers(2, &[h, w]);
    let (from, up) = (x.data(), gy.data());
    // The four positions of the block of position i, and gy of the block.
    let block = |i: usize| {
        let (y, x) = (i / (2 * w) / 2, i % (2 * w) / 2);
        let corner = 4 * y * w + 2 * x;
        ([corner, corner + 1, corner + 2 * w, corner + 2 * w + 1], up[y * w + x])
    };
    let chosen = |choose: &dyn Fn([usize; 4]) -> usize| {
        (0..x.size()).map(|i| if choose(block(i).0) == i { block(i).1 } else { 0.0 }).collect::<Vec<_>>()
    };
    let largest = |block: [usize; 4]| block.into_iter().max_by(|a, b| from[*a].total_cmp(&from[*b])).expect("four");
    let smallest = |block: [usize; 4]| block.into_iter().min_by(|a, b| from[*a].total_cmp(&from[*b])).expect("four");
    let losers = (0..x.size()).map(|i| largest(block(i).0) != i).collect();
    let spread = (0..x.size()).map(|i| block(i).1 / 4.0).collect();
    let forward = |x: &Var<f64>| x.reshape([1, 2 * h, 2 * w, 1]).max_pool([2, 2]).reshape([h, w]);
    Verdict::of([Question::rule("gx, the gradient with respect to x", &x, &gy, forward, |gy| attempt(from, gy, h, w))
        .suspect(Mask, "The gradient went to the smallest element of each block.", chosen(&smallest))
        .suspect(Mask, "The gradient always went to the first element of each block.", chosen(&|block| block[0]))
        .suspect(Mask, "The gradient was divided among the four elements: that would be a mean.", spread)
        .region(Mask, "where x is not the largest of its block", losers)])
}

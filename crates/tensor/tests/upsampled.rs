//! A convolution of up-sampled images with merged taps is the same function as up-sampling followed
//! by the convolution, with the same gradients.

use kernels::{ConvGeometry, Padding, Precision, TransposedPadding};
use tensor::ops::{Domain, sample};
use tensor::{Options, Tape, Var, vjp};

type Layer = dyn Fn(&Var<f64>, &Var<f64>) -> Var<f64>;

/// The value and the gradients with respect to images and weights, for one fixed cotangent.
fn all_of(layer: &Layer, shapes: [[usize; 4]; 2]) -> Vec<Var<f64>> {
    let tape = Tape::new();
    let inputs = shapes.map(|shape| tape.variable("x", sample(Domain::Any, shape[0] as u32, &shape)));
    let y = layer(&inputs[0], &inputs[1]);
    let mut all = vjp(&y, &Var::constant(sample(Domain::Any, 9, y.shape())), &inputs, Options::default());
    all.push(y.detach());
    all
}

#[track_caller]
fn agree(merged: &Layer, apart: &Layer, shapes: [[usize; 4]; 2], what: &str) {
    for (merged, apart) in all_of(merged, shapes).iter().zip(all_of(apart, shapes)) {
        assert_eq!(merged.shape(), apart.shape(), "{what}");
        for (a, b) in merged.value().data().iter().zip(apart.value().data()) {
            assert!((a - b).abs() <= 1e-12 * (1.0 + b.abs()), "{what}: {a} and {b}");
        }
    }
}

/// Images, kernel and factor.
fn shapes() -> Vec<([usize; 4], [usize; 2], [usize; 2])> {
    let mut all = Vec::new();
    for images in [[1, 1, 1, 1], [2, 3, 2, 3], [1, 4, 5, 2]] {
        for kernel in [[1, 1], [5, 5], [2, 3], [4, 1], [3, 3]] {
            for factor in [[1, 1], [2, 2], [3, 2], [1, 4]] {
                all.push((images, kernel, factor));
            }
        }
    }
    all
}

fn large([n, h, w, c]: [usize; 4], factor: [usize; 2]) -> [usize; 4] {
    [n, h * factor[0], w * factor[1], c]
}

#[test]
fn merged_taps_are_up_sampling_and_a_transposed_convolution() {
    let explicit = |padding, output_padding| TransposedPadding::Explicit { padding, output_padding };
    let paddings =
        [TransposedPadding::Same, TransposedPadding::Valid, explicit([0, 0], [1, 2]), explicit([1, 2], [0, 1])];
    let mut seen = 0;
    for (images, [kh, kw], factor) in shapes() {
        for padding in paddings {
            // With an explicit padding, the output may be empty.
            if ConvGeometry::transposed(large(images, factor), [kh, kw], 2, [1, 1], padding).is_err() {
                continue;
            }
            let merged =
                move |x: &Var<f64>, w: &Var<f64>| x.upsample_conv_transpose2d(Precision::F32, w, factor, padding);
            let apart = move |x: &Var<f64>, w: &Var<f64>| x.upsample(factor).conv_transpose2d(w, [1, 1], padding);
            let what = format!("{images:?} times {factor:?}, kernel {kh}x{kw}, {padding:?}");
            agree(&merged, &apart, [images, [kh, kw, 2, images[3]]], &what);
            seen += 1;
        }
    }
    assert!(seen > 200, "{seen}");
}

#[test]
fn merged_taps_are_up_sampling_and_a_convolution() {
    // The last one is wider than any of the kernels.
    let paddings = [Padding::Same, Padding::Valid, Padding::Explicit([0, 1, 2, 0]), Padding::Explicit([5, 6, 5, 5])];
    let mut seen = 0;
    for (images, [kh, kw], factor) in shapes() {
        for padding in paddings {
            // The kernel may be larger than the padded images.
            if ConvGeometry::new(large(images, factor), [kh, kw], 2, [1, 1], padding).is_err() {
                continue;
            }
            let merged = move |x: &Var<f64>, w: &Var<f64>| x.upsample_conv2d(Precision::F32, w, factor, padding);
            let apart = move |x: &Var<f64>, w: &Var<f64>| x.upsample(factor).conv2d(w, [1, 1], padding);
            let what = format!("{images:?} times {factor:?}, kernel {kh}x{kw}, {padding:?}");
            agree(&merged, &apart, [images, [kh, kw, images[3], 2]], &what);
            seen += 1;
        }
    }
    assert!(seen > 180, "{seen}");
}

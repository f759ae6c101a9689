//! `inception`: the network whose features the Fréchet Inception Distance is defined on.
//!
//! Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, "Rethinking the Inception architecture for computer
//! vision", 2016, as the program of 2015 computes it (`inception-2015-12-05`), which Heusel et al.
//! 2017 used. [torch-fidelity](https://github.com/toshas/torch-fidelity) has the weights for
//! PyTorch; the tensors here have its names. What differs from other versions of the network:
//!
//! * pictures are resized to 299 x 299 as TensorFlow 1 resizes ([`resize`]), and scaled to [-1, 1)
//!   by (x - 128) / 128;
//! * the mean over 3 x 3 pixels does not count padding; the last block has a maximum instead;
//! * there are 1,008 classes, and batch normalisation has epsilon 1e-3.
//!
//! It is only evaluated, never trained, so each batch normalisation is folded into its convolution.

use std::collections::BTreeMap;

use kernels::{Element as _, Padding, WindowGeometry};
use nn::layers::{Activation, Conv2d};
use nn::{Dialect, InitScheme, Initializer, Network};
use tensor::Tensor;

/// Height and width of the pictures that the network sees.
pub const SIDE: usize = 299;
/// The number of features.
pub const FEATURES: usize = 2048;
/// The number of classes.
pub const CLASSES: usize = 1008;
/// The epsilon of the batch normalisations.
const EPSILON: f64 = 1e-3;
/// The tensors of a convolution, after its name.
const WEIGHT: &str = ".conv.weight";
const SCALE: &str = ".bn.weight";
const SHIFT: &str = ".bn.bias";
const MEAN: &str = ".bn.running_mean";
const VARIANCE: &str = ".bn.running_var";
/// The dense layer. The Inception Score uses it without its bias.
const DENSE: [&str; 2] = ["fc.weight", "fc.bias"];

/// A part of the network.
enum Part {
    /// A convolution without bias, batch normalisation and a ReLU.
    Convolution(Convolution),
    /// The maximum over 3 x 3 pixels.
    Maximum { stride: usize, padding: usize },
    /// The mean over 3 x 3 pixels, at every pixel.
    Mean,
    /// Sequences of parts that have the same input; their outputs are concatenated.
    Branches(Vec<Vec<Part>>),
}

struct Convolution {
    name: String,
    filters: usize,
    kernel: [usize; 2],
    stride: usize,
    padding: Padding,
    /// The convolution with the batch normalisation folded in, and the ReLU.
    network: Option<Box<Network>>,
}

/// A convolution at every pixel.
fn conv(name: impl Into<String>, filters: usize, kernel: [usize; 2]) -> Part {
    let padding = Padding::Same;
    Part::Convolution(Convolution { name: name.into(), filters, kernel, stride: 1, padding, network: None })
}

/// A convolution of 3 x 3 pixels without padding.
fn inner(name: impl Into<String>, filters: usize, stride: usize) -> Part {
    let (kernel, padding) = ([3, 3], Padding::Valid);
    Part::Convolution(Convolution { name: name.into(), filters, kernel, stride, padding, network: None })
}

/// The maximum that halves the resolution.
const HALF: Part = Part::Maximum { stride: 2, padding: 0 };

/// The whole network up to the last mean over all pixels.
fn parts() -> Vec<Part> {
    vec![
        inner("Conv2d_1a_3x3", 32, 2),
        inner("Conv2d_2a_3x3", 32, 1),
        conv("Conv2d_2b_3x3", 64, [3, 3]),
        HALF,
        conv("Conv2d_3b_1x1", 80, [1, 1]),
        inner("Conv2d_4a_3x3", 192, 1),
        HALF,
        block_5("Mixed_5b", 32),
        block_5("Mixed_5c", 64),
        block_5("Mixed_5d", 64),
        block_6a("Mixed_6a"),
        block_6("Mixed_6b", 128),
        block_6("Mixed_6c", 160),
        block_6("Mixed_6d", 160),
        block_6("Mixed_6e", 192),
        block_7a("Mixed_7a"),
        block_7("Mixed_7b", Part::Mean),
        block_7("Mixed_7c", Part::Maximum { stride: 1, padding: 1 }),
    ]
}

/// A block at 35 x 35 pixels; `pooled` are the channels of the branch with the mean.
fn block_5(block: &str, pooled: usize) -> Part {
    let conv = |branch: &str, filters, side| conv(format!("{block}.branch{branch}"), filters, [side; 2]);
    Part::Branches(vec![
        vec![conv("1x1", 64, 1)],
        vec![conv("5x5_1", 48, 1), conv("5x5_2", 64, 5)],
        vec![conv("3x3dbl_1", 64, 1), conv("3x3dbl_2", 96, 3), conv("3x3dbl_3", 96, 3)],
        vec![Part::Mean, conv("_pool", pooled, 1)],
    ])
}

/// From 35 x 35 to 17 x 17 pixels.
fn block_6a(block: &str) -> Part {
    let name = |branch: &str| format!("{block}.branch{branch}");
    Part::Branches(vec![
        vec![inner(name("3x3"), 384, 2)],
        vec![conv(name("3x3dbl_1"), 64, [1, 1]), conv(name("3x3dbl_2"), 96, [3, 3]), inner(name("3x3dbl_3"), 96, 2)],
        vec![HALF],
    ])
}

/// A block at 17 x 17 pixels, whose kernels of 7 x 7 pixels are split into 1 x 7 and 7 x 1.
fn block_6(block: &str, middle: usize) -> Part {
    let conv = |branch: &str, filters, kernel| conv(format!("{block}.branch{branch}"), filters, kernel);
    Part::Branches(vec![
        vec![conv("1x1", 192, [1, 1])],
        vec![conv("7x7_1", middle, [1, 1]), conv("7x7_2", middle, [1, 7]), conv("7x7_3", 192, [7, 1])],
        vec![
            conv("7x7dbl_1", middle, [1, 1]),
            conv("7x7dbl_2", middle, [7, 1]),
            conv("7x7dbl_3", middle, [1, 7]),
            conv("7x7dbl_4", middle, [7, 1]),
            conv("7x7dbl_5", 192, [1, 7]),
        ],
        vec![Part::Mean, conv("_pool", 192, [1, 1])],
    ])
}

/// From 17 x 17 to 8 x 8 pixels.
fn block_7a(block: &str) -> Part {
    let name = |branch: &str| format!("{block}.branch{branch}");
    Part::Branches(vec![
        vec![conv(name("3x3_1"), 192, [1, 1]), inner(name("3x3_2"), 320, 2)],
        vec![
            conv(name("7x7x3_1"), 192, [1, 1]),
            conv(name("7x7x3_2"), 192, [1, 7]),
            conv(name("7x7x3_3"), 192, [7, 1]),
            inner(name("7x7x3_4"), 192, 2),
        ],
        vec![HALF],
    ])
}

/// A block at 8 x 8 pixels, whose kernels of 3 x 3 pixels are split into 1 x 3 and 3 x 1 side by
/// side.
fn block_7(block: &str, pool: Part) -> Part {
    let conv = |branch: &str, filters, kernel| conv(format!("{block}.branch{branch}"), filters, kernel);
    let split = |branch: &str| {
        let half = |letter: &str, kernel| vec![conv(&format!("{branch}{letter}"), 384, kernel)];
        Part::Branches(vec![half("a", [1, 3]), half("b", [3, 1])])
    };
    Part::Branches(vec![
        vec![conv("1x1", 320, [1, 1])],
        vec![conv("3x3_1", 384, [1, 1]), split("3x3_2")],
        vec![conv("3x3dbl_1", 448, [1, 1]), conv("3x3dbl_2", 384, [3, 3]), split("3x3dbl_3")],
        vec![pool, conv("_pool", 192, [1, 1])],
    ])
}

/// Calls `visit` with every convolution of `parts`, in order, and the shape of its input. Returns
/// the shape of the output; `input` and all shapes are (height, width, channels).
fn for_each_convolution(
    parts: &mut [Part],
    input: [usize; 3],
    visit: &mut impl FnMut(&mut Convolution, [usize; 3]),
) -> [usize; 3] {
    parts.iter_mut().fold(input, |[h, w, channels], part| match part {
        Part::Convolution(convolution) => {
            visit(convolution, [h, w, channels]);
            let Convolution { filters, stride, kernel, padding, .. } = *convolution;
            let out = |axis: usize, side: usize| match padding {
                Padding::Same => side,
                _ => (side - kernel[axis]) / stride + 1,
            };
            [out(0, h), out(1, w), filters]
        }
        Part::Maximum { stride, padding } => {
            let [_, h, w, channels] = windows(&[1, h, w, channels], *stride, *padding).y_shape();
            [h, w, channels]
        }
        Part::Mean => [h, w, channels],
        Part::Branches(branches) => {
            let outputs = branches.iter_mut().map(|branch| for_each_convolution(branch, [h, w, channels], visit));
            outputs.reduce(|[h, w, channels], [_, _, more]| [h, w, channels + more]).expect("a block has branches")
        }
    })
}

/// Windows of 3 x 3 pixels on images of `shape`.
fn windows(shape: &[usize], stride: usize, padding: usize) -> WindowGeometry {
    let &[batch, h, w, channels] = shape else { unreachable!("images have four axes") };
    WindowGeometry { batch, input: [h, w], channels, window: 3, stride, padding }
}

/// The network with its weights.
pub struct Inception {
    parts: Vec<Part>,
    /// (features, classes).
    dense: Tensor,
}

impl Inception {
    /// The names and the shapes of the tensors that [`new`](Self::new) needs, in this project's
    /// layouts: convolutions (kh, kw, in, out), the dense layer (in, out).
    pub fn tensors() -> BTreeMap<String, Vec<usize>> {
        let mut all = BTreeMap::new();
        for_each_convolution(&mut parts(), [SIDE, SIDE, 3], &mut |convolution, [_, _, input]| {
            let Convolution { name, filters, kernel, .. } = convolution;
            all.insert(format!("{name}{WEIGHT}"), vec![kernel[0], kernel[1], input, *filters]);
            all.extend([SCALE, SHIFT, MEAN, VARIANCE].map(|tensor| (format!("{name}{tensor}"), vec![*filters])));
        });
        all.insert(DENSE[0].into(), vec![FEATURES, CLASSES]);
        all.insert(DENSE[1].into(), vec![CLASSES]);
        all
    }

    /// The network with these weights.
    ///
    /// # Panics
    /// When a tensor of [`tensors`](Self::tensors) is missing or has another shape.
    #[track_caller]
    pub fn new(mut weights: BTreeMap<String, Tensor>) -> Self {
        let wanted = Self::tensors();
        let mut take = |name: &str| {
            let tensor = weights.remove(name).unwrap_or_else(|| panic!("inception: `{name}` is missing"));
            assert!(**tensor.shape() == wanted[name], "inception: `{name}` has shape {}", tensor.shape());
            tensor
        };
        let mut parts = parts();
        for_each_convolution(&mut parts, [SIDE, SIDE, 3], &mut |convolution, input| {
            let mut tensor = |what: &str| take(&format!("{}{what}", convolution.name));
            let folded = folded(&tensor(WEIGHT), [SCALE, SHIFT, MEAN, VARIANCE].map(&mut tensor));
            convolution.network = Some(Box::new(convolution.built(input, folded)));
        });
        Self { parts, dense: take(DENSE[0]) }
    }

    /// The features of pictures that [`resize`] has resized, of shape (n, 299, 299, 3): (n, 2048);
    /// and their logits without the bias of the last layer: (n, 1008).
    ///
    /// # Panics
    /// When the pictures have another shape.
    #[track_caller]
    pub fn infer(&self, pictures: &Tensor) -> [Tensor; 2] {
        let maps = applied(&self.parts, pictures.clone());
        let &[n, h, w, channels] = &**maps.shape() else { unreachable!("images have four axes") };
        let mut means = Tensor::zeros([n, channels]);
        for (mean, map) in means.data_mut().chunks_exact_mut(channels).zip(maps.data().chunks_exact(h * w * channels)) {
            for pixel in map.chunks_exact(channels) {
                mean.iter_mut().zip(pixel).for_each(|(sum, x)| *sum += x);
            }
            mean.iter_mut().for_each(|sum| *sum /= (h * w) as f32);
        }
        let logits = tensor::Var::constant(means.clone()).matmul(&tensor::Var::constant(self.dense.clone()));
        [means, logits.into_value()]
    }
}

impl Convolution {
    /// The convolution of images of shape `input` with this weight and bias, and the ReLU.
    fn built(&self, input: [usize; 3], [weight, bias]: [Tensor; 2]) -> Network {
        let zero = Initializer::Constant(0.0);
        let layer = Conv2d::new(self.filters, 1).kernel(self.kernel).stride(self.stride).padding(self.padding);
        let mut network = Network::new(&self.name, &input, Dialect::Torch, 0)
            .with_init(InitScheme { weight: zero, bias: zero, scale: zero })
            .with("conv", layer)
            .with("relu", Activation::Relu);
        for ((_, _, tensor), value) in network.tensors_mut().into_iter().zip([weight, bias]) {
            *tensor = value;
        }
        network
    }
}

/// The weight and the bias of the convolution that computes a convolution with this weight (kh, kw,
/// in, out) and the batch normalisation after it:
///
/// ```text
/// scale = gamma / sqrt(variance + epsilon);   weight * scale,   beta - mean * scale
/// ```
fn folded(weight: &Tensor, [gamma, beta, mean, variance]: [Tensor; 4]) -> [Tensor; 2] {
    let of = |tensor: &Tensor, i: usize| f64::from(tensor.data()[i]);
    let filters = gamma.size();
    let scale: Vec<f64> = (0..filters).map(|i| of(&gamma, i) / (of(&variance, i) + EPSILON).sqrt()).collect();
    let weight = Tensor::from_fn(*weight.shape(), |i| (of(weight, i) * scale[i % filters]) as f32);
    let bias = Tensor::from_fn([filters], |i| (of(&beta, i) - of(&mean, i) * scale[i]) as f32);
    [weight, bias]
}

/// The output of these parts for the images `x`.
fn applied(parts: &[Part], x: Tensor) -> Tensor {
    let pooled = |x: &Tensor, g: WindowGeometry, pool: fn(&WindowGeometry, &[f32], &mut [f32])| {
        Tensor::written(g.y_shape(), |y| pool(&g, x.data(), y))
    };
    parts.iter().fold(x, |x, part| match part {
        Part::Convolution(convolution) => {
            convolution.network.as_ref().expect("the network was built with its weights").infer(&x)
        }
        Part::Maximum { stride, padding } => pooled(&x, windows(x.shape(), *stride, *padding), f32::window_max),
        Part::Mean => pooled(&x, windows(x.shape(), 1, 1), f32::window_mean),
        Part::Branches(branches) => {
            concatenated(&branches.iter().map(|branch| applied(branch, x.clone())).collect::<Vec<_>>())
        }
    })
}

/// Images of one size, concatenated along their channels.
fn concatenated(images: &[Tensor]) -> Tensor {
    let &[n, h, w, _] = &**images[0].shape() else { unreachable!("images have four axes") };
    let channels: Vec<usize> = images.iter().map(|image| image.shape()[3]).collect();
    let all: usize = channels.iter().sum();
    Tensor::written([n, h, w, all], |y| {
        for (at, pixel) in y.chunks_exact_mut(all).enumerate() {
            let mut rest = pixel;
            for (image, channels) in images.iter().zip(&channels) {
                let (to, more) = rest.split_at_mut(*channels);
                to.copy_from_slice(&image.data()[at * channels..][..*channels]);
                rest = more;
            }
        }
    })
}

/// Resizes a picture of `size` (height, width, channels) to 299 x 299, to colour, and scales it as
/// the network needs it. A grey picture is taken for a colour picture with three equal channels;
/// transparency, a second or fourth channel, is ignored.
///
/// This is the bilinear resizing of TensorFlow 1: pixel i lies at i * (old side / new side) in the
/// old picture, without the half pixel that other programs add, and without a wider filter for
/// smaller results.
///
/// # Panics
/// When there are not as many bytes as `size` says, the size has a zero, or `out` is not 299 x 299
/// x 3.
#[track_caller]
pub fn resize(picture: &[u8], size: [usize; 3], out: &mut [f32]) {
    let [h, w, channels] = size;
    assert!(picture.len() == h * w * channels && !picture.is_empty(), "resize: {} bytes of {size:?}", picture.len());
    assert!(out.len() == SIDE * SIDE * 3, "resize: {} numbers for the result", out.len());
    // The positions are computed in f32, as there.
    let places = |side: usize| -> Vec<(usize, usize, f32)> {
        let scale = (side as f64 / SIDE as f64) as f32;
        let place = |i: usize| {
            let at = i as f32 * scale;
            let low = at as usize;
            (low, (low + 1).min(side - 1), at - low as f32)
        };
        (0..SIDE).map(place).collect()
    };
    let (rows, columns) = (places(h), places(w));
    let colour = |c: usize| if channels < 3 { 0 } else { c };
    for (line, (above, below, down)) in out.chunks_exact_mut(SIDE * 3).zip(rows) {
        for (pixel, (left, right, across)) in line.as_chunks_mut::<3>().0.iter_mut().zip(&columns) {
            for (c, x) in pixel.iter_mut().enumerate() {
                let at = |row: usize, column: usize| f32::from(picture[(row * w + column) * channels + colour(c)]);
                let mixed = |row: usize| {
                    let (left, right) = (at(row, *left), at(row, *right));
                    left + (right - left) * across
                };
                let (above, below) = (mixed(above), mixed(below));
                *x = (above + (below - above) * down - 128.0) / 128.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tensors_are_those_of_the_weights_file() {
        let all = Inception::tensors();
        // 94 convolutions of five tensors, and the dense layer.
        assert_eq!(all.len(), 94 * 5 + 2);
        let weights: usize = all.values().map(|shape| shape.iter().product::<usize>()).sum();
        assert_eq!(weights, 23_885_392);
        assert_eq!(all["Mixed_7c.branch3x3dbl_3b.conv.weight"], [3, 1, 384, 384]);
        assert_eq!(for_each_convolution(&mut parts(), [SIDE, SIDE, 3], &mut |_, _| {}), [8, 8, FEATURES]);
    }

    #[test]
    fn resizing_takes_the_corner_and_mixes_neighbours() {
        let mut out = vec![0.0; SIDE * SIDE * 3];
        // Grey, twice as small: every other pixel lies between two of the picture.
        let picture: Vec<u8> = (0..4).collect();
        resize(&picture, [2, 2, 1], &mut out);
        let value = |y: usize, x: usize| 128.0 * out[(y * SIDE + x) * 3] + 128.0;
        assert_eq!((value(0, 0), value(0, 298), value(298, 0), value(298, 298)), (0.0, 1.0, 2.0, 3.0));
        let at = 75.0 * (2.0 / 299.0);
        assert!((f64::from(value(0, 75)) - at).abs() < 1e-4, "{}", value(0, 75));
        assert!(out.as_chunks::<3>().0.iter().all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]));
        // A colour picture of the right size only changes its scale.
        let picture: Vec<u8> = (0..SIDE * SIDE * 3).map(|i| (i * 7 % 256) as u8).collect();
        resize(&picture, [SIDE, SIDE, 3], &mut out);
        assert!(out.iter().zip(&picture).all(|(x, byte)| *x == (f32::from(*byte) - 128.0) / 128.0));
    }

    #[test]
    fn folding_is_the_convolution_and_the_normalisation() {
        let number = |i: usize| (i as f32 * 0.7).sin();
        let weight = Tensor::from_fn([1, 1, 2, 3], number);
        let [gamma, beta, mean] = [1, 2, 3].map(|k| Tensor::from_fn([3], |i| number(10 * k + i)));
        let variance = Tensor::from_fn([3], |i| 0.5 + i as f32);
        let of = [&gamma, &beta, &mean, &variance].map(Clone::clone);
        let [folded, bias] = folded(&weight, of);
        for out in 0..3 {
            let x = [0.3, -1.2];
            let sum = |w: &Tensor| (0..2).map(|i| f64::from(w.data()[i * 3 + out]) * x[i]).sum::<f64>();
            let v = |t: &Tensor| f64::from(t.data()[out]);
            let wanted = (sum(&weight) - v(&mean)) / (v(&variance) + EPSILON).sqrt() * v(&gamma) + v(&beta);
            assert!((sum(&folded) + v(&bias) - wanted).abs() < 1e-6);
        }
    }
}

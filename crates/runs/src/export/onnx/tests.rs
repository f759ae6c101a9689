mod interpreter;
mod reader;
mod systems;

use kernels::TransposedPadding;
use nn::layers::{
    Activation, AveragePool2d, BatchNorm, Conv2d, ConvTranspose2d, Dense, Dropout, Flatten, GlobalMean, MaxPool2d,
    Maxout, MinibatchStddev, Reshape, UpSampling2d,
};
use nn::{Dialect, ForwardContext, Network};
use tensor::{Tensor, Var};

use super::*;
use crate::export::generator::Generator;
use models::{FromLatents, LatentKind};
use reader::{all, constants, declared, nodes, numbers, one, text};

/// A sampler of a network, and what follows it.
pub(in crate::export) struct Sampled {
    pub(in crate::export) network: Network,
    pub(in crate::export) end: fn(&Var) -> Var,
}

impl FromLatents for Sampled {
    fn kind(&self) -> LatentKind {
        LatentKind::Normal
    }
    fn latents(&self, seed: u64, stream: &str, count: usize) -> Tensor {
        LatentKind::Normal.draw(count, self.network.input_shape()[0], kernels::Key::named(seed, stream))
    }
    fn draw(&self, latents: &Tensor) -> Tensor {
        (self.end)(&Var::constant(self.network.infer(latents))).into_value()
    }
    fn forward(&self, ctx: &mut ForwardContext, latents: &Var) -> Result<Var, String> {
        Ok((self.end)(&self.network.forward(ctx, latents)))
    }
}

/// A small generator with most kinds of layers.
pub(in crate::export) fn small() -> Sampled {
    let convt = ConvTranspose2d::new(2, 4).stride(2);
    let explicit = TransposedPadding::Explicit { padding: [1, 1], output_padding: [0, 0] };
    let network = Network::new("generator", &[3], Dialect::Keras, 1)
        .with("dense", Dense::new(2 * 2 * 4))
        .with("bn", BatchNorm::default())
        .with("relu", Activation::Relu)
        .with("dropout", Dropout(0.5))
        .with("reshape", Reshape(vec![2, 2, 4]))
        .with("up", UpSampling2d([2, 2]))
        .with("conv", Conv2d::new(3, 3))
        .with("8x8; \"quoted\"", convt.padding(explicit).without_bias())
        .with("tanh", Activation::Tanh);
    Sampled { network, end: |y| y.affine(0.5, 0.5) }
}

/// The layers that shrink images and vectors, which the generators of the built-in systems lack.
pub(in crate::export) fn shrinking() -> Sampled {
    let network = Network::new("generator", &[32], Dialect::Torch, 1)
        .with("reshape", Reshape(vec![4, 2, 4]))
        .with("max", MaxPool2d([2, 1]))
        .with("average", AveragePool2d([1, 2]))
        .with("mean", GlobalMean)
        .with("maxout", Maxout(2));
    Sampled { network, end: Clone::clone }
}

#[test]
fn layers_that_shrink_are_these_nodes() {
    let model = model(&Generator::of_latents(&shrinking()).unwrap(), NoiseSource::Fixed, &[]).unwrap();
    let expected = [
        "reshape.hwc = Reshape(latents, reshape.shape)",
        "reshape = Transpose(reshape.hwc) perm=[0, 3, 1, 2]",
        "max = MaxPool(reshape) kernel_shape=[2, 1] strides=[2, 1]",
        "average = AveragePool(max) kernel_shape=[1, 2] strides=[1, 2]",
        "mean = ReduceMean(average) axes=[2, 3] keepdims=0",
        "points.groups = Reshape(mean, points.shape)",
        "points = ReduceMax(points.groups) axes=[2] keepdims=0",
    ];
    assert_eq!(nodes(&model), expected);
}

#[test]
fn a_small_generator_is_this_model() {
    let generator = Generator::of_latents(&small()).unwrap();
    let model = model(&generator, NoiseSource::Fixed, &[("system", "own".into())]).unwrap();
    let expected = [
        "dense = Gemm(latents, dense.weight, dense.bias)",
        "bn = BatchNormalization(dense, bn.scale, bn.shift, bn.mean, bn.variance) epsilon=0.001",
        "relu = Relu(bn)",
        "reshape.hwc = Reshape(relu, reshape.shape)",
        "reshape = Transpose(reshape.hwc) perm=[0, 3, 1, 2]",
        "up = Resize(reshape, , up.scales) mode=nearest coordinate_transformation_mode=asymmetric nearest_mode=floor",
        "conv = Conv(up, conv.weight, conv.bias) kernel_shape=[3, 3] pads=[1, 1, 1, 1] strides=[1, 1]",
        "8x8; \"quoted\" = ConvTranspose(conv, 8x8; \"quoted\".weight) kernel_shape=[4, 4] pads=[1, 1, 1, 1] strides=[2, 2]",
        "tanh = Tanh(8x8; \"quoted\")",
        "images.scaled = Mul(tanh, images.scale)",
        "images = Add(images.scaled, images.shift)",
    ];
    assert_eq!(nodes(&model), expected);
    let shapes = constants(&model);
    let shape = |name: &str| shapes.iter().find(|(of, _)| of == name).unwrap().1.clone();
    assert_eq!(shape("dense.weight"), [3, 16]);
    assert_eq!(shape("conv.weight"), [3, 4, 3, 3]);
    assert_eq!(shape("8x8; \"quoted\".weight"), [3, 2, 4, 4]);
    let graph = one(&model, 7);
    assert_eq!(declared(&one(&graph, 11)), "latents [batch, 3]");
    assert_eq!(declared(&one(&graph, 12)), "images [batch, 2, 8, 8]");
    let inner: Vec<String> = all(&graph, 13).iter().map(|value| declared(value)).collect();
    assert!(inner.contains(&"up [batch, 4, 4, 4]".to_owned()), "{inner:?}");
    assert_eq!(numbers(&one(&model, 8), 2), [17]);
    assert_eq!((text(&one(&model, 14), 1), text(&one(&model, 14), 2)), ("system".into(), "own".into()));
}

/// The weights of a model have the numbers of the engine, in the order of ONNX.
#[test]
fn kernels_are_turned_around() {
    let sampled = small();
    let model = model(&Generator::of_latents(&sampled).unwrap(), NoiseSource::Fixed, &[]).unwrap();
    let stored = all(&one(&model, 7), 5);
    let stored = stored.iter().find(|tensor| text(tensor, 8) == "conv.weight").unwrap();
    let bytes = one(stored, 9);
    let number = |at: usize| f32::from_le_bytes(bytes[4 * at..][..4].try_into().unwrap());
    let tensors = sampled.network.tensors();
    let (_, _, weight) = tensors.iter().find(|(name, _, _)| name == "generator.conv.weight").unwrap();
    for (out, input, y, x) in [(0, 0, 0, 0), (2, 3, 2, 1), (1, 2, 0, 2)] {
        let wanted = weight.data()[((y * 3 + x) * 4 + input) * 3 + out];
        assert_eq!(number(((out * 4 + input) * 3 + y) * 3 + x), wanted);
    }
}

/// A layer without a rule is refused by name.
#[test]
fn what_onnx_cannot_hold_is_named() {
    let network = Network::new("generator", &[4], Dialect::Torch, 1)
        .with("reshape", Reshape(vec![2, 2, 1]))
        .with("stddev", MinibatchStddev(4))
        .with("flatten", Flatten);
    let sampled = Sampled { network, end: Clone::clone };
    let refused = model(&Generator::of_latents(&sampled).unwrap(), NoiseSource::Fixed, &[]).unwrap_err();
    assert!(refused.what.contains("in `generator.stddev`"), "{refused:?}");

    let network = || Network::new("generator", &[4], Dialect::Torch, 1).with("dense", Dense::new(4));
    let mixing = Sampled { network: network(), end: |y| y.reshape([4, 1]) };
    let refused = model(&Generator::of_latents(&mixing).unwrap(), NoiseSource::Fixed, &[]).unwrap_err();
    assert!(refused.why.contains("mixes the images of a batch"), "{refused:?}");
    let unknown = Sampled { network: network(), end: |y| y.embed(1, 1, 1) };
    let refused = model(&Generator::of_latents(&unknown).unwrap(), NoiseSource::Fixed, &[]).unwrap_err();
    assert_eq!((&*refused.what, &*refused.why), ("the op `embed`", "the export has no rule for this op"));
}

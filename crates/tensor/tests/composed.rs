//! The building blocks of losses that contain a gradient have correct first and second derivatives,
//! in the combinations in which the systems use them. (`registry.rs` checks each op by itself.)

use kernels::{Fir, Padding, Precision, TransposedPadding};
use tensor::ops::{Domain, Function, sample};
use tensor::{Check, Options, Tape, Tensor, Var, grad, gradcheck};

type Part = (&'static str, Box<Function<'static>>, Vec<Tensor<f64>>);

/// A building block, with inputs of these shapes.
fn part(name: &'static str, shapes: &[&[usize]], apply: impl Fn(&[Var<f64>]) -> Var<f64> + 'static) -> Part {
    let inputs = shapes.iter().zip(1..).map(|(shape, seed)| sample(Domain::AwayFromZero, seed, shape)).collect();
    (name, Box::new(apply), inputs)
}

const SLOPE: f64 = 0.2;

/// A layer with an equalised learning rate: the weight times gain / sqrt(fan-in).
fn equalised(x: &Var<f64>, weight: &Var<f64>, bias: &Var<f64>) -> Var<f64> {
    let scale = (2.0 / weight.shape()[..3].iter().product::<usize>() as f64).sqrt();
    (&x.conv2d(&weight.scale(scale), [1, 1], Padding::Same) + bias).leaky_relu(SLOPE)
}

/// As in `nn`'s layer: all elements of an image become the pixels of one channel.
fn layer_norm(x: &Var<f64>, scale: &Var<f64>, shift: &Var<f64>) -> Var<f64> {
    let (n, size) = (x.shape()[0], x.value().size());
    let normal = x.reshape([n, size / n, 1, 1]).instance_norm(1e-5, None).reshape(*x.shape());
    &(&normal * scale) + shift
}

/// As in StyleGAN: each channel of each image is normalised, then scaled and shifted by the style.
fn adaptive_instance_norm(x: &Var<f64>, style: &Var<f64>) -> Var<f64> {
    let (n, c) = (x.shape()[0], x.shape()[3]);
    let [scale, shift] = [0, c].map(|from| style.slice(1, from..from + c).reshape([n, 1, 1, c]));
    &(&x.instance_norm(1e-8, None) * &scale.add_scalar(1.0)) + &shift
}

fn parts() -> Vec<Part> {
    let images: &[usize] = &[4, 4, 4, 2];
    let modulated = |v: &[Var<f64>], demodulate| {
        v[0].modulated(&v[1], &v[2], demodulate, |x, w| x.conv2d(w, [1, 1], Padding::Same))
    };
    let weighed: [&[usize]; 3] = [&[3, 4, 4, 2], &[3, 2], &[3, 3, 2, 3]];
    vec![
        part("pixel norm of a table", &[&[3, 5]], |v| v[0].pixel_norm(1e-8)),
        part("pixel norm of images", &[images], |v| v[0].pixel_norm(1e-8)),
        part("minibatch stddev, one group", &[images], |v| v[0].minibatch_stddev(4)),
        part("minibatch stddev, strided groups", &[&[6, 2, 3, 2]], |v| v[0].minibatch_stddev(3)),
        part("layer norm", &[images, &[2], &[2]], |v| layer_norm(&v[0], &v[1], &v[2])),
        part("instance norm", &[images], |v| v[0].instance_norm(1e-8, None)),
        part("instance norm, leaky ReLU", &[images], |v| v[0].instance_norm(1e-5, Some(SLOPE))),
        part("adaptive instance norm", &[images, &[4, 4]], |v| adaptive_instance_norm(&v[0], &v[1])),
        part("blur", &[images], |v| v[0].fir(&Fir::blur())),
        part("blur of an up-sampled convolution", &[images, &[3, 3, 2, 2]], |v| {
            v[0].upsample_conv2d(Precision::F32, &v[1], [2, 2], Padding::Same).fir(&Fir::blur())
        }),
        part("up by a filter, and down", &[images], |v| v[0].fir(&Fir::up2()).square().fir(&Fir::down2())),
        part("filter and strided convolution", &[images, &[3, 3, 2, 2]], |v| {
            v[0].fir(&Fir::before_strided(3)).conv2d(&v[1], [2, 2], Padding::Valid)
        }),
        part("average pooling", &[images], |v| v[0].average_pool([2, 2])),
        part("equalised convolution", &[images, &[3, 3, 2, 3], &[3]], |v| equalised(&v[0], &v[1], &v[2])),
        part("modulated convolution", &weighed, move |v| modulated(v, false)),
        part("modulated and demodulated convolution", &weighed, move |v| modulated(v, true)),
        part("modulated, transposed, demodulated, filtered", &weighed, |v| {
            v[0].modulated(&v[1], &v[2], true, |x, w| {
                let grown = x.conv_transpose2d(&w.turn_taps(), [2, 2], TransposedPadding::Valid);
                grown.fir(&Fir::after_transposed(3))
            })
        }),
        part("noise with a learned strength", &[images, &[2]], |v| {
            let noise = Var::constant(sample(Domain::Any, 5, &[4, 4, 4, 1]));
            &v[0] + &(&noise.broadcast_to([4, 4, 4, 2]) * &v[1])
        }),
        part("softplus", &[&[7]], |v| v[0].softplus()),
        part("a length", &[&[3, 5]], |v| v[0].square().sum_to([3, 1]).add_scalar(1e-12).sqrt()),
        part("two images mixed", &[images, images, &[4, 1, 1, 1]], |v| &v[0] + &(&v[2] * &(&v[1] - &v[0]))),
    ]
}

#[test]
fn every_part_has_right_derivatives_of_first_and_second_order() {
    let parts = parts();
    let (mut close, count) = (0, parts.len());
    for (name, apply, inputs) in parts {
        let [first, second] =
            gradcheck(name, &*apply, &inputs, Check::default()).unwrap_or_else(|wrong| panic!("{wrong}"));
        println!("{name:<45} {first:.1e} (first order) {second:.1e} (second)");
        close += usize::from(second < 1e-6);
    }
    assert!(close * 10 >= count * 9, "{close} of {count} have a second order to 1e-6");
}

/// A discriminator with two layers and the standard deviation within the batch as a feature.
fn logits(images: &Var<f64>, v: &[Var<f64>]) -> Var<f64> {
    let features = equalised(images, &v[0], &v[1]).fir(&Fir::down2()).minibatch_stddev(4);
    let (n, size) = (features.shape()[0], features.value().size());
    features.reshape([n, size / n]).matmul(&v[2])
}

/// R1: the mean over the images of the squared norm of the logit's gradient with respect to the
/// image.
fn r1(images: &Tensor<f64>, v: &[Var<f64>]) -> Var<f64> {
    let tape = v[0].node().map_or_else(Tape::new, |(tape, _)| tape.clone());
    let images = tape.variable("images", images.clone());
    let sum = logits(&images, v).sum();
    let gradient = grad(&sum, &[images], Options::CREATE_GRAPH).remove(0);
    gradient.square().sum().scale(1.0 / gradient.shape()[0] as f64)
}

/// Differentiates the gradient with respect to the images with respect to the weights, and that
/// once more.
#[test]
fn a_penalty_on_gradients_has_right_derivatives_by_the_weights() {
    let images = sample(Domain::Any, 1, &[4, 4, 4, 1]);
    let weights = [vec![3, 3, 1, 2], vec![2], vec![2 * 2 * 3, 1]];
    let weights = weights.map(|shape| sample(Domain::AwayFromZero, shape[0] as u32, &shape));
    let errors = gradcheck("R1", &|v| r1(&images, v), &weights, Check::default());
    let [first, second] = errors.unwrap_or_else(|wrong| panic!("{wrong}"));
    println!("{first:.1e} (first order) {second:.1e} (second)");
    assert!(first < 1e-7, "{first:e}");

    // The deviation is the only part that is non-linear between the kinks: without it, R1 would not
    // depend on the images. (Nor does it with groups of two, whose deviation is half their
    // difference.)
    let differs = |a: &Tensor<f64>, b: &Tensor<f64>| {
        let weights: Vec<_> = weights.iter().cloned().map(Var::constant).collect();
        (r1(a, &weights).item() - r1(b, &weights).item()).abs() > 1e-6
    };
    let nudged = Tensor::from_fn(*images.shape(), |i| images.data()[i] + if i == 0 { 1e-3 } else { 0.0 });
    assert!(differs(&images, &nudged));
}

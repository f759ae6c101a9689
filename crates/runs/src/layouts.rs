//! What the weights of a system mean, as text: layouts, padding, epsilons, latents, ranges. Every
//! checkpoint and every export contains it, so that others can use the weights without reading the
//! source code.

use models::{Direction, LatentKind, Sampler, System};
use serde_json::{Map, Value, json};

/// A distribution of latents in words.
pub(crate) fn latents(kind: LatentKind) -> &'static str {
    match kind {
        LatentKind::Normal => "each number is normal with mean 0 and standard deviation 1",
        LatentKind::Uniform => "each number is uniform in [-1, 1)",
        LatentKind::UnitUniform => "each number is uniform in [-sqrt(3), sqrt(3))",
        LatentKind::Sphere => "normal numbers, scaled to the norm sqrt(size): uniform on a sphere",
    }
}

/// A direction on the command line.
pub(crate) fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::AToB => "AtoB",
        Direction::BToA => "BtoA",
    }
}

/// The conventions and the layers of a system, as JSON.
pub(crate) fn of(system: &dyn System) -> Value {
    let mut layers = Map::new();
    for network in system.networks() {
        let specs = network.specs();
        for (path, about, _) in network.layers() {
            let spec = specs.iter().find(|(of, _)| *of == path).map(|(_, spec)| spec);
            let about = match spec.and_then(nn::LayerSpec::epsilon) {
                Some(epsilon) => format!("{about}, epsilon {epsilon:?}"),
                None => about,
            };
            layers.insert(path, about.into());
        }
    }
    let latents = match system.samples() {
        Sampler::Latents(sampler) => latents(sampler.kind()),
        Sampler::Points(plane) => latents(plane.sampler.kind()),
        Sampler::Images(_) => "none: the generators translate images",
    };
    json!({
        "activations": "(n, height, width, channels), or (n, size)",
        "weights": {
            "BatchNorm": "gamma * (x - running_mean) / sqrt(running_var + epsilon) + beta, each of shape (channels)",
            "Conv2d": "(kh, kw, in, out)",
            "ConvTranspose2d": "(kh, kw, out, in)",
            "Dense": "(in, out)",
            "ModulatedConv2d": "weight (k, k, in, out), style_weight (style, in), style_bias (in)",
            "equalised": "layers of progan, stylegan and stylegan2 multiply their weight by gain / sqrt(fan in) when they use it",
        },
        "padding": {
            "same": "out = ceil(in / stride), zeros around the image, the odd one at the bottom or right, as in TensorFlow",
            "pad a,b,c,d": "zeros at the top, bottom, left and right",
            "ConvTranspose2d same": "out = in * stride, with (kernel - stride) / 2 pixels, rounded down, cut off at the top and left",
            "ConvTranspose2d pad p,q": "padding of PyTorch",
        },
        "reshape": "memory order: channels vary fastest, then width, then height",
        "up-sampling": "nearest neighbour",
        "latents": latents,
        "order of latents": "sample n of a seed is row n of its latents (n, size)",
        "output": "Sigmoid: [0, 1]. Tanh: [-1, 1], and a sample is y / 2 + 1 / 2. \
            Without activation, as in growing systems: clamped to [-1, 1] first. Samples are in [0, 1], and a byte is 255 y, rounded half to even",
        "average": "the tensors average.* are a moving average of generator.*, with which samples are drawn",
        "layers": layers,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::{Settings as _, quickdraw};

    #[test]
    fn what_a_reader_needs_is_there() {
        let settings = quickdraw::Settings { batch: 2, depth: 2, ..quickdraw::Settings::preset("cpu").unwrap() };
        let system = quickdraw::Quickdraw::new(settings, 3).unwrap();
        let layouts = of(&system);
        assert_eq!(layouts["layers"]["generator.bn1"], "BatchNorm momentum 0.9, epsilon 0.001");
        assert_eq!(layouts["layers"]["discriminator.conv1"], "Conv2d 5x5 stride 2x2 same");
        assert_eq!(layouts["latents"], "each number is uniform in [-1, 1)");
    }
}

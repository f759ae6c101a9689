//! The models of all systems, small and with random weights, compute what the engine computes.

use std::collections::BTreeMap;

use kernels::Key;
use models::{Direction, Sampler, System};
use nn::State;
use tensor::Tensor;
use toml::Value;

use super::super::{NoiseSource, model};
use super::interpreter::{Array, run};
use crate::export::generator::Generator;
use crate::layouts::permuted;
use crate::systems::SYSTEMS;

/// Networks of every kind: system, preset, settings that make it small.
const SMALL: [(&str, &str, &str); 19] = [
    ("quickdraw", "cpu", "depth = 2\nema = 0.9"),
    ("mnist", "cpu", ""),
    ("vanilla", "cpu", "size = 8"),
    ("vanilla", "original", "size = 8"),
    ("dcgan", "cpu", "width = 2"),
    ("cifar", "cpu", "first = 8\nwidth = 8"),
    ("faces", "cpu", "width = 2"),
    ("folder", "cpu", "width = 2"),
    ("wgan-gp", "cpu", "width = 2"),
    ("wgan-gp", "cifar", "width = 2"),
    ("wgan-gp", "resnet", "width = 4"),
    ("wgan-gp", "gauss8", "width = 8"),
    ("cyclegan", "cpu", "size = 32\nblocks = 1\ngenerator_width = 2\ndiscriminator_width = 2"),
    (
        "cyclegan",
        "cpu",
        "upsample = \"resize-conv\"\nsize = 32\nblocks = 1\ngenerator_width = 2\ndiscriminator_width = 2",
    ),
    ("cyclegan", "cpu", "variant = \"course\"\nsize = 32\nblocks = 1\ngenerator_width = 2\ndiscriminator_width = 2"),
    ("progan", "cpu", "size = 16\nfmap_base = 32\nfmap_max = 4\nresume_kimg = 30.0"),
    ("stylegan", "cpu", "size = 16\nfmap_base = 32\nfmap_max = 4\nresume_kimg = 10.0"),
    ("stylegan", "cpu", "size = 16\nfmap_base = 32\nfmap_max = 4\nresume_kimg = 500.0"),
    ("stylegan2", "cpu", "size = 16\nfmap_base = 32\nfmap_max = 4"),
];

/// The system with weights that are all different from 0 and 1.
fn random(name: &str, preset: &str, settings: &str) -> Box<dyn System> {
    let entry = SYSTEMS.iter().find(|entry| entry.name == name).unwrap();
    let mut table = entry.settings(preset);
    for (key, value) in settings.parse::<toml::Table>().unwrap() {
        let known = table.insert(key.clone(), value);
        assert!(known.is_some_and(|known: Value| known.same_type(&table[&key])), "{name} has no setting {key}");
    }
    let mut system = entry.build(&table, 5).unwrap_or_else(|bad| panic!("{name}: {}", bad.why));
    let State { tensors, counters } = system.state();
    let varied = |(name, tensor): (String, Tensor)| {
        // Large enough for images that show something.
        let square: f64 = tensor.data().iter().map(|x| f64::from(*x).powi(2)).sum();
        let deviation = (0.5 * (square / tensor.size().max(1) as f64).sqrt()).max(0.2);
        let noise = nn::init::normal(tensor.shape(), 0.0, deviation, Key::named(7, &name));
        let positive = name.ends_with("running_var");
        let value = |i: usize| {
            let sum = tensor.data()[i] + noise.data()[i];
            if positive { sum.abs() + 0.1 } else { sum }
        };
        let varied = Tensor::from_fn(*tensor.shape(), value);
        (name, varied)
    };
    let tensors: BTreeMap<String, Tensor> = tensors.into_iter().map(varied).collect();
    system.restore(&State { tensors, counters }).unwrap();
    system
}

/// The engine's images in the layout of ONNX.
fn turned(tensor: &Tensor) -> Array {
    let shape = tensor.shape().to_vec();
    let tensor = if shape.len() == 4 { permuted(tensor, &[0, 3, 1, 2]) } else { tensor.clone() };
    Array { shape: tensor.shape().to_vec(), data: tensor.data().to_vec() }
}

/// What is wrong with the output of a model.
fn faults(drawn: &Array, wanted: &Array) -> Option<String> {
    if drawn.shape != wanted.shape {
        return Some(format!("shape {:?}, not {:?}", drawn.shape, wanted.shape));
    }
    let apart = drawn.data.iter().zip(&wanted.data).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    let (low, high) = wanted.data.iter().fold((f32::MAX, f32::MIN), |(low, high), x| (low.min(*x), high.max(*x)));
    // A tenth of a level of 255, of images that show something.
    let fine = apart < 4e-4 && high - low > 0.05;
    (!fine).then(|| format!("{apart:e} apart, in images from {low} to {high}"))
}

#[test]
fn the_models_of_all_systems_compute_what_the_engine_computes() {
    let mut wrong = Vec::new();
    for (name, preset, settings) in SMALL {
        let system = random(name, preset, settings);
        let mut check = |generator: &Generator, noise: NoiseSource, input: &Tensor, wanted: &Tensor| {
            let fault = match model(generator, noise, &[]) {
                Ok(model) => faults(&run(&model, turned(input)), &turned(wanted)),
                Err(refused) => Some(format!("{refused:?}")),
            };
            wrong.extend(fault.map(|fault| format!("{name} {preset} {settings:?}, {}: {fault}", generator.stem)));
        };
        match system.samples() {
            Sampler::Latents(sampler) | Sampler::Points(models::Plane { sampler, .. }) => {
                let generator = Generator::of_latents(sampler).unwrap();
                let latents = sampler.latents(3, "a test", 2);
                let wanted = sampler.draw(&latents);
                check(&generator, NoiseSource::Fixed, &latents, &wanted);
                if sampler.styles().is_some() {
                    check(&generator, NoiseSource::Input, &latents, &wanted);
                }
            }
            Sampler::Images(sampler) => {
                let images = nn::init::uniform(&[1, 32, 32, 3], 0.0, 1.0, Key::named(1, "images"));
                for direction in [Direction::AToB, Direction::BToA] {
                    let generator = Generator::of_images(sampler, direction, [32, 32, 3]).unwrap();
                    check(&generator, NoiseSource::Fixed, &images, &sampler.translate(direction, &images));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

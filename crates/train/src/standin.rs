//! Stands in for the engine and the data crates until they are merged; `engine.rs` is the only file that names it.
#![allow(dead_code, missing_docs, unreachable_pub)]

use std::collections::BTreeMap;
use std::fmt;

#[derive(Clone, PartialEq, Debug)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Vec<f32>,
}

impl Tensor {
    pub fn new(shape: &[usize], data: Vec<f32>) -> Tensor {
        assert_eq!(shape.iter().product::<usize>(), data.len());
        Tensor { shape: shape.to_vec(), data }
    }
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }
    pub fn data(&self) -> &[f32] {
        &self.data
    }
}

#[derive(Debug)]
pub struct NonFinite(pub String);

impl fmt::Display for NonFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NonFinite {}

#[derive(Clone, Default, PartialEq, Debug)]
pub struct State {
    pub tensors: BTreeMap<String, Tensor>,
    pub counters: BTreeMap<String, u64>,
}

#[derive(Clone, Default, PartialEq, Debug)]
pub struct StateError {
    pub missing: Vec<String>,
    pub unexpected: Vec<String>,
    pub reshaped: Vec<(String, Vec<usize>, Vec<usize>)>,
}

pub struct Network(&'static str);

impl Network {
    pub fn name(&self) -> &str {
        self.0
    }
    pub fn summary(&self) -> String {
        format!("{}\n  stand-in\n", self.0)
    }
}

pub trait System {
    fn name(&self) -> &'static str;
    fn image_shape(&self) -> [usize; 3];
    fn metrics(&self) -> &'static [&'static str];
    fn batch(&self, step: u64, available: usize) -> Vec<usize>;
    fn step(&mut self, step: u64, reals: &Tensor) -> Result<Vec<f64>, NonFinite>;
    fn draw(&self, latents: &Tensor) -> Tensor;
    fn latents(&self, seed: u64, stream: &str, count: usize) -> Tensor;
    fn networks(&self) -> Vec<&Network>;
    fn state(&self) -> State;
    fn restore(&mut self, state: &State) -> Result<(), StateError>;
}

fn noise(seed: u64, i: u64) -> f32 {
    let mut z = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(i.wrapping_mul(0xBF58_476D_1CE4_E5B9));
    z = (z ^ (z >> 30)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    (z >> 40) as f32 / 8_388_608.0 - 1.0
}

pub mod quickdraw {
    use super::*;

    #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Settings {
        pub batch: usize,
        pub latent: usize,
        pub depth: usize,
        pub dropout: f32,
        pub d_learning_rate: f32,
        pub g_learning_rate: f32,
    }

    impl Default for Settings {
        fn default() -> Self {
            Self::seed()
        }
    }

    impl Settings {
        pub fn seed() -> Self {
            Self { batch: 128, latent: 32, depth: 64, dropout: 0.4, d_learning_rate: 8e-4, g_learning_rate: 4e-4 }
        }
        pub fn cpu() -> Self {
            Self { batch: 32, depth: 32, ..Self::seed() }
        }
    }

    #[derive(Debug)]
    pub struct SettingsError {
        pub key: &'static str,
        pub why: String,
    }

    pub struct Quickdraw {
        settings: Settings,
        seed: u64,
        networks: [Network; 2],
        state: State,
    }

    impl Quickdraw {
        pub fn new(settings: Settings, seed: u64) -> Result<Self, SettingsError> {
            if !(2..=4096).contains(&settings.batch) {
                return Err(SettingsError { key: "batch", why: "allowed: 2 to 4096".into() });
            }
            if !(0.0..1.0).contains(&settings.dropout) {
                return Err(SettingsError { key: "dropout", why: "allowed: 0 up to but not including 1".into() });
            }
            let mut state = State::default();
            let g = (0..settings.latent * 784).map(|i| noise(seed, i as u64)).collect();
            state.tensors.insert("generator.weight".into(), Tensor::new(&[settings.latent, 784], g));
            let d = (0..settings.depth).map(|i| noise(seed + 1, i as u64)).collect();
            state.tensors.insert("discriminator.weight".into(), Tensor::new(&[settings.depth], d));
            state.counters.insert("generator.optimizer.updates".into(), 0);
            Ok(Self { settings, seed, networks: [Network("discriminator"), Network("generator")], state })
        }
    }

    impl System for Quickdraw {
        fn name(&self) -> &'static str {
            "quickdraw"
        }
        fn image_shape(&self) -> [usize; 3] {
            [28, 28, 1]
        }
        fn metrics(&self) -> &'static [&'static str] {
            &["d_loss", "d_acc", "g_loss", "g_acc"]
        }
        fn batch(&self, step: u64, available: usize) -> Vec<usize> {
            (0..self.settings.batch).map(|i| (step as usize * 31 + i * 7) % available).collect()
        }
        fn step(&mut self, step: u64, reals: &Tensor) -> Result<Vec<f64>, NonFinite> {
            let mean: f32 = reals.data().iter().sum::<f32>() / reals.data().len() as f32;
            let rate = self.settings.g_learning_rate;
            for tensor in self.state.tensors.values_mut() {
                let data = tensor.data.iter().map(|w| w + rate * (mean - w * 0.1)).collect();
                *tensor = Tensor::new(&tensor.shape.clone(), data);
            }
            *self.state.counters.entry("generator.optimizer.updates".into()).or_default() += 1;
            let t = step as f64;
            let n = |k| f64::from(noise(self.seed + k, step));
            let d = (0.12 + 0.6 * (-t / 60.0).exp() + 0.0001 * t) * (0.5 * n(7)).exp();
            let g = (0.9 + 7.0 * (-(t - 80.0).powi(2) / 3000.0).exp() + 0.001 * t) * (0.5 * n(8)).exp();
            Ok(vec![d, (0.85 + 0.1 * n(9)).clamp(0.0, 1.0), g, (0.2 + 0.15 * n(10)).clamp(0.0, 1.0)])
        }
        fn draw(&self, latents: &Tensor) -> Tensor {
            let w = self.state.tensors["generator.weight"].data();
            let latent = self.settings.latent;
            let rows = latents.shape()[0];
            let mut out = vec![0.0; rows * 784];
            for (z, image) in latents.data().chunks(latent).zip(out.chunks_mut(784)) {
                for (p, pixel) in image.iter_mut().enumerate() {
                    let x: f32 = (0..latent).map(|k| z[k] * w[k * 784 + p]).sum();
                    *pixel = 1.0 / (1.0 + (-x).exp());
                }
            }
            Tensor::new(&[rows, 28, 28, 1], out)
        }
        fn latents(&self, seed: u64, stream: &str, count: usize) -> Tensor {
            let key = stream.bytes().fold(seed, |k, b| k.wrapping_mul(31).wrapping_add(u64::from(b)));
            let n = count * self.settings.latent;
            Tensor::new(&[count, self.settings.latent], (0..n).map(|i| noise(key, i as u64)).collect())
        }
        fn networks(&self) -> Vec<&Network> {
            self.networks.iter().collect()
        }
        fn state(&self) -> State {
            self.state.clone()
        }
        fn restore(&mut self, state: &State) -> Result<(), StateError> {
            let mut error = StateError::default();
            for (name, wanted) in &self.state.tensors {
                match state.tensors.get(name) {
                    None => error.missing.push(name.clone()),
                    Some(found) if found.shape != wanted.shape => {
                        error.reshaped.push((name.clone(), wanted.shape.clone(), found.shape.clone()));
                    }
                    Some(_) => {}
                }
            }
            error.unexpected.extend(state.tensors.keys().filter(|n| !self.state.tensors.contains_key(*n)).cloned());
            if error != StateError::default() {
                return Err(error);
            }
            self.state = state.clone();
            Ok(())
        }
    }
}

pub mod datasets {
    use std::path::Path;

    pub struct Images {
        pixels: Vec<u8>,
    }

    pub struct Suspects;

    impl Suspects {
        pub fn warning(&self) -> Option<String> {
            None
        }
    }

    impl Images {
        pub fn count(&self) -> usize {
            self.pixels.len() / 784
        }
        pub fn height(&self) -> usize {
            28
        }
        pub fn width(&self) -> usize {
            28
        }
        pub fn channels(&self) -> usize {
            1
        }
        pub fn image(&self, i: usize) -> &[u8] {
            &self.pixels[i * 784..][..784]
        }
        pub fn origin(&self) -> &str {
            "built-in drawings"
        }
        pub fn fingerprint(&self) -> String {
            use sha2::{Digest, Sha256};
            Sha256::digest(&self.pixels).iter().take(8).map(|b| format!("{b:02x}")).collect()
        }
        pub fn gather(&self, indices: &[usize]) -> Vec<f32> {
            indices.iter().flat_map(|&i| self.image(i).iter().map(|&b| f32::from(b) / 255.0)).collect()
        }
        pub fn require(&self, batch: usize) -> Result<(), DataError> {
            if self.count() < batch {
                return Err(DataError(format!("{} images, but a batch takes {batch} different ones", self.count())));
            }
            Ok(())
        }
        pub fn suspects(&self) -> Suspects {
            Suspects
        }
    }

    pub struct DataError(String);

    impl DataError {
        pub fn what(&self) -> String {
            "cannot use the images".into()
        }
        pub fn path(&self) -> Option<&Path> {
            None
        }
        pub fn why(&self) -> String {
            self.0.clone()
        }
        pub fn help(&self) -> String {
            "use other images".into()
        }
    }

    pub enum Source {
        BuiltIn,
        Other(u64),
    }

    impl Source {
        pub fn resolve(data: Option<&Path>, _class: Option<&str>, _root: &Path) -> Result<Self, DataError> {
            match data {
                None => Ok(Self::BuiltIn),
                // Any file that is there stands for other images.
                Some(path) => match std::fs::metadata(path) {
                    Ok(about) => Ok(Self::Other(about.len())),
                    Err(error) => Err(DataError(error.to_string())),
                },
            }
        }
        pub fn load(&self, seed: u64) -> Result<Images, DataError> {
            match self {
                Self::BuiltIn => Ok(apples(20_000, seed)),
                Self::Other(length) => Ok(apples(200, *length)),
            }
        }
    }

    impl std::fmt::Display for Source {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("data: built-in drawings")
        }
    }

    pub fn apples(count: usize, seed: u64) -> Images {
        let mut pixels = vec![0_u8; count * 784];
        for (n, image) in pixels.chunks_mut(784).enumerate() {
            let radius = 8.0 + super::noise(seed, n as u64) * 3.0;
            for (p, pixel) in image.iter_mut().enumerate() {
                let (y, x) = ((p / 28) as f32 - 13.5, (p % 28) as f32 - 13.5);
                *pixel = (255.0 * (1.0 - ((y * y + x * x).sqrt() - radius).abs()).clamp(0.0, 1.0)) as u8;
            }
        }
        Images { pixels }
    }
}

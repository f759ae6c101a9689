//! One quickdraw training step in burn, timed: the contender `burn` of `tools/compare_step.py`,
//! which says what a step is.
//!
//! Weights are initialised burn's own way, which changes nothing about the time.
//!
//! `burn_step BATCH STEPS WARM_UP STARTED` prints one line of JSON: the seconds of each step after
//! the warm-up, and from `STARTED` (seconds since 1970) to the end of the first step. The threads
//! are rayon's: RAYON_NUM_THREADS.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use burn::grad_clipping::GradientClippingConfig;
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig};
use burn::nn::interpolate::{Interpolate2d, Interpolate2dConfig};
use burn::nn::loss::BinaryCrossEntropyLossConfig;
use burn::nn::{BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::optim::{GradientsParams, ModuleOptimizer, RmsPropConfig};
use burn::tensor::activation::{relu, sigmoid};
use burn::tensor::{Device, Distribution, Int, Tensor};

const LATENT: usize = 32;
const DROPOUT: f64 = 0.4;

#[derive(Module, Debug)]
struct Discriminator {
    convs: Vec<Conv2d>,
    dropout: Dropout,
    dense: Linear,
}

impl Discriminator {
    fn new(device: &Device) -> Self {
        let conv = |channels, stride, [before, after]: [usize; 2]| {
            Conv2dConfig::new(channels, [5, 5])
                .with_stride([stride; 2])
                .with_padding(PaddingConfig2d::Explicit(before, before, after, after))
                .init(device)
        };
        Self {
            // TensorFlow's `same` for 28 -> 14 and 14 -> 7 pads one pixel before and two after.
            convs: vec![
                conv([1, 64], 2, [1, 2]),
                conv([64, 128], 2, [1, 2]),
                conv([128, 256], 2, [2, 2]),
                conv([256, 512], 1, [2, 2]),
            ],
            dropout: DropoutConfig::new(DROPOUT).init(),
            dense: LinearConfig::new(8192, 1).init(device),
        }
    }

    fn forward(&self, images: Tensor<4>) -> Tensor<1> {
        let step = |x, conv: &Conv2d| self.dropout.forward(relu(conv.forward(x)));
        let map = self.convs.iter().fold(images, step);
        self.dense.forward(map.flatten::<2>(1, 3)).flatten(0, 1)
    }
}

#[derive(Module, Debug)]
struct Generator {
    dense: Linear,
    norm: BatchNorm,
    dropout: Dropout,
    up: Interpolate2d,
    turned: Vec<ConvTranspose2d>,
    norms: Vec<BatchNorm>,
    conv: Conv2d,
}

impl Generator {
    fn new(device: &Device) -> Self {
        let norm = |features| BatchNormConfig::new(features).with_epsilon(1e-3).with_momentum(0.1).init(device);
        let turned = |channels| ConvTranspose2dConfig::new(channels, [5, 5]).with_padding([2, 2]).init(device);
        Self {
            dense: LinearConfig::new(LATENT, 3136).init(device),
            norm: norm(3136),
            dropout: DropoutConfig::new(DROPOUT).init(),
            up: Interpolate2dConfig::new().with_scale_factor(Some([2.0, 2.0])).init(),
            turned: [[64, 32], [32, 16], [16, 8]].map(turned).into(),
            norms: [32, 16, 8].map(norm).into(),
            conv: Conv2dConfig::new([8, 1], [5, 5]).with_padding(PaddingConfig2d::Explicit(2, 2, 2, 2)).init(device),
        }
    }

    fn forward(&self, latents: Tensor<2>) -> Tensor<4> {
        let [batch, _] = latents.dims();
        let map = relu(self.norm.forward(self.dense.forward(latents))).reshape([batch, 64, 7, 7]);
        let mut map = self.dropout.forward(map);
        for (i, (turned, norm)) in self.turned.iter().zip(&self.norms).enumerate() {
            if i < 2 {
                map = self.up.forward(map);
            }
            map = relu(norm.forward(turned.forward(map)));
        }
        sigmoid(self.conv.forward(map))
    }
}

/// Binary cross-entropy from logits, the mean over the batch.
fn loss(logits: Tensor<1>, labels: &Tensor<1, Int>) -> Tensor<1> {
    let device = logits.device();
    BinaryCrossEntropyLossConfig::new().with_logits(true).init(&device).forward(logits, labels.clone())
}

fn rms_prop() -> ModuleOptimizer {
    RmsPropConfig::new()
        .with_alpha(0.9)
        .with_momentum(0.0)
        .with_epsilon(1e-7)
        .with_grad_clipping(Some(GradientClippingConfig::Value(1.0)))
        .init()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [batch, steps, warm_up, started] = &arguments[..] else {
        panic!("usage: burn_step BATCH STEPS WARM_UP STARTED")
    };
    let [batch, steps, warm_up] = [batch, steps, warm_up].map(|count| count.parse::<usize>().expect("a number"));
    let started: f64 = started.parse().expect("seconds since 1970");

    let plain = Device::flex();
    let device = plain.clone().autodiff();
    let (mut discriminator, mut generator) = (Discriminator::new(&device), Generator::new(&device));
    assert_eq!(discriminator.num_params(), 4_311_553);
    assert_eq!(generator.num_params(), 183_713); // running statistics included
    let (mut d_optimizer, mut g_optimizer) = (rms_prop(), rms_prop());
    let images = Tensor::<4>::random([1024, 1, 28, 28], Distribution::Uniform(0.0, 1.0), &plain);
    let latents = |device: &Device| Tensor::<2>::random([batch, LATENT], Distribution::Uniform(-1.0, 1.0), device);
    let real = Tensor::<1, Int>::ones([batch], &device);
    let labels = Tensor::cat(vec![real.clone(), Tensor::zeros([batch], &device)], 0);

    let mut step = |number: usize| {
        let first = number * 37 % (1024 - batch + 1);
        let reals = images.clone().slice([first..first + batch]);
        let fakes = generator.valid().forward(latents(&plain));
        let both = Tensor::cat(vec![reals, fakes], 0).autodiff();
        let d_loss = loss(discriminator.forward(both), &labels);
        let gradients = GradientsParams::from_grads(d_loss.backward(), &discriminator);
        discriminator = d_optimizer.step(8e-4, discriminator.clone(), gradients);

        let frozen = discriminator.clone().no_grad(); // no weight gradients; its dropout stays on
        let g_loss = loss(frozen.forward(generator.forward(latents(&device))), &real);
        let gradients = GradientsParams::from_grads(g_loss.backward(), &generator);
        generator = g_optimizer.step(4e-4, generator.clone(), gradients);
        let losses = [d_loss, g_loss].map(|loss| loss.into_scalar::<f32>());
        assert!(losses.iter().all(|loss| loss.is_finite()), "losses {losses:?}");
        losses
    };

    let mut losses = step(0);
    let first = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64() - started;
    for number in 1..warm_up {
        losses = step(number);
    }
    let mut seconds = Vec::new();
    for number in 0..steps {
        let start = Instant::now();
        losses = step(warm_up + number);
        seconds.push(start.elapsed().as_secs_f64());
    }
    eprintln!("losses of the last step: {losses:?}");
    println!("{{\"seconds\": {seconds:?}, \"first\": {first}, \"version\": \"burn 0.22.1, Flex, x86-v4\"}}");
}

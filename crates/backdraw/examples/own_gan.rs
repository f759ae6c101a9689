//! Your own GAN: two small networks that learn to draw digits, with a run folder, resuming, samples
//! and a report.

use backdraw::prelude::*;

const LATENT: usize = 16;
const BATCH: usize = 16;
const METRICS: [MetricDescription; 3] = [D_LOSS, D_ACC, G_LOSS];

/// The networks and their optimisers.
pub(crate) struct OwnGan {
    seed: u64,
    batches: BatchSampler,
    discriminator: Network,
    generator: Network,
    optimizers: [Optimizer; 2],
}

impl OwnGan {
    /// New networks with weights drawn from this seed.
    pub(crate) fn new(seed: u64) -> Self {
        let discriminator = Network::new("discriminator", &[28, 28, 1], Dialect::Torch, seed)
            .with("conv1", Conv2d::new(8, 5).stride(2))
            .with("lrelu1", Activation::LeakyRelu(0.2))
            .with("conv2", Conv2d::new(16, 5).stride(2))
            .with("lrelu2", Activation::LeakyRelu(0.2))
            .with("flatten", Flatten)
            .with("dense", Dense::new(1));
        let generator = Network::new("generator", &[LATENT], Dialect::Torch, seed)
            .with("dense", Dense::new(7 * 7 * 16))
            .with("relu1", Activation::Relu)
            .with("reshape", Reshape(vec![7, 7, 16]))
            .with("up1", UpSampling2d([2, 2]))
            .with("conv1", Conv2d::new(8, 5))
            .with("relu2", Activation::Relu)
            .with("up2", UpSampling2d([2, 2]))
            .with("conv2", Conv2d::new(1, 5))
            .with("sigmoid", Activation::Sigmoid);
        let optimizers = [&discriminator, &generator].map(|network| Optimizer::adam(network, 1e-3, 0.5, 0.999));
        Self { seed, batches: BatchSampler::new(true, true), discriminator, generator, optimizers }
    }
}

impl System for OwnGan {
    fn name(&self) -> &'static str {
        "own-gan"
    }
    fn image_shape(&self) -> Option<[usize; 3]> {
        Some([28, 28, 1])
    }
    fn metrics(&self) -> &'static [MetricDescription] {
        &METRICS
    }
    fn batch_size(&self) -> usize {
        BATCH
    }
    fn batch(&self, step: u64, available: &[usize]) -> Vec<Vec<usize>> {
        vec![self.batches.mini_batch(self.seed, step, BATCH, available[0])]
    }

    fn step(&mut self, step: u64, reals: &[Tensor]) -> Result<StepMetrics, StepError> {
        let random = |purpose| RngContext { seed: self.seed, step, purpose };
        let latents = LatentKind::Normal.draw(BATCH, LATENT, Key::named(self.seed, "latents").at(step as u32));
        let images = Var::constant(reals[0].concat(&self.generator.infer(&latents)));
        let ones = Tensor::full([BATCH, 1], 1.0);
        let labels = ones.concat(&Tensor::zeros([BATCH, 1]));
        let (gradients, [d_loss, d_acc]) = differentiate(random("discriminator"), |ctx| {
            let logits = self.discriminator.forward(ctx, &images);
            let loss = bce_with_logits(&logits, &labels);
            let numbers = [f64::from(loss.item()), accuracy(&logits, &labels)];
            (loss, numbers)
        })?;
        self.optimizers[0].step(&mut self.discriminator, &gradients);
        let (gradients, g_loss) = differentiate(random("generator"), |ctx| {
            let fakes = self.generator.forward(ctx, &Var::constant(latents.clone()));
            let loss = bce_with_logits(&ctx.frozen(|ctx| self.discriminator.forward(ctx, &fakes)), &ones);
            let number = f64::from(loss.item());
            (loss, number)
        })?;
        self.optimizers[1].step(&mut self.generator, &gradients);
        Ok(StepMetrics::new(&METRICS, vec![d_loss, d_acc, g_loss]))
    }

    fn samples(&self) -> Sampler<'_> {
        Sampler::Latents(self)
    }
    fn networks(&self) -> Vec<&Network> {
        vec![&self.discriminator, &self.generator]
    }
    parts!(discriminator, generator, optimizers);
}

impl FromLatents for OwnGan {
    fn kind(&self) -> LatentKind {
        LatentKind::Normal
    }
    fn latents(&self, seed: u64, stream: &str, count: usize) -> Tensor {
        LatentKind::Normal.draw(count, LATENT, Key::named(seed, stream))
    }
    fn draw(&self, latents: &Tensor) -> Tensor {
        self.generator.infer(latents)
    }
}

fn main() -> Result<(), Failure> {
    let run = Run::new(OwnGan::new).data("built-in").steps(500).out("runs/own-gan").save_on_signals();
    let done = run.train()?;
    println!("{}", sample(&SampleRequest { own: Some(run.system()), count: Some(64), ..SampleRequest::of(done.run) })?);
    Ok(())
}

//! Your own layer: Swish with a learned slope, y = x sigmoid(beta x), one beta per channel
//! (Ramachandran, Zoph and Le, "Searching for activation functions", 2017).
//!
//! Run `cargo run -p backdraw --example own_layer`. A network with the layer learns the function
//! |x|, and the program prints what the slopes have become.

use backdraw::prelude::*;

/// The layer. Its tensors have their shapes once the layer is built into a network.
pub(crate) struct Swish {
    beta: Tensor,
}

impl Swish {
    /// A layer with all slopes 1.
    pub(crate) fn new() -> Self {
        Self { beta: Tensor::zeros([0]) }
    }
}

impl Layer for Swish {
    fn describe(&self) -> String {
        "Swish".into()
    }

    fn build(&mut self, ctx: &BuildContext) -> Result<Vec<usize>, String> {
        let channels = *ctx.input.last().ok_or("it needs an input with at least one axis")?;
        self.beta = Tensor::full([channels], 1.0);
        Ok(ctx.input.to_vec())
    }

    fn forward(&self, ctx: &mut ForwardContext, x: &Var) -> Var {
        // A variable of the tape, or a constant if the network is frozen.
        let beta = ctx.parameter("beta", &self.beta);
        x * (x * beta).sigmoid()
    }

    fn tensors(&self) -> Vec<(&'static str, TensorKind, &Tensor)> {
        vec![("beta", TensorKind::Parameter, &self.beta)]
    }

    fn tensors_mut(&mut self) -> Vec<(&'static str, TensorKind, &mut Tensor)> {
        vec![("beta", TensorKind::Parameter, &mut self.beta)]
    }
}

/// A network with the layer, trained for `steps` steps; and its first and last losses.
pub(crate) fn train(steps: u64) -> Result<(Network, [f32; 2]), NonFinite> {
    let seed = 1;
    let mut network = Network::new("network", &[1], Dialect::Torch, seed)
        .with("dense1", Dense::new(16))
        .with("swish", Swish::new())
        .with("dense2", Dense::new(1));
    let mut optimizer = Optimizer::adam(&network, 1e-2, 0.9, 0.999);
    let x = Var::constant(Tensor::from_fn([64, 1], |i| i as f32 / 32.0 - 1.0));
    let target = x.abs();
    let mut losses = Vec::new();
    for step in 0..steps {
        let (gradients, loss) = differentiate(RngContext { seed, step, purpose: "regression" }, |ctx| {
            let loss = mse(&network.forward(ctx, &x), &target);
            let number = loss.item();
            (loss, number)
        })?;
        optimizer.step(&mut network, &gradients);
        losses.push(loss);
    }
    let ends = [losses[0], losses[losses.len() - 1]];
    Ok((network, ends))
}

fn main() -> Result<(), NonFinite> {
    let (network, [first, last]) = train(500)?;
    println!("{}\nmean squared error: {first:.4} at first, {last:.6} at the end", network.summary());
    for (name, _, tensor) in network.tensors().iter().filter(|(name, ..)| name.ends_with("beta")) {
        println!("{name}: {:.2?}", tensor.data());
    }
    Ok(())
}

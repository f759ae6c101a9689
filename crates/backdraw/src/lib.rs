//! Backdraw as one crate: a GAN trainer for the CPU, with an engine that you can read.
//!
//! Every crate of the engine is a module here; the [`prelude`] exports everything that a program
//! with its own GAN needs. The example `own_gan` defines two networks and a training step, and
//! [`Run`](runs::Run) gives it a run folder with checkpoints, metrics, sheets of samples and
//! curves:
//!
//! ```text
//! cargo run -p backdraw --example own_gan
//! ```
//!
//! A first gradient:
//!
//! ```
//! use backdraw::prelude::*;
//! use backdraw::tensor::{Options, grad};
//!
//! let tape = Tape::new();
//! let x = tape.variable("x", Tensor::new(&[2], vec![1.0, 2.0_f32]));
//! let y = (&x * &x).sum();
//! let gradients = grad(&y, &[x], Options::default());
//! assert_eq!(gradients[0].value().data(), [2.0, 4.0]);
//! ```

pub use datasets;
pub use explain;
pub use kernels;
pub use metrics;
pub use models;
pub use nn;
pub use runs;
pub use tensor;

/// Everything that a program with its own GAN needs.
pub mod prelude {
    pub use kernels::Key;
    pub use models::step_metrics::{D_ACC, D_LOSS, G_ACC, G_LOSS};
    pub use models::{FromLatents, LatentKind, MetricDescription, Sampler, StepMetrics, System};
    pub use nn::layers::{
        Activation, BatchNorm, Conv2d, ConvTranspose2d, Dense, Dropout, Flatten, Reshape, UpSampling2d,
    };
    pub use nn::losses::{accuracy, bce_with_logits};
    pub use nn::{Dialect, ForwardContext, Network, Optimizer, RngContext, Stateful, differentiate};
    pub use runs::{Failure, Output, Run};
    pub use tensor::{NonFinite, Tape, Tensor, Var};
}

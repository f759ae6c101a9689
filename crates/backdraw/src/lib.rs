#![doc = include_str!("landing/start.md")]
#![doc = "```no_run"]
#![doc = include_str!("../examples/own_gan.rs")]
#![doc = "```"]
#![doc = include_str!("landing/next.md")]

pub use datasets;
pub use explain;
pub use kernels;
pub use metrics;
pub use models;
pub use nn;
pub use runs;
pub use tensor;

/// What programs with their own GAN, layer, operation or loss need.
pub mod prelude {
    pub use datasets::Images;
    pub use kernels::{Element, Key};
    pub use models::parts;
    pub use models::step_metrics::{D_ACC, D_FAKE, D_LOSS, D_REAL, G_ACC, G_LOSS, Unit};
    pub use models::{
        BatchSampler, Direction, FromLatents, LatentKind, MetricDescription, Mixture, Plane, Sampler, SettingsError,
        StepError, StepMetrics, System, Translate,
    };
    pub use nn::layers::*;
    pub use nn::losses::*;
    pub use nn::{
        BuildContext, Dialect, Fan, ForwardContext, Initializer, Layer, Network, Optimizer, RngContext, Stateful,
        TensorKind, differentiate,
    };
    pub use runs::evaluation::{EvaluateRequest, evaluate};
    pub use runs::explanation::ExplainRequest;
    pub use runs::report::{ReportRequest, report};
    pub use runs::sampling::translate::{TranslateRequest, translate};
    pub use runs::sampling::{SampleRequest, sample};
    pub use runs::systems::Trainable;
    pub use runs::{Failure, Output, Run, Trained, open_trained};
    pub use tensor::{
        Call, Check, NonFinite, Op, Options, Replay, Rows, Saves, Tape, Tensor, Var, grad, gradcheck, vjp,
    };
}

//! `train evaluate` and `train evalnet`: the quality of images in numbers.

use std::sync::Arc;

use runs::config::Assignment;
use runs::console::{Output, print};
use runs::evaluation::evalnet::{self, EvalnetRequest};
use runs::evaluation::{EvaluateRequest, evaluate};
use runs::failure::Failure;
use runs::systems::Trainable;

use crate::cli::evaluation::{EvalnetArgs, EvaluateArgs};

/// Evaluates a run.
///
/// # Errors
/// As [`evaluate`].
pub(crate) fn run(args: &EvaluateArgs) -> Result<(), Failure> {
    let evaluation = evaluate(&EvaluateRequest {
        run: args.run.clone(),
        own: None,
        count: args.count,
        seed: args.seed,
        psi: args.psi,
        extractor: Some(args.extractor.clone()),
        data: args.data.clone(),
        metrics: args.metrics.clone(),
        out: args.out.clone(),
        output: Output::Standard,
    })?;
    print(&evaluation.to_string())
}

/// Trains the classifier that metrics use.
///
/// # Errors
/// As [`evalnet::train`].
pub(crate) fn train_evalnet(system: &Arc<Trainable>, args: &EvalnetArgs) -> Result<(), Failure> {
    let data = args.data.clone().map(|data| Assignment::option("--data", "data", data));
    let request = EvalnetRequest {
        system: system.clone(),
        assignments: data.into_iter().collect(),
        seed: args.seed,
        output: Output::Standard,
    };
    print(&evalnet::train(&request)?.to_string())
}

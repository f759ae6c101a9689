//! `train evaluate` and `train evalnet`: the quality of images in numbers.

use std::sync::Arc;

use runs::config::Assignment;
use runs::console::{Output, print};
use runs::evaluation::evalnet::{self, EvalnetRequest};
use runs::evaluation::folders::{CompareRequest, compare};
use runs::evaluation::{EvaluateRequest, Evaluation, evaluate};
use runs::failure::Failure;
use runs::systems::Trainable;

use crate::cli::evaluation::{EvalnetArgs, EvaluateArgs};

/// Evaluates a run, or compares two folders of pictures.
///
/// # Errors
/// As [`evaluate`] and [`compare`].
pub(crate) fn run(args: &EvaluateArgs) -> Result<(), Failure> {
    if let (Some(pictures), Some(against)) = (&args.pictures, &args.against) {
        let evaluation = compare(&CompareRequest {
            pictures: pictures.clone(),
            against: against.clone(),
            extractor: Some(args.extractor.clone()),
            weights: args.weights.clone(),
            count: args.count,
            seed: args.seed.unwrap_or(1),
            metrics: args.metrics.clone(),
            out: args.out.clone(),
            output: Output::Standard,
        })?;
        return shown(args, &evaluation);
    }
    let evaluation = evaluate(&EvaluateRequest {
        // The parser requires it if no pictures are given.
        run: args.run.clone().unwrap_or_default(),
        own: None,
        count: args.count,
        seed: args.seed,
        psi: args.psi,
        extractor: Some(args.extractor.clone()),
        weights: args.weights.clone(),
        data: args.data.clone(),
        metrics: args.metrics.clone(),
        out: args.out.clone(),
        output: Output::Standard,
    })?;
    shown(args, &evaluation)
}

fn shown(args: &EvaluateArgs, evaluation: &Evaluation) -> Result<(), Failure> {
    if args.json { print(&format!("{:#}\n", evaluation.json())) } else { print(&evaluation.to_string()) }
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

//! `train sample`, `translate`, `project` and `animate`: what a trained network draws.

use runs::console::{Output, print};
use runs::failure::Failure;
use runs::sampling::animate::{AnimateRequest, animate};
use runs::sampling::project::{ProjectRequest, project};
use runs::sampling::translate::{TranslateRequest, translate};
use runs::sampling::{self, Interpolation, SampleRequest, Written};

use crate::cli::sampling::{AnimateArgs, ProjectArgs, SampleArgs, TranslateArgs};

/// Draws samples.
///
/// # Errors
/// As [`sampling::sample`].
pub(crate) fn sample(args: &SampleArgs) -> Result<(), Failure> {
    let how = &args.interpolation;
    let interpolation = Interpolation { frames: how.frames, keys: how.keys, fps: how.fps, closed: how.closed };
    shown(sampling::sample(&SampleRequest {
        run: args.run.clone(),
        own: None,
        count: args.count,
        seed: args.seed,
        seeds: args.seeds.clone(),
        out: args.out.clone(),
        checkpoint: args.checkpoint,
        raw: args.raw,
        psi: args.psi,
        truncate: args.truncate,
        sheet: args.sheet.map(Into::into),
        columns: args.columns,
        zoom: args.zoom,
        gap: args.gap,
        interpolation: how.interpolate.then_some(interpolation),
        output: Output::Standard,
    }))
}

/// Translates images.
///
/// # Errors
/// As [`translate`].
pub(crate) fn run_translate(args: &TranslateArgs) -> Result<(), Failure> {
    shown(translate(&TranslateRequest::of(&args.run, &args.pictures, args.direction, &args.out)))
}

/// Projects an image.
///
/// # Errors
/// As [`project`].
pub(crate) fn run_project(args: &ProjectArgs) -> Result<(), Failure> {
    let usual = ProjectRequest::of(&args.run, &args.picture);
    shown(project(&ProjectRequest { steps: args.steps, seed: args.seed, out: args.out.clone(), ..usual }))
}

/// Animates the sheets of a run.
///
/// # Errors
/// As [`animate`].
pub(crate) fn run_animate(args: &AnimateArgs) -> Result<(), Failure> {
    let (run, out) = (args.run.clone(), args.out.clone());
    shown(animate(&AnimateRequest { run, out, fps: args.fps, hold: args.hold, every: args.every }))
}

fn shown(written: Result<Written, Failure>) -> Result<(), Failure> {
    print(&format!("{}\n", written?))
}

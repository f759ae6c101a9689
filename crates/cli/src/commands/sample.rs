//! `train sample`, `translate`, `project`, `directions` and `animate`: what a trained network
//! draws.

use runs::console::{Output, print};
use runs::failure::Failure;
use runs::sampling::animate::{AnimateRequest, animate};
use runs::sampling::directions::{DirectionsRequest, directions};
use runs::sampling::project::{ProjectRequest, project};
use runs::sampling::translate::{TranslateRequest, translate};
use runs::sampling::{self, Interpolation, SampleRequest, Written};

use crate::cli::sampling::{AnimateArgs, DirectionsArgs, ProjectArgs, SampleArgs, TranslateArgs};

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
        latents: args.given.latents.clone(),
        styles: args.given.styles.clone(),
        latents_out: args.given.latents_out.clone(),
        styles_out: args.given.styles_out.clone(),
        directions: args.given.direction.clone(),
        layers: args.given.layers.clone(),
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
    let usual = TranslateRequest::of(&args.run, &args.pictures, args.direction, &args.out);
    shown(translate(&TranslateRequest { fit: args.fit.map(Into::into), max_side: args.max_side, ..usual }))
}

/// Projects an image.
///
/// # Errors
/// As [`project`].
pub(crate) fn run_project(args: &ProjectArgs) -> Result<(), Failure> {
    let usual = ProjectRequest::of(&args.run, &args.picture);
    shown(project(&ProjectRequest { steps: args.steps, seed: args.seed, out: args.out.clone(), ..usual }))
}

/// Finds directions.
///
/// # Errors
/// As [`directions`].
pub(crate) fn run_directions(args: &DirectionsArgs) -> Result<(), Failure> {
    let usual = DirectionsRequest::of(&args.run);
    shown(directions(&DirectionsRequest {
        checkpoint: args.checkpoint,
        methods: args.method.map_or_else(|| usual.methods.clone(), |method| vec![method.into()]),
        count: args.count,
        layers: args.layers.clone(),
        seed: args.seed,
        out: args.out.clone(),
        ..usual
    }))
}

/// Animates the sheets of a run.
///
/// # Errors
/// As [`animate`].
pub(crate) fn run_animate(args: &AnimateArgs) -> Result<(), Failure> {
    let (usual, out) = (AnimateRequest::of(&args.run), args.out.clone());
    shown(animate(&AnimateRequest { out, fps: args.fps, hold: args.hold, every: args.every, ..usual }))
}

fn shown(written: Result<Written, Failure>) -> Result<(), Failure> {
    print(&format!("{}\n", written?))
}

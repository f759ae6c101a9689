//! Samples of a run that generates points in the plane: as a picture or as an array.

use std::path::Path;

use datasets::{advice, plural};

use super::Product;
use super::SampleRequest;
use super::chosen::Chosen;
use crate::failure::{Code, Failure};
use crate::sampling::array_file;
use crate::sampling::pictures;
use crate::sampling::plane;
use crate::storage::{self, RealDisk};
use models::{FromLatents, Plane};
use tensor::Tensor;

/// Rejects outputs that are not possible for points.
pub(super) fn check(product: Product, request: &SampleRequest) -> Result<(), Failure> {
    let idle = [
        ("--interpolate", matches!(product, Product::Walk(_))),
        ("a folder of single pictures", product == Product::Files),
        ("--columns", request.columns.is_some()),
        ("--zoom", request.zoom.is_some()),
        ("--gap", request.gap.is_some()),
    ];
    match idle.iter().find(|(_, given)| *given) {
        Some((what, _)) => Err(Failure::new(
            Code::Usage,
            format!("{what} is for pictures, but this run generates points"),
        )
        .at(request.run.display())
        .because("all points are drawn into one picture of the plane")
        .help(match product {
            Product::Files => advice!(
                "points-not-files",
                "write a picture, such as `--out points.png`, or an array of float32, such as `--out points.npy`"
            ),
            _ => advice!("points-not-pictures", "leave out `{what}`"),
        })),
        None => Ok(()),
    }
}

/// Draws the points of the latents `chosen` with `sampler` and writes them to `out`. Returns a
/// short description of what was written.
pub(super) fn write(
    product: Product,
    out: &Path,
    plane: Plane<'_>,
    sampler: &dyn FromLatents,
    chosen: &Chosen,
    run_seed: u64,
) -> Result<String, Failure> {
    let (latents, length) = chosen.latents(sampler);
    let latents = Tensor::new(&[latents.len() / length, length], latents);
    let points = pictures::finite(plane::in_parts(&latents, |part| sampler.draw(part)))?;
    if product == Product::Array {
        storage::write_whole(&RealDisk, out, &array_file::of_numbers(&points))?;
    } else {
        plane::write_points(out, plane, &points, run_seed)?;
    }
    Ok(format!("{} {}", chosen.count(), plural(chosen.count(), "point")))
}

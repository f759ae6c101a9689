//! Evaluates a folder of pictures that any program has generated, against a folder of real ones.
//!
//! Run `cargo run -p backdraw --example evaluate_folder -- REALS FAKES` with two folders of
//! pictures. Without arguments, it compares two sets of built-in drawings of apples.

use std::error::Error;
use std::path::Path;

use backdraw::datasets::{Fitting, LoadOptions, apples, load_folder};
use backdraw::metrics::suite::{Baseline, METRICS, Measured, Metric, Of, Sample, measure_all};
use backdraw::metrics::{Pca, Pictures};
use backdraw::prelude::*;

/// Height, width and channels to which all pictures are scaled.
const SIZE: [usize; 3] = [28, 28, 1];

/// The pictures in `folder`, in grey.
pub(crate) fn read(folder: &Path) -> Result<Images, Box<dyn Error>> {
    let loaded = load_folder(folder, SIZE, &Fitting::default(), &LoadOptions::default())?;
    println!("{}: {}", folder.display(), loaded.found);
    Ok(loaded.images)
}

/// The bytes of all images.
fn pictures(images: &Images) -> Result<Pictures, Box<dyn Error>> {
    let mut bytes = Vec::new();
    for index in 0..images.count() {
        bytes.extend_from_slice(&images.image(index)?);
    }
    Ok(Pictures::new(bytes, images.size()))
}

/// All metrics that need no classifier, from the principal components of the reals. The baseline is
/// the score of one half of the reals against the other half.
pub(crate) fn compare(reals: &Images, fakes: &Images) -> Result<Vec<Measured>, Box<dyn Error>> {
    let (reals, fakes) = (pictures(reals)?, pictures(fakes)?);
    let features = Pca::fit(&reals, 64);
    let [reals, fakes] = [Sample::new(reals, &features)?, Sample::new(fakes, &features)?];
    let metrics: Vec<&Metric> = METRICS.iter().filter(|metric| metric.of != Of::Classes).collect();
    let half = reals.count() / 2;
    let baseline = Baseline::new(&metrics, [&reals.part(0..half), &reals.part(half..2 * half)]);
    Ok(measure_all(&metrics, "pca64", &reals, &fakes, Some(&baseline)))
}

fn main() -> Result<(), Box<dyn Error>> {
    let folders: Vec<String> = std::env::args().skip(1).collect();
    let [reals, fakes] = match &folders[..] {
        [reals, fakes] => [read(Path::new(reals))?, read(Path::new(fakes))?],
        _ => [apples(1000, 1), apples(500, 2)],
    };
    for measured in compare(&reals, &fakes)? {
        println!("{measured}");
    }
    Ok(())
}

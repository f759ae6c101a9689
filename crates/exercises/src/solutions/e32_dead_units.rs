//! Count for each unit, over all images. A unit that is 0 for some images only is healthy.

pub fn dead_share(activations: &[f64], images: usize, units: usize) -> f64 {
    let dead = |unit: &usize| (0..images).all(|image| activations[image * units + unit] == 0.0);
    (0..units).filter(dead).count() as f64 / units as f64
}
